package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var sumTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"what is added up once is what the runs add up to": testSums,
}

const sumDays = 5

// sumEvents is how many places of the log are looked behind.
const sumEvents = 500

// RunsOfDays tells of runs of some days, and of the sixties, whatever can be told of
// them, in any order.
func RunsOfDays(seed uint64) []whodid.Event {
	random := rand.New(rand.NewPCG(seed, 4))
	const span = sumDays * 24 * 3600
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	results := []whodid.Result{whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultTimeout, whodid.ResultCancelled}
	var events []whodid.Event
	for n := range 160 {
		r := told{n: n, agent: pick("eng/solver", "eng/reviewer", "ops/deployer", ""), start: 1 + random.IntN(span), result: results[random.IntN(len(results))]}
		if n%40 == 39 {
			r.start = -int(Epoch.Unix()) - span + r.start // before 1970
		}
		told := true
		switch random.IntN(9) {
		case 0: // it runs on
		case 1:
			r.lost = r.start + random.IntN(5000)
		case 2:
			told, r.end = false, 1+random.IntN(span)
		case 3:
			r.subagent, r.parent = "explorer", 1
			r.end = r.start + 1
		case 4:
			r.end = r.start - random.IntN(4000) // clocks that disagree
		default:
			r.end = r.start + random.IntN(100_000)
		}
		if r.end == 0 && r.lost == 0 && !told {
			r.end = 1
		}
		own := r.events()
		if !told {
			own = slices.DeleteFunc(own, func(e whodid.Event) bool { return e.What == "execution.start" })
		}
		for i := range own {
			e := &own[i]
			if e.What == "execution.start" {
				e.At = Epoch.Add(time.Duration(r.start) * time.Second)
				e.Data["trigger"] = pick("manual", "event", "")
				e.Data["trigger_detail"] = pick("issues.labeled", "")
				e.Data["repository"] = pick("acme/shop", "acme/tools", "")
				e.Data["model"] = pick("m", "n", "")
			}
			if e.What == "execution.finish" && random.IntN(6) == 0 {
				e.Data = whodid.Data{"model": pick("m", ""), "cost_micros": int64(random.IntN(5000)), "input_tokens": int64(7)}
			}
		}
		for call := range random.IntN(4) {
			data := whodid.Data{"model": pick("m", "m", "n", `o"ö<\`, ""), "output_tokens": int64(random.IntN(100))}
			if random.IntN(3) > 0 {
				data["input_tokens"] = int64(random.IntN(1000))
			}
			if random.IntN(3) > 0 {
				data["cost_micros"], data["cost_state"] = int64(random.IntN(10_000)), pick("measured", "computed")
			}
			e := event("model.call", ExecutionID(n), random.IntN(span), data)
			e.Key += string(rune('a' + call))
			own = append(own, e)
			if random.IntN(4) == 0 {
				again := event("model.reprice", ExecutionID(n), random.IntN(span), whodid.Data{
					"model": data["model"], "cost_micros": int64(random.IntN(100)), "previous_micros": int64(random.IntN(100)), "newly_known": int64(0), "price_table": "t",
				})
				again.Key += string(rune('a' + call))
				own = append(own, again)
			}
		}
		events = append(events, own...)
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// sumSelection selects by what sums know, at times of which some are whole hours or
// days.
func sumSelection(random *rand.Rand) store.Selection {
	at := func() time.Time {
		t := Epoch.Add(time.Duration(random.IntN((sumDays+2)*24*3600)-24*3600) * time.Second)
		return t.Truncate([]time.Duration{time.Microsecond, time.Hour, 24 * time.Hour}[random.IntN(3)])
	}
	var sel store.Selection
	switch random.IntN(8) {
	case 0:
	case 1:
		sel.BeganSince = at()
	case 2:
		sel.BeganSince = at()
		sel.BeganUntil = sel.BeganSince.Add(time.Duration(random.IntN(90)) * time.Hour)
	case 3:
		sel.Since, sel.BeganUntil = at(), at()
	case 4:
		sel.Until = at()
	case 5:
		sel.BeganSince, sel.Until = at(), at()
	default:
		sel.Since = at()
		if random.IntN(2) == 0 {
			sel.Until = sel.Since.Add(time.Duration(random.IntN(90*3600)) * time.Second)
		}
	}
	if random.IntN(3) == 0 {
		sel.Squads = [][]string{{"eng"}, {"eng", "ops"}}[random.IntN(2)]
	}
	for _, term := range []whodid.Term{
		{Field: whodid.FilterStatus, Values: []string{"failed", "running", "lost"}},
		{Field: whodid.FilterAgent, Values: []string{"*solver"}, Not: true},
		{Field: whodid.FilterModel, Values: []string{"m"}},
		{Field: whodid.FilterCost, Values: []string{"unknown", "computed"}},
		{Field: whodid.FilterTrigger, Values: []string{"man*"}},
		{Field: whodid.FilterRepository, Values: []string{"acme/*"}, Not: true},
		{Field: whodid.FilterSquad, Values: []string{"ops", ""}},
		{Field: whodid.FilterTrigger, Values: []string{"event:issues.labeled"}},
		store.Beyond(uint64(random.IntN(sumEvents)), true),
		store.Beyond(uint64(random.IntN(sumEvents)), true),
		store.Beyond(uint64(random.IntN(sumEvents)), false),
		store.Anything(false),
	} {
		if random.IntN(8) == 0 {
			sel.Terms = append(sel.Terms, term)
		}
	}
	return sel
}

// testSums tells runs in any order, corrects some of them, and compares what is added
// up in tables with what the runs add up to, in many selections.
func testSums(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	random := rand.New(rand.NewPCG(3, 4))
	events := RunsOfDays(3)
	for len(events) > 0 {
		n := min(1+random.IntN(60), len(events))
		b.Append(t, events[:n]...)
		events = events[n:]
		if random.IntN(5) == 0 {
			sumsAreRight(t, s)
		}
	}
	sumsAreRight(t, s)
	some := 0
	for range 40 {
		sel := sumSelection(random)
		single := sel
		// A term that all runs fit, and no sum knows.
		single.Terms = append(slices.Clip(sel.Terms), whodid.Term{Field: whodid.FilterIs, Values: []string{whodid.IsRun}})
		what := fmt.Sprintf("%+v", sel)
		some += same(t, what, single, sel, func(sel store.Selection) ([]store.Tally, error) { return s.Tallies(t.Context(), "default", sel) })
		same(t, what, single, sel, func(sel store.Selection) ([]store.RunGroup, error) {
			groups, err := s.RunGroups(t.Context(), "default", sel)
			slices.SortFunc(groups, func(x, y store.RunGroup) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
			return groups, err
		})
		first := Epoch.Truncate(24 * time.Hour).Add(-24 * time.Hour)
		for _, long := range []time.Duration{24 * time.Hour, 3 * time.Hour} {
			same(t, what, single, sel, func(sel store.Selection) ([]store.RunCount, error) {
				return s.RunsOverTime(t.Context(), "default", store.Selection{Terms: sel.Terms, Squads: sel.Squads, Until: sel.Until}, first.Add(long), long)
			})
			same(t, what, single, sel, func(sel store.Selection) ([]store.TallyIn, error) {
				return s.TalliesIn(t.Context(), "default", sel, []time.Time{first, first.Add(7 * long), first.Add(31 * long), first.Add(100 * long)})
			})
		}
		for _, by := range [][]store.CostTrait{nil, {store.TraitAgent, store.TraitDay}, {store.TraitModel, store.TraitSquad}, {store.TraitRepository, store.TraitTrigger}} {
			same(t, what, single, sel, func(sel store.Selection) ([]store.CostTally, error) {
				return s.CostTallies(t.Context(), "default", sel, by)
			})
		}
		same(t, what, single, sel, func(sel store.Selection) ([]map[string]whodid.Usage, error) {
			u, err := s.UsageByModel(t.Context(), "default", sel)
			return []map[string]whodid.Usage{u}, err
		})
		usedAsTold(t, s, what, sel)
	}
	if some == 0 {
		t.Error("no selection had a run in it")
	}
}

// same asks a question of runs one by one and of sums, and compares; it returns how
// many rows the answer has.
func same[T any](t *testing.T, what string, single, sel store.Selection, ask func(store.Selection) ([]T, error)) int {
	t.Helper()
	want, err := ask(single)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got, err := ask(sel)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-runs +sums):\n%s", what, diff)
	}
	return len(got)
}

// usedAsTold compares what models did with what the executions tell of it one by one.
func usedAsTold(t *testing.T, s *store.Store, what string, sel store.Selection) {
	t.Helper()
	sel.RunsOnly = true
	runs, err := s.ExecutionPage(t.Context(), "default", sel, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := map[string]whodid.Usage{}
	var ids []string
	for i := range runs {
		x := &runs[i]
		ids = append(ids, x.ID)
		models := x.Models
		if _, unnamed := models[""]; unnamed && len(models) == 1 {
			models = map[string]whodid.Usage{x.Model: x.Usage}
		}
		for model, u := range models {
			sum[model] = sum[model].Add(u)
		}
	}
	some := sel
	some.Limit = 7
	if diff := cmp.Diff(ids, allPages(t, s, some)); diff != "" {
		t.Fatalf("%s: its pages (-whole +page by page):\n%s", what, diff)
	}
	got, err := s.UsageByModel(t.Context(), "default", sel)
	if err != nil {
		t.Fatal(err)
	}
	told := func(models map[string]whodid.Usage) map[string]string {
		out := map[string]string{}
		for model, u := range models {
			out[model] = fmt.Sprint(u.Calls, u.CostMicros, u.CostState())
			for _, n := range tokensOf(u) {
				out[model] += fmt.Sprint(" ", n)
			}
		}
		return out
	}
	if diff := cmp.Diff(told(sum), told(got)); diff != "" {
		t.Fatalf("%s: what models did (-one by one +added up):\n%s", what, diff)
	}
}

// tokensOf are the counts that are the whole truth, and -1 where there is none.
func tokensOf(u whodid.Usage) (out []int64) {
	in, sent, read, written := u.Tokens()
	for _, n := range []*int64{in, sent, read, written} {
		if n == nil {
			out = append(out, -1)
		} else {
			out = append(out, *n)
		}
	}
	return out
}

// sumsAreRight adds up all tables again.
func sumsAreRight(t *testing.T, s *store.Store) {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if wrong, err := snapshot.Sums(t.Context()); err != nil || len(wrong) != 0 {
		t.Fatalf("sums that are wrong: %v, %v", wrong, err)
	}
}
