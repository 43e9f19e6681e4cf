package authorship_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/whodid/whodid/internal/authorship"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAuthorshipLog(t *testing.T) {
	t.Parallel()
	l, err := authorship.ParseLog(read(t, "authorship-log.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := []authorship.Agent{
		{Tool: "cursor", Session: "6ef2299e-a67f-432b-aa80-3d2fb4d28999", Model: "claude-sonnet-4-5-20250514"},
		{Tool: "claude", Session: "conv_abc123def456", Model: "claude-sonnet-4-5-20250514"},
	}
	if diff := cmp.Diff(want, l.Agents); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	if l.AgentLines != 10+6+1+6+50 || l.HumanLines != 9 {
		t.Errorf("%d lines of agents, %d of people", l.AgentLines, l.HumanLines)
	}
	for _, test := range []struct {
		file           string
		line           int
		tool           string
		byAgent, human bool
	}{
		{"src/main.rs", 1, "cursor", true, false},
		{"src/main.rs", 11, "", false, false}, // nobody knows
		{"src/main.rs", 25, "cursor", true, false},
		{"src/main.rs", 42, "", false, true},
		{"src/lib.rs", 50, "claude", true, false},
		{"src/lib.rs", 51, "", false, false},
		{"other.rs", 1, "", false, false},
	} {
		agent, byAgent, human := l.Line(test.file, test.line)
		if agent.Tool != test.tool || byAgent != test.byAgent || human != test.human {
			t.Errorf("%s:%d: %+v, %t, %t", test.file, test.line, agent, byAgent, human)
		}
	}
}

