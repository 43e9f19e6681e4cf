package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var hourTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"what is added up by hour is what the runs add up to": testHours,
}

// testHours tells runs of three days in any order, corrects some of them, and
// compares what the hours add up to with what the runs themselves do, from many
// moments on.
func testHours(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	random := rand.New(rand.NewPCG(3, 4))
	const span = 3 * 24 * 3600
	agents := []string{"eng/solver", "eng/reviewer", "ops/deployer", ""}
	results := []whodid.Result{whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultTimeout, whodid.ResultCancelled}
	var events []whodid.Event
	for n := range 120 {
		r := told{n: n, agent: agents[random.IntN(len(agents))], start: random.IntN(span), result: results[random.IntN(len(results))]}
		switch random.IntN(8) {
		case 0: // it runs on
		case 1:
			r.lost = r.start + random.IntN(5000)
		case 2:
			r.start, r.end = -1, random.IntN(span)
		case 3:
			r.subagent, r.parent = "explorer", 1
			r.end = r.start + 1
		default:
			r.end = r.start + random.IntN(10_000)
		}
		events = append(events, r.events()...)
		for call := range random.IntN(3) {
			data := whodid.Data{"model": "m", "input_tokens": int64(random.IntN(1000)), "output_tokens": int64(random.IntN(100))}
			if random.IntN(3) > 0 {
				data["cost_micros"] = int64(random.IntN(10_000))
			}
			e := event("model.call", ExecutionID(n), random.IntN(span), data)
			e.Key += string(rune('a' + call))
			events = append(events, e)
		}
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for len(events) > 0 {
		n := min(1+random.IntN(60), len(events))
		b.Append(t, events[:n]...)
		events = events[n:]
	}
	always := Epoch.Add(1000 * 24 * time.Hour) // which leaves out nothing, and asks the runs themselves
	for _, squads := range [][]string{nil, {"eng"}, {"eng", "ops"}} {
		for range 12 {
			since := Epoch.Add(time.Duration(random.IntN(span+20_000)-10_000) * time.Second)
			got, err := s.Tallies(t.Context(), "default", store.Selection{Since: since, Squads: squads})
			if err != nil {
				t.Fatal(err)
			}
			want, err := s.Tallies(t.Context(), "default", store.Selection{Since: since, Squads: squads, Until: always})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("since %v in %v (-runs +hours):\n%s", since, squads, diff)
			}
		}
	}
	for _, squads := range [][]string{nil, {"eng"}} {
		first := Epoch.Truncate(time.Hour).Add(-time.Hour)
		bounds := []time.Time{first, first.Add(7 * time.Hour), first.Add(31 * time.Hour), first.Add(100 * time.Hour)}
		got, err := s.TalliesIn(t.Context(), "default", store.Selection{Squads: squads}, bounds)
		if err != nil {
			t.Fatal(err)
		}
		// A term that all runs fit leaves the hours aside.
		every := []whodid.Term{{Field: whodid.FilterAgent, Values: []string{"*"}}}
		want, err := s.TalliesIn(t.Context(), "default", store.Selection{Squads: squads, Terms: every}, bounds)
		if err != nil || len(want) == 0 {
			t.Fatalf("%d rows, %v", len(want), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("what began, in %v (-runs +hours):\n%s", squads, diff)
		}
		// A bound that is no whole hour does too.
		if _, err := s.TalliesIn(t.Context(), "default", store.Selection{}, []time.Time{first, first.Add(90 * time.Minute)}); err != nil {
			t.Error(err)
		}
	}
	snapshot, err := s.Snapshot(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if wrong, err := snapshot.Hours(t.Context()); err != nil || len(wrong) != 0 {
		t.Errorf("hours that are wrong: %v, %v", wrong, err)
	}
}
