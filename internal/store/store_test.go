package store_test

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, sqliteTrail)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, postgresTrail)
}

// sqliteTrail and postgresTrail are the trails that tests write.
func sqliteTrail(t testing.TB) func(testing.TB) *store.Store {
	return opener(t, filepath.Join(t.TempDir(), "trail.db"))
}

func postgresTrail(t testing.TB) func(testing.TB) *store.Store {
	return opener(t, testenv.Postgres(t))
}

// engines are both trails, by the engine's name.
var engines = map[string]storetest.Trail{"sqlite": sqliteTrail, "postgres": postgresTrail}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(*testing.T, *store.Store)) {
	t.Helper()
	for name, trail := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, trail(t)(t))
		})
	}
}

// opener returns a function that opens the trail at the address.
func opener(t testing.TB, address string) func(testing.TB) *store.Store {
	t.Helper()
	location, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB) *store.Store {
		s, err := store.Open(t.Context(), location)
		if err != nil {
			t.Error(err) // not Fatal: the suite opens in goroutines too
			return nil
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
}

// TestPostgresLocale asks the same in a database whose language sorts
// otherwise than bytes do, and takes no notice of punctuation.
func TestPostgresLocale(t *testing.T) {
	t.Parallel()
	storetest.RunQueries(t, func(t testing.TB) func(testing.TB) *store.Store {
		address := testenv.Postgres(t)
		execute(t, address, `CREATE DATABASE `+database(t, address)+`_icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US-u-ka-shifted'`)
		t.Cleanup(func() { execute(t, address, `DROP DATABASE `+database(t, address)+`_icu WITH (FORCE)`) })
		return opener(t, strings.Replace(address, database(t, address), database(t, address)+"_icu", 1))
	})
}

// execute runs statements as the superuser that the address is of.
func execute(t testing.TB, address string, statements ...string) {
	t.Helper()
	ctx := context.Background() // the test's own is over when it cleans up
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// database is the name of the database at the address.
func database(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// executeSQLite runs statements as anybody who has the file can.
func executeSQLite(t testing.TB, path string, statements ...string) {
	t.Helper()
	db := storetest.Database(t, place.Location{Path: path})
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// query reads one row as the superuser that the address is of.
func query(t testing.TB, address, statement string, into ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), statement).Scan(into...); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// as is the address with another login.
func as(t testing.TB, address, login string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(login, "not-a-secret")
	return u.String()
}
