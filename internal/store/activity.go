package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// RunCount is how many runs that began in one stretch of time stand in one
// status, and what is known of their cost.
type RunCount struct {
	// Stretch counts from 0.
	Stretch int64
	Status  whodid.Status
	Runs    int64
	// CostMicros is what is known, CostUnknown the runs of which not all is.
	CostMicros, CostUnknown int64
}

// RunsOverTime counts the selected runs that began from a time on, by stretches of
// that length and by status, in the order of time.
func (s *Store) RunsOverTime(ctx context.Context, org string, sel Selection, from time.Time, stretch time.Duration) ([]RunCount, error) {
	ctx = within(ctx, org)
	sel.RunsOnly, sel.BeganSince = true, from
	c := clause{dialect: s.dialect}
	long := max(stretch.Microseconds(), 1)
	sums, _, _ := c.sums(org, &sel, sumsOf{times: []int64{whodid.Micros(from), long}})
	query := fmt.Sprintf(`SELECT (began - %d) / %d, status, SUM(runs), SUM(cost_micros), `, whodid.Micros(from), long) + costUnknown +
		` FROM (` + sums + `) AS t GROUP BY 1, 2` + addsUp + ` ORDER BY 1, 2`
	out, err := queryRows(ctx, s.read, query, c.args, func(rows *sql.Rows, n *RunCount) error {
		return rows.Scan(&n.Stretch, &n.Status, &n.Runs, &n.CostMicros, &n.CostUnknown)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the runs over time: %w", explain(err))
	}
	return out, nil
}

// RunGroup is how many runs have these words in common.
type RunGroup struct {
	Squad, Agent, Trigger, Status, Model, CostState, Repository string
	Runs                                                        int64
}

// RunGroups counts the selected runs by all that they may be narrowed by at once:
// one look at what is added up, and what is left is small.
func (s *Store) RunGroups(ctx context.Context, org string, sel Selection) ([]RunGroup, error) {
	ctx = within(ctx, org)
	sel.RunsOnly = true
	c := clause{dialect: s.dialect}
	sums, _, _ := c.sums(org, &sel, sumsOf{})
	const by = `squad, agent, trigger, status, model, cost_state, repository`
	query := `SELECT ` + by + `, SUM(runs) FROM (` + sums + `) AS t GROUP BY ` + by + addsUp
	out, err := queryRows(ctx, s.read, query, c.args, func(rows *sql.Rows, g *RunGroup) error {
		return rows.Scan(&g.Squad, &g.Agent, &g.Trigger, &g.Status, &g.Model, &g.CostState, &g.Repository, &g.Runs)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the runs by kind: %w", explain(err))
	}
	return out, nil
}
