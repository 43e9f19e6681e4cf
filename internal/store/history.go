package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// ExecutionFilter selects executions. Zero fields select everything.
type ExecutionFilter struct {
	Agent  string // full name, or a prefix ending in "*"
	Squad  string
	Status string
	Parent string
	// Since and Until select by overlap: an execution that ran at any moment
	// between them is meant, so that a long one is not missed.
	Since, Until time.Time
	// RunsOnly leaves out sub-agents, which are parts of a run.
	RunsOnly bool
	Limit    int
}

// atWorkUntil is when an execution was last at work: always for one that runs,
// and until its lease ran out for one that was lost without a word. The index
// execution_by_end is over this very expression.
//
// It is not written with COALESCE, which PostgreSQL does not trust to keep rows
// of other organisations to itself, so that it would use no index for it.
const atWorkUntil = `CASE WHEN status = 'running' THEN 9223372036854775807 WHEN completed_at IS NOT NULL THEN completed_at ` +
	`WHEN lease_until IS NOT NULL THEN lease_until WHEN started_at IS NOT NULL THEN started_at ELSE 0 END`

func (f *ExecutionFilter) where(org string) (string, []any) {
	args := []any{org}
	where := "WHERE org = $1"
	add := func(condition string, arg any) {
		if !storable(arg) {
			where += " AND 1 = 0"
			return
		}
		args = append(args, arg)
		where += " AND " + strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args)))
	}
	if prefix, isPrefix := strings.CutSuffix(f.Agent, "*"); isPrefix {
		add("agent >= ?", prefix)
		add("agent < ?", prefix+"\x7f")
	} else if f.Agent != "" {
		add("agent = ?", f.Agent)
	}
	if f.Squad != "" {
		add("squad = ?", f.Squad)
	}
	if f.Status != "" {
		add("status = ?", f.Status)
	}
	if f.Parent != "" {
		add("parent <> '' AND parent = ?", f.Parent)
	}
	if !f.Since.IsZero() {
		add(atWorkUntil+" >= ?", whodid.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		add("COALESCE(started_at, completed_at, 0) < ?", whodid.Micros(f.Until))
	}
	if f.RunsOnly {
		where += " AND subagent = ''"
	}
	return where, args
}

// Executions returns the selected executions, the last started first and those
// whose start is not known at the end.
func (s *Store) Executions(ctx context.Context, org string, f ExecutionFilter) ([]whodid.Execution, error) {
	ctx = within(ctx, org)
	where, args := f.where(org)
	return queryExecutions(ctx, s.read, where+f.order(), args...)
}

// Expired returns the running executions whose lease ran out before now, the
// longest expired first.
func (s *Store) Expired(ctx context.Context, org string, now time.Time) ([]whodid.Execution, error) {
	ctx = within(ctx, org)
	return queryExecutions(ctx, s.read, `WHERE org = $1 AND status = 'running' AND lease_until < $2 ORDER BY lease_until, id`, org, whodid.Micros(now))
}

// Tally is what the runs of one agent add up to. Every run is in Runs; the
// others count parts of them.
type Tally struct {
	Agent, Squad string
	Runs         int64
	Success      int64
	Failed       int64
	Timeout      int64
	Cancelled    int64
	Lost         int64
	Running      int64
	// CostMicros is the known cost; CostUnknown counts runs of which at least
	// a part of the cost is not known.
	CostMicros  int64
	CostUnknown int64
	// The token counts are those known; TokensUnknown counts runs without.
	TokensIn, TokensOut, TokensCacheRead, TokensCacheWrite int64
	TokensUnknown                                          int64
	// Seconds is the time that ended runs took together.
	Seconds float64
	LastRun time.Time
}

