package codex

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/agent/agenttest"
)

var later = agenttest.Written.AddDate(0, 0, 1)

func TestRollouts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"rollout-0.169.jsonl": {
			"execution.start", "session.start",
			"model.call input=300 output=51 cache_read=1000",
			"shell.run cat success exit_code=0",
			"model.call input=400 output=52 cache_read=1000",
			"file.edit /home/dev/repo/app.py success lines_added=4 lines_removed=1",
			"file.write /home/dev/repo/test_app.py success lines_added=2",
			"model.call input=500 output=53 cache_read=1000",
			"shell.run python3 failed exit_code=3", // telemetry says success
			"model.call input=600 output=54 cache_read=1000",
			"test.run python3 success exit_code=0",
			"model.call input=700 output=55 cache_read=1000",
			"commit.create c35ef0db0b5beeecac46e339aefdeace10ae3f61 success exit_code=0",
			"model.call input=800 output=56 cache_read=1000",
			"turn.complete", "session.end", "execution.finish",
		},
		"rollout-0.169-pr.jsonl": {
			"execution.start", "session.start",
			"model.call input=500 output=60 cache_read=1000", "shell.run cat success exit_code=0",
			"model.call input=501 output=60 cache_read=1000", "shell.run ls success exit_code=0",
			"model.call input=502 output=60 cache_read=1000", "shell.run false failed exit_code=1",
			"model.call input=503 output=60 cache_read=1000",
			"commit.create 0d7f44009af0a7872598a84f5bd08e5de264c4f8 success exit_code=0",
			"model.call input=504 output=60 cache_read=1000",
			"pr.create  failed exit_code=127", // gh was not there
			"model.call input=505 output=60 cache_read=1000",
			"turn.complete", "session.end", "execution.finish",
		},
		// An old version tells of no result.
		"rollout-0.99.jsonl": {
			"execution.start", "session.start", "file.edit /Users/test/projects/git-ai/src/main.rs attempted lines_added=2 lines_removed=1", "test.run cargo test attempted", "session.end", "execution.finish",
		},
	} {
		text := agenttest.File(t, name)
		events, reading := agenttest.Read(t, agent.Codex, Session, text, 0, later)
		if diff := cmp.Diff(want, agenttest.Brief(events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if reading.Unreadable != 0 || !reading.Over || reading.Next != int64(len(text)) {
			t.Errorf("%s: %+v", name, reading)
		}
		agenttest.Growing(t, agent.Codex, Session, text, 97)
	}
}

// TestCallsHaveTheKeysOfHooks compares with what the client's hooks told of the
// same session.
func TestCallsHaveTheKeysOfHooks(t *testing.T) {
	t.Parallel()
	events, _ := agenttest.Read(t, agent.Codex, Session, agenttest.File(t, "rollout-0.169.jsonl"), 0, later)
	told := map[string]string{}
	for _, e := range events {
		told[e.Key] = e.Data.String("tool")
	}
	for _, call := range []string{"call_read1", "call_patch1", "call_fail1", "call_test1", "call_commit1"} {
		if tool := told[agent.CallKey(agent.Codex, "s1", call, 0)]; tool != "Bash" {
			t.Errorf("%s is told as a call of %q", call, tool)
		}
	}
}

// line is a line of a rollout.
func line(kind, payload string) string {
	return fmt.Sprintf(`{"timestamp":"2026-01-02T03:04:05Z","type":%q,"payload":%s}`+"\n", kind, payload)
}

// TestOldUsage reads running totals: a total that is shown again counts once.
func TestOldUsage(t *testing.T) {
	t.Parallel()
	count := func(total, last int) string {
		return line("event_msg", fmt.Sprintf(`{"type":"token_count","info":{"total_token_usage":{"input_tokens":%d,"output_tokens":1,"total_tokens":%d},"last_token_usage":{"input_tokens":%d,"cached_input_tokens":2,"output_tokens":1}}}`, total, total+1, last))
	}
	text := line("session_meta", `{"id":"s1","cwd":"/w"}`) + line("turn_context", `{"model":"gpt-5"}`) + line("event_msg", `{"type":"token_count","info":null}`) +
		count(10, 10) + count(10, 10) + count(25, 15) + count(25, 15)
	events, reading := agenttest.Read(t, agent.Codex, Session, []byte(text), 0, later)
	want := []string{"execution.start", "session.start", "model.call input=8 output=1 cache_read=2", "model.call input=13 output=1 cache_read=2", "session.end", "execution.finish"}
	if diff := cmp.Diff(want, agenttest.Brief(events)); diff != "" || reading.Requests != 2 {
		t.Errorf("%+v (-want +got):\n%s", reading, diff)
	}
}

// TestOutputs tells what an output proves: only what the client put before it.
func TestOutputs(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]string{
		`"Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 3\nOriginal token count: 1\nOutput:\nProcess exited with code 0\n"`: "test.run go test failed exit_code=3",
		`"Exit code: 0\nWall time: 0 seconds\nOutput:\nok\n"`:                                                                               "test.run go test success exit_code=0",
		`"{\"output\":\"ok\",\"metadata\":{\"exit_code\":1}}"`:                                                                              "test.run go test failed exit_code=1",
		`"Chunk ID: 1\nProcess running with session ID 7\nOutput:\nExit code: 0\n"`:                                                         "test.run go test attempted",
		`"Exit code: 0"`:                  "test.run go test attempted",
		`"ok\nOutput:\n"`:                 "test.run go test attempted",
		`{"content":"ok","success":true}`: "test.run go test attempted",
		`7`:                               "test.run go test attempted",
	} {
		text := line("session_meta", `{"id":"s1"}`) +
			line("response_item", `{"type":"function_call","name":"shell","call_id":"c","arguments":"{\"command\":[\"bash\",\"-lc\",\"go test ./...\"]}"}`) +
			line("response_item", `{"type":"function_call_output","call_id":"c","output":`+output+`}`)
		events, _ := agenttest.Read(t, agent.Codex, Session, []byte(text), 0, later)
		if got := agenttest.Brief(events)[2]; got != want {
			t.Errorf("%s: %s, not %s", output, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Head{
		`{"type":"session_meta","payload":{"id":"a","session_id":"a"}}` + "\n{":               {Session: "a"},
		`{"type":"session_meta","payload":{"id":"b","session_id":"a","agent_role":"worker"}}`: {Session: "a", Thread: "b", Kind: "worker"},
		`{"type":"session_meta","payload":{"id":"a"`:                                          {Session: "a"},
		``: {},
	} {
		if got := ReadHead([]byte(text)); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// TestHostile reads what nobody should write.
func TestHostile(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 1<<20)
	for _, text := range []string{
		deep, line("session_meta", deep), line("session_meta", `{"cwd":"`+strings.Repeat("x", 9<<20)+`"}`), "\x00\xff\xfe\n\n\n",
		line("event_msg", `{"type":"item_completed","item":{"type":"FileChange","id":"c","changes":{"`+strings.Repeat("é", 5000)+`":{"type":"add","content":"a"}}}}`),
	} {
		agenttest.Read(t, agent.Codex, Session, []byte(text), 0, later)
	}
}

// TestNoContent makes sure that nothing of what was said is told.
func TestNoContent(t *testing.T) {
	t.Parallel()
	const secret = "kilimanjaro"
	text := line("session_meta", `{"id":"s1","cwd":"/w","base_instructions":{"text":"`+secret+`"}}`) +
		line("response_item", `{"type":"message","role":"user","content":[{"text":"`+secret+`"}]}`) +
		line("response_item", `{"type":"custom_tool_call","name":"apply_patch","call_id":"p","input":"*** Begin Patch `+secret+`"}`) +
		line("event_msg", `{"type":"item_completed","item":{"type":"CommandExecution","id":"c","command":["bash","-lc","echo `+secret+`"],"exit_code":0,"aggregated_output":"`+secret+`"}}`) +
		line("event_msg", `{"type":"task_complete","last_agent_message":"`+secret+`"}`)
	events, _ := agenttest.Read(t, agent.Codex, Session, []byte(text), 0, later)
	for _, e := range events {
		if b := string(e.Data.Canonical()) + e.Target + e.Why + e.Key; strings.Contains(b, secret) {
			t.Errorf("%s tells %s", e.What, b)
		}
	}
	if len(events) < 5 {
		t.Errorf("only %d events", len(events))
	}
}

func FuzzRollout(f *testing.F) {
	agenttest.Fuzz(f, agent.Codex, Session, "rollout-0.169.jsonl", "rollout-0.99.jsonl")
}

// TestTelemetryTellsTheSame holds that the calls of a session have the keys that
// its telemetry gives them: the golden file is of the same real session.
func TestTelemetryTellsTheSame(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../../door/otlp/testdata/codex-0.169.0-logs.json.golden")
	if err != nil {
		t.Fatal(err)
	}
	events, _ := agenttest.Read(t, agent.Codex, Session, agenttest.File(t, "rollout-0.169-pr.jsonl"), 0, later)
	calls := 0
	for i := range events {
		if e := &events[i]; e.What == "model.call" {
			calls++
			_, used, _ := strings.Cut(e.Key, "/usage/") // the reader's session is the test's
			if used == "" || !strings.Contains(string(golden), "/usage/"+used+"]") {
				t.Errorf("telemetry knows no call %s", e.Key)
			}
		}
	}
	if calls != 6 {
		t.Errorf("%d calls, want 6", calls)
	}
}
