package store

import "context"

// Reviews returns the events by which people signed off, the last first; 0 is no
// limit.
func (s *Store) Reviews(ctx context.Context, org string, limit int) ([]Row, error) {
	ctx = within(ctx, org)
	if limit == 0 {
		limit = 1 << 30
	}
	return s.collect(ctx, `WHERE org = $1 AND class = 'permanent' AND what = 'review.sign' ORDER BY seq DESC LIMIT $2`, []any{org, limit})
}

// Exceptions returns the events by which commits were excused from rules, the
// last first.
func (s *Store) Exceptions(ctx context.Context, org string) ([]Row, error) {
	ctx = within(ctx, org)
	return s.collect(ctx, `WHERE org = $1 AND class = 'permanent' AND what = 'exception.add' ORDER BY seq DESC`, []any{org})
}
