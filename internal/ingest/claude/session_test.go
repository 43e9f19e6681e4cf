package claude

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// readWhole reads a session's file as an import would.
func readWhole(t testing.TB, text []byte, f agent.SessionFile) ([]whodid.Event, agent.SessionReading) {
	t.Helper()
	var events []whodid.Event
	f.Tell = func(e whodid.Event) error { events = append(events, e); return nil }
	if f.Ref.At = at; f.Ref.Session == "" {
		f.Ref = agent.TranscriptRef{Client: agent.ClaudeCode, Session: session330, Execution: agent.Execution(agent.ClaudeCode, session330), Path: "t.jsonl", At: at}
	}
	reading, err := Session(bytes.NewReader(text), &f)
	if err != nil {
		t.Fatal(err)
	}
	checkValid(t, events)
	return events, reading
}

// captured is when the session was going on, and later when it was long over.
var captured, later = time.Date(2026, 11, 23, 14, 16, 44, 0, time.UTC), at.AddDate(0, 0, 1)

const session330 = "1f019263-7565-4fbb-a510-341bddc8c92a"

func fileOf(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// brief is an event in a line.
func brief(events []whodid.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSpace(e.What+" "+e.Target+" "+string(e.Result)))
	}
	return out
}

func TestWholeSession330(t *testing.T) {
	t.Parallel()
	events, reading := readWhole(t, fileOf(t, "2.1.330/transcript.jsonl"), agent.SessionFile{Own: true, Now: later})
	want := []string{
		"execution.start", "session.start",
		"file.read /home/dev/repo2/app.py success",
		"file.edit /home/dev/repo2/app.py success",
		"file.write /home/dev/repo2/test_app.py success",
		"shell.run python3 failed",
		"web.fetch https://example.com failed",
		"test.run python3 success",
		"commit.create 4537aca1c020a24437510f1edb36a0dd4313f51a success",
		"turn.complete",
	}
	for range 7 {
		want = append(want, "model.call")
	}
	want = append(want, "session.end", "execution.finish")
	if diff := cmp.Diff(want, brief(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	sums := sumOf(events)
	if diff := cmp.Diff(countApart(t, "2.1.330/transcript.jsonl"), sums); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	if reading.Requests != 7 || reading.Calls != 7 || reading.Unreadable != 0 {
		t.Errorf("told %+v", reading)
	}
}

// TestGrowingSession cuts a session's file at every byte, reads what is there
// and then the rest: what both tell is what the whole file tells, once.
func TestGrowingSession(t *testing.T) {
	t.Parallel()
	text := fileOf(t, "2.1.330/transcript.jsonl")
	wanted, _ := readWhole(t, text, agent.SessionFile{Own: true, Now: later})
	want := byKey(t, wanted)
	for cut := 0; cut < len(text); cut += 211 {
		first, reading := readWhole(t, text[:cut], agent.SessionFile{Own: true, Now: captured})
		rest, _ := readWhole(t, text, agent.SessionFile{Own: true, Now: later, From: reading.Next})
		got := byKey(t, append(first, rest...))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", cut, diff)
		}
	}
}

// byKey keeps the first event of each key, as a trail does.
func byKey(t testing.TB, events []whodid.Event) map[string]whodid.Event {
	t.Helper()
	out := map[string]whodid.Event{}
	for _, e := range events {
		if _, told := out[e.Key]; !told {
			if e.What == "model.call" {
				e.At = at // that of the last line of the answer that was there
			}
			out[e.Key] = e
		}
	}
	return out
}

// TestWholeSessionTellsWhatItsHooksTold reads a session that was captured both
// ways: each action has the same key, target and result.
func TestWholeSessionTellsWhatItsHooksTold(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.FromSlash("../agent/testdata/2.1.197/hooks.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		for _, e := range agent.Hook(line, agent.Surroundings{At: at}).Events {
			kind, _ := whodid.KindOf(e.What)
			if kind != nil && kind.Action && e.Result != whodid.ResultAttempted {
				told[e.Key] = brief([]whodid.Event{e})[0] + " " + e.Execution
			}
		}
	}
	ref := agent.TranscriptRef{Client: agent.ClaudeCode, Session: session, Execution: agent.Execution(agent.ClaudeCode, session), Path: sessionFile}
	files := map[string]agent.TranscriptRef{"2.1.197/" + session + ".jsonl": ref}
	subagents, err := filepath.Glob("testdata/2.1.197/" + session + "/subagents/agent-*.jsonl")
	if err != nil || len(subagents) != 2 {
		t.Fatal(subagents, err)
	}
	for _, name := range subagents {
		id, _ := agent.SubagentID(name)
		files[strings.TrimPrefix(filepath.ToSlash(name), "testdata/")] = ref.Subagent(name, id)
	}
	got := map[string]string{}
	calls := 0
	for name, ref := range files {
		events, _ := readWhole(t, fileOf(t, name), agent.SessionFile{Ref: ref, Own: true, Now: later})
		for _, e := range events {
			kind, _ := whodid.KindOf(e.What)
			if kind.Action && e.Result != whodid.ResultAttempted {
				got[e.Key] = brief([]whodid.Event{e})[0] + " " + e.Execution
			}
			if e.What == "model.call" {
				calls++
				if (e.Data.String("run") == ref.Parent) != (ref.Parent != "" || ref.SubagentID == "") {
					t.Errorf("a call of %q counts for the run %q", ref.SubagentID, e.Data.String("run"))
				}
			}
		}
	}
	if diff := cmp.Diff(told, got); diff != "" {
		t.Errorf("actions (-hooks +transcript):\n%s", diff)
	}
	if len(got) < 8 || calls == 0 {
		t.Errorf("only %d actions and %d calls", len(got), calls)
	}
}

func FuzzSession(f *testing.F) {
	for _, name := range []string{"2.1.330/transcript.jsonl", "2.1.197/" + session + ".jsonl"} {
		f.Add(fileOf(f, name), int64(0), true)
		f.Add(fileOf(f, name), int64(9000), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, from int64, ended bool) {
		now := captured
		if ended {
			now = later
		}
		_, reading := readWhole(t, text, agent.SessionFile{Own: true, Now: now, From: from})
		if reading.Next < 0 || reading.Next > int64(len(text)) {
			t.Errorf("goes on at %d of %d", reading.Next, len(text))
		}
	})
}
