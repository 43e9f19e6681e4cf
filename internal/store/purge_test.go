package store_test

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
)

// The value that is erased in the tests of this file.
const erasedValue = "src/quaggazebra/notes.md"

// TestPurgeWaitsForOthers erases while somebody in this database still sees what
// was there before, and while somebody in another database of the server has a
// transaction that is older: PostgreSQL then keeps old rows even when it writes a
// table anew. The erasure must wait for them, or say that something is left.
func TestPurgeWaitsForOthers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, database, see string }{
		{"an older state", "", `SELECT count(*) FROM event`},
		{"a transaction elsewhere", "postgres", `SELECT pg_current_xact_id()`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := testenv.Postgres(t)
			s := opener(t, address)(t)
			book := storetest.NewBook(t, s, "default")
			e := whodid.Event{Key: "k", Actor: whodid.AgentActor("ops/backup"), What: "file.write", Target: erasedValue, At: storetest.Epoch, Source: "cli", Result: whodid.ResultSuccess}
			rows := book.Append(t, e)
			other := begin(t, address, test.database, test.see)
			s.SetPatience(50 * time.Millisecond)
			done, err := s.Erase(t.Context(), "default", erasureOf(rows[0].ID, "evt-1"))
			if err != nil {
				t.Fatal(err)
			}
			if done.Rewritten || !strings.Contains(done.Left, "transaction") || done.Log != "" {
				t.Errorf("the erasure says that it is done while somebody is in the way: %+v", done)
			}
			if left, err := s.Purge(t.Context(), "default"); err != nil || left.Left == "" {
				t.Errorf("it is still not done, and nothing is left: %+v, %v", left, err)
			}
			if c, err := s.Cleaned(t.Context(), "default", "evt-1"); err != nil || !strings.Contains(c.Left, "event_run_") || c.Log != "" {
				t.Errorf("of the files it is said: %+v, %v", c, err)
			}
			s.SetPatience(time.Minute)
			ended := make(chan error, 1)
			time.AfterFunc(300*time.Millisecond, func() { ended <- other.Close(t.Context()) })
			left, err := s.Purge(t.Context(), "default")
			if err != nil || left.Left != "" || left.Log == "" || left.Segment == "" {
				t.Errorf("what was in the way is over, and something is left: %+v, %v", left, err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			mustNotHold(t, address, erasedValue)
			if c, err := s.Cleaned(t.Context(), "default", "evt-1"); err != nil || c.Left != "" || c.Log == "" || c.Segment < left.Segment {
				t.Errorf("of the files it is said: %+v, %v, after %+v", c, err, left)
			}
			// What is done is not done again.
			if left, err := s.Purge(t.Context(), "default"); err != nil || left != (store.Purged{}) {
				t.Errorf("%+v, %v", left, err)
			}
		})
	}
}

func erasureOf(event, by string) *store.Erasure {
	return &store.Erasure{ID: by, At: storetest.Epoch, Request: []byte("{}"), Events: []store.Taking{{Event: event, Fields: []string{proof.FieldTarget}}}}
}

// begin leaves a transaction open that has done something, in the trail's database
// or another.
func begin(t *testing.T, address, database, statement string) *pgx.Conn {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		u.Path = "/" + database
	}
	c, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`BEGIN ISOLATION LEVEL REPEATABLE READ`, statement} {
		if _, err := c.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// mustNotHold searches the files of all tables and indexes of the trail.
func mustNotHold(t *testing.T, address, value string) {
	t.Helper()
	var dir string
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if err := c.QueryRow(t.Context(), `SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database WHERE datname = current_database()`).Scan(&dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files in %s, %v", len(files), dir, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(value)) {
			t.Errorf("%s still has %q", f, value)
		}
	}
}

// TestErasedPeopleHaveNoViews holds that the views of a person go who is erased, and
// nobody else's.
func TestErasedPeopleHaveNoViews(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		b := storetest.NewBook(t, s, "default")
		rows := b.Append(t, storetest.Action(0))
		for _, owner := range []string{"human:p1", "human:p2"} {
			if err := s.SaveView(t.Context(), "default", &whodid.SavedView{Owner: owner, Name: "quaggazebra", Shared: true, SavedAt: storetest.Epoch}); err != nil {
				t.Fatal(err)
			}
		}
		e := erasureOf(rows[0].ID, "evt-erase")
		e.People = []string{"human:p1"}
		if _, err := s.Erase(t.Context(), "default", e); err != nil {
			t.Fatal(err)
		}
		list, err := s.SavedViews(t.Context(), "default", "human:p1", true)
		if err != nil || len(list) != 1 || list[0].Owner != "human:p2" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
