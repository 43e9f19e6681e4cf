package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/whodid/whodid"
)

// inAppendTx appends in two round trips: one begins the transaction, locks the
// head and reads, the other writes and commits. While they are on their way
// nobody else can append, so that each one more would be paid by all.
func (postgres) inAppendTx(ctx context.Context, s *Store, do func(appendTx) error) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool, which asks whether it is well
	tx := &postgresAppend{Conn: conn}
	err = do(tx)
	if tx.began && !tx.committed {
		// Whatever the caller's context says, for the next one to use the
		// connection must not find half a transaction on it.
		if end := tx.rollback(context.WithoutCancel(ctx)); err == nil {
			err = end
		}
	}
	return explain(err)
}

// asksFirst is false: looking ids up took a quarter of what PostgreSQL did for an
// event.
func (postgres) asksFirst() bool { return false }

type postgresAppend struct {
	*sql.Conn
	began, committed bool
}

// pipeline sends statements in one round trip, and reads what each answers.
func (tx *postgresAppend) pipeline(ctx context.Context, batch *pgx.Batch) error {
	return tx.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the PostgreSQL driver's connection is a %T", c)
		}
		return conn.Conn().SendBatch(ctx, batch).Close()
	})
}

// rollback gives the transaction up, and the connection too if that fails.
func (tx *postgresAppend) rollback(ctx context.Context) error {
	err := tx.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok || conn.Conn().IsClosed() {
			return driver.ErrBadConn
		}
		if _, err := conn.Conn().Exec(ctx, "rollback"); err != nil {
			return driver.ErrBadConn
		}
		return nil
	})
	if errors.Is(err, driver.ErrBadConn) {
		return nil // the server gives it up when the connection is gone
	}
	return err
}

func (tx *postgresAppend) before(ctx context.Context, org string, ids, executions []string) (*before, error) {
	b := &before{ids: make(map[string]bool, len(ids)), executions: make(map[string]*whodid.Execution, len(executions))}
	var batch pgx.Batch
	batch.Queue("begin")
	batch.Queue(selectHead+" FOR UPDATE", org).QueryRow(func(row pgx.Row) (err error) {
		b.head, err = scanHead(row)
		return err
	})
	if len(ids) > 0 {
		batch.Queue(selectTaken, org, ids).Query(func(rows pgx.Rows) error {
			var id string
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
				b.ids[id] = true
				return nil
			})
			return err
		})
	}
	if len(executions) > 0 {
		batch.Queue(selectTouched, org, executions).Query(func(rows pgx.Rows) error {
			defer rows.Close()
			for rows.Next() {
				x, err := scanExecution(rows)
				if err != nil {
					return fmt.Errorf("couldn't read executions: %w", err)
				}
				b.executions[x.ID] = &x.Execution
			}
			return rows.Err()
		})
	}
	tx.began = true
	if err := tx.pipeline(ctx, &batch); err != nil {
		return nil, err
	}
	return b, nil
}

// The rows are asked for one by one, by their key. Given "id = ANY", the planner
// would rather read the whole table once the list is long, and an append must
// not take longer the more there is. OFFSET 0 keeps it from seeing through.
const (
	selectTaken = `SELECT wanted.id FROM unnest($2::text[]) AS wanted(id), ` +
		`LATERAL (SELECT 1 FROM event_id WHERE event_id.org = $1 AND event_id.id = wanted.id OFFSET 0) AS found`
	selectTouched = `SELECT ` + executionColumns + ` FROM unnest($2::text[]) AS wanted(wanted_id), ` +
		`LATERAL (SELECT * FROM execution WHERE execution.org = $1 AND execution.id = wanted_id OFFSET 0) AS found`
)

func (tx *postgresAppend) write(ctx context.Context, org string, a *addition) error {
	events := newEventArrays(org, a.rows)
	defer events.release()
	// The ids come first, for they may be taken, and all else would be in vain.
	statements := []statement{{insertIDArrays, events.ids()}, {insertEventArrays, events.params()}}
	if len(a.tiles) > 0 {
		level, n, hashes := newArray(oidInt8), newArray(oidInt8), newArray(oidBytea)
		for _, t := range a.tiles {
			level.int(int64(t.Level))
			n.int(int64(t.N))
			hashes.bytes(packHashes(t.Hashes))
		}
		statements = append(statements, statement{insertTileArrays, [][]byte{[]byte(org), level.done(), n.done(), hashes.done()}})
	}
	statements = append(statements, statement{updateHead, [][]byte{
		[]byte(org), bigEndian(int64(a.head.Frontier.Size())), packHashes(a.head.Frontier.Roots()), packHashes(a.head.Edge), []byte(a.head.Checkpoint),
	}})
	if len(a.executions) > 0 {
		statements = append(statements, statement{upsertExecutionArrays(), executionArrays(a.executions)})
	}
	if len(a.redacted) > 0 {
		day, rule, n := newArray(oidInt8), newArray(oidText), newArray(oidInt8)
		for _, c := range a.redacted {
			day.int(whodid.Micros(c.Day))
			rule.text(c.Rule)
			n.int(c.Count)
		}
		statements = append(statements, statement{insertRedactedArrays, [][]byte{[]byte(org), day.done(), rule.done(), n.done()}})
	}
	if len(a.actions) > 0 {
		hour, what, result, n := newArray(oidInt8), newArray(oidText), newArray(oidText), newArray(oidInt8)
		for i := range a.actions {
			x := &a.actions[i]
			hour.int(x.hour)
			what.text(x.What)
			result.text(x.Result)
			n.int(x.Count)
		}
		statements = append(statements, statement{insertActionArrays, [][]byte{[]byte(org), hour.done(), what.done(), result.done(), n.done()}})
	}
	return tx.commit(ctx, append(statements, blockStatements(org, a.blocks)...))
}

// statement is one with its parameters, encoded as PostgreSQL receives them.
type statement struct {
	sql    string
	params [][]byte
}

// commit sends the statements and a commit behind them in one round trip.
func (tx *postgresAppend) commit(ctx context.Context, statements []statement) error {
	err := tx.Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the PostgreSQL driver's connection is a %T", c)
		}
		return send(ctx, conn.Conn(), append(statements, statement{sql: "commit"}))
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == uniqueViolation && pg.ConstraintName == "event_id_pkey" {
		return errTaken
	}
	if err != nil {
		return err
	}
	tx.committed = true
	return nil
}

const uniqueViolation = "23505"

// send executes statements in one round trip. A connection prepares each at
// its first time.
func send(ctx context.Context, conn *pgx.Conn, statements []statement) error {
	prepared := make([]*pgconn.StatementDescription, len(statements))
	for i, s := range statements {
		var err error
		if prepared[i], err = conn.Prepare(ctx, s.sql, s.sql); err != nil {
			return err
		}
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	for i, s := range statements {
		pipeline.SendQueryStatement(prepared[i], s.params, []int16{pgx.BinaryFormatCode}, nil)
	}
	err := pipeline.Sync()
	for err == nil {
		var result any
		if result, err = pipeline.GetResults(); result == nil {
			break // the error, or the end
		}
		if reader, ok := result.(*pgconn.ResultReader); ok {
			_, err = reader.Close()
		}
	}
	// Closing reads what is left, and would tell of a failed statement again.
	if closing := pipeline.Close(); err == nil {
		err = closing
	}
	return err
}
