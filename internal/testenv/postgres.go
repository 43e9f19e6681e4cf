// Package testenv is the surroundings that tests and the demo run in: real PostgreSQL databases, the real Claude Code client in a
// throwaway repository, and stand-ins for what they would contact. No program that ships imports it.
package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresVariable is the environment variable that may name a server to test on: the URL of a superuser, for example
// postgres://postgres:secret@127.0.0.1/postgres. Without it a throwaway cluster is started.
const PostgresVariable = "WHODID_TEST_POSTGRES"

// Postgres gives the URL of a fresh, empty database on a real PostgreSQL server, as its superuser. The database is dropped when the test
// ends. Where no server can be had the test fails; it never skips.
//
// Databases of parallel tests share one cluster, so whatever is not inside a database (roles, above all) needs a name of its own.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	database, err := createDatabase(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := dropDatabase(ctx, server, database); err != nil {
			t.Error(err)
		}
	})
	address, err := withDatabase(server, database)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// sharedServer gives the URL of the server that all tests of this process share, and starts one at the first call if none was named.
var sharedServer = sync.OnceValues(func() (string, error) {
	if named := os.Getenv(PostgresVariable); named != "" {
		return named, nil
	}
	// Long enough for a slow machine to run initdb once for each of the processes that wait before this one.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c, err := joinSharedCluster(ctx)
	if err != nil {
		return "", err
	}
	return c.URL("postgres"), nil
})

func createDatabase(ctx context.Context, server string) (name string, err error) {
	name = "whodid_" + strings.ToLower(rand.Text()[:16])
	// template0, because somebody may have put objects into template1 of a server that was named.
	return name, execute(ctx, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
}

func dropDatabase(ctx context.Context, server, name string) error {
	return execute(ctx, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// execute runs one statement over a connection of its own, so that no pool is left open between tests.
func execute(ctx context.Context, server, statement string) (err error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("couldn't connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("couldn't execute %q: %w", statement, err)
	}
	return nil
}

// withDatabase gives the URL of another database on the same server.
func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		// The parser's own message repeats the URL, password included.
		return "", fmt.Errorf("couldn't parse the URL in %s", PostgresVariable)
	}
	u.Path = "/" + name
	return u.String(), nil
}
