package ask

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/whodid/whodid"
)

// addSwept adds what is left of runs that were swept, where the question is about
// all of a month's runs of an agent.
func (a *Asker) addSwept(ctx context.Context, q *CostQuestion, c *Cost, rows *costRows) error {
	left, err := a.tallies(ctx, "", "")
	if err != nil {
		return err
	}
	at := map[string]int{}
	for i := range left {
		t := &left[i]
		fits, known := q.agentFits(t.Agent)
		within, touches := monthWithin(t.Month, q.Filter.Since, q.Filter.Until)
		if known && !fits || !touches {
			continue
		}
		counted := known && within
		j, ok := at[t.Month]
		if !ok {
			j = len(c.Swept)
			at[t.Month] = j
			c.Swept = append(c.Swept, SweptCost{Month: t.Month, Counted: counted})
		}
		c.Swept[j].Runs += t.Runs
		c.Swept[j].CostMicros += t.CostMicros
		if !counted {
			continue
		}
		c.Total.swept(t)
		if len(q.By) == 0 {
			continue
		}
		values := make([]string, len(q.By))
		for k, by := range q.By {
			switch by {
			case "agent":
				values[k] = t.Agent
			case "squad":
				values[k] = whodid.Squad(t.Agent)
			case "month":
				values[k] = t.Month
			}
		}
		rows.row(values).swept(t)
	}
	slices.SortFunc(c.Swept, func(x, y SweptCost) int { return cmp.Compare(x.Month, y.Month) })
	return nil
}

// monthWithin tells whether a month lies wholly between two times, and whether any
// of it does. A month that is not known lies in all time only.
func monthWithin(month string, since, until time.Time) (within, touches bool) {
	from, err := time.Parse("2006-01", month)
	if err != nil {
		all := since.IsZero() && until.IsZero()
		return all, all
	}
	to := from.AddDate(0, 1, 0)
	within = !from.Before(since) && (until.IsZero() || !to.After(until))
	touches = to.After(since) && (until.IsZero() || from.Before(until))
	return within, touches
}

// notSweptYet is how young runs are that no sweep has taken: a question about these
// alone need not ask what is left of others.
const notSweptYet = 14 * 24 * time.Hour

// sweptOf are the months of a time in which runs began that were swept, of the agents
// that are asked for.
func (a *Asker) sweptOf(ctx context.Context, s *Selection) ([]SweptCost, error) {
	c := &Cost{Swept: []SweptCost{}}
	if a.now().Sub(s.Filter.Since) <= notSweptYet {
		return c.Swept, nil
	}
	q := &CostQuestion{Filter: s.Filter, Squads: s.Squads}
	if err := a.addSwept(ctx, q, c, nil); err != nil {
		return nil, err
	}
	for i := range c.Swept {
		c.Swept[i].Counted = false
	}
	return c.Swept, nil
}
