package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	driversqlite "modernc.org/sqlite"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// forbidden is what no connection of the application may do, on either engine.
func forbidden() []string {
	var out []string
	for _, table := range []string{"event", "tile", "log"} {
		out = append(out,
			"UPDATE "+table+" SET org = 'other'",
			"UPDATE "+table+" SET org = org",
			"DELETE FROM "+table,
			"DELETE FROM "+table+" WHERE org = 'default'",
		)
	}
	for _, table := range []string{"event", "tile", "log", "head", "execution"} {
		out = append(out,
			"DROP TABLE "+table,
			"ALTER TABLE "+table+" RENAME TO gone",
			"ALTER TABLE "+table+" ADD COLUMN more TEXT",
			"CREATE TRIGGER mine AFTER INSERT ON "+table+" BEGIN SELECT 1; END", // PostgreSQL: a syntax error, as good a refusal
		)
	}
	return append(
		out,
		"DELETE FROM head", "DELETE FROM execution",
		"UPDATE head SET size = size - 1",
		"UPDATE head SET size = 0",
		"UPDATE head SET org = 'other'",
		"DELETE FROM token", "UPDATE token SET role = 'admin'", "UPDATE token SET expires_at = NULL", "UPDATE token SET org = 'other'",
		"UPDATE token SET hash = hash", "DROP TABLE token",
		"DELETE FROM witnessed", "UPDATE witnessed SET evidence = ''", "DELETE FROM witness",
		"DROP VIEW actions", "DROP VIEW executions", "DROP INDEX event_by_time",
		"CREATE TABLE mine (x INTEGER)", "CREATE VIEW mine AS SELECT 1",
		"INSERT INTO schema_version (version) VALUES (99)", "DELETE FROM schema_version",
	)
}

// onlySQLite and onlyPostgres are what only one engine can be asked.
var onlySQLite = []string{
	"DROP TRIGGER event_is_kept", "DROP TRIGGER event_is_fixed", "DROP TRIGGER head_only_grows",
	"INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 0",
	"REPLACE INTO tile SELECT * FROM tile",
	"REPLACE INTO log SELECT * FROM log",
	"INSERT INTO event SELECT * FROM event WHERE true ON CONFLICT DO UPDATE SET result = 'success'",
	"UPDATE OR IGNORE event SET result = 'success'",
	"UPDATE OR REPLACE event SET seq = 0",
	"PRAGMA writable_schema = ON", "PRAGMA recursive_triggers = OFF", "PRAGMA journal_mode = DELETE", "PRAGMA synchronous = OFF", "PRAGMA query_only = OFF",
	"UPDATE sqlite_schema SET sql = ''", "DELETE FROM sqlite_schema",
	"ATTACH DATABASE ':memory:' AS other", "VACUUM INTO '/nowhere/copy.db'", "REINDEX", "ANALYZE",
	"CREATE TEMP TABLE event (x INTEGER)", "CREATE TEMP TRIGGER mine AFTER INSERT ON event BEGIN SELECT 1; END",
}

var onlyPostgres = []string{
	"TRUNCATE event", "TRUNCATE event_id", "TRUNCATE tile", "TRUNCATE log CASCADE", "TRUNCATE head",
	"TRUNCATE event_run", "TRUNCATE event_run_202611", "TRUNCATE event_permanent",
	"DROP TABLE event_run_202611", "DELETE FROM event_run_202611", "UPDATE event_run_202611 SET result = ''", "SELECT * FROM event_run_202611 FOR UPDATE",
	"INSERT INTO event_run_202611 SELECT * FROM event",
	"UPDATE event_id SET seq = 0", "DELETE FROM event_id",
	"ALTER TABLE event DISABLE TRIGGER ALL", "ALTER TABLE event DISABLE TRIGGER append_only", "DROP TRIGGER append_only ON event",
	"ALTER TABLE event DETACH PARTITION event_run", "ALTER TABLE event OWNER TO whodid_app", "GRANT DELETE ON event TO whodid_app; DELETE FROM event",
	"ALTER FUNCTION whodid_append_only() OWNER TO whodid_app", "DROP FUNCTION whodid_append_only CASCADE",
	"CREATE OR REPLACE FUNCTION whodid_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
	"SET session_replication_role = replica", "CREATE ROLE whodid_intruder", "ALTER ROLE whodid_app SUPERUSER",
	"SET LOCAL whodid.sweeping = 'on'; DELETE FROM event",
	"COPY event TO PROGRAM 'cat'", "CREATE EXTENSION dblink",
	"INSERT INTO event SELECT * FROM event ON CONFLICT (org, seq, class, recorded_at) DO UPDATE SET result = 'success'",
	"MERGE INTO tile USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
	"WITH gone AS (DELETE FROM tile RETURNING 1) SELECT * FROM gone",
}

