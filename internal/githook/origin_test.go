package githook

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/spool"
	"github.com/whodid/whodid/trailer"
)

const session = "8259d7aa-e419-4ecd-ada5-7fc7e334158d"

// sessionRun is the execution that hooks derive from the session.
var sessionRun = whodid.DeriveID(whodid.PrefixExecution, clientClaude, session)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if value, ok := strings.CutPrefix(p, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestClaimed(t *testing.T) {
	t.Parallel()
	claude := []string{"CLAUDECODE=1", "CLAUDE_CODE_SESSION_ID=" + session, "CLAUDE_PID=77"}
	child := Process{Ancestors: []Ancestor{{PID: "90", Args: []string{"sh"}}, {PID: "77", Args: []string{"claude"}}}}
	stranger := Process{Ancestors: []Ancestor{{PID: "90", Args: []string{"sh"}}}, Terminal: true}
	for name, tt := range map[string]struct {
		env     []string
		process Process
		want    Claim
	}{
		"a person":     {},
		"whodid run":   {env: agentEnv("exec-one"), want: Claim{Execution: "exec-one", Agent: "eng/solver", Trigger: "event:issue.labeled"}},
		"Claude Code":  {env: claude, process: child, want: Claim{Execution: sessionRun, Client: clientClaude, Session: session}},
		"under a name": {env: append([]string{"WHODID_AGENT=eng/reviewer"}, claude...), process: child, want: Claim{Execution: sessionRun, Agent: "eng/reviewer", Client: clientClaude, Session: session}},
		"Claude Code in whodid run": {
			env: append(agentEnv("exec-one"), claude...), process: child,
			want: Claim{Execution: "exec-one", Agent: "eng/solver", Trigger: "event:issue.labeled", Client: clientClaude, Session: session},
		},
		"a person at a terminal that an agent opened": {env: claude, process: stranger},
		"a command that outlived the agent":           {env: claude, process: Process{Ancestors: stranger.Ancestors}, want: Claim{Execution: sessionRun, Client: clientClaude, Session: session}},
		"where ancestors can't be seen":               {env: claude, process: Process{Terminal: true}, want: Claim{Execution: sessionRun, Client: clientClaude, Session: session}},
		"Codex": {
			env:  []string{"CODEX_THREAD_ID=t-1"},
			want: Claim{Execution: whodid.DeriveID(whodid.PrefixExecution, "codex", "t-1"), Client: "codex", Session: "t-1"},
		},
		"an id that is none":        {env: []string{"CLAUDE_CODE_SESSION_ID=a b\nc", "WHODID_EXECUTION=appr-1"}},
		"a name without an id":      {env: []string{"WHODID_AGENT=eng/solver"}},
		"names that are none of it": {env: []string{"WHODID_EXECUTION=exec-one", "WHODID_AGENT=solver", "WHODID_TRIGGER=whim"}, want: Claim{Execution: "exec-one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := Claimed(environment(tt.env...), tt.process)
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want.Execution != "") {
				t.Errorf("%v (-want +got)\n%s", ok, diff)
			}
		})
	}
}

