package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// notable is the condition of the index event_of_report, to the letter.
const notable = "(what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap') OR what >= 'budget.' AND what < 'budget/' OR what >= 'deploy.' AND what < 'deploy/' OR what >= 'infra.' AND what < 'infra/' OR what >= 'release.' AND what < 'release/' OR what >= 'schema.' AND what < 'schema/' OR what >= 'secret.' AND what < 'secret/')"

// notableOf is the condition for events that have another name.
const notableOf = "(f.what IN ('forge.deploy.status', 'forge.issue.close', 'forge.issue.reopen', 'forge.pr.merge', 'forge.release.publish', 'issue.close', 'pr.merge', 'record.gap') OR f.what >= 'budget.' AND f.what < 'budget/' OR f.what >= 'deploy.' AND f.what < 'deploy/' OR f.what >= 'infra.' AND f.what < 'infra/' OR f.what >= 'release.' AND f.what < 'release/' OR f.what >= 'schema.' AND f.what < 'schema/' OR f.what >= 'secret.' AND f.what < 'secret/')"

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
		`SUM(cost_micros), ` + costUnknown + ` FROM (` + from + `) AS t GROUP BY 1, agent, squad ORDER BY 1, agent, squad`
	rows, err := s.read.QueryContext(within(ctx, org), query, c.args...)
	if err != nil {
		return nil, fmt.Errorf("couldn't count the runs: %w", err)
	}
	defer rows.Close()
	var out []TallyIn
	for rows.Next() {
		var t TallyIn
		if err := rows.Scan(&t.Span, &t.Agent, &t.Squad, &t.Runs, &t.Success, &t.Failed, &t.Timeout, &t.Cancelled, &t.Lost, &t.Running, &t.CostMicros, &t.CostUnknown); err != nil {
			return nil, fmt.Errorf("couldn't count the runs: %w", err)
		}
		out = append(out, t)
	}
	if err := rows.Err(); err != nil {
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
	return s.rows(within(ctx, org), c.where()+" ORDER BY at, seq"+sel.limit(), c.args)
}

// Opener is the agent that opened a pull request, and the event that says so.
type Opener struct{ ID, Actor, Execution string }

// PullOpeners returns which agents opened the pull requests that forges say were
// merged at a time, by the place of the forge's event.
func (s *Store) PullOpeners(ctx context.Context, org string, since, until time.Time) (map[uint64]Opener, error) {
	rows, err := s.read.QueryContext(within(ctx, org), s.dialect.pullOpeners(), org, whodid.Micros(since), whodid.Micros(until))
	if err != nil {
		return nil, fmt.Errorf("couldn't read who opened pull requests: %w", err)
	}
	defer rows.Close()
	out := map[uint64]Opener{}
	for rows.Next() {
		var fact int64
		var o Opener
		if err := rows.Scan(&fact, &o.ID, &o.Actor, &o.Execution); err != nil {
			return nil, fmt.Errorf("couldn't read who opened pull requests: %w", err)
		}
		out[uint64(fact)] = o
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("couldn't read who opened pull requests: %w", explain(err))
	}
	return out, nil
}

func (postgres) pullOpeners() string {
	return `SELECT fact, id, actor, execution FROM whodid_pull_openers($2, $3) WHERE $1 <> ''`
}

func (sqlite) pullOpeners() string {
	return `SELECT f.seq, a.id, a.actor, a.execution FROM event AS f INDEXED BY event_of_report JOIN event AS a ON a.org = f.org AND a.seq = (` +
		`SELECT c.seq FROM event AS c INDEXED BY event_of_pull WHERE c.org = f.org AND lower(c.target) = lower(f.target) ` +
		`AND c.what >= 'pr.' AND c.what < 'pr/' AND c.what = 'pr.create' AND c.action = 1 AND c.result IN ('success', 'attempted') ` +
		`AND c.actor >= 'agent:' AND c.actor < 'agent;' ORDER BY c.at + 0, c.seq LIMIT 1) ` +
		`WHERE f.org = $1 AND f.at >= $2 AND f.at < $3 AND f.what = 'forge.pr.merge' AND ` + notableOf
}