// TestAppendOnly tries with the application's own connections everything that
// would change what is recorded.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		b := storetest.NewBook(t, s, "default")
		b.Append(t, storetest.Actions(0, 300)...)
		b.Append(t, started())
		tryForbidden(t, s)
		// The connections still do what they are for.
		b.Append(t, storetest.Actions(300, 310)...)
		if got := len(storetest.Check(t, s, "default")); got != 311 {
			t.Errorf("%d events, want 311", got)
		}
	})
}

func started() whodid.Event {
	return whodid.Event{
		Key: "start", Actor: whodid.AgentActor("engineering/issue-solver"), What: "execution.start", Source: "cli",
		At: storetest.Epoch, Execution: storetest.ExecutionID(0),
	}
}

func tryForbidden(t *testing.T, s *store.Store) {
	t.Helper()
	before := storetest.Check(t, s, "default")
	statements := slices.Concat(forbidden(), onlySQLite)
	if s.Engine() == "postgres" {
		statements = slices.Concat(forbidden(), onlyPostgres)
	}
	for _, statement := range statements {
		for name, pool := range map[string]*sql.DB{"writer": s.Application(), "reader": s.Readers()} {
			switch err := attempt(t, pool, statement); {
			case err == nil:
				t.Errorf("%s may do: %s", name, statement)
			case !isRefusal(err, statement):
				t.Errorf("%s: %s: %v, want a refusal", name, statement, err)
			}
		}
	}
	after := storetest.Check(t, s, "default")
	if len(before) != len(after) {
		t.Errorf("%d events are left of %d", len(after), len(before))
	}
}

// attempt runs statements in a transaction of their own, which is taken back,
// and returns the first error.
func attempt(t testing.TB, pool *sql.DB, statements string) error {
	t.Helper()
	return attemptOn(store.Within(t.Context(), "default"), t, pool, statements)
}

func attemptOn(ctx context.Context, t testing.TB, pool *sql.DB, statements string) error {
	t.Helper()
	conn, err := pool.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var mode []any
	if strings.Contains(fmt.Sprintf("%T", pool.Driver()), "stdlib") {
		mode = []any{pgx.QueryExecModeSimpleProtocol} // the other takes one statement only
		if _, err := conn.ExecContext(ctx, "BEGIN", mode...); err != nil {
			t.Fatal(err)
		}
	}
	_, err = conn.ExecContext(ctx, statements, mode...)
	if mode != nil {
		if _, err := conn.ExecContext(ctx, "ROLLBACK", mode...); err != nil {
			t.Fatal(err)
		}
	}
	return err
}

// isRefusal tells an answer of "not allowed" from any other failure.
func isRefusal(err error, statement string) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "42501" || // insufficient_privilege, which our triggers say too
			pg.Code == "42601" && strings.HasPrefix(statement, "CREATE TRIGGER") // of SQLite's syntax
	}
	var lite *driversqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	return slices.ContainsFunc([]string{"not authorized", "append-only", "prohibited", "identity of a log", "head of a log", "readonly", "may not be modified", "denied"}, func(why string) bool {
		return strings.Contains(lite.Error(), why)
	})
}

// TestLogin connects as one who is a member of the application's role and of
// nothing else, as docs/schema.md recommends for servers.
func TestLogin(t *testing.T) {
	t.Parallel()
	address := testenv.Postgres(t)
	storetest.NewBook(t, opener(t, address)(t), "other") // the owner makes the trail
	login := database(t, address) + "_login"
	execute(t, address, `CREATE ROLE `+login+` LOGIN PASSWORD 'not-a-secret' IN ROLE whodid_app`)
	t.Cleanup(func() { execute(t, address, `DROP ROLE `+login) })
	s := opener(t, as(t, address, login))(t)
	b := storetest.NewBook(t, s, "default")
	b.Append(t, storetest.Actions(0, 20)...)
	// A month that nobody has made room for yet.
	later := storetest.Action(20)
	later.RecordedAt = storetest.Epoch.AddDate(0, 8, 0)
	b.Append(t, later)
	tryForbidden(t, s)
	// Going back to the login's own rights gains nothing.
	for _, statement := range []string{"RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT"} {
		for _, evil := range []string{"DELETE FROM event", "UPDATE event SET result = ''", "TRUNCATE tile", "SET ROLE whodid_sweeper", "SET ROLE postgres", "SET SESSION AUTHORIZATION postgres"} {
			if err := attempt(t, s.Application(), statement+"; "+evil); !isRefusal(err, evil) {
				t.Errorf("%s; %s: %v, want a refusal", statement, evil, err)
			}
		}
	}
	if got := len(storetest.Check(t, s, "default")); got != 21 {
		t.Errorf("%d events, want 21", got)
	}
}