func TestAuthorshipLogForms(t *testing.T) {
	t.Parallel()
	const meta = `{"schema_version":"authorship/3.0.0","prompts":{"d9978a8723e02b52":{"agent_id":{"tool":"amp","id":"T-1","model":"m"}}}}`
	for _, test := range []struct {
		name, note  string
		agents      int
		line        int
		file        string
		byAgent, ok bool
	}{
		{"the old form", "a b.rs\n  d9978a8723e02b52 1-4,9\n---\n" + meta, 1, 9, "a b.rs", true, true},
		{"a quoted path", "\"a b.rs\"\n  d9978a8723e02b52 2\n---\n" + meta, 1, 2, "a b.rs", true, true},
		{"carriage returns", "a.rs\r\n  d9978a8723e02b52 2\r\n---\r\n" + meta, 1, 2, "a.rs", true, true},
		{"nothing attested", "---\n" + meta, 0, 1, "a.rs", false, true},
		{"a key that nothing explains", "a.rs\n  0000000000000000 1\n---\n" + meta, 0, 1, "a.rs", false, true},
		{"ranges that are none", "a.rs\n  d9978a8723e02b52 0,-1,x,5-3,99999999999,7\n---\n" + meta, 1, 7, "a.rs", true, true},
		{"a range without a file", "  d9978a8723e02b52 1\n---\n" + meta, 0, 1, "", false, true},
		{"no divider", "a.rs\n  d9978a8723e02b52 1\n" + meta, 0, 0, "", false, false},
		{"another schema", "---\n" + `{"schema_version":"other/1"}`, 0, 0, "", false, false},
		{"no JSON", "---\nnote to self", 0, 0, "", false, false},
		{"too large", "---\n" + meta + strings.Repeat(" ", authorship.MaxNote), 0, 0, "", false, false},
	} {
		l, err := authorship.ParseLog([]byte(test.note))
		if (err == nil) != test.ok || err != nil && !errors.Is(err, authorship.ErrNotLog) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if err != nil {
			continue
		}
		if _, byAgent, _ := l.Line(test.file, test.line); byAgent != test.byAgent || len(l.Agents) != test.agents {
			t.Errorf("%s: by an agent %t, agents %+v", test.name, byAgent, l.Agents)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	c, err := authorship.ParseCheckpoint(read(t, "checkpoint.json"))
	if err != nil {
		t.Fatal(err)
	}
	n := func(v int64) *int64 { return &v }
	want := &authorship.Checkpoint{
		ID: "00c9e2351016", Agent: authorship.Agent{Tool: "Claude Code", Session: "253fd5ef-0000-4f4a-804a-98df5088a868"},
		CreatedAt: time.Date(2026, 2, 3, 6, 34, 50, 246415000, time.UTC), Files: []string{"cmd/reset.go", "cmd/reset_test.go"},
		Input: n(137), Output: n(581), CacheRead: n(4040912), CacheCreation: n(215411),
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("checkpoint (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "{}", `{"checkpoint_id":"../../etc"}`, `[]`} {
		if c, err := authorship.ParseCheckpoint([]byte(bad)); err == nil {
			t.Errorf("%q is %+v", bad, c)
		}
	}
	if f := authorship.CheckpointFile("00c9e2351016", 2); f != "00/c9e2351016/2/metadata.json" {
		t.Errorf("file %s", f)
	}
	if f := authorship.CheckpointFile("../../etc/pw", 0); f != "" {
		t.Errorf("file %s of what is no id", f)
	}
}

func TestCheckpointIDs(t *testing.T) {
	t.Parallel()
	msg := "feat: x\n\n* one\n\nEntire-Checkpoint: 00c9e2351016\n\n* two\n\n  Entire-Checkpoint: 013118c3a750\r\nEntire-Checkpoint: 00c9e2351016\n" +
		"Entire-Checkpoint: XYZ\nsee Entire-Checkpoint: aaaaaaaaaaaa\n"
	if diff := cmp.Diff([]string{"00c9e2351016", "013118c3a750"}, authorship.CheckpointIDs(msg)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	many := strings.Repeat("Entire-Checkpoint: 00c9e2351016\n", 100_000)
	if ids := authorship.CheckpointIDs(many); len(ids) != 1 {
		t.Errorf("%d ids", len(ids))
	}
}

func TestReadTraces(t *testing.T) {
	t.Parallel()
	const good = `{"version":"0.1.0","id":"x","timestamp":"2026-11-01T09:00:00Z","vcs":{"type":"git","revision":"abc"},"files":[{"path":"a.go","conversations":[` +
		`{"url":"https://example.com/c/1","contributor":{"type":"ai","model_id":"anthropic/claude-sonnet-5"},"ranges":[{"start_line":2,"end_line":4},{"start_line":6,"end_line":6,"contributor":{"type":"human"}}]}]}]}`
	var traces []*authorship.Trace
	skipped, err := authorship.ReadTraces(strings.NewReader(good+"\n\nno JSON\n{}\n"+good+"\n"), func(tr *authorship.Trace) error {
		traces = append(traces, tr)
		return nil
	})
	if err != nil || skipped != 2 || len(traces) != 2 {
		t.Fatalf("%d records, %d skipped, %v", len(traces), skipped, err)
	}
	for _, test := range []struct {
		line int
		kind string
		ok   bool
	}{{1, "", false}, {2, "ai", true}, {4, "ai", true}, {5, "", false}, {6, "human", true}} {
		who, _, ok := traces[0].Line("a.go", test.line)
		if who.Type != test.kind || ok != test.ok {
			t.Errorf("line %d: %+v, %t", test.line, who, ok)
		}
	}
	if _, err := authorship.ReadTraces(strings.NewReader(strings.Repeat("x", authorship.MaxTraceRecord+1)), nil); err == nil {
		t.Error("a record without an end was read")
	}
}

func TestTraceModel(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{
		"claude-opus-4-5": "anthropic/claude-opus-4-5", "gpt-6": "openai/gpt-6", "vendor/model": "vendor/model",
		"my-own": "my-own", "": "", strings.Repeat("x", 300): "",
	} {
		if got := authorship.TraceModel(model); got != want {
			t.Errorf("%q is %q, want %q", model, got, want)
		}
	}
}

// TestTraceSchema holds what is written against the schema of the specification.
func TestTraceSchema(t *testing.T) {
	t.Parallel()
	schema := traceSchema(t)
	trace := authorship.Trace{
		Version: authorship.TraceVersion, ID: "b15edf44-4715-80de-9da3-ef6ada96b0fe", Timestamp: "2026-11-23T18:59:05Z",
		VCS: &authorship.TraceVCS{Type: "git", Revision: "abc"}, Tool: &authorship.TraceTool{Name: "whodid", Version: "1.0.0"},
		Files: []authorship.TracedFile{{Path: "a.go", Conversations: []authorship.TraceConversation{{
			Contributor: &authorship.TraceContributor{Type: authorship.TraceAI, ModelID: "anthropic/claude-sonnet-5"},
			Ranges:      []authorship.TraceRange{{StartLine: 1, EndLine: 2}},
			Related:     []authorship.TraceRelated{{Type: "execution", URL: "urn:whodid:exec-1"}},
		}}}},
	}
	validate := func() error {
		text, err := json.Marshal(trace)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	if err := validate(); err != nil {
		t.Errorf("a record is not valid: %v", err)
	}
	trace.Files[0].Conversations[0].Contributor.Type = "robot"
	if validate() == nil {
		t.Error("the schema accepts anything")
	}
}

func traceSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(read(t, "agent-trace.schema.json"), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func FuzzAuthorshipLog(f *testing.F) {
	f.Add(read(f, "authorship-log.txt"))
	f.Add([]byte("---\n{}"))
	f.Fuzz(func(t *testing.T, note []byte) {
		l, err := authorship.ParseLog(note)
		if err != nil {
			if !errors.Is(err, authorship.ErrNotLog) {
				t.Errorf("another error: %v", err)
			}
			return
		}
		if l.AgentLines < 0 || l.HumanLines < 0 || len(l.Agents) > len(note) {
			t.Errorf("%d agents, %d and %d lines of %d bytes", len(l.Agents), l.AgentLines, l.HumanLines, len(note))
		}
		l.Line("src/main.rs", 1)
	})
}

func FuzzTraces(f *testing.F) {
	f.Add(`{"version":"0.1.0","id":"x","files":[{"path":"a","conversations":[{"ranges":[{"start_line":1,"end_line":1}]}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		seen := 0
		skipped, err := authorship.ReadTraces(strings.NewReader(text), func(tr *authorship.Trace) error {
			seen++
			tr.Line("a", 1)
			return nil
		})
		if err != nil || seen+skipped > lines {
			t.Errorf("%d records and %d skipped in %d lines, %v", seen, skipped, lines, err)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(read(f, "checkpoint.json"), "Entire-Checkpoint: 00c9e2351016")
	f.Fuzz(func(t *testing.T, metadata []byte, msg string) {
		if c, err := authorship.ParseCheckpoint(metadata); err == nil && authorship.CheckpointFile(c.ID, 0) == "" {
			t.Errorf("%q has no file", c.ID)
		}
		for _, id := range authorship.CheckpointIDs(msg) {
			if !strings.Contains(msg, id) {
				t.Errorf("%q is not in the message", id)
			}
		}
	})
}
