package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// purgePatience is how long a purge waits for others who may still see what was
// erased.
const purgePatience = 30 * time.Second

// Purged says what is left of what was erased in the database's own files.
type Purged struct {
	// Left says what is left to do; empty if nothing is.
	Left string
	// Log is how far PostgreSQL's write-ahead log may still hold what was erased,
	// and Segment the file in which that lies: older files and archives have it
	// until they go, newer ones don't. Both are empty on SQLite, which has emptied
	// its log, and where something is left to do.
	Log, Segment string
}

// Purge removes from the database's files what is left there of what was erased,
// as far as that is possible while it is in use.
func (s *Store) Purge(ctx context.Context, org string) (Purged, error) {
	ctx = within(ctx, org)
	defer s.turn.take(ctx)()
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return Purged{}, fmt.Errorf("couldn't clean the files of the database: %w", err)
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	return s.purge(ctx, conn, org)
}

// purge cleans the files of the tables that are noted as unclean. Whoever notes a
// table meanwhile has a note of his own, and sees to that himself.
func (s *Store) purge(ctx context.Context, conn *sql.Conn, org string) (done Purged, err error) {
	if err := s.dialect.becomeOwner(ctx, conn); err != nil {
		return done, err
	}
	defer s.dialect.becomeApplication(context.WithoutCancel(ctx), conn) //nolint:errcheck // a connection that is broken is closed by the pool
	notes, err := queryColumn[string](ctx, conn, `SELECT id || ' ' || name FROM unclean WHERE org = $1`, org)
	if err != nil {
		return done, fmt.Errorf("couldn't read what is to be cleaned: %w", err)
	}
	var tables []string
	for _, n := range notes {
		_, name, _ := strings.Cut(n, " ")
		tables = append(tables, name)
	}
	slices.Sort(tables)
	tables = slices.Compact(tables)
	unclean, done, err := s.dialect.purge(ctx, conn, tables, s.patience)
	if err != nil {
		return done, fmt.Errorf("couldn't clean the files of the database: %w", err)
	}
	for _, n := range notes {
		id, name, _ := strings.Cut(n, " ")
		if slices.Contains(unclean, name) {
			continue
		}
		if _, err := conn.ExecContext(ctx, `DELETE FROM unclean WHERE org = $1 AND id = $2 AND name = $3`, org, id, name); err != nil {
			return done, fmt.Errorf("couldn't note what was cleaned: %w", err)
		}
	}
	return done, nil
}

// Cleaned tells what is known of the files of the database after an erasure that was
// carried out: nothing is left in them, or what is left to do. Log is as of now.
func (s *Store) Cleaned(ctx context.Context, org, id string) (Purged, error) {
	ctx = within(ctx, org)
	tables, err := queryColumn[string](ctx, s.read, `SELECT name FROM unclean WHERE org = $1 AND id = $2 ORDER BY name`, org, id)
	if err != nil {
		return Purged{}, fmt.Errorf("couldn't read what is to be cleaned: %w", err)
	}
	if len(tables) > 0 {
		return Purged{Left: "what was erased may still be in the files of " + strings.Join(tables, ", ") + "; run whodid privacy reapply"}, nil
	}
	return s.dialect.logHorizon(ctx, s.read)
}

// noteUnclean notes that the files of a table may hold what is erased.
func noteUnclean(ctx context.Context, tx execer, org, id, table string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO unclean (org, id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, org, id, table)
	return err
}

// purge empties the journal: what SQLite frees it overwrites (secure_delete).
func (sqlite) purge(ctx context.Context, conn *sql.Conn, tables []string, _ time.Duration) (unclean []string, done Purged, err error) {
	var busy, log, moved int
	if err := conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &moved); err != nil {
		return nil, done, err
	}
	if busy != 0 {
		done.Left = "another program keeps the trail open, so its journal could not be emptied: it is emptied when the next one closes it; run whodid privacy reapply to see to it now"
		return tables, done, nil
	}
	return nil, done, nil
}