// TestPartitions sees to the months: made once, ahead, whoever asks, and not
// to be hindered by tables of the same name.
func TestPartitions(t *testing.T) {
	t.Parallel()
	address := testenv.Postgres(t)
	s := opener(t, address)(t)
	b := storetest.NewBook(t, s, "default")
	for n, at := range []time.Time{
		time.Date(2026, 11, 30, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 2, 28, 23, 0, 0, 0, time.UTC),
	} {
		e := storetest.Action(n)
		e.RecordedAt = at
		session := storetest.Action(100 + n)
		session.What, session.Result, session.Data, session.RecordedAt = "session.end", "", nil, at
		b.Append(t, e, session)
	}
	for month, want := range map[string]int{"202611": 1, "202612": 1, "202701": 0, "202702": 1, "202703": 0} {
		for _, class := range []string{"run", "session"} {
			var n int
			// As its owner: the application sees partitions only through their table.
			query(t, address, fmt.Sprintf(`SELECT count(*) FROM event_%s_%s`, class, month), &n)
			if n != want {
				t.Errorf("%s of %s holds %d events, want %d", class, month, n, want)
			}
		}
	}
	// A temporary table of a partition's name, or of the table's, is no partition.
	s.Application().SetMaxOpenConns(1) // the connection that has them
	e := storetest.Action(50)
	e.RecordedAt = time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"event_run_202705", "event_run_202706", "event_run"} {
		if _, err := s.Application().ExecContext(store.Within(t.Context(), "default"), "CREATE TEMP TABLE "+name+" (x int)"); err != nil {
			t.Fatal(err)
		}
	}
	b.Append(t, e)
	for _, span := range [][2]time.Time{
		{storetest.Epoch, storetest.Epoch.AddDate(11, 0, 0)},
		{time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := s.Application().ExecContext(store.Within(t.Context(), "default"), `SELECT whodid_partitions($1, $2)`, whodid.Micros(span[0]), whodid.Micros(span[1]))
		if err == nil || !strings.Contains(err.Error(), "clock") {
			t.Errorf("partitions from %s until %s: %v, want a refusal", span[0], span[1], err)
		}
	}
	storetest.Check(t, s, "default")
}

// TestNewer opens a trail that a later version of the program has changed.
func TestNewer(t *testing.T) {
	t.Parallel()
	const newer = `INSERT INTO schema_version (version) VALUES (9999)`
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "trail.db")
		opener(t, path)(t)
		executeSQLite(t, path, newer)
		refusedAsNewer(t, path)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := testenv.Postgres(t)
		opener(t, address)(t)
		execute(t, address, newer)
		refusedAsNewer(t, address)
		// One who may not change the schema is told the same.
		login := database(t, address) + "_reader"
		execute(t, address, `CREATE ROLE `+login+` LOGIN PASSWORD 'not-a-secret' IN ROLE whodid_app`)
		t.Cleanup(func() { execute(t, address, `DROP ROLE `+login) })
		refusedAsNewer(t, as(t, address, login))
	})
}

// TestForeignSchema opens a trail that has had other steps than ours, as of a
// program that was built between two of them: none is put on top of these.
func TestForeignSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.db")
	opener(t, path)(t)
	location, err := place.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		`DELETE FROM schema_version WHERE version IN (11, (SELECT MAX(version) FROM schema_version))`, // one is missing
		`INSERT INTO schema_version (version) VALUES (3), (11)`,                                       // one is not ours
	} {
		executeSQLite(t, path, change)
		if s, err := store.Open(t.Context(), location); !errors.Is(err, store.ErrForeignSchema) {
			t.Errorf("after %s: opened %v, %v; want ErrForeignSchema", change, s, err)
		}
	}
}

func refusedAsNewer(t *testing.T, address string) {
	t.Helper()
	location, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := store.Open(t.Context(), location); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opened %v, %v; want ErrNewer", s, err)
	}
}

// TestRightsOfTheFirst opens a new trail with three stores at once:
// those that did not make it, and whose connection is older than the role,
// have given up their rights too.
func TestRightsOfTheFirst(t *testing.T) {
	t.Parallel()
	for range 2 {
		open := postgresTrail(t)
		stores := make(chan *store.Store)
		for range 3 {
			go func() { stores <- open(t) }()
		}
		for range 3 {
			s := <-stores
			if s == nil {
				t.Fatal("no store")
			}
			var role string
			if err := s.Application().QueryRowContext(store.Within(t.Context(), "default"), `SELECT current_user`).Scan(&role); err != nil || role != "whodid_app" {
				t.Errorf("the store works as %s, %v; want whodid_app", role, err)
			}
		}
	}
}
