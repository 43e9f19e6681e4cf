package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// tablesOfOrgs are all tables with a column org, partitions apart.
func tablesOfOrgs(t testing.TB, address string) []string {
	t.Helper()
	var list string
	query(t, address, `SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'org'
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition`, &list)
	return strings.Fields(list)
}

// TestRowLevelSecurity asks the application's own connections for everything,
// with statements that name no organisation at all.
func TestRowLevelSecurity(t *testing.T) {
	t.Parallel()
	address := testenv.Postgres(t)
	s := opener(t, address)(t)
	for _, org := range []string{"acme", "other"} {
		b := storetest.NewBook(t, s, org)
		b.Append(t, storetest.Actions(0, 300)...)
		session := storetest.Action(500)
		session.What, session.Result, session.Data = "session.end", "", nil
		b.Append(t, session, started())
		if err := s.CreateToken(t.Context(), &store.Token{Org: org, ID: "tok-1", Name: "n", Hash: []byte(org), Role: "reader", CreatedAt: storetest.Epoch}); err != nil {
			t.Fatal(err)
		}
		if err := s.PutGitRepository(t.Context(), org, store.GitRepository{Name: "acme/shop", IndexedAt: storetest.Epoch}); err != nil {
			t.Fatal(err)
		}
	}
	tables := tablesOfOrgs(t, address)
	for _, must := range []string{"event", "event_id", "execution", "head", "log", "tile", "token", "git_commit"} {
		if !slices.Contains(tables, must) {
			t.Errorf("%s is not among the tables %v", must, tables)
		}
	}
	for _, table := range tables {
		var total, acme int
		query(t, address, `SELECT count(*) FROM `+table, &total)
		query(t, address, `SELECT count(*) FROM `+table+` WHERE org = 'acme'`, &acme)
		if total != 2*acme {
			t.Errorf("%s has %d rows, %d of them acme's", table, total, acme)
		}
		for scope, want := range map[string]int{"acme": acme, "other": acme, "": 0, "nobody": 0, "acm": 0, "*": 0, "#": 0, "ACME": 0, "%": 0} {
			if scope == "*" && table == "log" {
				want = total
			}
			if got := countIn(t, s, scope, table); got != want {
				t.Errorf("%s within %q: %d rows are seen, want %d", table, scope, got, want)
			}
		}
	}
	// Nobody writes into another organisation, or into none.
	for _, statement := range []string{
		`INSERT INTO event_id (org, id, seq) VALUES ('other', 'evt-new', 999)`,
		`INSERT INTO tile (org, level, n, hashes) VALUES ('other', 7, 7, '')`,
		`INSERT INTO head (org, size, frontier, edge, checkpoint) VALUES ('third', 0, '', '', '')`,
		`INSERT INTO log (org, origin, public_key, created_at) VALUES ('third', 'x', 'x', 0)`,
		`UPDATE execution SET org = 'other'`,
		`INSERT INTO git_repository (org, name, tips, notes, indexed_at) VALUES ('other', 'mine', '[]', '{}', 0)`,
		// Nor around the policies: by a partition, or by a view with its owner's rights.
		`SELECT * FROM event_run`, `SELECT * FROM event_permanent`, `SELECT * FROM event_run_202611`, `SELECT * FROM event_session`,
		`SELECT * FROM executions`, `SELECT * FROM actions`, `SELECT * FROM commits`,
		`SET row_security = off; SELECT * FROM event`, `ALTER TABLE event DISABLE ROW LEVEL SECURITY`, `DROP POLICY organisation ON event`,
		`SELECT whodid_keep_apart()`, `CREATE POLICY all_of_it ON event USING (true)`,
	} {
		if err := attemptIn(t, s.Application(), "acme", statement); !isRefusal(err, statement) {
			t.Errorf("%s: %v, want a refusal", statement, err)
		}
	}
	for _, statement := range []string{`UPDATE execution SET squad = 'x' WHERE org = 'other'`, `DELETE FROM git_repository WHERE org = 'other'`, `UPDATE head SET checkpoint = '' WHERE org = 'other'`} {
		if err := attemptIn(t, s.Application(), "acme", statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if n := len(storetest.Check(t, s, "other")); n != 302 {
		t.Errorf("the other organisation has %d events", n)
	}
}

func countIn(t testing.TB, s *store.Store, scope, table string) int {
	t.Helper()
	var n int
	if err := s.Readers().QueryRowContext(store.Within(t.Context(), scope), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Errorf("%s within %q: %v", table, scope, err)
	}
	return n
}

// TestScopesDoNotMix has many ask at once, each within its own organisation and
// all over the same few connections: nobody ever sees another's rows, whether
// the one before failed, was cancelled or was in a transaction.
func TestScopesDoNotMix(t *testing.T) {
	t.Parallel()
	s := opener(t, testenv.Postgres(t)+"&pool_max_conns=3")(t)
	const orgs = 5
	for i := range orgs {
		storetest.NewBook(t, s, fmt.Sprint("org-", i)).Append(t, storetest.Actions(0, 10+i)...)
	}
	var group sync.WaitGroup
	for w := range 12 {
		group.Go(func() {
			for n := range 60 {
				i := (w + n) % orgs
				ctx, cancel := context.WithCancel(store.Within(t.Context(), fmt.Sprint("org-", i)))
				switch n % 4 {
				case 1:
					_, _ = s.Application().ExecContext(ctx, `SELECT 1/0`)
				case 2:
					if tx, err := s.Application().BeginTx(ctx, nil); err == nil {
						_, _ = tx.ExecContext(ctx, `SELECT nonsense`)
						_ = tx.Rollback()
					}
				case 3:
					go cancel()
					_, _ = s.Application().ExecContext(ctx, `SELECT pg_sleep(0.002)`)
				}
				cancel()
				events, err := s.Events(t.Context(), fmt.Sprint("org-", i), store.EventFilter{})
				if err != nil || len(events) != 10+i {
					t.Errorf("organisation %d sees %d events, %v", i, len(events), err)
				}
				if got := countIn(t, s, fmt.Sprint("org-", i), "event"); got != 10+i {
					t.Errorf("organisation %d sees %d events by a query that names none", i, got)
				}
			}
		})
	}
	group.Wait()
}

// TestNoScope is the mistake of forgetting to say which organisation is meant.
func TestNoScope(t *testing.T) {
	t.Parallel()
	s := postgresTrail(t)(t)
	storetest.NewBook(t, s, "default").Append(t, storetest.Action(1))
	var n int
	if err := s.Readers().QueryRowContext(t.Context(), `SELECT count(*) FROM event`).Scan(&n); err == nil || !strings.Contains(err.Error(), "outside of any organisation") {
		t.Errorf("%d events were seen without an organisation, %v", n, err)
	}
}

// TestPoliciesAfterMigration makes what a later migration will make.
func TestPoliciesAfterMigration(t *testing.T) {
	t.Parallel()
	address := testenv.Postgres(t)
	opener(t, address)(t)
	// What a later version will do: a table of its own, and all the rest again.
	execute(t, address, `CREATE TABLE later (org text, x int); INSERT INTO later VALUES ('acme', 1), ('other', 2)`,
		`GRANT SELECT ON later TO whodid_app`, `CREATE VIEW later_view AS SELECT * FROM later`, `GRANT SELECT ON later_view TO whodid_app`,
		`SELECT whodid_keep_apart()`, `SELECT whodid_keep_apart()`)
	s := storetest.Open(t, address)
	if got := countIn(t, s, "acme", "later"); got != 1 {
		t.Errorf("%d rows of a later table are seen, want 1", got)
	}
	if err := attemptIn(t, s.Application(), "acme", `SELECT * FROM later_view`); !isRefusal(err, "") {
		t.Errorf("a later view: %v, want a refusal", err)
	}
}

// TestOrgNames refuses names that mean something else to the policies.
func TestOrgNames(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		for _, org := range []string{"", "*", "*x", "#00", "a\nb", strings.Repeat("x", 129), "a\x00"} {
			if _, err := s.CreateLog(t.Context(), store.Log{Org: org, Origin: "o" + org}, store.Head{}); err == nil {
				t.Errorf("an organisation is called %q", org)
			}
		}
	})
}

func attemptIn(t testing.TB, pool *sql.DB, org, statements string) error {
	t.Helper()
	return attemptOn(store.Within(t.Context(), org), t, pool, statements)
}