// told of by the hooks of a session: its beginning, and a commit that is about
// to be made by the session or a sub-agent.
func spooled(t *testing.T, acting string) string {
	t.Helper()
	dir := t.TempDir()
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	e := whodid.Event{Key: "a", Actor: "agent:eng/reviewer", Execution: sessionRun, Session: session, At: at, Source: "hook:claude-code"}
	start, attempt, other := e, e, e
	start.What, start.Data = "execution.start", whodid.Data{"trigger": "event", "trigger_detail": "push", "model": "asked-for"}
	attempt.What, attempt.Result, attempt.Execution = "commit.create", whodid.ResultAttempted, acting
	other.Actor, other.Session, other.Execution = "agent:eng/other", "s2", "exec-other"
	if err := spool.In(dir).Put(spool.Record{Events: []whodid.Event{start, attempt, other}}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func answer(model string) string {
	return fmt.Sprintf(`{"type":"assistant","message":{"model":%q,"content":[]}}`+"\n", model)
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	projects := filepath.Join(home, ".claude", "projects", "-home-dev-shop")
	child := whodid.DeriveID(whodid.PrefixExecution, clientClaude, session, "a75ec4")
	for name, text := range map[string]string{
		session + ".jsonl": answer("claude-opus-5") + answer("claude-sonnet-5") + answer("<synthetic>") +
			`{"type":"user","message":{"content":"\"assistant\" model"}}` + "\n" + `{"type":"assistant","message":{"mod`,
		session + "/subagents/agent-a75ec4.jsonl": answer("claude-haiku-5"),
	} {
		path := filepath.Join(projects, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	claude := []string{"CLAUDE_CODE_SESSION_ID=" + session, "HOME=" + home}
	recorded := func(k Known) func(context.Context, string) (Known, bool) {
		return func(_ context.Context, execution string) (Known, bool) { return k, execution == sessionRun }
	}
	for name, tt := range map[string]struct {
		source Source
		want   trailer.Origin
	}{
		"from the spool and the transcript": {
			Source{Env: environment(claude...), Spool: spooled(t, sessionRun)},
			trailer.Origin{Agent: "eng/reviewer", Squad: "eng", Trigger: "event (push)", Execution: sessionRun, Model: "claude-sonnet-5"},
		},
		"a sub-agent's commit is the run's, by its own model": {
			Source{Env: environment(claude...), Spool: spooled(t, child)},
			trailer.Origin{Agent: "eng/reviewer", Squad: "eng", Trigger: "event (push)", Execution: sessionRun, Model: "claude-haiku-5"},
		},
		"without a transcript": {
			Source{Env: environment(claude[0], "HOME=/nowhere"), Spool: spooled(t, sessionRun)},
			trailer.Origin{Agent: "eng/reviewer", Squad: "eng", Trigger: "event (push)", Execution: sessionRun, Model: "asked-for"},
		},
		"from the trail": {
			Source{Env: environment(claude...), Trail: recorded(Known{Agent: "ops/backup", Trigger: "scheduled:0 3 * * *", Model: "m"})},
			trailer.Origin{Agent: "ops/backup", Squad: "ops", Trigger: "scheduled (0 3 * * *)", Execution: sessionRun, Model: "claude-sonnet-5"},
		},
		"recorded nowhere": {
			Source{Env: environment(claude[0])},
			trailer.Origin{Agent: "local/claude-code", Squad: "local", Trigger: "manual", Execution: sessionRun, Model: UnknownModel},
		},
		"odd names": {
			Source{Env: environment("WHODID_EXECUTION=exec-one", "WHODID_MODEL=a\nb", "WHODID_TRIGGER=event:a\nb")},
			trailer.Origin{Agent: "local/claude-code", Squad: "local", Trigger: "event", Execution: "exec-one", Model: UnknownModel},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.source.Origin(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" || !ok {
				t.Errorf("%v (-want +got)\n%s", ok, diff)
			}
		})
	}
}

// TestLongLine shows that a tool's result longer than what is read at first
// does not hide the answer before it.
func TestLongLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.jsonl")
	text := answer("claude-opus-5") + `{"type":"user","text":"` + strings.Repeat("x", 2<<20) + `"}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lastModel(path); got != "claude-opus-5" {
		t.Errorf("got %q", got)
	}
}

func TestAmends(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"git commit --amend --no-edit":     true,
		"/usr/bin/git commit --ame":        true,
		"git -C /x commit -m y --amend":    true,
		"git commit -m --amend":            false,
		"git commit -m x -- --amend":       false,
		"git commit -m x":                  false,
		"git commit -a":                    false,
		"sh .git/hooks/prepare-commit-msg": false,
	} {
		p := Process{Ancestors: []Ancestor{{Args: []string{"sh", ".git/hooks/x"}}, {Args: strings.Fields(line)}, {Args: []string{"bash"}}}}
		if got := p.amends(); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func FuzzTold(f *testing.F) {
	f.Add([]byte("\n00000000 {\"events\":[{\"actor\":\"agent:a/b\",\"execution\":\"exec-one\",\"what\":\"execution.start\",\"data\":{\"trigger\":\"event\",\"model\":\"m\"}}]}\n"))
	f.Add([]byte("0 {\"events\":[{}]}\n0 {\n\n x"))
	f.Fuzz(func(t *testing.T, records []byte) {
		k := toldIn(records, Claim{Execution: "exec-one", Session: "s"})
		if k.Agent != "" && !validAgent(k.Agent) {
			t.Errorf("agent %q", k.Agent)
		}
	})
}

func FuzzModel(f *testing.F) {
	f.Add([]byte(answer("claude-opus-5")))
	f.Add([]byte("{\"type\":\"assistant\",\"message\":[]}\n\"assistant\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m := modelIn(text); m == "<synthetic>" {
			t.Error("the client's own words for a model")
		}
	})
}

func FuzzReadScript(f *testing.F) {
	s := script{name: commitMsg, former: "commit-msg" + formerSuffix, program: "/bin/it's", madeDir: true}
	f.Add(s.text())
	f.Add([]byte(tell))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, ours := readScript(text)
		if ours && !strings.HasPrefix(string(text), "#!/bin/sh\n"+marker) {
			t.Error("somebody else's hook is taken for ours")
		}
		if strings.Contains(s.former, "\n") {
			t.Errorf("former %q", s.former)
		}
	})
}

func FuzzRewritten(f *testing.F) {
	f.Add("0123456789012345678901234567890123456789 0123456789012345678901234567890123456789\n")
	f.Add("a b\n\n-- x y z\n")
	f.Fuzz(func(t *testing.T, lines string) {
		olds, order, all := readRewritten(strings.NewReader(lines))
		for _, hash := range all {
			if strings.HasPrefix(hash, "-") || strings.ContainsAny(hash, " \n") {
				t.Errorf("%q would be an option or a line of git's", hash)
			}
		}
		for _, to := range order {
			if len(olds[to]) == 0 {
				t.Errorf("%s came from nothing", to)
			}
		}
	})
}

// TestHostileMessage gives a hook what git's own parser would loop on or choke
// at, and expects an end.
func TestHostileMessage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"100,000 trailers": "feat: x\n\n" + strings.Repeat("Agent: eng/solver\nExecution: exec-one\n", 50_000),
		"NUL":              "feat: x\x00\n\nAgent: a/b\n",
		"not UTF-8":        "feat: \xff\xfe\n\n\xc3\x28: y\n",
		"CRLF":             "feat: x\r\n\r\nbody\r\n",
		"one long line":    "feat: " + strings.Repeat("x", 10<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "COMMIT_EDITMSG")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			c := Call{Name: prepareCommitMsg, Args: []string{file, "message"}, Dir: dir, Stderr: t.Output(), Source: Source{Env: environment(agentEnv("exec-two")...)}}
			err := c.Run(ctx)
			got, readErr := os.ReadFile(file)
			if readErr != nil || ctx.Err() != nil {
				t.Fatal(readErr, ctx.Err())
			}
			if err == nil && !strings.Contains(string(got), "Execution: exec-two") {
				t.Error("no error and no trailers")
			}
			if err != nil && string(got) != text {
				t.Errorf("%v, and the message was changed", err)
			}
		})
	}
}
