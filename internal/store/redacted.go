package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid"
)

// Redaction says how often a rule took something out of the events that were
// recorded on a day, in UTC.
type Redaction struct {
	Day   time.Time
	Rule  string
	Count int64
}

const addRedactions = `ON CONFLICT (org, day, rule) DO UPDATE SET n = redacted.n + excluded.n`

// redactionsOf adds up what was taken out of rows.
func redactionsOf(rows []*Row) []Redaction {
	var sums []Redaction
	for _, r := range rows {
		for rule, n := range r.Redacted {
			day := r.RecordedAt.UTC().Truncate(24 * time.Hour)
			i := slices.IndexFunc(sums, func(c Redaction) bool { return c.Rule == rule && c.Day.Equal(day) })
			if i < 0 {
				i, sums = len(sums), append(sums, Redaction{Day: day, Rule: rule})
			}
			sums[i].Count += int64(n)
		}
	}
	slices.SortFunc(sums, func(a, b Redaction) int { return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Rule, b.Rule)) })
	return sums
}

// Redactions returns how often each rule took something out, by day, from one
// day on and before another; a zero time is no bound. The newest day is first.
func (s *Store) Redactions(ctx context.Context, org string, since, until time.Time) ([]Redaction, error) {
	ctx = within(ctx, org)
	from, to := int64(0), int64(1<<62)
	if !since.IsZero() {
		from = whodid.Micros(since.UTC().Truncate(24 * time.Hour))
	}
	if !until.IsZero() {
		to = whodid.Micros(until)
	}
	const q = `SELECT day, rule, n FROM redacted WHERE org = $1 AND day >= $2 AND day < $3 ORDER BY day DESC, rule`
	out, err := queryRows(ctx, s.read, q, []any{org, from, to}, func(rows *sql.Rows, c *Redaction) error {
		var day int64
		err := rows.Scan(&day, &c.Rule, &c.Count)
		c.Day = whodid.FromMicros(day)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was redacted: %w", explain(err))
	}
	return out, nil
}
