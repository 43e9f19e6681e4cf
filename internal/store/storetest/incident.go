package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var incidentTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"what was done to a file":            testFileActions,
	"what changed the world":             testChanges,
	"an agent's runs before":             testRunsBefore,
	"what runs did in numbers":           testDeeds,
	"what is known of a pull request":    testSomeFacts,
	"incidents stay in the organisation": testIncidentsApart,
}

// seqsOrError are the places of rows, in their order.
func seqsOrError(rows []store.Row, err error) string {
	if err != nil {
		return err.Error()
	}
	var out []string
	for i := range rows {
		out = append(out, fmt.Sprint(rows[i].Seq))
	}
	return strings.Join(out, " ")
}

func testFileActions(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	events := Actions(0, 6)
	for i := range events {
		events[i].Target = "auth.go"
	}
	events[1].What, events[3].What = "file.read", "file.read"
	events[4].Target, events[5].What = "Auth.go", "test.run"
	NewBook(t, s, "default").Append(t, events...)
	for name, c := range map[string]struct {
		filter store.FileFilter
		want   string
	}{
		"the first first":      {store.FileFilter{Path: "auth.go", Limit: 9}, "0 1 2 3"},
		"the last first":       {store.FileFilter{Path: "auth.go", Newest: true, Limit: 9}, "3 2 1 0"},
		"no more than the few": {store.FileFilter{Path: "auth.go", Newest: true, Limit: 2}, "3 2"},
		"writes":               {store.FileFilter{Path: "auth.go", Writes: true, Limit: 9}, "0 2"},
		"a time":               {store.FileFilter{Path: "auth.go", Since: Epoch.Add(time.Second), Until: Epoch.Add(3 * time.Second), Limit: 9}, "1 2"},
		"letters count":        {store.FileFilter{Path: "Auth.go", Limit: 9}, "4"},
		"no such file":         {store.FileFilter{Path: "auth", Limit: 9}, ""},
		"what can't be a name": {store.FileFilter{Path: "a\x00b", Limit: 9}, ""},
	} {
		if got := seqsOrError(s.FileActions(t.Context(), "default", c.filter)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func testChanges(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	events := Actions(0, 6)
	for i, what := range []string{"deploy.production", "file.write", "deploy.preview", "infra.change", "test.run", "pr.merge"} {
		events[i].What = what
	}
	NewBook(t, s, "default").Append(t, events...)
	all := func(from, until, limit int) string {
		return seqsOrError(s.Changes(t.Context(), "default", Epoch.Add(time.Duration(from)*time.Second), Epoch.Add(time.Duration(until)*time.Second), limit))
	}
	for got, want := range map[string]string{all(0, 9, 9): "5 3 2 0", all(2, 5, 9): "3 2", all(0, 9, 2): "5 3", all(9, 99, 9): ""} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func testRunsBefore(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	var events []whodid.Event
	for n := range 5 {
		e := event("execution.start", ExecutionID(n), n*60, whodid.Data{"trigger": "manual"})
		if n == 2 {
			e.Actor = whodid.AgentActor("engineering/other")
		}
		if n == 3 {
			e.Data["parent"], e.Data["agent_type"] = ExecutionID(1), "Explore"
		}
		events = append(events, e)
	}
	NewBook(t, s, "default").Append(t, events...)
	before := func(agent string, seconds, limit int) string {
		found, err := s.RunsBefore(t.Context(), "default", agent, Epoch.Add(time.Duration(seconds)*time.Second), limit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i := range found {
			out = append(out, strings.TrimLeft(strings.TrimPrefix(found[i].ID, "exec-"), "0")+".")
		}
		return strings.Join(out, " ")
	}
	const agent = "engineering/issue-solver"
	for got, want := range map[string]string{
		before(agent, 240, 9): "1. .", before(agent, 1000, 9): "4. 1. .", before(agent, 1000, 1): "4.", before("engineering/nobody", 1000, 9): "", before("", 1000, 8): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func testDeeds(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	start := event("execution.start", ExecutionID(0), 0, whodid.Data{"trigger": "manual", "repository": "github.com/acme/shop"})
	events := append([]whodid.Event{start}, Actions(1, 6)...)
	events[2].Target = events[1].Target // the same file again
	events[3].What, events[3].Result, events[3].Data = "test.run", whodid.ResultFailed, whodid.Data{"tool": "Bash"}
	events[4].Result = whodid.ResultAttempted // not settled
	events[5].What, events[5].Result = "file.read", whodid.ResultBlocked
	NewBook(t, s, "default").Append(t, events...)
	found, err := s.Deeds(t.Context(), "default", []string{ExecutionID(0), ExecutionID(9)})
	if err != nil {
		t.Fatal(err)
	}
	d := found[ExecutionID(0)]
	if d.Actions != 4 || d.Failed != 2 || d.Files != 1 || !d.Tools["Bash"] || !d.Tools["Write"] || len(d.Tools) != 2 || d.Repository != "github.com/acme/shop" {
		t.Errorf("%+v", d)
	}
	if none := found[ExecutionID(9)]; none == nil || none.Actions != 0 || none.Repository != "" {
		t.Errorf("a run that is not there did %+v", none)
	}
}

func testSomeFacts(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	var events []whodid.Event
	for n := range 4 {
		e := Action(n)
		e.Target = "acme/Shop#44"
		e.What = "pr.comment"
		if n%2 == 1 {
			e.What, e.Data, e.Execution = "forge.pr.comment", whodid.Data{"number": int64(44)}, ""
		}
		events = append(events, e)
	}
	NewBook(t, s, "default").Append(t, events...)
	if got := seqsOrError(s.SomeFacts(t.Context(), "default", "ACME/shop#44", 9)); got != "0 1 2 3" {
		t.Errorf("all are %q", got)
	}
	rows, err := s.SomeFacts(t.Context(), "default", "acme/shop#44", 1)
	if err != nil || len(rows) != 2 {
		t.Errorf("one of each are %d: %v", len(rows), err)
	}
}

func testIncidentsApart(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	e := event("incident.open", "", 0, whodid.Data{"severity": "high"})
	e.Target = "commit:abc"
	note := event("incident.note", "", 1, nil)
	note.Target = whodid.EventID("default", e.Key)
	NewBook(t, s, "default").Append(t, e, Action(1), note)
	NewBook(t, s, "other").Append(t, Action(2))
	if got := seqsOrError(s.IncidentEvents(t.Context(), "default")); got != "0 2" {
		t.Errorf("%q", got)
	}
	for name, got := range map[string]string{
		"incidents": seqsOrError(s.IncidentEvents(t.Context(), "other")),
		"files":     seqsOrError(s.FileActions(t.Context(), "other", store.FileFilter{Path: "src/file-1.go", Limit: 9})),
	} {
		if got != "" {
			t.Errorf("another organisation sees %s: %q", name, got)
		}
	}
}
