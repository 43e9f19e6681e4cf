package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func (postgres) places(where string) string {
	return `SELECT tableoid::regclass::text, array_agg(seq)::text FROM event WHERE ` + where + ` GROUP BY tableoid`
}

// dueRuns reads the events that may be due once, and remembers where they are: what
// goes of a month is most of it, so that to read it all again would cost as much.
func (postgres) dueRuns(ctx context.Context, w *sweepPlanner) (due []string, events map[string]int, err error) {
	const q = `SELECT tableoid::regclass::text, execution, MAX(recorded_at), array_agg(seq)::text FROM event ` +
		`WHERE org = $1 AND class IN ('run', 'session') AND recorded_at < $2 GROUP BY tableoid, execution`
	w.places = map[string][]inMonth{}
	last := map[string]int64{}
	events = map[string]int{}
	err = eachRow(ctx, w.q, q, []any{w.org, w.cutoff}, func(rows *sql.Rows) error {
		var month, id string
		var recorded int64
		var list sql.RawBytes
		if err := rows.Scan(&month, &id, &recorded, &list); err != nil {
			return err
		}
		seqs, err := readPlaces(nil, list)
		if err != nil {
			return err
		}
		w.places[id] = append(w.places[id], inMonth{month, seqs})
		if id != "" {
			events[id] += len(seqs)
			last[id] = max(last[id], recorded)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't look for runs that are due: %w", err)
	}
	alive := map[string]bool{}
	if err := w.markAlive(ctx, slices.Collect(maps.Keys(events)), w.cutoff, func(id string) { alive[id] = true }); err != nil {
		return nil, nil, err
	}
	for id := range events {
		if alive[id] {
			delete(events, id)
		} else {
			due = append(due, id)
		}
	}
	slices.SortFunc(due, func(a, b string) int { return cmp.Or(cmp.Compare(last[a], last[b]), strings.Compare(a, b)) })
	return due, events, nil
}

func (postgres) goneIDs() string {
	return `SELECT CASE WHEN EXISTS (SELECT 1 FROM event AS o WHERE o.org = i.org AND o.seq = i.seq) THEN -1 ELSE i.seq END FROM event_id AS i ` +
		`WHERE i.org = $1 AND NOT EXISTS (SELECT 1 FROM event AS e WHERE e.org = i.org AND e.seq = i.seq AND e.id = i.id) AND NOT (` + namedByErasure("i", "strpos") + `)`
}

// The transaction of a sweep begins as the sweeper, the only one at a time.
// Whatever else removes or changes events takes the same lock.
const (
	sweepLock    = `SELECT pg_advisory_xact_lock(7738147, 3)`
	becomeSweeps = `SELECT set_config('role', 'whodid_sweeper', true), set_config('whodid.sweeping', 'on', true) FROM pg_roles ` +
		`WHERE rolname = 'whodid_sweeper' AND pg_has_role(session_user, oid, 'MEMBER')`
)

// sweep puts what stays of a month that is over into a new table, and that into
// the place of the old one; see the migration. Where little of a month goes, as
// every day, or the month is not over, it removes rows: their table goes as a
// whole later.
func (postgres) sweep(ctx context.Context, s *Store, org string, r *SweepRequest, certify Certify, extend Extend) (*Swept, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, sweepLock); err != nil {
		return nil, err
	}
	if err := becomeSweeper(ctx, tx); err != nil {
		return nil, err
	}
	// The places of all that is due are gathered in one go.
	if _, err := tx.ExecContext(ctx, `SET LOCAL work_mem = '128MB'`); err != nil {
		return nil, err
	}
	p, err := s.planSweep(ctx, tx, org, r)
	if err != nil || p.Events == 0 {
		return p.swept(), err
	}
	whole, err := p.removeAhead(ctx, tx, org)
	if err != nil {
		return nil, err
	}
	head, err := s.lockToSweep(ctx, tx, org, p, whole)
	if err != nil {
		return nil, err
	}
	for _, month := range whole {
		if _, err := tx.ExecContext(ctx, `SELECT whodid_sweep_swap($1)`, month); err != nil {
			return nil, fmt.Errorf("couldn't remove events: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `SELECT whodid_sweep_merges($1)`, signed(p.months[month])); err != nil {
			return nil, fmt.Errorf("couldn't remove what was merged: %w", err)
		}
	}
	if err := s.finishSweep(ctx, tx, org, head, p, certify, extend); err != nil {
		return nil, err
	}
	return p.swept(), tx.Commit()
}

func becomeSweeper(ctx context.Context, tx *sql.Tx) error {
	res, err := tx.ExecContext(ctx, becomeSweeps)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrNoSweeper
}

// removeAhead does what is in nobody's way, and returns the months that are ready
// to go as a whole.
func (p *sweepPlan) removeAhead(ctx context.Context, tx *sql.Tx, org string) (whole []string, err error) {
	for _, month := range slices.Sorted(maps.Keys(p.months)) {
		seqs := signed(p.months[month])
		if len(seqs) == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, `SELECT whodid_sweep_actions($1, $2)`, month, seqs); err != nil {
			return nil, fmt.Errorf("couldn't count what goes: %w", err)
		}
		stay := int64(-1)
		if monthOver(month, p.Cutoff) {
			if stay, err = p.copyRest(ctx, tx, month, seqs); err != nil {
				return nil, fmt.Errorf("couldn't copy what stays of a month: %w", err)
			}
		}
		if stay >= 0 {
			whole = append(whole, month)
			continue
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM event WHERE org = $1 AND class IN ('run', 'session') AND seq = ANY ($2)`, org, seqs)
		if err != nil {
			return nil, fmt.Errorf("couldn't remove events: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(seqs)) {
			return nil, errors.Join(err, fmt.Errorf("%d events of %d could be removed", n, len(seqs)))
		}
	}
	return whole, nil
}

// copyRest copies what stays of a month into a new table, and returns how much that
// is; -1 if it is more than what goes.
func (p *sweepPlan) copyRest(ctx context.Context, tx *sql.Tx, month string, gone []int64) (stay int64, err error) {
	if p.stay == nil {
		return stay, tx.QueryRowContext(ctx, `SELECT whodid_sweep_copy($1, $2)`, month, gone).Scan(&stay)
	}
	err = tx.QueryRowContext(ctx, `SELECT whodid_sweep_keep($1, $2, $3)`, month, len(gone), signed(p.stay[month])).Scan(&stay)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "40001" {
		return 0, errChanged
	}
	return stay, err
}

func signed(seqs []uint64) []int64 {
	out := make([]int64, len(seqs))
	for i, seq := range seqs {
		out[i] = int64(seq)
	}
	return out
}

// The locks that all writers wait for are waited for no longer than lockWait at a
// time, because behind a lock that is waited for all others queue.
const (
	lockWait  = "150ms"
	lockTries = 40
)

// lockToSweep locks the head, and the tables that are to change their places.
func (s *Store) lockToSweep(ctx context.Context, tx *sql.Tx, org string, p *sweepPlan, months []string) (Head, error) {
	for try := range lockTries {
		if _, err := tx.ExecContext(ctx, `SAVEPOINT unlocked`); err != nil {
			return Head{}, err
		}
		head, err := readHeadForUpdate(ctx, tx, org)
		if err != nil {
			return Head{}, err
		}
		if err := s.isStill(ctx, tx, org, p); err != nil {
			return Head{}, err
		}
		if len(months) == 0 {
			return head, nil
		}
		if _, err := tx.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, true)`, lockWait); err != nil {
			return Head{}, err
		}
		_, err = tx.ExecContext(ctx, `SELECT whodid_sweep_lock($1)`, months)
		var refused *pgconn.PgError
		switch {
		case err == nil:
			return head, nil
		case !errors.As(err, &refused) || refused.Code != "55P03" && refused.Code != "40P01":
			return Head{}, err
		}
		if _, err := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT unlocked`); err != nil {
			return Head{}, err
		}
		select {
		case <-ctx.Done():
			return Head{}, ctx.Err()
		case <-time.After(min(time.Duration(try+1)*20*time.Millisecond, 500*time.Millisecond)):
		}
	}
	return Head{}, ErrSweepBusy
}

func readHeadForUpdate(ctx context.Context, tx *sql.Tx, org string) (Head, error) {
	return scanHead(tx.QueryRowContext(ctx, selectHead+" FOR UPDATE", org))
}
