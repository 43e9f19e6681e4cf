package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// Sink is how far a sink of an organisation has come.
type Sink struct {
	Name string
	// Next is the place of the event that is sent next.
	Next uint64
	// Holder is the process that sends until HeldUntil; empty if none does.
	Holder    string
	HeldUntil time.Time
	// SentAt is when something was sent last; zero if nothing was.
	SentAt time.Time
	// Failures counts those since then, Reason is the last one's.
	Failures int64
	FailedAt time.Time
	Reason   string
}

// TakeSink makes the holder the only sender of a sink until then, unless another
// one is. It returns the place of the next event, and whether the holder is the
// sender. A sink that is new begins at start.
func (s *Store) TakeSink(ctx context.Context, org, name, holder string, start uint64, now, until time.Time) (uint64, bool, error) {
	ctx = within(ctx, org)
	const q = `INSERT INTO sink (org, name, next, holder, held_until, failures, reason) VALUES ($1, $2, $3, $4, $5, 0, '') ` +
		`ON CONFLICT (org, name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until ` +
		`WHERE sink.holder = excluded.holder OR sink.holder = '' OR sink.held_until <= $6 RETURNING next`
	var next int64
	defer s.turn.take(ctx)()
	err := s.write.QueryRowContext(ctx, q, org, name, int64(start), holder, whodid.Micros(until), whodid.Micros(now)).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("couldn't take the sink %s: %w", name, explain(err))
	}
	return uint64(next), true, nil
}

// AdvanceSink moves a sink's cursor from one place to another, if the holder still
// is its sender and the cursor is where it was, and tells whether it did.
func (s *Store) AdvanceSink(ctx context.Context, org, name, holder string, from, to uint64, now, until time.Time) (bool, error) {
	ctx = within(ctx, org)
	const q = `UPDATE sink SET next = $5, sent_at = $6, held_until = $7, failures = 0, reason = '' WHERE org = $1 AND name = $2 AND holder = $3 AND next = $4`
	n, err := s.changeSink(ctx, q, org, name, holder, int64(from), int64(to), whodid.Micros(now), whodid.Micros(until))
	return n == 1, err
}

// FailSink notes that a sender failed.
func (s *Store) FailSink(ctx context.Context, org, name, holder, reason string, now time.Time) error {
	ctx = within(ctx, org)
	const q = `UPDATE sink SET failures = failures + 1, failed_at = $4, reason = $5 WHERE org = $1 AND name = $2 AND holder = $3`
	_, err := s.changeSink(ctx, q, org, name, holder, whodid.Micros(now), reason)
	return err
}

// ReleaseSink lets another process take a sink at once.
func (s *Store) ReleaseSink(ctx context.Context, org, name, holder string) error {
	ctx = within(ctx, org)
	const q = `UPDATE sink SET holder = '', held_until = 0 WHERE org = $1 AND name = $2 AND holder = $3`
	_, err := s.changeSink(ctx, q, org, name, holder)
	return err
}

func (s *Store) changeSink(ctx context.Context, query string, args ...any) (int64, error) {
	defer s.turn.take(ctx)()
	res, err := s.write.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("couldn't note how far a sink has come: %w", explain(err))
	}
	return res.RowsAffected()
}

// Sinks returns how far the sinks of an organisation have come, by name.
func (s *Store) Sinks(ctx context.Context, org string) ([]Sink, error) {
	ctx = within(ctx, org)
	const q = `SELECT name, next, holder, held_until, sent_at, failures, failed_at, reason FROM sink WHERE org = $1 ORDER BY name`
	out, err := queryRows(ctx, s.read, q, []any{org}, func(rows *sql.Rows, k *Sink) error {
		var next, until int64
		var sent, failed sql.NullInt64
		err := rows.Scan(&k.Name, &next, &k.Holder, &until, &sent, &k.Failures, &failed, &k.Reason)
		k.Next, k.HeldUntil, k.SentAt, k.FailedAt = uint64(next), whodid.FromMicros(until), fromNull(sent), fromNull(failed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read how far sinks have come: %w", err)
	}
	return out, nil
}
