package retention_test

import (
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of who has every right in the database
	_ "modernc.org/sqlite"

	"github.com/whodid/whodid/internal/store"
)

// owner opens the database with every right, and its guards taken away.
func (w *world) owner() *sql.DB {
	w.t.Helper()
	driver, address := "sqlite", w.location.Path
	if w.Store.Engine() == "postgres" {
		driver, address = "pgx", w.location.URL
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // what is set for the connection stays set
	return db
}

// TestTamperedSweeps deletes and writes as somebody who has every right in the
// database, and says that it was a sweep.
func TestTamperedSweeps(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		for n := range 4 {
			w.run(execution(n)) // at the places 0 to 23
		}
		w.set()
		w.hold("execution:" + execution(3)) // keeps its month
		db := w.owner()
		exec := func(statements ...string) {
			t.Helper()
			for _, s := range statements {
				if _, err := db.ExecContext(t.Context(), s); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
		}
		exec(`CREATE TABLE saved AS SELECT * FROM event`)
		w.pass(100)
		if a := w.apply(); a.Events != 18 {
			t.Fatalf("swept %+v", a)
		}
		w.mustHold()
		blob := func(hex string) string {
			if w.Store.Engine() == "postgres" {
				return `'\x` + hex + `'::bytea`
			}
			return `x'` + hex + `'`
		}
		if w.Store.Engine() == "postgres" {
			exec(`SET session_replication_role = replica`)
		} else {
			exec(`DROP TRIGGER event_is_kept`, `DROP TRIGGER sweep_is_fixed`, `DROP TRIGGER sweep_is_kept`, `DROP TRIGGER gone_id_is_kept`)
		}
		const back = `INSERT INTO event SELECT * FROM saved WHERE seq = 18`
		for _, c := range []struct{ name, kind, do, undo string }{
			{"an event is deleted", "missing", `DELETE FROM event WHERE seq = 18`, back},
			{"and is said to be of the sweep", "missing", `UPDATE sweep SET places = ` + blob("0013"), `UPDATE sweep SET places = ` + blob("0012")},
			{"the sweep took others", "missing", `UPDATE sweep SET places = ` + blob("0112"), `UPDATE sweep SET places = ` + blob("0012")},
			{"a sweep is made up", "missing", `INSERT INTO sweep VALUES ('default', 'evt-madeup', ` + blob("1201") + `)`, `DELETE FROM sweep WHERE id = 'evt-madeup'`},
			{"a swept event is put back", "inserted", `INSERT INTO event SELECT * FROM saved WHERE seq = 2`, `DELETE FROM event WHERE seq = 2`},
		} {
			if c.name == "and is said to be of the sweep" || c.name == "a sweep is made up" {
				exec(`DELETE FROM event WHERE seq = 18`)
			}
			exec(c.do)
			t.Log(c.name)
			w.mustFind(c.kind)
			exec(c.undo)
			if c.name == "and is said to be of the sweep" || c.name == "a sweep is made up" {
				exec(back)
			}
		}
		w.mustHold()
		exec(`CREATE TABLE sweeps AS SELECT * FROM sweep`, `DELETE FROM sweep`)
		w.mustFind("missing")
		exec(`INSERT INTO sweep SELECT * FROM sweeps`)
		w.mustHold()
		ids := "event_id"
		if w.Store.Engine() == "sqlite" {
			ids = "gone_id"
		}
		exec(`DELETE FROM ` + ids + ` WHERE seq = 2`) // so that it could come back
		w.mustFind("inserted")
	})
}

// TestNobodyElseSweeps tries as the application what only the sweeper may.
func TestNobodyElseSweeps(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.run(execution(1))
		w.pass(400)
		for name, certify := range map[string]func(*store.Swept) ([]*store.Row, error){
			"nothing tells of it": func(*store.Swept) ([]*store.Row, error) { return nil, sql.ErrNoRows },
		} {
			_, err := w.Store.Sweep(t.Context(), w.Org, store.SweepRequest{Class: "run", Cutoff: w.now}, certify, nil)
			if err == nil {
				t.Errorf("%s: it was swept", name)
			}
			if len(w.ids()) != 6 {
				t.Errorf("%s: something is gone", name)
			}
			w.mustHold()
		}
		if _, err := w.Store.Sweep(t.Context(), w.Org, store.SweepRequest{Class: "permanent", Cutoff: w.now}, nil, nil); err == nil {
			t.Error("what is permanent was swept")
		}
	})
}

// TestNothingUnplannedGoes lets a month have more in it than a sweep planned for:
// then it may not be put aside.
func TestNothingUnplannedGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "postgres")
	for n := range 3 {
		w.run(execution(n)) // six events each
	}
	db := w.owner()
	month := "event_run_" + begin.Format("200601")
	keep := func(gone int, kept string) (stay int, err error) {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(t.Context(), `SET LOCAL whodid.org = 'default'`); err != nil {
			t.Fatal(err)
		}
		err = tx.QueryRowContext(t.Context(), `SELECT whodid_sweep_keep($1, $2, $3::bigint[])`, month, gone, kept).Scan(&stay)
		return stay, err
	}
	var all int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+month).Scan(&all); err != nil || all < 12 {
		t.Fatal(all, err)
	}
	var first string
	if err := db.QueryRowContext(t.Context(), `SELECT array_agg(seq)::text FROM (SELECT seq FROM `+month+` ORDER BY seq LIMIT 2) AS s`).Scan(&first); err != nil {
		t.Fatal(err)
	}
	if stay, err := keep(all-2, first); err != nil || stay != 2 {
		t.Errorf("what was planned: %d stay, %v", stay, err)
	}
	for _, test := range []struct {
		gone int
		kept string
	}{{all - 3, first}, {all - 2, "{}"}, {all, first}} {
		if stay, err := keep(test.gone, test.kept); err == nil {
			t.Errorf("%d of %d go and %s are kept: %d stay, want an error", test.gone, all, test.kept, stay)
		}
	}
}
