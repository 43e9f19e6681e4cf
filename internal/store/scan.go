package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	tx, err := s.dialect.snapshot(ctx, s.read)
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
	args := []any{n.org, int64(first), int64(end)}
	each := func(r *Row, s *scanner) error { return yield(r, s.misfiled(r)) }
	ctx = within(ctx, n.org)
	if n.store.pool == nil {
		return eachEvent(ctx, n.store.read, where, args, each)
	}
	var r Row
	var s scanner
	var stopped error
	err := n.store.eachRaw(ctx, selectEvent+where, args, func(columns [][]byte) error {
		if err := s.raw(columns, &r); err != nil {
			return err
		}
		stopped = each(&r, &s)
		return stopped
	})
	if err != nil && stopped == nil {
		return fmt.Errorf("couldn't read events: %w", err)
	}
	return err
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
		keys, sums := l.columns()
		q := `SELECT DISTINCT ended, agent FROM (` + onlyInOne(keys+", "+sums, kept, added) + `) AS d ORDER BY 1, 2`
		err := eachRow(ctx, n.tx, q, []any{n.org}, func(rows *sql.Rows) error {
			var ended int64
			var agent string
			err := rows.Scan(&ended, &agent)
			out = append(out, fmt.Sprintf("%s %s of %s", l.table, whodid.FromMicros(ended*l.unit).Format("2006-01-02T15"), agent))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("couldn't add up all runs: %w", err)
		}
	}
	return out, nil
}

// Merges returns the places of the forges' events whose row of merge is not what
// the events and the runs say.
func (n *Snapshot) Merges(ctx context.Context) ([]string, error) {
	pull := n.store.dialect.lowerASCII("target")
	told := `SELECT f.at, f.seq, COALESCE(o.seq, -1), COALESCE(substr(o.actor, 7), ''), COALESCE(o.execution, ''), COALESCE(x.agent, ''), ` +
		`CASE WHEN o.execution <> '' AND f.merges = 1 AND COALESCE(f.executions, '[]') IN ('[]', '["' || o.execution || '"]') THEN 1 ELSE 0 END ` +
		`FROM (SELECT at, seq, data ->> 'executions' AS executions, ` + pull + ` AS pull, COUNT(*) OVER (PARTITION BY ` + pull + `) AS merges FROM event ` +
		`WHERE org = $1 AND class = 'run' AND what >= 'forge.' AND what < 'forge/' AND what = 'forge.pr.merge') AS f ` +
		`LEFT JOIN (SELECT seq, actor, execution, ` + pull + ` AS pull, ROW_NUMBER() OVER (PARTITION BY ` + pull + ` ORDER BY at, seq) AS n FROM event ` +
		`WHERE org = $1 AND class = 'run' AND what >= 'pr.' AND what < 'pr/' AND what = 'pr.create' AND action = 1 AND result IN ('success', 'attempted') ` +
		`AND actor >= 'agent:' AND actor < 'agent;') AS o ON o.pull = f.pull AND o.n = 1 ` +
		`LEFT JOIN execution AS x ON x.org = $1 AND x.id = o.execution`
	const columns = "at, seq, opener, agent, execution, runner, sole"
	return n.differing(ctx, "seq", columns, `SELECT `+columns+` FROM merge WHERE org = $1`, told)
}

