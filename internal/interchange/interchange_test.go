package interchange_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/interchange"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

const (
	id     = "exec-aaaaaaaaaaaaaaaa"
	commit = "1111111111111111111111111111111111111111"
	blob   = "2222222222222222222222222222222222222222"
)

func newRun(t testing.TB, fields sink.Fields) *interchange.Run {
	t.Helper()
	end := noon.Add(time.Hour)
	in, out := int64(100), int64(10)
	r := &interchange.Run{
		Execution: &ask.Execution{
			ExecutionID: id, Agent: "issue-solver", Squad: "engineering", Trigger: "manual", Why: "fix <login>", StartedAt: &noon, CompletedAt: &end,
			Status: "success", Model: "claude-opus-4", TokensIn: &in, TokensOut: &out, CostState: "unknown", SessionID: "s1", OnBehalfOf: "human:ab12",
		},
		Fields: fields, Commits: []interchange.Commit{{ID: commit, Files: []interchange.File{{Path: "auth.go", Blob: blob}}}},
		Origin: "whodid/x", PublicKey: "whodid/x+1+A", Checkpoint: "whodid/x\n1\nA\n\n— whodid/x A\n", Version: "1.2.3",
	}
	for i, e := range []whodid.Event{
		{What: "execution.start", Actor: whodid.AgentActor("engineering/issue-solver"), OnBehalfOf: "human:ab12", Data: whodid.Data{"trigger": "manual"}},
		{What: "model.call", Actor: whodid.AgentActor("engineering/issue-solver"), Data: whodid.Data{
			"model": "claude-opus-4", "provider": "anthropic", "input_tokens": int64(100), "cache_read_tokens": int64(50), "cache_write_tokens": int64(7), "output_tokens": int64(10),
		}},
		{What: "model.call", Actor: whodid.AgentActor("engineering/issue-solver"), Data: whodid.Data{"model": "claude-opus-4"}},
		{What: "git.commit", Target: "acme/shop", Why: "it was asked for", Result: whodid.ResultSuccess, Actor: whodid.AgentActor("engineering/issue-solver"), Data: whodid.Data{"sha": commit, "duration_ms": int64(1500)}},
		{What: "pr.merge", Target: "acme/shop#44", Result: whodid.ResultFailed, Actor: whodid.AgentActor("engineering/issue-solver"), Data: whodid.Data{}},
		{What: "file.write", Target: "auth.go", Result: whodid.ResultAttempted, Actor: whodid.AgentActor("engineering/issue-solver"), Data: whodid.Data{}},
		{What: "execution.finish", Result: whodid.ResultSuccess, Actor: whodid.System, Data: whodid.Data{}},
	} {
		e.Key, e.Execution, e.Source, e.At = e.What+string(rune('a'+i)), id, "cli", noon.Add(time.Duration(i)*time.Minute)
		e.RecordedAt = e.At
		row, err := storetest.NewRow("acme", e)
		if err != nil {
			t.Fatal(err)
		}
		row.Seq = uint64(i)
		r.Rows = append(r.Rows, *row)
	}
	return r
}

