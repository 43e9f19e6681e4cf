//go:build bench

package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid/proof"
)

// AppendPlain appends rows without any proof of them: no salts, no leaves, no
// tiles, no head. It is what internal/bench measures the cost of the proof
// against, and no program that ships has it. first is the place of the first
// row.
func (s *Store) AppendPlain(ctx context.Context, org string, rows []*Row, first uint64) error {
	ctx = within(ctx, org)
	return s.dialect.inAppendTx(ctx, s, func(tx appendTx) error {
		b, err := tx.before(ctx, org, idsOf(rows), executionsOf(rows))
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

const salt, leaf = 21, 22 // their places among the columns

func (tx *postgresAppend) writePlain(ctx context.Context, rows []*Row, executions [][]any) error {
	var c eventArrays
	for _, r := range rows {
		c.add(r)
	}
	args := c.args()
	args[salt], args[leaf] = make([][]byte, len(rows)), slicesOf([]byte{}, len(rows))
	var batch pgx.Batch
	batch.Queue(insertEventArrays, args...)
	batch.Queue(insertIDArrays, c.org, c.id, c.seq)
	if len(executions) > 0 {
		batch.Queue(upsertExecutionArrays(), executionArrays(executions)...)
	}
	return tx.commit(ctx, &batch)
}

func (tx sqliteAppend) writePlain(ctx context.Context, rows []*Row, executions [][]any) error {
	events := make([][]any, len(rows))
	for i, r := range rows {
		events[i] = r.args()
		events[i][salt], events[i][leaf] = nil, []byte{}
	}
	if err := tx.each(ctx, insertEvent, events); err != nil {
		return err
	}
	return tx.each(ctx, upsertExecution(), executions)
}

func slicesOf(b []byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}
