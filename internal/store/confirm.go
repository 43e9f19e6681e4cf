package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
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
			`FROM confirmations AS c WHERE c.org = $1 AND c.seq IN (` + list.String() + `)`
		if err := s.confirmations(ctx, q, org, out); err != nil {
			return nil, fmt.Errorf("couldn't read what forges confirm: %w", err)
		}
	}
	return out, nil
}

func (s *Store) confirmations(ctx context.Context, query, org string, out map[uint64]Confirmation) error {
	rows, err := s.read.QueryContext(ctx, query, org)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c Confirmation
		var seq int64
		var at sql.NullInt64
		if err := rows.Scan(&seq, &c.State, &c.Expected, &c.FactID, &c.Fact, &c.Actor, &c.Source, &c.Delivery, &at); err != nil {
			return err
		}
		if at.Valid {
			c.At = whodid.FromMicros(at.Int64)
		}
		out[uint64(seq)] = c
	}
	return rows.Err()
}

// FactsOf returns the facts of forges about a target, and the actions on pull
// requests of that name, in the order of the log. Letters match without case,
// as forges' names do.
func (s *Store) FactsOf(ctx context.Context, org, target string) ([]Row, error) {
	if !storable(target) {
		return nil, nil
	}
	lower := s.dialect.lowerTarget()
	var out []Row
	keep := func(r *Row, _ *scanner) error { return appendParsed(&out, r) }
	for _, prefix := range []string{`what >= 'forge.' AND what < 'forge/'`, `what >= 'pr.' AND what < 'pr/'`} {
		where := `WHERE org = $1 AND ` + prefix + ` AND ` + lower + ` = lower($2) ORDER BY seq`
		if err := eachEvent(ctx, s.read, where, []any{org, target}, keep); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Row) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, nil
}

// RunsOf returns the ends of workflows and pipelines of a commit, by time.
func (s *Store) RunsOf(ctx context.Context, org, sha string) ([]Row, error) {
	if !storable(sha) {
		return nil, nil
	}
	var out []Row
	where := `WHERE org = $1 AND what = 'forge.ci.run' AND ` + s.dialect.sha() + ` = $2 ORDER BY at, seq`
	err := eachEvent(ctx, s.read, where, []any{org, sha}, func(r *Row, _ *scanner) error { return appendParsed(&out, r) })
	return out, err
}

// appendParsed keeps a row that is used again for the next.
func appendParsed(out *[]Row, r *Row) error {
	if err := r.ParseData(); err != nil {
		return err
	}
	copied := *r
	copied.DataText = slices.Clone(r.DataText)
	*out = append(*out, copied)
	return nil
}

func (sqlite) lowerTarget() string   { return "lower(target)" }
func (sqlite) sha() string           { return "(data ->> 'sha')" }
func (postgres) lowerTarget() string { return `lower(target COLLATE "C")` }
func (postgres) sha() string         { return `((data ->> 'sha') COLLATE "C")` }
