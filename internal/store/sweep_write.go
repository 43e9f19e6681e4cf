package store

import (
	"context"
	"database/sql"
)

// writeEach writes the few events that tell of a sweep, row by row.
func writeEach(ctx context.Context, tx preparer, org string, a *addition) error {
	events := make([][]any, len(a.rows))
	for i, r := range a.rows {
		events[i] = r.args()
	}
	if err := executeEach(ctx, tx, insertEvent, events); err != nil {
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
	return writeBlocks(ctx, tx, org, a.blocks)
}

// preparer prepares statements.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// executeEach executes a statement once for every list of arguments.
func executeEach(ctx context.Context, tx preparer, statement string, lists [][]any) error {
	if len(lists) == 0 {
		return nil
	}
	stmt, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, args := range lists {
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
