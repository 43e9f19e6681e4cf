package otlp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/claude"
	"github.com/whodid/whodid/internal/store"
)

// The one session of which hooks, telemetry and transcript were captured
// together, and the run that it joined.
const (
	session   = "bd7e51a9-0087-4997-a510-6860251776cc"
	joinedRun = "exec-abc123"
	solver    = "engineering/issue-solver"
)

// hooks are the events of the session's hooks.
func hooks(t testing.TB) (events []whodid.Event) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "ingest", "agent", "testdata", "2.1.197", "hooks.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for lines, n := bufio.NewScanner(bytes.NewReader(text)), 0; lines.Scan(); n++ {
		events = append(events, agent.Hook(lines.Bytes(), agent.Surroundings{
			At: time.Date(2026, 11, 23, 14, 15, 13, n*int(time.Millisecond), time.UTC), Execution: joinedRun, Agent: solver, Home: "/home/dev",
			Repository: func(cwd string) (root, slug string) { return cwd, "acme/shop" },
		}).Events...)
	}
	return events
}

// transcripts are the events of the session's transcript and those of its
// sub-agents.
func transcripts(t testing.TB) (events []whodid.Event) {
	t.Helper()
	dir := filepath.Join("..", "..", "ingest", "claude", "testdata", "2.1.197")
	ref := agent.TranscriptRef{Client: agent.ClaudeCode, Execution: joinedRun, Session: session, Agent: solver}
	refs := map[string]agent.TranscriptRef{filepath.Join(dir, session+".jsonl"): ref}
	files, err := filepath.Glob(filepath.Join(dir, session, "subagents", "*.jsonl"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		id, _ := agent.SubagentID(path)
		refs[path] = ref.Subagent(path, id)
	}
	for path, ref := range refs {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		reading, err := claude.Transcript(f, ref)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		events = append(events, reading.Events...)
	}
	return events
}

// Three sources tell of one session, in every order; it is one session. Each
// call is one event, and what hooks know of it is what is shown.
func TestThreeSources(t *testing.T) {
	t.Parallel()
	sources := map[string]func(*door){
		"hooks":       func(d *door) { d.record(t, hooks(t)) },
		"transcripts": func(d *door) { d.record(t, transcripts(t)) },
		"telemetry": func(d *door) {
			for _, part := range []string{"001", "003", "004"} {
				if w := d.post(t, "/v1/logs", asJSON, plain(t, "claude-code-2.1.197-"+part+"-v1_logs.json.gz")); w.Code != 200 {
					t.Fatal(w.Code, w.Body)
				}
			}
		},
	}
	alone := newDoor(t)
	sources["hooks"](alone)
	want := alone.actions(t)
	if len(want) < 12 {
		t.Fatalf("hooks tell of %d actions", len(want))
	}
	for _, order := range [][]string{
		{"telemetry", "hooks", "transcripts"}, {"hooks", "transcripts", "telemetry"}, {"transcripts", "telemetry", "hooks"}, {"telemetry", "transcripts", "hooks", "telemetry"},
	} {
		d := newDoor(t)
		for _, source := range order {
			sources[source](d)
		}
		if diff := gocmp.Diff(want, d.actions(t)); diff != "" {
			t.Errorf("%v (-hooks alone +all):\n%s", order, diff)
		}
		x, err := d.store.Execution(t.Context(), org, joinedRun)
		if err != nil {
			t.Fatal(err)
		}
		if u := x.Usage; u.Calls != 14 || u.Input != 14047 || u.Output != 607 || u.CacheRead != 70000 || u.CacheWrite != 4200 {
			t.Errorf("%v: the run used %+v", order, u)
		}
		decisions := 0
		for _, r := range d.rows(t) {
			if r.What == "permission.decide" {
				decisions++
				if r.Actor != "system:claude-code" || r.OnBehalfOf != "" {
					t.Errorf("%v: %s decided, for %q", order, r.Actor, r.OnBehalfOf)
				}
			}
		}
		if decisions != 12 {
			t.Errorf("%v: %d decisions", order, decisions)
		}
	}
}

func (d *door) record(t testing.TB, events []whodid.Event) {
	t.Helper()
	if _, err := d.recorder.RecordValid(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// actions are the actions that the trail shows.
func (d *door) actions(t testing.TB) (shown []string) {
	t.Helper()
	rows, err := d.store.Events(t.Context(), org, store.EventFilter{ActionsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		delete(r.Data, "permission_mode") // of two who only know of an attempt, it is the first who tells it
		shown = append(shown, fmt.Sprintf("%s %s %s %s %s %s", r.Key, r.What, r.Target, r.Result, r.Execution, r.Data.Canonical()))
	}
	slices.Sort(shown)
	return shown
}
