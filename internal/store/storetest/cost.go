package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var costTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"what runs cost adds up however it is told":              testCostTallies,
	"outcomes, telemetry and repositories of a time":         testOutcomes,
	"which executions a selection selects, and who ran them": testFitting,
	"usage adds up by day and model, each call once":         testUsageByDay,
}

// testCostTallies compares what the database adds up with what the executions say
// that it returns one by one.
func testCostTallies(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(foldEvent(), 1, 14).Draw(rt, "events")
		for i := range events {
			e := &events[i]
			e.Key = fmt.Sprint("cost/", i)
			if e.What == "model.call" && rapid.Bool().Draw(rt, "repriced") {
				e.What = "model.reprice"
				e.Data = whodid.Data{
					"model": rapid.SampledFrom([]string{"x", "computed"}).Draw(rt, "of"), "cost_micros": int64(500 + i), "previous_micros": int64(200),
					"newly_known": int64(i % 2), "price_table": "t",
				}
			}
		}
		n++
		org := fmt.Sprint("cost-", n)
		NewBook(t, s, org).Append(t, events...)
		all, err := s.Executions(t.Context(), org, store.ExecutionFilter{RunsOnly: true})
		if err != nil {
			rt.Fatal(err)
		}
		for _, by := range [][]store.CostTrait{nil, {store.TraitModel}, {store.TraitAgent, store.TraitDay}, {store.TraitExecution, store.TraitModel, store.TraitSquad, store.TraitTrigger}} {
			got, err := s.CostTallies(t.Context(), org, store.Selection{}, by)
			if err != nil {
				rt.Fatal(err)
			}
			want := []store.CostTally{}
			for i := range all {
				want = append(want, tallied(&all[i], by)...)
			}
			if diff := gocmp.Diff(summed(want), summed(got)); diff != "" {
				rt.Fatalf("by %v (-one by one +added up):\n%s", by, diff)
			}
		}
	})
}

// tallied is one run as tallies: one, or one for each model.
func tallied(x *whodid.Execution, by []store.CostTrait) []store.CostTally {
	models := x.Models
	if _, unnamed := models[""]; len(models) == 0 || len(models) == 1 && unnamed || !slices.Contains(by, store.TraitModel) {
		models = map[string]whodid.Usage{x.Model: x.Usage}
	}
	var out []store.CostTally
	for model, u := range models {
		t := store.CostTally{Status: x.Status, State: u.CostState(), Runs: 1, CostMicros: u.CostMicros, Traits: []string{}}
		for _, trait := range by {
			day := ""
			if !x.StartedAt.IsZero() {
				day = fmt.Sprint(whodid.Micros(x.StartedAt) / (24 * time.Hour).Microseconds())
			}
			t.Traits = append(t.Traits, map[store.CostTrait]string{
				store.TraitModel: model, store.TraitAgent: x.Agent, store.TraitSquad: x.Squad, store.TraitTrigger: x.Trigger,
				store.TraitExecution: x.ID, store.TraitDay: day,
			}[trait])
		}
		in, sent, read, written := u.Tokens()
		for _, n := range []struct{ of, to *int64 }{{in, &t.TokensIn}, {sent, &t.TokensOut}, {read, &t.TokensCacheRead}, {written, &t.TokensCacheWrite}} {
			if n.of != nil {
				*n.to = *n.of
			}
		}
		if in == nil {
			t.TokensUnknown = 1
		}
		out = append(out, t)
	}
	return out
}

// summed adds tallies of the same traits together, and sorts them.
func summed(list []store.CostTally) []store.CostTally {
	at := map[string]int{}
	var out []store.CostTally
	for _, t := range list {
		key := fmt.Sprintf("%q %s %s", t.Traits, t.Status, t.State)
		i, ok := at[key]
		if !ok {
			at[key] = len(out)
			out = append(out, t)
			continue
		}
		o := &out[i]
		o.Runs += t.Runs
		o.CostMicros += t.CostMicros
		o.TokensIn += t.TokensIn
		o.TokensOut += t.TokensOut
		o.TokensCacheRead += t.TokensCacheRead
		o.TokensCacheWrite += t.TokensCacheWrite
		o.TokensUnknown += t.TokensUnknown
	}
	slices.SortFunc(out, func(x, y store.CostTally) int {
		return cmp.Compare(fmt.Sprint(x.Traits, x.Status, x.State), fmt.Sprint(y.Traits, y.Status, y.State))
	})
	return out
}

