package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"

	"github.com/whodid/whodid"
)

// inAppendTx has no lock to take: the transaction is immediate, so that it is
// the only one that writes.
func (sqlite) inAppendTx(ctx context.Context, s *Store, do func(appendTx) error) error {
	return s.inWriteTx(ctx, func(tx *sql.Tx) error { return do(sqliteAppend{tx, s}) })
}

// asksFirst is true: to ask costs no round trip, and little else.
func (sqlite) asksFirst() bool { return true }

type sqliteAppend struct {
	*sql.Tx
	store *Store
}

func (tx sqliteAppend) before(ctx context.Context, org string, ids, executions []string) (*before, error) {
	b := &before{ids: make(map[string]bool, len(ids)), executions: make(map[string]*whodid.Execution, len(executions))}
	var err error
	if b.head, err = readHead(ctx, tx, org); err != nil {
		return nil, err
	}
	condition, arg := tx.store.dialect.among("id", 2, ids)
	taken, err := queryColumn[string](ctx, tx, `SELECT id FROM event_id WHERE org = $1 AND `+condition, org, arg)
	if err != nil {
		return nil, err
	}
	for _, id := range taken {
		b.ids[id] = true
	}
	if len(executions) == 0 {
		return b, nil
	}
	condition, arg = tx.store.dialect.among("id", 2, executions)
	err = eachExecution(ctx, tx, `WHERE org = $1 AND `+condition, []any{org, arg}, func(x *executionRow) error {
		b.executions[x.ID] = &x.Execution
		return nil
	})
	return b, err
}

func (tx sqliteAppend) write(ctx context.Context, org string, a *addition) error {
	if err := tx.events(ctx, a.rows); err != nil {
		return err
	}
	tiles := make([][]any, len(a.tiles))
	for i, t := range a.tiles {
		tiles[i] = []any{org, t.Level, int64(t.N), packHashes(t.Hashes)}
	}
	if err := executeEach(ctx, tx, `INSERT INTO tile (org, level, n, hashes) VALUES ($1, $2, $3, $4)`, tiles); err != nil {
		return err
	}
	if err := executeEach(ctx, tx, updateHead, [][]any{a.head.args(org)}); err != nil {
		return err
	}
	redacted := make([][]any, len(a.redacted))
	for i, c := range a.redacted {
		redacted[i] = []any{org, whodid.Micros(c.Day), c.Rule, c.Count}
	}
	const count = `INSERT INTO redacted (org, day, rule, n) VALUES ($1, $2, $3, $4) ` + addRedactions
	if err := executeEach(ctx, tx, count, redacted); err != nil {
		return err
	}
	if err := executeEach(ctx, tx, insertActionHour, actionHourArgs(org, a.actions)); err != nil {
		return err
	}
	if err := writeBlocks(ctx, tx, org, a.blocks); err != nil {
		return err
	}
	return executeEach(ctx, tx, upsertExecution(), a.executions)
}

// together is how many events one statement inserts, if there are as many. One
// for each costs twice as much: a trigger of the table may insert too, so SQLite
// keeps a copy of every page that a statement changes, to be able to take it back.
const together = 128

// events inserts the rows.
func (tx sqliteAppend) events(ctx context.Context, rows []*Row) error {
	var many, single [][]any
	for len(rows) >= together {
		args := make([]any, 0, together*eventColumnCount)
		for _, r := range rows[:together] {
			args = append(args, r.args()...)
		}
		many = append(many, args)
		rows = rows[together:]
	}
	for _, r := range rows {
		single = append(single, r.args())
	}
	if err := executeEach(ctx, tx, insertEvents(), many); err != nil {
		return err
	}
	return executeEach(ctx, tx, insertEvent, single)
}

// insertEvents inserts several events at once. Its parameters have no names: for
// each that has one the driver searches through them all.
var insertEvents = sync.OnceValue(func() string {
	row := "(?" + strings.Repeat(",?", eventColumnCount-1) + ")"
	return `INSERT INTO event (` + eventColumns + `) VALUES ` + row + strings.Repeat(","+row, together-1)
})

// eventColumnCount is how many columns an event is inserted with.
var eventColumnCount = strings.Count(eventColumns, ",") + 1
