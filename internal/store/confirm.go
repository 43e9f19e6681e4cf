package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Confirmation is what a forge says of one action.
type Confirmation struct {
	// State is confirmed, contradicted, or empty if the forge says neither.
	State string
	// Expected tells whether a webhook of the repository was heard of before
	// the action, so that silence of the forge says something too.
	Expected bool
	// FactID is the event of the forge that says so, Fact its verb, Actor who
	// did it there. Source told it, with the delivery of that id.
	FactID, Fact, Actor, Source, Delivery string
	At                                    time.Time
}

// confirmable are the verbs of the actions that the view confirmations has.
var confirmable = []string{
	"pr.create", "pr.merge", "pr.close", "pr.review", "pr.comment", "issue.create", "issue.close", "issue.comment",
	"commit.push", "release.publish", "test.run",
}

// Confirmable tells whether a forge could confirm an action of the verb.
func Confirmable(what string) bool {
	return slices.Contains(confirmable, what) || strings.HasPrefix(what, "deploy.")
}

// maxConfirmations is how many actions one query asks about.
const maxConfirmations = 500

// Confirmations returns what forges say of the actions at those places of the
// log, by place. It has no entry for actions that no forge could confirm.
func (s *Store) Confirmations(ctx context.Context, org string, seqs []uint64) (map[uint64]Confirmation, error) {
	ctx = within(ctx, org)
	out := map[uint64]Confirmation{}
	for chunk := range slices.Chunk(seqs, maxConfirmations) {
		var list strings.Builder
		for i, seq := range chunk {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(strconv.FormatUint(seq, 10))
		}
		// Whether silence has lasted long enough, the caller says by its own clock.
		q := `SELECT c.seq, CASE WHEN c.state = 'unconfirmed' THEN '' ELSE COALESCE(c.state, '') END, c.expected, COALESCE(c.fact_id, ''), COALESCE(c.fact, ''), ` +
			`COALESCE(c.fact_actor, ''), COALESCE(c.source, ''), COALESCE(c.delivery, ''), ` +
			`(SELECT f.at FROM event AS f WHERE f.org = c.org AND f.seq = c.fact_seq) ` +
			`FROM ` + s.dialect.confirmations(list.String()) + ` AS c WHERE c.org = $1 AND c.seq IN (` + list.String() + `)`
		if err := s.confirmations(ctx, q, org, out); err != nil {
			return nil, fmt.Errorf("couldn't read what forges confirm: %w", err)
		}
	}
	return out, nil
}

// ForgesAreSilent tells whether no forge ever told of anything, so that there is
// nothing to hold actions against, however many they are. Where the engine would
// have to look for that it says no.
func (s *Store) ForgesAreSilent(ctx context.Context, org string) (bool, error) {
	ctx = within(ctx, org)
	q := s.dialect.anyFact()
	if q == "" {
		return false, nil
	}
	var told bool
	if err := s.read.QueryRowContext(ctx, q, org).Scan(&told); err != nil {
		return false, fmt.Errorf("couldn't read what forges confirm: %w", explain(err))
	}
	return !told, nil
}

func (s *Store) confirmations(ctx context.Context, query, org string, out map[uint64]Confirmation) error {
	return eachRow(ctx, s.read, query, []any{org}, func(rows *sql.Rows) error {
		var c Confirmation
		var seq int64
		var at sql.NullInt64
		err := rows.Scan(&seq, &c.State, &c.Expected, &c.FactID, &c.Fact, &c.Actor, &c.Source, &c.Delivery, &at)
		c.At = fromNull(at)
		out[uint64(seq)] = c
		return err
	})
}

// FactsOf returns the facts of forges about a target, and the actions on pull
// requests of that name, in the order of the log. Letters match without case,
// as forges' names do.
func (s *Store) FactsOf(ctx context.Context, org, target string) ([]Row, error) {
	return s.facts(ctx, org, s.dialect.factsOf(), ` ORDER BY seq`, target)
}

// RunsOf returns the ends of workflows and pipelines of a commit, by time.
func (s *Store) RunsOf(ctx context.Context, org, sha string) ([]Row, error) {
	return s.facts(ctx, org, s.dialect.runsOf(), ` ORDER BY at, seq`, sha)
}

// LastFact returns the fact of a repository that its webhooks told last, or nil.
func (s *Store) LastFact(ctx context.Context, org, repository, source string) (*Row, error) {
	rows, err := s.facts(ctx, org, s.dialect.factsWithin(), ` ORDER BY seq DESC LIMIT 1`, repository, source)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// facts reads the events that a source of them has, which takes its arguments from
// $2 on.
func (s *Store) facts(ctx context.Context, org, from, order string, args ...any) ([]Row, error) {
	ctx = within(ctx, org)
	for _, arg := range args {
		if !storable(arg) {
			return nil, nil
		}
	}
	return s.collectFrom(ctx, from+" AS event", `WHERE org = $1`+order, append([]any{org}, args...))
}

// PostgreSQL has functions for this: see 0006_confirm.sql.

func (postgres) confirmations(list string) string {
	return `whodid_confirmations(ARRAY[` + list + `]::bigint[])`
}
func (postgres) factsOf() string     { return `whodid_facts($2)` }
func (postgres) runsOf() string      { return `whodid_runs($2)` }
func (postgres) factsWithin() string { return `whodid_facts_within($2, $3)` }

// Under a policy PostgreSQL might read every event for this.
func (postgres) anyFact() string { return "" }

func (sqlite) anyFact() string {
	return `SELECT EXISTS (SELECT 1 FROM event INDEXED BY event_of_forge WHERE org = $1 AND what >= 'forge.' AND what < 'forge/')`
}

func (sqlite) confirmations(string) string { return `confirmations` }

func (sqlite) factsOf() string {
	const of = ` WHERE org = $1 AND lower(target) = lower($2) AND `
	return `(SELECT * FROM event INDEXED BY event_of_forge` + of + `what >= 'forge.' AND what < 'forge/' ` +
		`UNION ALL SELECT * FROM event INDEXED BY event_of_pull` + of + `what >= 'pr.' AND what < 'pr/')`
}

func (sqlite) runsOf() string {
	return `(SELECT * FROM event INDEXED BY event_of_ci WHERE org = $1 AND what = 'forge.ci.run' AND (data ->> 'sha') = $2)`
}

func (sqlite) factsWithin() string {
	return `(SELECT * FROM event WHERE org = $1 AND what >= 'forge.' AND what < 'forge/' AND what NOT IN ('forge.hook', 'forge.unhook') AND source = $3 ` +
		`AND (lower(target) = lower($2) OR lower(target) >= lower($2) || '!' AND lower(target) < lower($2) || '$' ` +
		`OR lower(target) >= lower($2) || '@' AND lower(target) < lower($2) || 'A'))`
}
