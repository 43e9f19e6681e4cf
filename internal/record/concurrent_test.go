package record_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// shared is a trail that several recorders write, as several processes do.
type shared struct {
	engine, address string
	private, public string
	store           *store.Store
}

func onBoth(t *testing.T, test func(*testing.T, *shared)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(t, newShared(t, engine)) })
}

func newShared(t testing.TB, engine string) *shared {
	t.Helper()
	w := &shared{engine: engine, address: testenv.Trail(t, engine)}
	var err error
	if w.private, w.public, err = ledger.NewKey(); err != nil {
		t.Fatal(err)
	}
	_, w.store = w.open(t)
	return w
}

// open opens the trail once more, as another process would.
func (w *shared) open(t testing.TB) (*record.Recorder, *store.Store) {
	t.Helper()
	s := storetest.Open(t, w.address)
	return recordtest.Open(t, s, store.DefaultOrg, w.private, w.public, time.Now), s
}

// events are all that the trail holds, after it has been verified.
func (w *shared) events(t testing.TB) []store.Row {
	t.Helper()
	v, err := ask.New(w.store, store.DefaultOrg, time.Now).Verify(t.Context(), ask.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Problems) > 0 {
		t.Errorf("the trail does not verify: %+v", v.Problems)
	}
	rows, err := w.store.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(rows)) != v.TreeSize {
		t.Errorf("%d rows under a head of %d", len(rows), v.TreeSize)
	}
	return rows
}

// of is an action of a run of its own for each client.
func of(client, n int) whodid.Event {
	e := action(fmt.Sprintf("client-%d/%d", client, n))
	e.Execution = whodid.DeriveID(whodid.PrefixExecution, "client", fmt.Sprint(client))
	return e
}

// Many clients at two recorders: nothing is lost or doubled, the order of each
// client is kept, each is told of its own rows only, and each run's start is
// supposed once.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients, each = 16, 12
	onBoth(t, func(t *testing.T, w *shared) {
		one, _ := w.open(t)
		two, _ := w.open(t)
		recorders := []*record.Recorder{one, two}
		var told atomic.Int64 // of the event that all tell
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				for n := range each {
					both := action("told by all")
					both.Execution = ""
					rows, err := recorders[(c+n)%2].Record(t.Context(), of(c, n), both)
					if err != nil {
						t.Error(err)
						return
					}
					own := 0
					for _, r := range rows {
						switch r.Key {
						case of(c, n).Key:
							own++
						case both.Key:
							told.Add(1)
						case "inferred/" + of(c, n).Execution:
						default:
							t.Errorf("client %d is told of %s", c, r.Key)
						}
					}
					if own != 1 {
						t.Errorf("client %d: its event %d was new %d times", c, n, own)
					}
				}
			})
		}
		all.Wait()
		if told.Load() != 1 {
			t.Errorf("%d calls were told that the common event was new", told.Load())
		}
		rows := w.events(t)
		if want := clients*each + clients + 1; len(rows) != want {
			t.Errorf("%d events, want %d", len(rows), want)
		}
		next := map[string]int{}
		for _, r := range rows {
			var client, n int
			if _, err := fmt.Sscanf(r.Key, "client-%d/%d", &client, &n); err != nil {
				continue
			}
			id := fmt.Sprint(client)
			if n != next[id] {
				t.Errorf("event %d of client %s stands where %d should", n, id, next[id])
			}
			next[id] = n + 1
		}
	})
}

// An event that the database will not have fails its own caller and nobody
// else, however many share the transaction with it.
func TestPoison(t *testing.T) {
	t.Parallel()
	const clients = 24
	onBoth(t, func(t *testing.T, w *shared) {
		r, _ := w.open(t)
		if _, err := r.Record(t.Context(), action("first")); err != nil { // makes the month's partitions
			t.Fatal(err)
		}
		w.poison(t)
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				good, bad := of(c, 0), of(c, 1)
				if c%7 == 3 {
					bad.Target = "poison"
				}
				rows, err := r.Record(t.Context(), good, bad)
				switch {
				case c%7 == 3 && !errors.Is(err, record.ErrRefused):
					t.Errorf("client %d: %v, want ErrRefused", c, err)
				case c%7 != 3 && (err != nil || len(rows) != 3):
					t.Errorf("client %d: %d rows, %v", c, len(rows), err)
				}
			})
		}
		all.Wait()
		for _, row := range w.events(t) {
			var client, n int
			if _, err := fmt.Sscanf(row.Key, "client-%d/%d", &client, &n); err == nil && client%7 == 3 {
				t.Errorf("%s of a call that failed is in the trail", row.Key)
			}
		}
	})
}

// poison makes the database refuse a target.
func (w *shared) poison(t testing.TB) {
	t.Helper()
	statements := []string{
		`CREATE TRIGGER poison BEFORE INSERT ON event WHEN NEW.target = 'poison' BEGIN SELECT RAISE(ABORT, 'poison'); END`,
	}
	if w.engine == "postgres" {
		statements = []string{`ALTER TABLE event ADD CONSTRAINT poison CHECK (target <> 'poison')`}
	}
	db := storetest.Database(t, w.store.Location())
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// Callers that give up at any moment leave a trail that holds, and whoever was
// told that his event is kept finds it.
func TestGiveUpUnderLoad(t *testing.T) {
	t.Parallel()
	const clients, each = 8, 25
	onBoth(t, func(t *testing.T, w *shared) {
		r, _ := w.open(t)
		var kept sync.Map
		var all sync.WaitGroup
		for c := range clients {
			all.Go(func() {
				for n := range each {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n*c%17)*300*time.Microsecond)
					if c%2 == 0 {
						ctx = t.Context() // some stay
					}
					_, err := r.Record(ctx, of(c, n))
					cancel()
					switch {
					case err == nil:
						kept.Store(of(c, n).Key, true)
					case c%2 == 0:
						t.Errorf("one that stayed: %v", err)
					case !errors.Is(err, context.DeadlineExceeded):
						t.Errorf("one that gave up: %v", err)
					}
				}
			})
		}
		all.Wait()
		if _, err := r.Record(t.Context(), action("after")); err != nil {
			t.Fatal(err)
		}
		for _, row := range w.events(t) {
			kept.Delete(row.Key)
		}
		kept.Range(func(key, _ any) bool {
			t.Errorf("%s was acknowledged and is not in the trail", key)
			return true
		})
	})
}
