package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// An owner of a database who may make no roles still gets a trail, with its
// triggers: a managed server gives no more.
func TestOwnerWithoutTheRightToMakeRoles(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	database := address.Path[1:]
	role := "plain_owner_" + database
	for _, q := range []string{
		`CREATE ROLE "` + role + `" LOGIN PASSWORD 'made-up' NOCREATEROLE`,
		`ALTER DATABASE "` + database + `" OWNER TO "` + role + `"`,
		`ALTER SCHEMA public OWNER TO "` + role + `"`,
	} {
		if _, err := admin.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_, _ = admin.ExecContext(context.Background(), `REASSIGN OWNED BY "`+role+`" TO CURRENT_USER`)
	})
	address.User = url.UserPassword(role, "made-up")
	s := storetest.Open(t, address.String())
	log, err := s.CreateLog(t.Context(), store.Log{Org: "o", Origin: "whodid/o", PublicKey: "k", CreatedAt: time.Unix(1, 0)}, store.Head{Checkpoint: "c"})
	if err != nil || log.Origin != "whodid/o" {
		t.Fatalf("a log could not be made: %+v, %v", log, err)
	}
	owner, err := sql.Open("pgx", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	conn, err := owner.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The policies hold for the owner too, as which the product works here.
	var logs int
	const count = `SELECT COUNT(*) FROM log`
	for scope, want := range map[string]int{"": 0, "p": 0, "o": 1} {
		if _, err := conn.ExecContext(t.Context(), `SELECT set_config('whodid.org', $1, false)`, scope); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRowContext(t.Context(), count).Scan(&logs); err != nil || logs != want {
			t.Errorf("within %q the owner sees %d logs, %v; want %d", scope, logs, err, want)
		}
	}
	if _, err := conn.ExecContext(t.Context(), `SET whodid.org = 'o'`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), `UPDATE log SET public_key = 'x'`); err == nil {
		t.Error("the owner could change the log's identity: the trigger is not there")
	}
}
