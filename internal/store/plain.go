//go:build bench

package store

import (
	"context"

	"github.com/whodid/whodid/proof"
)

// AppendPlain appends rows without any proof of them: no salts, no leaves, no
// tiles, no head. It is what internal/bench measures the cost of the proof
// against, and no program that ships has it. first is the place of the first
// row.
func (s *Store) AppendPlain(ctx context.Context, org string, rows []*Row, first uint64) error {
	ctx = within(ctx, org)
	return s.dialect.inAppendTx(ctx, s, func(tx appendTx) error {
		b, err := tx.before(ctx, org, idsOf(rows, true), executionsOf(rows))
		if err != nil {
			return err
		}
		added := b.unknown(rows)
		if len(added) == 0 {
			return nil
		}
		months, err := s.prepareMonths(ctx, tx, added)
		if err != nil {
			return err
		}
		s.months.Store(months)
		for i, r := range added {
			r.Seq = first + uint64(i)
			r.Salt = new(proof.Salt) // it must be there, and is not written
		}
		executions, err := b.fold(org, added)
		if err != nil {
			return err
		}
		if tx, ok := tx.(*postgresAppend); ok {
			return tx.writePlain(ctx, added, executions)
		}
		return tx.(sqliteAppend).writePlain(ctx, added, executions)
	})
}

func (tx *postgresAppend) writePlain(ctx context.Context, rows []*Row, executions [][]any) error {
	events := newEventArrays(rows[0].Org, rows)
	defer events.release()
	salts, leaves := newArray(oidBytea), newArray(oidBytea)
	for range rows {
		salts.null()
		leaves.bytes(nil)
	}
	params := events.params()
	params[1+arrayOfSalt], params[1+arrayOfLeaf] = salts.done(), leaves.done()
	statements := []statement{{insertEventArrays, params}, {insertIDArrays, events.ids()}}
	if len(executions) > 0 {
		statements = append(statements, statement{upsertExecutionArrays(), executionArrays(executions)})
	}
	return tx.commit(ctx, statements)
}

func (tx sqliteAppend) writePlain(ctx context.Context, rows []*Row, executions [][]any) error {
	events := make([][]any, len(rows))
	for i, r := range rows {
		events[i] = r.args()
		events[i][1+arrayOfSalt], events[i][1+arrayOfLeaf] = nil, []byte{}
	}
	if err := executeEach(ctx, tx, insertEvent, events); err != nil {
		return err
	}
	return executeEach(ctx, tx, upsertExecution(), executions)
}
