package ask_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// TestOutcomesOfCost holds that cost, which counts most merges without reading them,
// counts the outcomes that are listed one by one.
func TestOutcomesOfCost(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		random := rand.New(rand.NewPCG(3, 7))
		pick := func(from ...string) string { return from[random.IntN(len(from))] }
		agents := []string{"eng/fixer", "eng/writer", "ops/backup"}
		var events []whodid.Event
		for n := range 12 {
			e := fact("execution.start", storetest.ExecutionID(n), n, "", whodid.Data{"trigger": "manual"})
			e.Actor = whodid.AgentActor(pick(agents...))
			events = append(events, e)
		}
		for n := range 150 {
			what := pick("pr.create", "pr.create", "pr.merge", "forge.pr.merge", "forge.pr.merge", "forge.issue.close", "forge.release.publish")
			e := fact(what, "", random.IntN(50), "", whodid.Data{})
			e.Key, e.Target = fmt.Sprint(what, n), fmt.Sprintf("acme/shop#%d", random.IntN(25))
			named := storetest.ExecutionID(random.IntN(13)) // one of them did not start
			switch what {
			case "pr.create", "pr.merge":
				e.Actor, e.Result, e.Execution = whodid.AgentActor(pick(agents...)), whodid.Result(pick("success", "success", "attempted", "failed")), pick(named, named, "")
			default:
				e.Actor, e.Source = whodid.HumanActor("p1"), "webhook:github"
				switch random.IntN(5) {
				case 0:
					e.Data["executions"] = []string{named}
				case 1:
					e.Data["agents"] = []string{pick(agents...)}
				}
			}
			events = append(events, e)
		}
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		storetest.NewBook(t, s, org).Append(t, events...)
		for _, text := range []string{"", "agent:eng/*", "squad:ops", "-agent:eng/fixer trigger:manual", "status:failed"} {
			f, err := whodid.ParseFilter(text, storetest.Epoch)
			if err != nil {
				t.Fatal(err)
			}
			for n := range 8 {
				q := ask.CostQuestion{Filter: f, By: []string{"pr"}}
				if n > 0 {
					q.Filter.Since = storetest.Epoch.Add(time.Duration(random.IntN(30)) * time.Minute)
					q.Filter.Until = q.Filter.Since.Add(time.Duration(random.IntN(50)) * time.Minute)
				}
				if n > 5 {
					q.Squads = []string{"eng"}
				}
				checkOutcomes(t, s, q)
			}
		}
	})
}

func checkOutcomes(t *testing.T, s *store.Store, q ask.CostQuestion) {
	t.Helper()
	listed, err := asker(s).Cost(t.Context(), q) // those of pull requests are read one by one
	if err != nil {
		t.Fatal(err)
	}
	q.By = []string{"agent"}
	counted, err := asker(s).Cost(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listed.Outcomes, counted.Outcomes); diff != "" {
		t.Errorf("%+v (-listed +counted):\n%s", q, diff)
	}
	if len(q.Filter.Terms)+len(q.Squads) > 0 {
		return
	}
	each, err := ask.ConfirmedOutcomes(asker(s), t.Context(), q.Filter.Since, q.Filter.Until)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range counted.Rows {
		var n int64
		for i := range each {
			if slices.Contains(each[i].Agents, row.Key["agent"]) {
				n++
			}
		}
		if row.Outcomes == nil || *row.Outcomes != n {
			t.Errorf("%+v: %s had a part in %d outcomes, counted are %v", q, row.Key["agent"], n, row.Outcomes)
		}
	}
	if q.Filter.Since.IsZero() && counted.Outcomes.Merged < 10 {
		t.Errorf("%d merges in all", counted.Outcomes.Merged)
	}
}