// purge rewrites the tables, so that nothing of their old rows is left in them.
// Only their owner may; whoever else erases is told what is left to do.
//
// A rewrite keeps old rows that somebody may still see, and it sees itself what the
// oldest transaction of the whole server may see, whatever database that is in. So
// it begins when all who might have begun before the erasure was kept are gone.
func (postgres) purge(ctx context.Context, conn *sql.Conn, tables []string, patience time.Duration) (unclean []string, done Purged, err error) {
	if len(tables) == 0 {
		return nil, done, nil
	}
	var mine, foreign []string
	for _, t := range tables {
		var owned sql.NullBool // null if the table is gone, and its files with it
		const q = `SELECT (SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass($1))`
		if err := conn.QueryRowContext(ctx, q, t).Scan(&owned); err != nil {
			return nil, done, err
		}
		switch {
		case !owned.Valid:
		case owned.Bool:
			mine = append(mine, t)
		default:
			foreign = append(foreign, t)
		}
	}
	if len(mine) > 0 {
		seen, err := awaitHorizon(ctx, conn, patience)
		if err != nil {
			return nil, done, fmt.Errorf("couldn't find out who still sees what was erased: %w", err)
		}
		if seen == "" {
			seen, err = rewrite(ctx, conn, mine, patience)
		}
		if err != nil {
			return nil, done, err
		}
		if seen != "" {
			done.Left = seen + ", so what was erased could not be taken out of the files of the database; when that is over, run whodid privacy reapply (a server tries every hour)"
			return tables, done, nil
		}
	}
	if len(foreign) > 0 {
		done.Left = "the owner of the tables has to run whodid privacy reapply, or VACUUM (FULL) " + strings.Join(foreign, ", ")
		return foreign, done, nil
	}
	// The files that the tables had are emptied at once and go with the next
	// checkpoint. Not everybody may ask for one, or for a new file of the log.
	_, _ = conn.ExecContext(ctx, `SELECT pg_switch_wal()`)
	_, _ = conn.ExecContext(ctx, `CHECKPOINT`)
	done, err = postgres{}.logHorizon(ctx, conn)
	return nil, done, err
}

// logHorizon says how far the write-ahead log goes: what was removed from all tables
// is in no later part of it. A standby can't tell.
func (postgres) logHorizon(ctx context.Context, q querier) (done Purged, err error) {
	const horizon = `SELECT l::text, pg_walfile_name(l) FROM pg_current_wal_insert_lsn() AS l WHERE NOT pg_is_in_recovery()`
	if err := q.QueryRowContext(ctx, horizon).Scan(&done.Log, &done.Segment); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return done, fmt.Errorf("couldn't ask how far the log of the database goes: %w", err)
	}
	return done, nil
}

func (sqlite) logHorizon(context.Context, querier) (Purged, error) { return Purged{}, nil }

// rewrite makes the files of tables anew. Who appends queues behind the lock that it
// takes, so that it does not wait for that long at a time. It returns what is in the
// way if that goes on for too long.
func rewrite(ctx context.Context, conn *sql.Conn, tables []string, patience time.Duration) (inTheWay string, err error) {
	if _, err := conn.ExecContext(ctx, `SET lock_timeout = '150ms'`); err != nil {
		return "", err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `RESET lock_timeout`) //nolint:errcheck // a connection that is broken is closed by the pool
	for _, t := range tables {
		for waited := time.Duration(0); ; waited += lockPause {
			_, err := conn.ExecContext(ctx, `VACUUM (FULL) `+t)
			if err == nil {
				break
			}
			if !isLockTimeout(err) {
				return "", fmt.Errorf("couldn't rewrite the table %s: %w", t, err)
			}
			if waited > patience {
				return "the table " + t + " is in use without a pause", nil
			}
			if err := pause(ctx, lockPause); err != nil {
				return "", err
			}
		}
	}
	return "", nil
}

// lockPause is how long others may go on before a lock is tried for again.
const lockPause = 500 * time.Millisecond

// isLockTimeout tells whether a lock was not to be had in time.
func isLockTimeout(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "55P03"
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// stillSeen names one who may see what was there before the transaction $1 began.
// Once nobody has an older transaction, nobody can begin to see an older state. A
// vacuum that is under way sees nothing.
func stillSeen() string {
	older := func(xid string) string { return "age(" + xid + ") > age($1::xid8::xid)" }
	return `SELECT COALESCE(` +
		`(SELECT 'a transaction that began ' || to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC (process ' || pid || ') may still see what was erased' ` +
		`FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (` + older("backend_xid") +
		` OR (datid IS NULL OR datname = current_database()) AND ` + older("backend_xmin") + ` AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)) ` +
		`ORDER BY xact_start LIMIT 1), ` +
		`(SELECT 'the replication slot ' || slot_name || ' may still need what was erased' FROM pg_replication_slots WHERE ` + older("xmin") + ` LIMIT 1), ` +
		`(SELECT 'the prepared transaction ' || gid || ' is older than the erasure' FROM pg_prepared_xacts WHERE ` + older("transaction") + ` LIMIT 1), ` +
		`CASE WHEN pg_snapshot_xmin(pg_current_snapshot()) < $1::xid8 THEN 'a transaction is older than the erasure' END, '')`
}

// awaitHorizon waits until no transaction is left that began before this moment,
// and nobody else sees a state of this database from before it. It returns who
// does, if that takes too long.
func awaitHorizon(ctx context.Context, conn *sql.Conn, patience time.Duration) (seen string, err error) {
	var now string
	if err := conn.QueryRowContext(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(&now); err != nil {
		return "", err
	}
	wait, waited := time.Millisecond, time.Duration(0)
	for {
		if err := conn.QueryRowContext(ctx, stillSeen(), now).Scan(&seen); err != nil || seen == "" || waited > patience {
			return seen, err
		}
		if err := pause(ctx, wait); err != nil {
			return "", err
		}
		waited += wait
		wait = min(2*wait, 100*time.Millisecond)
	}
}
