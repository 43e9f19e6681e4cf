package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// dialect is what differs between the two engines.
type dialect interface {
	name() string
	// becomeOwner and becomeApplication change the rights of a connection:
	// PostgreSQL's role, SQLite's authorizer.
	becomeOwner(ctx context.Context, c *sql.Conn) error
	becomeApplication(ctx context.Context, c *sql.Conn) error
	// lockSchema lets only one migration run at a time.
	lockSchema(ctx context.Context, tx *sql.Tx) error
	// openUp lets the owner see all rows, for a migration; keepApart gives every
	// table the policies that keep organisations apart, after it.
	openUp(ctx context.Context, tx execer) error
	keepApart(ctx context.Context, tx execer) error
	// inAppendTx runs an append in a transaction, and keeps what it wrote.
	inAppendTx(ctx context.Context, s *Store, do func(appendTx) error) error
	// asksFirst tells whether an append always asks which ids are taken, or may
	// leave it to the write to find out, which then returns errTaken.
	asksFirst() bool
	// hasSchema asks whether the database has a schema of ours, of any version.
	hasSchema() string
	// among is a condition that the column is in the list at parameter n, and
	// the value to pass for it.
	among(column string, n int, list []string) (condition string, arg any)
	// amongNumbers is the same for numbers.
	amongNumbers(column string, n int, list []int64) (condition string, arg any)
	// glob is a condition that the column is text of the parts in that order,
	// with anything between them, and the value to pass for parameter n.
	glob(column string, n int, parts []string) (condition string, arg any)
	// lowerASCII is the column with the letters A to Z made small, and no others.
	lowerASCII(column string) string
	// hasWords is a condition that a decision has all the words or words that
	// begin with them, and the value to pass at parameter n; $1 is the
	// organisation. It may leave out all but so many of the newest, if that is
	// not 0.
	hasWords(n int, words []string, newest int) (condition string, arg any)
	// idsAreEvents tells whether ids are looked up in the events themselves,
	// and not in a table of their own that could say something else.
	idsAreEvents() bool
	// prepareMonths makes room for events recorded at such times, and ahead of
	// time for the month after them.
	prepareMonths(ctx context.Context, tx appendTx, first, last time.Time) error
	// writable is an error if the database takes no changes.
	writable(ctx context.Context, tx *sql.Tx) error
	// confirmations is where to read what forges say of the actions at the
	// listed places; factsOf, runsOf and factsWithin what they say of the target,
	// commit or repository in $2.
	confirmations(list string) string
	factsOf() string
	runsOf() string
	factsWithin() string
	// anyFact asks whether a forge ever told of anything; empty where that is dear.
	anyFact() string
	// ofFile is where to read what was done to a file, by the index over that.
	ofFile() string
	// someFacts is factsOf with no more of each than $3.
	someFacts() string
	// parts selects columns of what each model used of some runs; what is kept of
	// that stands in them in braces.
	parts(columns, runs string) string
	// claimedMerges reads the places of what forges say was merged from $2 on and
	// before $3, and agents say they merged then or within $4 of it.
	claimedMerges() string
	// timeText is a column of microseconds as a time in UTC, to the second.
	timeText(column string) string
	// lockHead is a query that keeps others from appending to an organisation's log.
	lockHead() string
	// inSweep runs a transaction in the rights of the sweeper; touch notes which
	// tables it changes; indexDecisions makes the full-text index of decisions
	// anew.
	inSweep(ctx context.Context, conn *sql.Conn, do func(*sql.Tx) error) error
	touch(ctx context.Context, w *sweep, places []int64) error
	indexDecisions(ctx context.Context, w *sweep) error
	// purge removes what is left of old rows from the files of tables, and says
	// which are still unclean and what is left to do. It waits no longer than it
	// has patience for others who still need those rows.
	purge(ctx context.Context, conn *sql.Conn, tables []string, patience time.Duration) (unclean []string, done Purged, err error)
	// logHorizon says how far the database's own log goes now, if it keeps one that
	// others may archive.
	logHorizon(ctx context.Context, q querier) (Purged, error)
	// places lists the places of the events that fit, as a list in text, by the
	// table that they are in, where there are several.
	places(where string) string
	// dueRuns finds the executions whose last event is due, the longest silent
	// first, with their number of events.
	dueRuns(ctx context.Context, w *sweepPlanner) (due []string, events map[string]int, err error)
	// sweep removes what is due, see [Store.Sweep].
	sweep(ctx context.Context, s *Store, org string, r *SweepRequest, certify Certify, extend Extend) (*Swept, error)
	// goneIDs lists the places of the ids that lead to no event, as they should
	// for what was swept, and -1 for one that leads to another event.
	goneIDs() string
	// hasLater is a condition that an execution of the table has one of these events,
	// which are called later.
	hasLater(runs, later string) string
	// byBytes is a column whose values compare as their bytes do.
	byBytes(column string) string
	// spans is a query for the events at some places that fit a clause.
	spans(c *clause, spans [][2]int64) (query string, args []any)
	// snapshot begins a transaction that sees one state, to read all of it.
	snapshot(ctx context.Context, db *sql.DB) (*sql.Tx, error)
}

