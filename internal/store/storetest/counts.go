package storetest

import (
	"maps"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

var countTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"actions are counted by agent and by run":   testCountActionsBy,
	"executions are counted by when they began": testStartedBetween,
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
