package storetest

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var countTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"actions are counted by agent and by run":   testCountActionsBy,
	"executions are counted by when they began": testStartedBetween,
	"actions by hour are what the events say":   testActionHours,
}

func testCountActionsBy(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	book := NewBook(t, s, "a")
	events := Actions(0, 20) // of the runs 0, 1 and 2, a second apart
	exceeded := Action(20)
	exceeded.What = "budget.exceed" // is no action that uses a budget
	other := Action(21)
	other.Actor = "agent:other/b"
	book.Append(t, append(events, exceeded, other)...)
	NewBook(t, s, "b").Append(t, Action(1))
	agents, err := s.CountActionsByAgent(t.Context(), "a", Epoch.Add(5*time.Second), Epoch.Add(time.Hour))
	if want := map[string]int64{"agent:engineering/issue-solver": 15, "agent:other/b": 1}; err != nil || !maps.Equal(agents, want) {
		t.Errorf("by agent: %v, %v, want %v", agents, err, want)
	}
	runs, err := s.CountActionsByRun(t.Context(), "a", []string{ExecutionID(0), ExecutionID(2), ExecutionID(99)})
	if want := map[string]int64{ExecutionID(0): 8, ExecutionID(2): 5}; err != nil || !maps.Equal(runs, want) {
		t.Errorf("by run: %v, %v, want %v", runs, err, want)
	}
}

func testStartedBetween(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	book := NewBook(t, s, "a")
	for n := range 4 {
		book.Append(t, event("execution.start", ExecutionID(n), n*60, nil))
	}
	found, err := s.Tallies(t.Context(), "a", store.Selection{BeganSince: Epoch.Add(time.Minute), BeganUntil: Epoch.Add(3 * time.Minute)})
	if err != nil || len(found) != 1 || found[0].Runs != 2 {
		t.Errorf("%v, %v", found, err)
	}
}

// testActionHours records actions of three days, attempts of them too, in any order,
// and compares what the hours add up to with what a filter counts that all fit.
func testActionHours(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "other").Append(t, Actions(0, 5)...)
	b := NewBook(t, s, "default")
	random := rand.New(rand.NewPCG(9, 10))
	const span = 3 * 24 * 3600
	var events []whodid.Event
	for n := range 200 {
		e := Action(n)
		e.At = Epoch.Add(time.Duration(random.IntN(span)) * time.Second)
		if e.Result = whodid.ResultSuccess; n%5 == 0 {
			e.Result = whodid.ResultFailed
		}
		if n%3 == 0 {
			try := e
			try.Result = whodid.ResultAttempted
			try.Identify()
			events = append(events, try)
		}
		if n%4 > 0 {
			events = append(events, e)
		}
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for len(events) > 0 {
		n := min(1+random.IntN(40), len(events))
		b.Append(t, events[:n]...)
		events = events[n:]
	}
	all := []whodid.Term{{Field: whodid.FilterType, Values: []string{"*"}}}
	for i := range 20 {
		var sel store.Selection
		if i > 0 {
			sel.Since = Epoch.Add(time.Duration(random.IntN(span)) * time.Second)
		}
		if i%3 > 0 {
			sel.Until = sel.Since.Add(time.Duration(random.IntN(span/2)) * time.Second)
		}
		if i == 7 {
			sel.Since = time.Unix(-5000, 0)
		}
		got, err := s.CountActions(t.Context(), "default", sel)
		if err != nil {
			t.Fatal(err)
		}
		sel.Terms = all
		want, err := s.CountActions(t.Context(), "default", sel)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("since %v until %v (-events +hours):\n%s", sel.Since, sel.Until, diff)
		}
	}
	checkDerived(t, s, "default")
}