type sqlite struct{}

func (sqlite) name() string { return "sqlite" }

func (sqlite) becomeOwner(_ context.Context, c *sql.Conn) error { return c.Raw(unrestrict) }

func (sqlite) becomeApplication(_ context.Context, c *sql.Conn) error              { return c.Raw(restrict) }
func (sqlite) openUp(context.Context, execer) error                                { return nil }
func (sqlite) keepApart(context.Context, execer) error                             { return nil }
func (sqlite) lockSchema(context.Context, *sql.Tx) error                           { return nil }
func (sqlite) idsAreEvents() bool                                                  { return true }
func (sqlite) prepareMonths(context.Context, appendTx, time.Time, time.Time) error { return nil }

func (sqlite) timeText(column string) string {
	return `strftime('%Y-%m-%dT%H:%M:%S', ` + column + ` / 1000000, 'unixepoch')`
}

func (postgres) timeText(column string) string {
	return `to_char(timestamp 'epoch' + ` + column + ` * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS')`
}

func (sqlite) hasSchema() string {
	return `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version')`
}

// writable has nothing to ask: the transaction that it is asked in has taken the
// lock of the writer.
func (sqlite) writable(context.Context, *sql.Tx) error { return nil }

func (sqlite) among(column string, n int, list []string) (string, any) {
	b, _ := json.Marshal(list) // strings always marshal
	return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n), string(b)
}

func (sqlite) amongNumbers(column string, n int, list []int64) (string, any) {
	b, _ := json.Marshal(list) // numbers always marshal
	return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n), string(b)
}

func (sqlite) snapshot(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	return db.BeginTx(ctx, nil)
}

type postgres struct{}

func (postgres) name() string       { return "postgres" }
func (postgres) idsAreEvents() bool { return false }

// snapshot has room to sort what a whole trail adds up to, which else goes by way of
// the disk.
func (postgres) snapshot(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `SET LOCAL work_mem = '64MB'`); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return tx, nil
}

func (postgres) becomeOwner(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, `RESET ROLE`)
	return err
}

func (postgres) becomeApplication(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, setApplicationRole)
	return err
}

func (postgres) lockSchema(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7738147, 0)`)
	return err
}

func (postgres) hasSchema() string { return `SELECT to_regclass('schema_version') IS NOT NULL` }

// openUp is for owners who are held to the policies themselves, because there
// is no role that they could become.
func (postgres) openUp(ctx context.Context, tx execer) error {
	_, err := tx.ExecContext(ctx, `DO $$
DECLARE name regclass;
BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE relforcerowsecurity AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$`)
	return err
}

func (postgres) keepApart(ctx context.Context, tx execer) error {
	_, err := tx.ExecContext(ctx, `SELECT whodid_keep_apart()`)
	return err
}

func (postgres) writable(ctx context.Context, tx *sql.Tx) error {
	var readOnly string
	if err := tx.QueryRowContext(ctx, `SELECT current_setting('transaction_read_only')`).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly == "on" {
		return errReadOnly
	}
	return nil
}

func (postgres) among(column string, n int, list []string) (string, any) {
	return fmt.Sprintf("%s = ANY($%d)", column, n), list
}

func (postgres) amongNumbers(column string, n int, list []int64) (string, any) {
	return fmt.Sprintf("%s = ANY($%d)", column, n), list
}

func (postgres) prepareMonths(ctx context.Context, tx appendTx, first, last time.Time) error {
	_, err := tx.ExecContext(ctx, `SELECT whodid_partitions($1, $2)`, whodid.Micros(first), whodid.Micros(last))
	return err
}
