package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var eventTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"events are selected by every filter":    testEventFilters,
	"events are found by id and by prefix":   testEventPrefix,
	"actions are counted by kind and result": testCountActions,
	"when an execution was last heard of":    testLastSeen,
}

// writeEvents fills a log with events that differ in what filters ask for.
// Their keys are a, b, c… in the order of the log, which is not that of time.
func writeEvents(t testing.TB, s *store.Store) {
	t.Helper()
	e := func(key, agent, what string, result whodid.Result, execution string, seconds int) whodid.Event {
		return whodid.Event{
			Key: key, Actor: whodid.AgentActor(agent), What: what, Result: result, Execution: execution, Source: "cli",
			At: Epoch.Add(time.Duration(seconds) * time.Second),
		}
	}
	NewBook(t, s, "default").Append(
		t,
		e("a", "eng/solver", "execution.start", "", ExecutionID(1), 0),
		e("b", "eng/solver", "file.write", whodid.ResultSuccess, ExecutionID(1), 30),
		e("c", "eng/solver", "file.read", whodid.ResultSuccess, ExecutionID(1), 20),
		e("d", "eng/solver-two", "file.write", whodid.ResultFailed, ExecutionID(2), 10),
		e("e", "engine/solver", "pr.merge", whodid.ResultSuccess, ExecutionID(2), 40),
		e("f", "ops/deployer", "deploy.production", whodid.ResultAttempted, "", 50),
		e("g", "eng/Upper", "filex.write", whodid.ResultSuccess, "", 60),
		e("h", "eng/solver", "execution.lost", "", ExecutionID(1), 70),
	)
}

func testEventFilters(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writeEvents(t, s)
	at := func(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }
	for name, test := range map[string]struct {
		filter store.EventFilter
		want   string
	}{
		"everything":              {store.EventFilter{}, "abcdefgh"},
		"an execution":            {store.EventFilter{Execution: ExecutionID(1)}, "abch"},
		"an unknown execution":    {store.EventFilter{Execution: ExecutionID(7)}, ""},
		"an agent":                {store.EventFilter{Agent: "eng/solver"}, "abch"},
		"agents by prefix":        {store.EventFilter{Agent: "eng/solver*"}, "abcdh"},
		"a squad":                 {store.EventFilter{Agent: "eng/*"}, "abcdgh"},
		"squads by prefix":        {store.EventFilter{Agent: "eng*"}, "abcdegh"},
		"all agents":              {store.EventFilter{Agent: "*"}, "abcdefgh"},
		"letters have a case":     {store.EventFilter{Agent: "eng/upper"}, ""},
		"a wildcard of SQL":       {store.EventFilter{Agent: "eng/%"}, ""},
		"a kind":                  {store.EventFilter{What: "file.write"}, "bd"},
		"kinds by prefix":         {store.EventFilter{What: "file.*"}, "bcd"},
		"a result":                {store.EventFilter{Result: "success"}, "bceg"},
		"since is included":       {store.EventFilter{Since: at(40)}, "efgh"},
		"until is not":            {store.EventFilter{Until: at(40)}, "abcd"},
		"a span":                  {store.EventFilter{Since: at(20), Until: at(31)}, "bc"},
		"an empty span":           {store.EventFilter{Since: at(31), Until: at(20)}, ""},
		"actions":                 {store.EventFilter{ActionsOnly: true}, "bcdefg"},
		"from an index on":        {store.EventFilter{AfterSeq: 5}, "fgh"},
		"from beyond the end":     {store.EventFilter{AfterSeq: 8}, ""},
		"the first":               {store.EventFilter{Limit: 3}, "abc"},
		"the newest":              {store.EventFilter{Newest: true}, "hgfebcda"},
		"the newest two":          {store.EventFilter{Newest: true, Limit: 2}, "hg"},
		"everything together":     {store.EventFilter{Execution: ExecutionID(1), Agent: "eng/*", What: "file.*", Result: "success", Since: at(1), Until: at(99), ActionsOnly: true, AfterSeq: 1, Newest: true, Limit: 1}, "b"},
		"an injection":            {store.EventFilter{Agent: "x' OR '1'='1", What: "'; DROP TABLE event; --"}, ""},
		"a kind with a NUL":       {store.EventFilter{What: "file.write\x00"}, ""},
		"an agent that's no text": {store.EventFilter{Agent: "eng/\xff*"}, ""},
	} {
		got, err := s.Events(t.Context(), "default", test.filter)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		letters := ""
		for _, r := range got {
			letters += r.Key
		}
		if letters != test.want {
			t.Errorf("%s: %q, want %q", name, letters, test.want)
		}
	}
}