// The collector's own reader takes the spans, and they say what the trail says.
func TestOTLP(t *testing.T) {
	t.Parallel()
	text, err := interchange.OTLP(newRun(t, sink.Technical))
	if err != nil {
		t.Fatal(err)
	}
	traces, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(text)
	if err != nil {
		t.Fatal(err)
	}
	all := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	byName := map[string]ptrace.Span{}
	for i := range all.Len() {
		s := all.At(i)
		if s.TraceID() != all.At(0).TraceID() || s.SpanID().IsEmpty() || (i > 0) != (s.ParentSpanID() == all.At(0).SpanID()) {
			t.Errorf("%s stands in the wrong place", s.Name())
		}
		if _, twice := byName[s.Name()]; !twice {
			byName[s.Name()] = s
		}
	}
	if all.Len() != 6 {
		t.Errorf("%d spans", all.Len())
	}
	for name, want := range map[string]struct {
		status ptrace.StatusCode
		start  time.Time
		end    time.Time
		has    map[string]string
	}{
		"invoke_agent engineering/issue-solver": {ptrace.StatusCodeOk, noon, noon.Add(time.Hour), map[string]string{"gen_ai.operation.name": "invoke_agent", "whodid.execution.id": id, "gen_ai.conversation.id": "s1"}},
		"chat claude-opus-4": {ptrace.StatusCodeUnset, noon.Add(time.Minute), noon.Add(time.Minute), map[string]string{
			"gen_ai.usage.input_tokens": "157", "gen_ai.usage.cache_read.input_tokens": "50", "gen_ai.usage.output_tokens": "10", "gen_ai.provider.name": "anthropic",
		}},
		"execute_tool git.commit": {ptrace.StatusCodeOk, noon.Add(3*time.Minute - 1500*time.Millisecond), noon.Add(3 * time.Minute), map[string]string{"gen_ai.tool.name": "git.commit"}},
		"execute_tool pr.merge":   {ptrace.StatusCodeError, noon.Add(4 * time.Minute), noon.Add(4 * time.Minute), map[string]string{"error.type": "failed"}},
		// What is only known to have begun is neither good nor bad.
		"execute_tool file.write": {ptrace.StatusCodeUnset, noon.Add(5 * time.Minute), noon.Add(5 * time.Minute), map[string]string{"whodid.result": "attempted"}},
	} {
		s, ok := byName[name]
		if !ok {
			t.Errorf("there is no span %q", name)
			continue
		}
		if s.Status().Code() != want.status || !s.StartTimestamp().AsTime().Equal(want.start) || !s.EndTimestamp().AsTime().Equal(want.end) {
			t.Errorf("%s: %v from %v to %v", name, s.Status().Code(), s.StartTimestamp().AsTime(), s.EndTimestamp().AsTime())
		}
		for key, value := range want.has {
			if got, ok := s.Attributes().Get(key); !ok || got.AsString() != value {
				t.Errorf("%s: %s is %q, want %q", name, key, got.AsString(), value)
			}
		}
	}
	// Unknown tokens are not zero.
	if bytes.Count(text, []byte("gen_ai.usage.output_tokens")) != 1 {
		t.Error("a call whose tokens are not known has some")
	}
}

func TestInToto(t *testing.T) {
	t.Parallel()
	text, err := interchange.InToto(newRun(t, sink.All))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Name   string
			Digest map[string]string
		}
		Predicate struct {
			Run    map[string]any
			Events []map[string]any
			Log    map[string]string
		}
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.Type != "https://in-toto.io/Statement/v1" || s.PredicateType != interchange.PredicateType || len(s.Subject) != 3 ||
		s.Subject[0].Digest["gitCommit"] != commit || s.Subject[1].Name != "auth.go" || s.Subject[1].Digest["gitBlob"] != blob ||
		s.Subject[2].Name != id || len(s.Subject[2].Digest["sha256"]) != 64 {
		t.Errorf("%+v", s)
	}
	if s.Predicate.Run["why"] != "fix <login>" || s.Predicate.Run["cost_micros"] != nil || len(s.Predicate.Events) != 7 || s.Predicate.Log["origin"] != "whodid/x" {
		t.Errorf("%+v", s.Predicate)
	}
	empty := newRun(t, sink.All)
	empty.Rows = nil
	if _, err := interchange.InToto(empty); err == nil {
		t.Error("a run without events is attested")
	}
}

// Without being told to, no format has people, paths or reasons.
func TestNothingPersonalLeaves(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*interchange.Run) ([]byte, error){"in-toto": interchange.InToto, "ocsf": interchange.OCSF, "otlp": interchange.OTLP} {
		for _, fields := range []sink.Fields{sink.Technical, sink.All} {
			text, err := write(newRun(t, fields))
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"acme/shop", "it was asked for", "auth.go"} {
				if got := strings.Contains(string(text), secret); got != (fields == sink.All) {
					t.Errorf("%s with %s fields: %q is in it: %t", name, fields, secret, got)
				}
			}
			if fields == sink.Technical && (strings.Contains(string(text), "ab12") || strings.Contains(string(text), "fix")) {
				t.Errorf("%s names people or reasons:\n%s", name, text)
			}
		}
	}
}

func TestCommitsOf(t *testing.T) {
	t.Parallel()
	rows := []store.Row{}
	for _, r := range newRun(t, sink.All).Rows {
		rows = append(rows, r, r)
	}
	if got := interchange.CommitsOf(rows); len(got) != 1 || got[0] != commit {
		t.Errorf("%v", got)
	}
	for text, want := range map[string]bool{commit: true, commit[1:]: false, strings.ToUpper("a" + commit[1:]): false, strings.Repeat("a", 64): true, "": false} {
		if interchange.IsGitID(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}