// Tallies counts the selected runs by agent, the agent with most runs first.
func (s *Store) Tallies(ctx context.Context, org string, sel Selection) ([]Tally, error) {
	ctx = within(ctx, org)
	sel.RunsOnly = true
	c := clause{dialect: s.dialect}
	from, last := c.tallies(org, &sel)
	query := `SELECT agent, squad, SUM(runs) AS n, ` + runsByStatus() + `, SUM(cost_micros), ` + costUnknown + `, ` +
		`SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), SUM(tokens_unknown), SUM(micros), ` +
		last + ` FROM (` + from + `) AS t GROUP BY agent, squad` + addsUp + ` ORDER BY n DESC, agent`
	out, err := queryRows(ctx, s.read, query, c.args, func(rows *sql.Rows, t *Tally) error {
		var last sql.NullInt64
		var micros int64
		err := rows.Scan(&t.Agent, &t.Squad, &t.Runs, &t.Success, &t.Failed, &t.Timeout, &t.Cancelled, &t.Lost, &t.Running,
			&t.CostMicros, &t.CostUnknown, &t.TokensIn, &t.TokensOut, &t.TokensCacheRead, &t.TokensCacheWrite,
			&t.TokensUnknown, &micros, &last)
		t.Seconds = float64(micros) / 1e6 // a time.Duration ends at 292 years, which many runs together can take
		t.LastRun = fromNull(last)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the runs: %w", err)
	}
	return out, nil
}

// tallies is what is added up, and the last run of each agent.
func (c *clause) tallies(org string, sel *Selection) (from, last string) {
	from, exact, summed := c.sums(org, sel, sumsOf{})
	if !summed {
		return from, `MAX(began)`
	}
	// Sums do not know it. The plus is for the agent's index, not the one by time.
	return from, `(SELECT started_at FROM execution ` + byStart(exact) +
		` AND agent = t.agent AND squad = t.squad AND started_at IS NOT NULL ORDER BY started_at DESC LIMIT 1)`
}

// runsByStatus are the sums of runs that ended in each way, and of those at work, in
// the order of [Tally].
func runsByStatus() string {
	var sums []string
	for _, status := range []whodid.Status{
		whodid.StatusSuccess, whodid.StatusFailed, whodid.StatusTimeout, whodid.StatusCancelled, whodid.StatusLost, whodid.StatusRunning,
	} {
		sums = append(sums, fmt.Sprintf("SUM(CASE WHEN status = '%s' THEN runs ELSE 0 END)", status))
	}
	return strings.Join(sums, ", ")
}

// costUnknown counts the runs of which a part of the cost is not known.
const costUnknown = `SUM(CASE WHEN cost_state = 'unknown' THEN runs ELSE 0 END)`

// CountActionsByAgent counts the actions of each agent from one time on and before
// another.
func (s *Store) CountActionsByAgent(ctx context.Context, org string, since, until time.Time) (map[string]int64, error) {
	const q = `SELECT actor, COUNT(*) FROM event WHERE org = $1 AND action = 1 AND at >= $2 AND at < $3 AND what <> 'budget.exceed' GROUP BY actor`
	return s.countBy(ctx, org, q, org, whodid.Micros(since), whodid.Micros(until))
}

// CountActionsByRun counts the actions of each of the executions.
func (s *Store) CountActionsByRun(ctx context.Context, org string, executions []string) (map[string]int64, error) {
	in, arg := s.dialect.among("execution", 2, executions)
	q := `SELECT execution, COUNT(*) FROM event WHERE org = $1 AND action = 1 AND what <> 'budget.exceed' AND execution <> '' AND ` + in + ` GROUP BY execution`
	return s.countBy(ctx, org, q, org, arg)
}

func (s *Store) countBy(ctx context.Context, org, query string, args ...any) (map[string]int64, error) {
	counts := map[string]int64{}
	err := eachRow(within(ctx, org), s.read, query, args, func(rows *sql.Rows) error {
		var name string
		var n int64
		err := rows.Scan(&name, &n)
		counts[name] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the actions: %w", explain(err))
	}
	return counts, nil
}