func testEventPrefix(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	added := NewBook(t, s, "default").Append(t, Actions(0, 60)...)
	all := ids(added)
	for _, id := range all {
		for _, prefix := range []string{id, id[len("evt-"):], id[:12], id[len("evt-"):12]} {
			if got, err := s.ResolveEvent(t.Context(), "default", prefix); err != nil || got != id {
				t.Errorf("%q is %q, %v; want %s", prefix, got, err, id)
			}
		}
	}
	var ambiguous *store.AmbiguousError
	for _, prefix := range []string{"evt-", "evt", ""} {
		if got, err := s.ResolveEvent(t.Context(), "default", prefix); !errors.As(err, &ambiguous) {
			t.Errorf("%q is %q, %v; want an AmbiguousError", prefix, got, err)
		} else if len(ambiguous.IDs) == 0 || !slices.Contains(all, ambiguous.IDs[0]) || !slices.IsSorted(ambiguous.IDs) {
			t.Errorf("%q could be %v", prefix, ambiguous.IDs)
		}
	}
	for _, prefix := range []string{"zzzzzzzzzz", "evt-!", "%", "_", "evt-\x00", "\xff", "É", "exec-"} {
		if got, err := s.ResolveEvent(t.Context(), "default", prefix); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q is %q, %v; want ErrNotFound", prefix, got, err)
		}
		if _, err := s.Event(t.Context(), "default", prefix); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("event %q: %v, want ErrNotFound", prefix, err)
		}
	}
}

func testCountActions(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writeEvents(t, s)
	got, err := s.CountActions(t.Context(), "default", store.Selection{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.ActionCount{
		{What: "deploy.production", Result: "attempted", Count: 1},
		{What: "file.read", Result: "success", Count: 1},
		{What: "file.write", Result: "failed", Count: 1},
		{What: "file.write", Result: "success", Count: 1},
		{What: "filex.write", Result: "success", Count: 1},
		{What: "pr.merge", Result: "success", Count: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	terms := []whodid.Term{{Field: whodid.FilterAgent, Values: []string{"eng/*"}}, {Field: whodid.FilterType, Values: []string{"file.write"}}}
	got, err = s.CountActions(t.Context(), "default", store.Selection{Terms: terms})
	if err != nil || len(got) != 2 {
		t.Errorf("counted %+v, %v; want the two file.write", got, err)
	}
	if got, err = s.CountActions(t.Context(), "default", store.Selection{}, whodid.Term{Field: whodid.FilterStatus, Values: []string{"cancelled"}}); err != nil || len(got) != 0 {
		t.Errorf("counted %+v, %v; no run is cancelled", got, err)
	}
	first := whodid.Term{Field: whodid.FilterExecution, Values: []string{ExecutionID(1)}}
	if got, err = s.CountActions(t.Context(), "default", store.Selection{Squads: []string{"eng"}}, first); err != nil || len(got) == 0 {
		t.Errorf("counted %+v, %v, of the first run", got, err)
	}
}

func testLastSeen(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writeEvents(t, s)
	for execution, want := range map[string]time.Time{
		ExecutionID(1): Epoch.Add(30 * time.Second), // not when it was given up, and not the last of the log
		ExecutionID(2): Epoch.Add(40 * time.Second),
		ExecutionID(7): {},
		"":             {},
		"exec-\x00":    {},
	} {
		if got, err := s.LastSeen(t.Context(), "default", execution); err != nil || !got.Equal(want) {
			t.Errorf("%q was last heard of at %s, %v; want %s", execution, got, err, want)
		}
	}
	known, err := s.KnownExecutions(t.Context(), "default", []string{ExecutionID(1), ExecutionID(2), "exec-\x00", "\xff", ""})
	if err != nil || len(known) != 1 || !known[ExecutionID(1)] {
		t.Errorf("known: %v, %v; want only %s, of which a start was told", known, err, ExecutionID(1))
	}
	if known, err := s.KnownExecutions(t.Context(), "default", nil); err != nil || len(known) != 0 {
		t.Errorf("known of none: %v, %v", known, err)
	}
}
