package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// notable is the condition of the index event_of_report, to the letter.
const notable = "(what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap') OR what >= 'budget.' AND what < 'budget/' OR what >= 'deploy.' AND what < 'deploy/' OR what >= 'infra.' AND what < 'infra/' OR what >= 'release.' AND what < 'release/' OR what >= 'schema.' AND what < 'schema/' OR what >= 'secret.' AND what < 'secret/')"

// Notable tells whether events of the verb, or of all verbs with a beginning
// followed by *, are found by their time without reading all others.
func Notable(what string) bool {
	noun, _, ok := strings.Cut(what, ".")
	return ok && strings.Contains(notable, "what >= '"+noun+".'") || strings.Contains(notable, "'"+what+"'")
}

// TallyIn is what the runs of one agent that began in one span add up to.
type TallyIn struct {
	// Span is the index of the bound that it begins with.
	Span int
	Tally
}

// TalliesIn counts the selected runs that began between the first of the bounds
// and the last, by agent and by the span between two bounds. Runs whose start
// nobody told are in none. The bounds ascend.
func (s *Store) TalliesIn(ctx context.Context, org string, sel Selection, bounds []time.Time) ([]TallyIn, error) {
	sel.RunsOnly = true
	sel.BeganSince, sel.BeganUntil = bounds[0], bounds[len(bounds)-1]
	c := clause{dialect: s.dialect}
	var need sumsOf
	for _, b := range bounds {
		need.times = append(need.times, whodid.Micros(b))
	}
	from, _, _ := c.sums(org, &sel, need)
	var span strings.Builder
	span.WriteString("CASE")
	for i, b := range bounds[1:] {
		fmt.Fprintf(&span, " WHEN began < %d THEN %d", whodid.Micros(b), i)
	}
	span.WriteString(" END")
	query := `SELECT ` + span.String() + ` AS span, agent, squad, SUM(runs), ` + runsByStatus() + `, ` +
		`SUM(cost_micros), ` + costUnknown + ` FROM (` + from + `) AS t GROUP BY 1, agent, squad` + addsUp + ` ORDER BY 1, agent, squad`
	out, err := queryRows(within(ctx, org), s.read, query, c.args, func(rows *sql.Rows, t *TallyIn) error {
		return rows.Scan(&t.Span, &t.Agent, &t.Squad, &t.Runs, &t.Success, &t.Failed, &t.Timeout, &t.Cancelled, &t.Lost, &t.Running, &t.CostMicros, &t.CostUnknown)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the runs: %w", explain(err))
	}
	return out, nil
}

// CountExecutions counts the selected executions.
func (s *Store) CountExecutions(ctx context.Context, org string, sel Selection) (int64, error) {
	c := clause{dialect: s.dialect}
	c.executions(org, &sel)
	var n int64
	if err := s.read.QueryRowContext(within(ctx, org), `SELECT COUNT(*) FROM execution `+c.where(), c.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("couldn't count the runs: %w", explain(err))
	}
	return n, nil
}

// Happened returns the selected events of the verbs, by time. It is quick where
// all of the verbs are [Notable].
func (s *Store) Happened(ctx context.Context, org string, sel Selection, whats ...string) ([]Row, error) {
	c := clause{dialect: s.dialect}
	c.events(org, &sel)
	quick := true
	places := make([]string, len(whats))
	for i, what := range whats {
		quick = quick && Notable(what)
		places[i] = c.arg(what)
	}
	if quick {
		c.conditions = append(c.conditions, notable)
	}
	c.conditions = append(c.conditions, "what IN ("+strings.Join(places, ", ")+")")
	return s.collect(within(ctx, org), c.where()+" ORDER BY at, seq"+sel.limit(), c.args)
}
