package ask

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// brief is the testimony of a time as far as a report needs it. Most of what is
// achieved are merges of pull requests that agents opened, and a company has more of
// them in a week than can be read within a second. They are counted by what the
// store keeps of each, and are not among the facts.
func (a *Asker) brief(ctx context.Context, since, until time.Time) (e *testimony, merges []store.Merge, err error) {
	e = &testimony{}
	if e.credits, err = a.claims(ctx, since, until); err != nil {
		return nil, nil, err
	}
	// Where an agent says that it merged, the one must be held against the other.
	claimed, err := a.store.ClaimedMerges(ctx, a.org, since, until, patience)
	if err != nil {
		return nil, nil, err
	}
	all, err := a.store.Merges(ctx, a.org, since, until)
	if err != nil {
		return nil, nil, err
	}
	var whole []uint64
	merges = all[:0]
	for i := range all {
		if m := &all[i]; m.Opener < 0 || claimed[m.Seq] {
			whole = append(whole, m.Seq)
		} else {
			merges = append(merges, *m)
		}
	}
	if e.facts, err = a.store.Happened(ctx, a.org, store.Selection{Since: since, Until: until}, factsBesideMerges...); err != nil {
		return nil, nil, err
	}
	return e, merges, a.testify(ctx, e, since, until, whole)
}

// testify adds the merges at some places of the log to the facts.
func (a *Asker) testify(ctx context.Context, e *testimony, since, until time.Time, places []uint64) (err error) {
	for list := range slices.Chunk(places, mergePage) {
		rows, err := a.store.EventsAt(ctx, a.org, list)
		if err != nil {
			return err
		}
		e.facts = append(e.facts, rows...)
	}
	slices.SortFunc(e.facts, func(x, y store.Row) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Seq, y.Seq)) })
	if e.openers, err = a.store.OpenersOf(ctx, a.org, since, until, places); err != nil {
		return err
	}
	e.agents, err = a.agentsNamed(ctx, e.facts, e.openers)
	return err
}

// mergePage is how many events are read at once.
const mergePage = 2000

// lastMerges leaves of merges, which are in the order of time, the last of each pull
// request: what was merged twice was achieved once.
func lastMerges(merges []store.Merge) []store.Merge {
	seen := make(map[int64]bool, len(merges))
	out := make([]store.Merge, 0, len(merges))
	for i := len(merges) - 1; i >= 0; i-- {
		if m := &merges[i]; !seen[m.Opener] {
			seen[m.Opener] = true
			out = append(out, *m)
		}
	}
	slices.Reverse(out)
	return out
}

// goals counts the runs of which a forge confirmed an outcome, by whose they are.
type goals struct {
	of map[string]who
	// also has what else is put down to a run than to the first agent.
	also map[who]map[string]bool
}

// newGoals expects so many.
func newGoals(n int) goals {
	return goals{of: make(map[string]who, n), also: map[who]map[string]bool{}}
}

// reach notes an outcome of a run, and tells for whom it is the first one of it: for
// all, for the squad, for the agent.
func (g *goals) reach(execution string, w who) (all, squad, agent bool) {
	first, known := g.of[execution]
	if !known {
		g.of[execution] = w
		return true, true, true
	}
	if first == w {
		return false, false, false
	}
	return false, first.squad != w.squad && g.new(who{squad: w.squad}, execution), g.new(w, execution)
}

func (g *goals) new(w who, execution string) bool {
	if g.also[w] == nil {
		g.also[w] = map[string]bool{}
	}
	known := g.also[w][execution]
	g.also[w][execution] = true
	return !known
}

// latest are the last outcomes of those found and of merges; both are in the order
// of time.
func (b *reportBuilder) latest(ctx context.Context, found []Achievement, merges []store.Merge) ([]Achievement, error) {
	last := merges[max(len(merges)-latestOutcomes, 0):]
	places := make([]uint64, len(last))
	for i := range last {
		places[i] = last[i].Seq
	}
	e := &testimony{credits: newCredits(nil)}
	if len(last) > 0 {
		since, until := whodid.FromMicros(last[0].At), whodid.FromMicros(last[len(last)-1].At+1)
		if err := b.asker.testify(ctx, e, since, until, places); err != nil {
			return nil, err
		}
	}
	out := append([]Achievement{}, found[max(len(found)-latestOutcomes, 0):]...)
	for i := range e.facts {
		if o, ok := e.credit(&e.facts[i]); ok {
			out = append(out, o)
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(x, y Achievement) int { return y.At.Compare(x.At) })
	return out[:min(len(out), latestOutcomes)], nil
}