func testOutcomes(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	book := NewBook(t, s, "a")
	inSession := event("execution.start", ExecutionID(1), 10, whodid.Data{"repository": "example.com/acme/shop"})
	inSession.Session = "s-1"
	told := []whodid.Event{
		inSession,
		event("execution.start", ExecutionID(2), 20, whodid.Data{"repository": "acme/tools"}),
		event("execution.start", ExecutionID(3), 30, nil),
		event("forge.pr.merge", "", 40, nil),
		event("file.write", ExecutionID(1), 41, nil),
		event("deploy.production", ExecutionID(1), 50, nil),
		event("record.receive", "", 60, whodid.Data{"first": int64(1), "last": int64(2)}),
		event("hook.register", "", 61, nil),
		event("forge.issue.close", "", 70, nil),
	}
	book.Append(t, told...)
	NewBook(t, s, "b").Append(t, event("forge.pr.merge", "", 45, nil))
	at := func(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }
	names := func(rows []store.Row, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i := range rows {
			out = append(out, rows[i].What)
		}
		return out
	}
	if got := names(s.Outcomes(t.Context(), "a", at(40), at(70))); !slices.Equal(got, []string{"forge.pr.merge", "deploy.production"}) {
		t.Errorf("outcomes are %v", got)
	}
	if got := names(s.Outcomes(t.Context(), "a", time.Time{}, time.Time{})); len(got) != 3 {
		t.Errorf("all outcomes are %v", got)
	}
	if got := names(s.TelemetryRecords(t.Context(), "a", at(0), time.Time{})); !slices.Equal(got, []string{"record.receive", "hook.register"}) {
		t.Errorf("telemetry is %v", got)
	}
	if err := s.PutCommits(t.Context(), "a", []store.Commit{{
		ID: "0123456789012345678901234567890123456789", Repository: "github.com/acme/web", Kind: "agent", CommittedAt: at(80), Evidence: []string{"trailers"},
		Origins: []store.CommitOrigin{{Agent: "a/b", Squad: "a", Execution: ExecutionID(3)}},
	}}); err != nil {
		t.Fatal(err)
	}
	for _, since := range []time.Time{{}, at(0)} {
		got := map[string]string{}
		if err := s.RunRepositories(t.Context(), "a", since, time.Time{}, func(run, name string) { got[run] += name }); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{ExecutionID(1): "example.com/acme/shop", ExecutionID(2): "acme/tools", ExecutionID(3): "github.com/acme/web"}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("repositories since %v (-want +got):\n%s", since, diff)
		}
	}
}

func testFitting(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	book := NewBook(t, s, "a")
	one := event("execution.start", ExecutionID(1), 10, nil)
	two := event("execution.start", ExecutionID(2), 20, nil)
	two.Actor = "agent:ops/backup"
	book.Append(t, one, two)
	ids := []string{ExecutionID(1), ExecutionID(2), ExecutionID(3)}
	agents, err := s.AgentsOf(t.Context(), "a", ids)
	if diff := gocmp.Diff(map[string]string{ExecutionID(1): whodid.AgentOf(one.Actor), ExecutionID(2): "ops/backup"}, agents); err != nil || diff != "" {
		t.Errorf("agents: %v\n%s", err, diff)
	}
	fitting, err := s.Fitting(t.Context(), "a", store.Selection{Terms: []whodid.Term{{Field: whodid.FilterSquad, Values: []string{"ops"}}}}, ids)
	if diff := gocmp.Diff(map[string]bool{ExecutionID(2): true}, fitting); err != nil || diff != "" {
		t.Errorf("fitting: %v\n%s", err, diff)
	}
	if none, err := s.Fitting(t.Context(), "a", store.Selection{}, nil); err != nil || len(none) != 0 {
		t.Errorf("of none: %v, %v", none, err)
	}
	undated, err := s.CostTallies(t.Context(), "a", store.Selection{Undated: true}, nil)
	if err != nil || len(undated) != 0 {
		t.Errorf("undated: %v, %v", undated, err)
	}
	book.Append(t, event("model.call", ExecutionID(3), 30, whodid.Data{"cost_micros": int64(7)}))
	undated, err = s.CostTallies(t.Context(), "a", store.Selection{Undated: true}, nil)
	if err != nil || len(undated) != 1 || undated[0].CostMicros != 7 {
		t.Errorf("undated: %v, %v", undated, err)
	}
}

// testUsageByDay tells calls, a total that was stated in their place, and calls of
// a sub-agent, which count once.
func testUsageByDay(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	call := func(execution string, at int, micros int64, more whodid.Data) whodid.Event {
		d := whodid.Data{"model": "m", "cost_micros": micros, "input_tokens": int64(10)}
		maps.Copy(d, more)
		return event("model.call", execution, at, d)
	}
	sub := event("execution.start", ExecutionID(3), 10, whodid.Data{"agent_type": "explorer"})
	book := NewBook(t, s, "a")
	book.Append(
		t,
		event("execution.start", ExecutionID(1), 10, nil), event("execution.start", ExecutionID(2), 10, nil), sub,
		call(ExecutionID(1), 20, 100, nil),
		call(ExecutionID(2), 20, 5000, nil),
		call(ExecutionID(3), 30, 7, whodid.Data{"run": ExecutionID(1)}),
		call(ExecutionID(1), 24*3600, 1, whodid.Data{"model": "n"}),
		event("execution.finish", ExecutionID(2), 40, whodid.Data{"model": "m", "cost_micros": int64(30)}),
		event("execution.finish", ExecutionID(3), 40, whodid.Data{"model": "m", "cost_micros": int64(900)}),
		event("execution.finish", ExecutionID(1), 50, nil),
	)
	got, err := s.UsageByDay(t.Context(), "a", Epoch, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, u := range got {
		sums[u.Day+" "+u.Model] += u.CostMicros
	}
	day := func(after int) string { return Epoch.AddDate(0, 0, after).Format(time.DateOnly) }
	if diff := gocmp.Diff(map[string]int64{day(0) + " m": 137, day(1) + " n": 1}, sums); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got, err = s.UsageByDay(t.Context(), "a", Epoch.AddDate(0, 0, 1), time.Time{})
	if err != nil || len(got) != 1 || got[0].Model != "n" {
		t.Errorf("of the second day: %v, %v", got, err)
	}
	known, err := s.Known(t.Context(), "a", []string{whodid.EventID("a", sub.Key), "evt-none"})
	if err != nil || len(known) != 1 || !known[whodid.EventID("a", sub.Key)] {
		t.Errorf("known: %v, %v", known, err)
	}
}
