package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// Witnessed is what a witness gave for a checkpoint of a log. It proves itself, to
// who knows the witness's key.
type Witnessed struct {
	// Witness is what the witness is called here, Kind how it vouches: c2sp or tsa.
	Witness, Kind string
	// Size is that of the tree under the checkpoint.
	Size uint64
	// Checkpoint is the signed note that it saw, Evidence what it gave: a signature
	// line, or a time stamp in base64.
	Checkpoint, Evidence string
	// SeenAt is when, by the witness's own clock.
	SeenAt time.Time
}

// WitnessState is how it went the last time that a witness was shown the log.
type WitnessState struct {
	Name string
	// Size is that of the tree that it saw last.
	Size uint64
	// TriedAt is when it was asked last.
	TriedAt time.Time
	// Failures counts those since it last cosigned, Reason is the last one's.
	// Refused says that it saw another trail than this one.
	Failures int64
	Refused  bool
	Reason   string
}

// KeepWitnessed keeps what a witness gave, and notes that it went well. What is
// kept of the same tree already stays: it was seen earlier.
func (s *Store) KeepWitnessed(ctx context.Context, org string, w *Witnessed, now time.Time) error {
	ctx = within(ctx, org)
	const keep = `INSERT INTO witnessed (org, witness, size, kind, checkpoint, evidence, seen_at, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ` +
		`ON CONFLICT (org, witness, size) DO NOTHING`
	if _, err := s.write.ExecContext(ctx, keep, org, w.Witness, int64(w.Size), w.Kind, w.Checkpoint, w.Evidence, whodid.Micros(w.SeenAt), whodid.Micros(now)); err != nil {
		return fmt.Errorf("couldn't keep what %s witnessed: %w", w.Witness, explain(err))
	}
	// The larger tree is the one that the witness saw last, whatever the order in
	// which two processes come to tell of it.
	const note = `INSERT INTO witness (org, name, size, tried_at, failures, refused, reason) VALUES ($1, $2, $3, $4, 0, 0, '') ` +
		`ON CONFLICT (org, name) DO UPDATE SET size = CASE WHEN witness.size > excluded.size THEN witness.size ELSE excluded.size END, ` +
		`tried_at = excluded.tried_at, failures = 0, refused = 0, reason = ''`
	if _, err := s.write.ExecContext(ctx, note, org, w.Witness, int64(w.Size), whodid.Micros(now)); err != nil {
		return fmt.Errorf("couldn't keep what %s witnessed: %w", w.Witness, explain(err))
	}
	return nil
}

// FailWitness notes that a witness could not be asked, or refused.
func (s *Store) FailWitness(ctx context.Context, org, name, reason string, refused bool, now time.Time) error {
	ctx = within(ctx, org)
	const q = `INSERT INTO witness (org, name, size, tried_at, failures, refused, reason) VALUES ($1, $2, 0, $3, 1, $4, $5) ` +
		`ON CONFLICT (org, name) DO UPDATE SET tried_at = excluded.tried_at, failures = witness.failures + 1, refused = excluded.refused, reason = excluded.reason`
	n := int64(0)
	if refused {
		n = 1
	}
	if _, err := s.write.ExecContext(ctx, q, org, name, whodid.Micros(now), n, reason); err != nil {
		return fmt.Errorf("couldn't note that %s failed: %w", name, explain(err))
	}
	return nil
}

// WitnessStates returns how it went with each witness that was ever shown the log,
// by name.
func (s *Store) WitnessStates(ctx context.Context, org string) ([]WitnessState, error) {
	ctx = within(ctx, org)
	const q = `SELECT name, size, tried_at, failures, refused, reason FROM witness WHERE org = $1 ORDER BY name`
	out, err := queryRows(ctx, s.read, q, []any{org}, func(rows *sql.Rows, w *WitnessState) error {
		var size, tried, refused int64
		err := rows.Scan(&w.Name, &size, &tried, &w.Failures, &refused, &w.Reason)
		w.Size, w.TriedAt, w.Refused = uint64(size), whodid.FromMicros(tried), refused != 0
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read how witnesses are doing: %w", err)
	}
	return out, nil
}

// Witnessed returns what a witness gave, of the largest trees first, at most limit.
func (s *Store) Witnessed(ctx context.Context, org, witness string, limit int) ([]Witnessed, error) {
	const where = `WHERE org = $1 AND witness = $2 ORDER BY size DESC LIMIT $3`
	return s.witnessed(within(ctx, org), where, org, witness, limit)
}

// WitnessedFrom returns what all witnesses gave for trees of at least that size, the
// smallest first, at most limit.
func (s *Store) WitnessedFrom(ctx context.Context, org string, size uint64, limit int) ([]Witnessed, error) {
	const where = `WHERE org = $1 AND size >= $2 ORDER BY size, witness LIMIT $3`
	return s.witnessed(within(ctx, org), where, org, int64(min(size, 1<<62)), limit)
}

func (s *Store) witnessed(ctx context.Context, where string, args ...any) ([]Witnessed, error) {
	query := `SELECT witness, kind, size, checkpoint, evidence, seen_at FROM witnessed ` + where
	out, err := queryRows(ctx, s.read, query, args, func(rows *sql.Rows, w *Witnessed) error {
		var size, seen int64
		err := rows.Scan(&w.Witness, &w.Kind, &size, &w.Checkpoint, &w.Evidence, &seen)
		w.Size, w.SeenAt = uint64(size), whodid.FromMicros(seen)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was witnessed: %w", err)
	}
	return out, nil
}
