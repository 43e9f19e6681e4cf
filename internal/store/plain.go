//go:build bench

package store

import (
	"context"
	"database/sql"

	"github.com/whodid/whodid/proof"
)

// AppendPlain appends rows without any proof of them: no salts, no leaves, no
// tiles, no head. It is what internal/bench measures the cost of the proof
// against, and no program that ships has it. first is the place of the first
// row.
func (s *Store) AppendPlain(ctx context.Context, org string, rows []*Row, first uint64) error {
	return s.inWriteTx(ctx, func(tx *sql.Tx) error {
		added, err := s.unknown(ctx, tx, org, rows)
		if err != nil || len(added) == 0 {
			return err
		}
		months, err := s.prepareMonths(ctx, tx, added)
		if err != nil {
			return err
		}
		s.months.Store(months)
		for i, r := range added {
			r.Seq = first + uint64(i)
		}
		if err := s.insertPlain(ctx, tx, added); err != nil {
			return err
		}
		return s.foldInto(ctx, tx, org, added)
	})
}

func (s *Store) insertPlain(ctx context.Context, tx *sql.Tx, rows []*Row) error {
	const salt, leaf = 21, 22 // their places among the columns
	for _, r := range rows {
		r.Salt = new(proof.Salt) // it must be there, and is not written
	}
	if s.dialect.name() == "postgres" {
		var c eventArrays
		for _, r := range rows {
			c.add(r)
		}
		args := c.args()
		args[salt], args[leaf] = make([][]byte, len(rows)), slicesOf([]byte{}, len(rows))
		if _, err := tx.ExecContext(ctx, insertEventArrays, args...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO event_id (org, id, seq) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])`, c.org, c.id, c.seq)
		return err
	}
	stmt, err := tx.PrepareContext(ctx, insertEvent)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, r := range rows {
		args := r.args()
		args[salt], args[leaf] = nil, []byte{}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func slicesOf(b []byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}
