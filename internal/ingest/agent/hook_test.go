package agent

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

// summary tells events in a line each, as far as they answer what was done, to
// what, and with what result.
func summary(events []whodid.Event) []string {
	var all []string
	for _, e := range events {
		line := strings.TrimSpace(fmt.Sprintf("%s %s %s", e.What, e.Target, e.Result))
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	return all
}

func TestHookTellsWhatASessionDid(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file string
		want []string
	}{
		{"2.1.197/hooks.jsonl", []string{
			"execution.start", "session.start", "execution.renew",
			"file.read README.md success",
			"file.write auth.go success",
			"file.write .env success",
			"file.edit auth.go success",
			"shell.run go vet failed",
			"execution.start",
			"shell.run ls success",
			"turn.complete", "execution.finish",
			"agent.spawn general-purpose success",
			"execution.start",
			"shell.run ls success",
			"turn.complete", "execution.finish",
			"agent.spawn general-purpose success",
			"commit.create 9502cd83ef69098d4815c77c6a08278200f1be51 success",
			"issue.create acme/shop#43 success",
			"web.fetch http://127.0.0.1:1/ attempted", // its failure was swallowed: nothing proves it
			"pr.create acme/shop#44 success",
			"turn.complete", "session.end", "execution.finish",
		}},
		{"2.1.330/hooks.jsonl", []string{
			"execution.start", "session.start", "execution.renew",
			"file.read app.py success",
			"file.edit app.py success",
			"file.write test_app.py success",
			"shell.run python3 failed",
			"web.fetch https://example.com failed", // refused by the client, told by the batch alone
			"test.run python3 success",
			"commit.create 4537aca1c020a24437510f1edb36a0dd4313f51a success",
			"turn.complete", "session.end", "execution.finish",
		}},
		{"other/codex-hooks.jsonl", []string{
			"execution.start", "session.start", "execution.renew",
			"shell.run cat attempted",    // Codex tells no exit status
			"file.edit app.py attempted", // a patch that a shell applied: no hook tells that it ended
			"file.write test_app.py attempted",
			"shell.run python3 attempted",
			"test.run python3 attempted",
			"commit.create c35ef0db0b5beeecac46e339aefdeace10ae3f61 success",
			"turn.complete", "session.end", "execution.finish",
		}},
		{"other/gemini-hooks.jsonl", []string{
			"execution.start", "session.start", "execution.renew",
			"file.read app.py success",
			"file.write greet.py success",
			"shell.run python3 failed",
			"commit.create c2d928ba01e6d9859cfd082aee46482a57e6e7b4 success",
			"turn.complete", "session.end", "execution.finish",
		}},
		{"other/copilot-hooks.jsonl", []string{
			"execution.start", "session.start", "execution.renew",
			"file.read app.py success",
			"shell.run python3 failed", // told as a success that ended with status 3
			"commit.create 47c47741d755997db61d2a8c2c8bf79fad5501c6 success",
			"file.write new.py success",
			"file.edit app.py success",
			"tool.call nosuch failed",
			"turn.complete", "session.end", "execution.finish",
		}},
		{"other/copilot-camel-hooks.jsonl", []string{
			"execution.start", "session.start", "execution.renew",
			"file.read app.py success",
			"shell.run python3 failed", // told as a success that ended with status 3
			"commit.create 47c47741d755997db61d2a8c2c8bf79fad5501c6 success",
			"file.write new.py success",
			"file.edit app.py success",
			"tool.call nosuch failed",
			"turn.complete", "session.end", "execution.finish",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			events := replay(t, tt.file, surroundings())
			check(t, events)
			if diff := cmp.Diff(tt.want, summary(settled(events))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// Hooks that are installed twice, and in two spellings, tell each fact once.
func TestHooksInstalledTwiceTellOnce(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{
		{"other/copilot-hooks.jsonl", "other/copilot-camel-hooks.jsonl"},
		{"other/gemini-hooks.jsonl", "other/gemini-hooks.jsonl"},
	} {
		s := surroundings()
		once := settled(replay(t, names[0], s))
		s = surroundings()
		var both []whodid.Event
		first, second := lines(t, names[0]), lines(t, names[1])
		for i, j := 0, 0; i < len(first); i++ {
			both = append(both, Hook(first[i], s).Events...)
			if bytes.Contains(first[i], []byte("permissionRequest")) {
				continue // only one of the two asks for it
			}
			both = append(both, Hook(second[j], s).Events...)
			j++
		}
		if diff := cmp.Diff(summary(once), summary(settled(both))); diff != "" {
			t.Errorf("%v (-once +twice):\n%s", names, diff)
		}
	}
}

// Where nobody numbers calls that have no id, each is told by its end alone,
// with the same key when it is sent again.
func TestNamelessCallsWithoutOrder(t *testing.T) {
	t.Parallel()
	s := surroundings()
	s.Order = nil
	events := replay(t, "other/gemini-hooks.jsonl", s)
	again := replay(t, "other/gemini-hooks.jsonl", s)
	check(t, events)
	for _, e := range events {
		if e.Result == whodid.ResultAttempted {
			t.Errorf("%s %s stands as an attempt", e.What, e.Target)
		}
	}
	if all := settled(append(slices.Clone(events), again...)); len(all) != len(settled(events)) {
		t.Errorf("sent twice, %d facts become %d", len(settled(events)), len(all))
	}
}

func TestSessionFoldsIntoExecutions(t *testing.T) {
	t.Parallel()
	events := replay(t, "2.1.197/hooks.jsonl", surroundings())
	session := whodid.DeriveID("exec", "claude-code", "bd7e51a9-0087-4997-a510-6860251776cc")
	child := whodid.DeriveID("exec", "claude-code", "bd7e51a9-0087-4997-a510-6860251776cc", "a10724ebd89d47762")
	runs := map[string]*whodid.Execution{}
	for _, e := range settled(events) {
		if e.Execution == "" {
			t.Fatalf("%s belongs to no execution", e.What)
		}
		if runs[e.Execution] == nil {
			runs[e.Execution] = &whodid.Execution{ID: e.Execution}
		}
		runs[e.Execution].Apply(&e)
	}
	if len(runs) != 3 {
		t.Fatalf("got %d executions, want the session and two sub-agents", len(runs))
	}
	x := runs[session]
	if x == nil || x.Status != whodid.StatusSuccess || x.Agent != "local/claude-code" || x.Trigger != "manual" ||
		x.OnBehalfOf != "human:p-7k2m9q4tz8w1" || x.Parent != "" || x.Subagent != "" {
		t.Errorf("session = %+v", x)
	}
	c := runs[child]
	if c == nil || c.Status != whodid.StatusSuccess || c.Parent != session || c.Subagent != "general-purpose" ||
		c.Agent != x.Agent || c.OnBehalfOf != x.OnBehalfOf {
		t.Errorf("sub-agent = %+v", c)
	}
}

// A session within a run that is already recorded joins it, and leaves its start
// and finish to whoever runs it.
func TestSessionJoinsARun(t *testing.T) {
	t.Parallel()
	s := surroundings()
	s.Execution, s.Agent = "exec-7k2m9q4tz8w1c3ab", "engineering/issue-solver"
	kinds := map[string]int{}
	for _, e := range settled(replay(t, "2.1.197/hooks.jsonl", s)) {
		if e.Actor != "agent:engineering/issue-solver" {
			t.Errorf("%s has actor %s", e.What, e.Actor)
		}
		if e.What == "execution.start" && e.Data.String("parent") != s.Execution {
			t.Errorf("a start that is no sub-agent's of the run: %v", e.Data)
		}
		if e.Execution == s.Execution {
			kinds[e.What]++
		}
	}
	for _, what := range []string{"execution.start", "execution.finish", "execution.renew"} {
		if kinds[what] != 0 {
			t.Errorf("the session told %d %s of a run that is not its own", kinds[what], what)
		}
	}
	for _, what := range []string{"session.start", "session.end", "turn.complete"} {
		if kinds[what] != 1 {
			t.Errorf("got %d %s in the run, want 1", kinds[what], what)
		}
	}
}

// The same hooks again, as a second entry in the settings would send them, add
// no action and no turn.
func TestToldTwiceIsOnce(t *testing.T) {
	t.Parallel()
	once := replay(t, "2.1.330/hooks.jsonl", surroundings())
	late := surroundings()
	late.At = late.At.Add(1)
	twice := append(once, replay(t, "2.1.330/http-hooks.jsonl", late)...)
	if got, want := len(settled(twice)), len(settled(once)); got != want {
		t.Errorf("%d events after the same was told by a second hook, want %d", got, want)
	}
}

// What a hook says next must not depend on what is behind what the event is
// about: attempt and result meet in key and kind.
func TestAttemptsAreSettledByTheirResults(t *testing.T) {
	t.Parallel()
	commands := []string{
		"git add -A && git commit -m x && git push origin main && gh pr create --fill",
		"npm test; npm publish", "cd sub && make build || exit 1", "kubectl apply -f x.yml | tee log",
		"for f in a b; do rm $f; done", "echo 'unclosed", "", "# nothing", "terraform apply -auto-approve &",
	}
	for _, command := range commands {
		pre := Hook(encode(t, claude("PreToolUse", bash(command), nil)), surroundings()).Events
		for name, response := range map[string]map[string]any{
			"PostToolUse":        {"tool_response": map[string]any{"stdout": "[main 1234567] x\nhttps://github.com/acme/shop/pull/44\n", "stderr": "", "interrupted": false}},
			"PostToolUseFailure": {"error": "Exit code 1\nfatal: no", "is_interrupt": false},
			"PermissionDenied":   {"reason": "no"},
		} {
			post := Hook(encode(t, claude(name, bash(command), response)), surroundings()).Events
			check(t, post)
			if len(pre) != len(post) {
				t.Errorf("%q: %d attempts and %d results of %s", command, len(pre), len(post), name)
				continue
			}
			for i := range pre {
				if pre[i].Key != post[i].Key || pre[i].What != post[i].What {
					t.Errorf("%q: attempt %s %s and result %s %s", command, pre[i].What, pre[i].Key, post[i].What, post[i].Key)
				}
				if pre[i].Result != whodid.ResultAttempted {
					t.Errorf("%q: attempt is told as %s", command, pre[i].Result)
				}
			}
		}
	}
}
