package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// lockHead keeps everybody from appending until the transaction ends. On SQLite
// nobody else writes anyway.
func (sqlite) lockHead() string   { return `SELECT size FROM head WHERE org = $1` }
func (postgres) lockHead() string { return `SELECT size FROM head WHERE org = $1 FOR UPDATE` }

// inSweep takes the triggers that keep events away and puts them back, within
// the one transaction.
func (d sqlite) inSweep(ctx context.Context, conn *sql.Conn, do func(*sql.Tx) error) error {
	if err := d.becomeOwner(ctx, conn); err != nil {
		return err
	}
	defer conn.Raw(restrict) //nolint:errcheck // a connection that can't be restricted is closed by the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	const kept = `SELECT name || char(10) || sql FROM sqlite_master WHERE type = 'trigger' AND name IN ('event_is_fixed', 'token_is_fixed', 'token_stays_revoked')`
	triggers, err := queryColumn[string](ctx, tx, kept)
	if err != nil {
		return err
	}
	for _, t := range triggers {
		name, _, _ := strings.Cut(t, "\n")
		if _, err := tx.ExecContext(ctx, `DROP TRIGGER `+name); err != nil {
			return err
		}
	}
	if err := do(tx); err != nil {
		return err
	}
	for _, t := range triggers {
		_, create, _ := strings.Cut(t, "\n")
		if _, err := tx.ExecContext(ctx, create); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// inSweep works as the sweeper's role, which the triggers let pass while the
// setting says that it sweeps. Both end with the transaction.
func (postgres) inSweep(ctx context.Context, conn *sql.Conn, do func(*sql.Tx) error) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var may bool
	const ask = `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'whodid_sweeper' AND pg_has_role(session_user, oid, 'MEMBER'))`
	if err := tx.QueryRowContext(ctx, ask).Scan(&may); err != nil {
		return err
	}
	if !may {
		return ErrNoSweeper
	}
	// A sweep copies what stays of a month, and must not miss what changes.
	for _, set := range []string{sweepLock, `SET LOCAL ROLE whodid_sweeper`, `SET LOCAL whodid.sweeping = 'on'`} {
		if _, err := tx.ExecContext(ctx, set); err != nil {
			return errors.Join(ErrNoSweeper, err)
		}
	}
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// touch notes the tables that hold the events at the places.
func (sqlite) touch(_ context.Context, w *sweep, _ []int64) error {
	w.touched["event"] = true
	return nil
}

func (postgres) touch(ctx context.Context, w *sweep, places []int64) error {
	tables, err := queryColumn[string](ctx, w, `SELECT DISTINCT tableoid::regclass::text FROM event WHERE org = $1 AND seq = ANY($2)`, w.org, places)
	for _, t := range tables {
		w.touched[t] = true
	}
	return err
}

// indexDecisions makes the full-text index of decisions anew, for it can't be
// told to forget single words. On PostgreSQL the index is over the rows
// themselves.
func (sqlite) indexDecisions(ctx context.Context, w *sweep) error {
	for _, q := range []string{
		`INSERT INTO decision_text (decision_text) VALUES ('delete-all')`,
		`INSERT INTO decision_text (org, seq, words) SELECT org, seq, target || ' ' || why || ' ' || COALESCE(data ->> 'decided', '') || ' ' || COALESCE(data ->> 'expected', '')
		|| ' ' || COALESCE(data ->> 'alternatives', '') || ' ' || COALESCE(data ->> 'issue', '') || ' ' || COALESCE(data ->> 'path', '')
		FROM event WHERE what IN ('decision.record', 'decision.summarize') AND salt IS NOT NULL ORDER BY seq`,
	} {
		if _, err := w.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (postgres) indexDecisions(context.Context, *sweep) error { return nil }
