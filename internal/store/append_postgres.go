package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
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
	defer conn.Close()
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
	batch.Queue(`SELECT id FROM event_id WHERE org = $1 AND id = ANY($2)`, org, ids).Query(func(rows pgx.Rows) error {
		var id string
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			b.ids[id] = true
			return nil
		})
		return err
	})
	if len(executions) > 0 {
		batch.Queue(`SELECT `+executionColumns+` FROM execution WHERE org = $1 AND id = ANY($2)`, org, executions).Query(func(rows pgx.Rows) error {
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

func (tx *postgresAppend) write(ctx context.Context, org string, a *addition) error {
	var batch pgx.Batch
	var c eventArrays
	for _, r := range a.rows {
		c.add(r)
	}
	batch.Queue(insertEventArrays, c.args()...)
	batch.Queue(insertIDArrays, c.org, c.id, c.seq)
	for _, t := range a.tiles {
		batch.Queue(`INSERT INTO tile (org, level, n, hashes) VALUES ($1, $2, $3, $4)`, org, t.Level, int64(t.N), packHashes(t.Hashes))
	}
	batch.Queue(updateHead, a.head.args(org)...)
	if len(a.executions) > 0 {
		batch.Queue(upsertExecutionArrays(), executionArrays(a.executions)...)
	}
	return tx.commit(ctx, &batch)
}

// commit commits right behind the statements.
func (tx *postgresAppend) commit(ctx context.Context, batch *pgx.Batch) error {
	batch.Queue("commit")
	if err := tx.pipeline(ctx, batch); err != nil {
		return err
	}
	tx.committed = true
	return nil
}

const insertIDArrays = `INSERT INTO event_id (org, id, seq) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])`

const insertEventArrays = `INSERT INTO event (` + eventColumns + `) SELECT o, s, i, k, w, c, a, ac, aa, ob, oa, t, at, ra, y, r, x, se, ap, so, d::json, sa, l ` +
	`FROM unnest($1::text[],$2::bigint[],$3::text[],$4::text[],$5::text[],$6::text[],$7::smallint[],$8::text[],$9::text[],$10::text[],$11::text[],` +
	`$12::text[],$13::bigint[],$14::bigint[],$15::text[],$16::text[],$17::text[],$18::text[],$19::text[],$20::text[],$21::text[],$22::bytea[],$23::bytea[]) ` +
	`AS u(o, s, i, k, w, c, a, ac, aa, ob, oa, t, at, ra, y, r, x, se, ap, so, d, sa, l)`

// eventArrays holds many rows by column.
type eventArrays struct {
	org, id, key, what, class, actor, actorAuth, behalf, behalfAuth []string
	target, why, result, execution, session, approval, source, data []string
	seq, at, recordedAt                                             []int64
	action                                                          []int16
	salt, leaf                                                      [][]byte
}

func (c *eventArrays) add(r *Row) {
	class, action := classOf(r.What)
	c.org = append(c.org, r.Org)
	c.seq = append(c.seq, int64(r.Seq))
	c.id = append(c.id, r.ID)
	c.key = append(c.key, r.Key)
	c.what = append(c.what, r.What)
	c.class = append(c.class, string(class))
	c.action = append(c.action, int16(action))
	c.actor = append(c.actor, r.Actor)
	c.actorAuth = append(c.actorAuth, r.ActorAuth)
	c.behalf = append(c.behalf, r.OnBehalfOf)
	c.behalfAuth = append(c.behalfAuth, r.OnBehalfAuth)
	c.target = append(c.target, r.Target)
	c.at = append(c.at, whodid.Micros(r.At))
	c.recordedAt = append(c.recordedAt, whodid.Micros(r.RecordedAt))
	c.why = append(c.why, r.Why)
	c.result = append(c.result, string(r.Result))
	c.execution = append(c.execution, r.Execution)
	c.session = append(c.session, r.Session)
	c.approval = append(c.approval, r.Approval)
	c.source = append(c.source, r.Source)
	c.data = append(c.data, string(r.DataText))
	c.salt = append(c.salt, r.Salt[:])
	c.leaf = append(c.leaf, r.LeafHash[:])
}

func (c *eventArrays) args() []any {
	return []any{
		c.org, c.seq, c.id, c.key, c.what, c.class, c.action, c.actor, c.actorAuth, c.behalf, c.behalfAuth,
		c.target, c.at, c.recordedAt, c.why, c.result, c.execution, c.session, c.approval, c.source, c.data, c.salt, c.leaf,
	}
}