// Actions returns the hours of which action_hour does not count what the events do,
// as seconds since 1970.
func (n *Snapshot) Actions(ctx context.Context, told ActionHours) ([]string, error) {
	wrong := maps.Clone(told)
	err := eachRow(ctx, n.tx, `SELECT hour, what, result, n FROM action_hour WHERE org = $1 AND n <> 0`, []any{n.org}, func(rows *sql.Rows) error {
		var a actionHour
		var kept int64
		err := rows.Scan(&a.hour, &a.What, &a.Result, &kept)
		if wrong[a] -= kept; wrong[a] == 0 {
			delete(wrong, a)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read how many actions are counted: %w", err)
	}
	hours := map[int64]bool{}
	for a := range wrong {
		hours[a.hour] = true
	}
	var out []string
	for _, hour := range sortedKeys(hours) {
		out = append(out, strconv.FormatInt(hour*3600, 10))
	}
	return out, nil
}

// ApprovalEnds returns the approvals whose row of approval_end is not what the
// events say.
func (n *Snapshot) ApprovalEnds(ctx context.Context) ([]string, error) {
	const lastPart = `SELECT MAX(x.seq) FROM event AS x WHERE x.org = r.org AND x.class = 'permanent' AND x.approval <> '' AND x.approval = r.approval AND x.`
	told := `SELECT r.approval, r.recorded_at, d.recorded_at, CASE WHEN d.what = 'approval.grant' AND d.actor >= 'human:' AND d.actor < 'human;' AND d.actor <> r.actor ` +
		`AND (r.data ->> 'four_eyes' IS NULL OR d.actor <> r.on_behalf_of) AND r.data ->> 'digest' <> '' AND d.data ->> 'digest' = r.data ->> 'digest' ` +
		`AND (r.data ->> 'signature_required' IS NULL OR d.data -> 'signature' ->> 0 <> '') ` +
		`AND (r.data ->> 'expires' IS NULL OR r.data ->> 'expires' LIKE '____-__-__T__:__:__%Z' AND ` + n.store.dialect.timeText("d.recorded_at") + ` < r.data ->> 'expires') ` +
		`THEN 1 ELSE 0 END FROM event AS r LEFT JOIN event AS d ON d.org = r.org AND d.class = 'permanent' AND d.seq = (` + lastPart +
		`what IN ('approval.grant', 'approval.reject', 'approval.cancel', 'approval.expire')) ` +
		`WHERE r.org = $1 AND r.class = 'permanent' AND r.approval <> '' AND r.what = 'approval.request' AND r.seq = (` + lastPart + `what = 'approval.request')`
	const columns = "approval, requested, decided, granted"
	return n.differing(ctx, "approval", columns, `SELECT `+columns+` FROM approval_end WHERE org = $1`, told)
}

// differing returns the values of a column in the rows that one of two queries has
// and the other has not. Both have the columns.
func (n *Snapshot) differing(ctx context.Context, column, columns, kept, told string) ([]string, error) {
	q := `SELECT DISTINCT CAST(` + column + ` AS TEXT) FROM (` + onlyInOne(columns, kept, told) + `) AS d ORDER BY 1`
	out, err := queryColumn[string](ctx, n.tx, q, n.org)
	if err != nil {
		return nil, fmt.Errorf("couldn't compare what is kept for reports with the events: %w", err)
	}
	return out, nil
}

// onlyInOne is a query for the rows that one of two queries has and the other has not.
// Neither has a row twice, and each is asked once.
func onlyInOne(columns, kept, told string) string {
	return `SELECT ` + columns + ` FROM (SELECT ` + columns + `, 1 AS side FROM (` + kept + `) AS k UNION ALL SELECT t.*, -1 FROM (` + told + `) AS t) AS s ` +
		`GROUP BY ` + columns + ` HAVING SUM(side) <> 0`
}

// IDs counts the ids under which events are looked up, one for each event that is
// there or was swept. Those that lead to no event are gone, which the caller knows
// or not; astray are those that lead to another one.
func (n *Snapshot) IDs(ctx context.Context, gone func(seq uint64)) (count, astray uint64, err error) {
	if err := n.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM event_id WHERE org = $1 AND seq >= 0`, n.org).Scan(&count); err != nil {
		return 0, 0, fmt.Errorf("couldn't count the ids: %w", err)
	}
	err = eachRow(ctx, n.tx, n.store.dialect.goneIDs(), []any{n.org}, func(rows *sql.Rows) error {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return err
		}
		if seq < 0 {
			astray++
		} else {
			gone(uint64(seq))
		}
		return nil
	})
	if err != nil {
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

// Compare yields which of the executions are stored, and the columns of each that
// are not what it says. want may shrink meanwhile.
func (n *Snapshot) Compare(ctx context.Context, want map[string]*whodid.Execution, yield func(id string, differ []string) error) error {
	const most = 1000
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(want)), most) {
		condition, arg := n.store.dialect.among("id", 2, ids)
		err := eachExecution(ctx, n.tx, `WHERE org = $1 AND `+condition, []any{n.org, arg}, func(x *executionRow) error {
			differ, err := x.difference(want[x.ID])
			if err != nil {
				return err
			}
			return yield(x.ID, differ)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecutionIDs yields the ids of all executions that are stored.
func (n *Snapshot) ExecutionIDs(ctx context.Context, yield func(id string) error) error {
	err := eachRow(ctx, n.tx, `SELECT id FROM execution WHERE org = $1`, []any{n.org}, func(rows *sql.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		return yield(id)
	})
	if err != nil {
		return fmt.Errorf("couldn't list the executions: %w", err)
	}
	return nil
}

// Execution returns what is stored of an execution.
func (n *Snapshot) Execution(ctx context.Context, id string) (*whodid.Execution, error) {
	found, err := queryExecutions(ctx, n.tx, `WHERE org = $1 AND id = $2`, n.org, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("execution %s: %w", id, ErrNotFound)
	}
	return &found[0], nil
}
