package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
)

func (sqlite) places(where string) string {
	return `SELECT '', json_group_array(seq) FROM event WHERE ` + where
}

// dueRuns leaves it to another query where the events are: of many that are due,
// only so many go at once.
func (sqlite) dueRuns(ctx context.Context, w *sweepPlanner) (due []string, events map[string]int, err error) {
	const q = `SELECT c.execution, c.events FROM (SELECT execution, MAX(recorded_at) AS last, COUNT(*) AS events FROM event ` +
		`WHERE org = $1 AND class IN ('run', 'session') AND execution <> '' AND recorded_at < $2 GROUP BY execution) AS c ` +
		`WHERE NOT EXISTS (SELECT 1 FROM event AS e WHERE e.org = $1 AND e.class IN ('run', 'session') AND e.execution <> '' AND e.execution = c.execution AND e.recorded_at >= $2) ` +
		`ORDER BY c.last, c.execution`
	events = map[string]int{}
	err = w.pairs(ctx, q, []any{w.org, w.cutoff}, func(id string, n any) {
		due = append(due, id)
		events[id] = int(n.(int64))
	})
	return due, events, err
}

func (sqlite) goneIDs() string {
	return `SELECT CASE WHEN e.id IS NULL THEN g.seq ELSE -1 END FROM gone_id AS g ` +
		`LEFT JOIN event AS e ON e.org = g.org AND e.id = g.id WHERE g.org = $1 AND NOT (` + namedByErasure("g", "instr") + `)`
}

// maxSwept is how many events go at once, so that others need not wait long for
// their turn to write.
const maxSwept = 20_000

// maxGone is how many events one statement removes.
const maxGone = 10_000

// sweep removes events by their places, in the only transaction that writes. The
// pages that are freed are overwritten (secure_delete), and the log of the
// transaction that still has them is emptied.
func (sqlite) sweep(ctx context.Context, s *Store, org string, r *SweepRequest, certify Certify, extend Extend) (swept *Swept, err error) {
	bounded := *r
	if bounded.Max == 0 {
		bounded.Max = maxSwept
	}
	defer s.turn.take(ctx)()
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	if err := conn.Raw(loosen); err != nil {
		return nil, err
	}
	defer func() {
		if restricted := conn.Raw(restrict); err == nil {
			err = restricted
		}
	}()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	p, err := s.planSweep(ctx, tx, org, &bounded)
	if err != nil || p.Events == 0 {
		return p.swept(), err
	}
	for seqs := range slices.Chunk(p.seqs, maxGone) {
		list, err := json.Marshal(seqs)
		if err != nil {
			return nil, err
		}
		if err := removePlaces(ctx, tx, org, string(list)); err != nil {
			return nil, err
		}
	}
	head, err := readHead(ctx, tx, org)
	if err != nil {
		return nil, err
	}
	if err := s.finishSweep(ctx, tx, org, head, p, certify, extend); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	// What somebody still reads stays in the log until the next time.
	_, _ = conn.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return &p.Swept, nil
}

func removePlaces(ctx context.Context, tx *sql.Tx, org, list string) error {
	for _, statement := range []string{
		`INSERT INTO action_hour (org, hour, what, result, n) SELECT org, at / 3600000000, what, result, -COUNT(*) FROM event WHERE org = $1 AND seq IN (SELECT value FROM json_each($2)) AND ` +
			countedHours + ` GROUP BY 1, 2, 3, 4 ` + addActions,
		`INSERT INTO gone_id (org, id, seq) SELECT org, id, seq FROM event WHERE org = $1 AND seq IN (SELECT value FROM json_each($2))`,
		`DELETE FROM event WHERE org = $1 AND seq IN (SELECT value FROM json_each($2))`,
	} {
		if _, err := tx.ExecContext(ctx, statement, org, list); err != nil {
			return fmt.Errorf("couldn't remove events: %w", err)
		}
	}
	return nil
}
