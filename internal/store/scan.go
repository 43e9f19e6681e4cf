package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Snapshot is the trail as it was at one moment, for a verification that takes
// longer than the next append. Close it.
type Snapshot struct {
	store *Store
	tx    *sql.Tx
	org   string
	// Head is where the log stood.
	Head Head
}

// Snapshot opens a view of one organisation's trail that no append changes.
func (s *Store) Snapshot(ctx context.Context, org string) (*Snapshot, error) {
	ctx = within(ctx, org)
	tx, err := s.read.BeginTx(ctx, s.dialect.snapshot())
	if err != nil {
		return nil, fmt.Errorf("couldn't open a snapshot: %w", err)
	}
	head, err := readHead(ctx, tx, org)
	if err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return &Snapshot{store: s, tx: tx, org: org, Head: head}, nil
}

// Close ends the snapshot.
func (n *Snapshot) Close() { _ = n.tx.Rollback() }

// Scan yields the events with first <= Seq < end in the order of the log, with
// what is wrong with the columns that the leaf does not cover; empty if
// nothing is. It may run in several goroutines at once, because events below
// the snapshot's head no longer change. The row is used again for the next.
func (n *Snapshot) Scan(ctx context.Context, first, end uint64, yield func(r *Row, misfiled string) error) error {
	const where = `WHERE org = $1 AND seq >= $2 AND seq < $3 ORDER BY seq`
	return eachEvent(within(ctx, n.org), n.store.read, where, []any{n.org, int64(first), int64(end)}, func(r *Row, s *scanner) error {
		return yield(r, s.misfiled(r))
	})
}

// Beyond returns the events at or after the head: there must be none.
func (n *Snapshot) Beyond(ctx context.Context, limit int) ([]Row, error) {
	var out []Row
	where := fmt.Sprintf(`WHERE org = $1 AND (seq >= $2 OR seq < 0) ORDER BY seq LIMIT %d`, limit)
	err := eachEvent(ctx, n.tx, where, []any{n.org, int64(n.Head.Frontier.Size())}, func(r *Row, _ *scanner) error {
		copied := *r
		copied.DataText = bytes.Clone(r.DataText)
		out = append(out, copied)
		return nil
	})
	return out, err
}

// Sums returns where the tables of sums are not what the executions add up to: the
// table, and the time and agent of the row.
func (n *Snapshot) Sums(ctx context.Context) ([]string, error) {
	var out []string
	for i := range levels {
		l := &levels[i]
		kept, added := l.kept()+` WHERE org = $1`, l.added(n.store.dialect, `WHERE org = $1`)
		q := `SELECT DISTINCT ended, agent FROM (SELECT * FROM (` + kept + ` EXCEPT ` + added + `) AS a UNION ALL SELECT * FROM (` + added + ` EXCEPT ` + kept + `) AS b) AS d ORDER BY 1, 2`
		rows, err := n.tx.QueryContext(ctx, q, n.org)
		if err != nil {
			return nil, fmt.Errorf("couldn't add up all runs: %w", err)
		}
		for rows.Next() {
			var ended int64
			var agent string
			if err := rows.Scan(&ended, &agent); err != nil {
				return nil, errors.Join(fmt.Errorf("couldn't add up all runs: %w", err), rows.Close())
			}
			out = append(out, fmt.Sprintf("%s %s of %s", l.table, whodid.FromMicros(ended*l.unit).Format("2006-01-02T15"), agent))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, fmt.Errorf("couldn't add up all runs: %w", err)
		}
	}
	return out, nil
}

// IDs counts the ids under which events are looked up, one for each event that is
// there or was swept. Those that lead to no event are gone, which the caller knows
// or not; astray are those that lead to another one.
func (n *Snapshot) IDs(ctx context.Context, gone func(seq uint64)) (count, astray uint64, err error) {
	if err := n.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM event_id WHERE org = $1 AND seq >= 0`, n.org).Scan(&count); err != nil {
		return 0, 0, fmt.Errorf("couldn't count the ids: %w", err)
	}
	rows, err := n.tx.QueryContext(ctx, n.store.dialect.goneIDs(), n.org)
	if err != nil {
		return 0, 0, fmt.Errorf("couldn't compare the ids: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return 0, 0, fmt.Errorf("couldn't compare the ids: %w", err)
		}
		if seq < 0 {
			astray++
			continue
		}
		gone(uint64(seq))
	}
	if err := rows.Err(); err != nil {
		return 0, 0, fmt.Errorf("couldn't compare the ids: %w", err)
	}
	return count, astray, nil
}

// Tile returns a complete tile as it is stored, or nil if it is not there.
func (n *Snapshot) Tile(ctx context.Context, level int, number uint64) ([]proof.Hash, error) {
	hashes, err := n.store.storedTile(within(ctx, n.org), n.store.read, n.org, level, number)
	if err != nil {
		return nil, err
	}
	return hashes, nil
}

// Tiles reads the tree's tiles as a tree of the size has them.
func (n *Snapshot) Tiles(ctx context.Context) proof.TileReader { return n.store.Tiles(ctx, n.org) }

// Executions yields every execution with its stored columns that differ from
// what want says it should be. want returns nil for an execution that no event
// made.
func (n *Snapshot) Executions(ctx context.Context, want func(id string) *whodid.Execution, yield func(id string, differ []string) error) error {
	return eachExecution(ctx, n.tx, `WHERE org = $1`, []any{n.org}, func(x *executionRow) error {
		w := want(x.ID)
		if w == nil {
			return yield(x.ID, nil)
		}
		differ, err := x.difference(w)
		if err != nil || len(differ) == 0 {
			return err
		}
		return yield(x.ID, differ)
	})
}
