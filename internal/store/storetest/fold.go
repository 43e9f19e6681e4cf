package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var foldTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"executions do not depend on order or batches": testFoldOrder,
	"an execution is what its events add up to":    testFold,
}

// testFoldOrder tells the same events in another order and in other batches to
// another log: the executions are the same, and the same as a fold in memory.
func testFoldOrder(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(foldEvent(), 1, 14).Draw(rt, "events")
		for i := range events {
			events[i].Key = fmt.Sprint("fold/", i)
			// Ids decide between events of one moment, and differ between the
			// two organisations.
			events[i].At = events[i].At.Truncate(time.Millisecond).Add(time.Duration(i) * time.Microsecond)
		}
		other := rapid.Permutation(events).Draw(rt, "order")
		size := rapid.IntRange(1, len(events)).Draw(rt, "size of a batch")

		n++
		one, two := fmt.Sprint("one-", n), fmt.Sprint("two-", n)
		NewBook(t, s, one).Append(t, events...)
		b := NewBook(t, s, two)
		for len(other) > 0 {
			size = min(size, len(other))
			b.Append(t, other[:size]...)
			other = other[size:]
		}
		first, second := executions(t, s, one), executions(t, s, two)
		for id, x := range second {
			x.Org = one
			second[id] = withoutMarks(x)
			first[id] = withoutMarks(first[id])
		}
		if diff := cmp.Diff(asText(t, first), asText(t, second)); diff != "" {
			rt.Fatalf("another order gives other executions (-first +other):\n%s", diff)
		}
		Check(t, s, two)
	})
}

// withoutMarks leaves out what holds event ids, which differ between
// organisations.
func withoutMarks(x whodid.Execution) whodid.Execution {
	x.Folded = whodid.Folded{}
	return x
}

func executions(t testing.TB, s *store.Store, org string) map[string]whodid.Execution {
	t.Helper()
	all, err := s.Executions(t.Context(), org, store.ExecutionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]whodid.Execution{}
	for _, x := range all {
		out[x.ID] = x
	}
	return out
}

// foldEvent draws an event that changes an execution, out of few values, so
// that events contradict each other.
func foldEvent() *rapid.Generator[whodid.Event] {
	return rapid.Custom(func(t *rapid.T) whodid.Event {
		pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
		e := whodid.Event{
			Actor: whodid.AgentActor(pick("agent", "a/one", "b/two")), Source: pick("source", "cli", "hook:claude-code"),
			What: pick("what", "execution.start", "execution.renew", "execution.finish", "execution.lost", "execution.tag",
				"session.start", "turn.complete", "turn.fail", "model.call", "file.write"),
			Execution: pick("execution", ExecutionID(1), ExecutionID(2)), Why: pick("why", "", "because"),
			At:      Epoch.Add(time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "at")) * time.Microsecond),
			Session: pick("session", "", "s-1", "s-2"), Data: whodid.Data{},
			Result: rapid.SampledFrom(append(whodid.Results(), whodid.ResultNone)).Draw(t, "result"),
		}
		kind, _ := whodid.LookupKind(e.What)
		for _, f := range kind.Fields {
			switch given := rapid.Bool().Draw(t, "has "+f.Name); {
			case !given:
			case f.Type == whodid.Int:
				e.Data[f.Name] = rapid.Int64Range(-1, 1<<45).Draw(t, f.Name)
			case f.Type == whodid.Bool:
				e.Data[f.Name] = true
			default:
				e.Data[f.Name] = pick(f.Name, "x", "computed", "measured", ExecutionID(1))
			}
		}
		if kind.Open {
			e.Data["tag"] = pick("tag", "blue", "green")
		}
		return e
	})
}

// testFold tells one run's story and looks at each of its columns.
func testFold(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	run, sub := ExecutionID(1), ExecutionID(2)
	start := event("execution.start", run, 0, whodid.Data{
		"trigger": "event", "trigger_detail": "issue.labeled", "model": "asked-for", "parent": ExecutionID(9), "lease_seconds": int64(60),
	})
	start.Why, start.OnBehalfOf, start.OnBehalfAuth, start.Session = "issue 7", "human:ada", "os-user", "s-1"
	call := func(execution string, seconds int, data whodid.Data) whodid.Event {
		return event("model.call", execution, seconds, data)
	}
	b.Append(
		t, start,
		event("execution.tag", run, 1, whodid.Data{"ticket": "A-1", "colour": "blue"}),
		event("execution.tag", run, 2, whodid.Data{"colour": "green"}),
		call(run, 3, whodid.Data{"model": "big", "input_tokens": int64(100), "output_tokens": int64(10), "cost_micros": int64(5000)}),
		event("execution.start", sub, 4, whodid.Data{"agent_type": "explorer", "parent": run}),
		call(sub, 5, whodid.Data{
			"model": "small", "input_tokens": int64(7), "output_tokens": int64(3), "cache_read_tokens": int64(2),
			"cache_write_tokens": int64(1), "cost_micros": int64(11), "cost_state": "computed", "run": run,
		}),
		ended(sub, 6, whodid.ResultSuccess, nil),
		ended(run, 8, whodid.ResultFailed, whodid.Data{"reason": "exit"}),
	)
	x, err := s.Execution(t.Context(), "default", run)
	if err != nil {
		t.Fatal(err)
	}
	got := withoutMarks(*x)
	got.Models = nil
	want := whodid.Execution{
		Org: "default", ID: run, Agent: "engineering/issue-solver", Squad: "engineering", Trigger: "event", TriggerDetail: "issue.labeled",
		Why: "issue 7", StartedAt: Epoch, CompletedAt: Epoch.Add(8 * time.Second), Status: whodid.StatusFailed, StatusReason: "exit",
		Session: "s-1", Parent: ExecutionID(9), OnBehalfOf: "human:ada", OnBehalfAuth: "os-user", Source: "cli",
		LeaseUntil: Epoch.Add(time.Minute), Tags: map[string]string{"ticket": "A-1", "colour": "green"}, Model: "big",
		Usage: whodid.Usage{Calls: 2, Input: 107, Output: 13, CacheRead: 2, CacheWrite: 1, CostMicros: 5011, Computed: 1, NoCacheRead: 1, NoCacheWrite: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("execution (-want +got):\n%s", diff)
	}
	if part, err := s.Execution(t.Context(), "default", sub); err != nil || part.Subagent != "explorer" || part.Usage.CostMicros != 11 || part.Parent != run {
		t.Errorf("sub-agent %+v, %v", part, err)
	}
	Check(t, s, "default")
}
