// Package storetest is the conformance suite of the store: what holds on one
// engine holds on the other, test by test. It sees a store only from outside,
// through what it exports.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Trail makes a new, empty trail and returns a function that opens it. Every
// call opens it anew, as another process would. Stores are closed and trails
// removed when the test ends.
type Trail func(t testing.TB) (open func(t testing.TB) *store.Store)

// Open opens the trail at an address for as long as the test runs.
func Open(t testing.TB, address string) *store.Store {
	t.Helper()
	location, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Database opens the database of a trail as its owner would: past the store, and with
// every right.
func Database(t testing.TB, l place.Location) *sql.DB {
	t.Helper()
	driver, address := "sqlite", l.Path
	if l.Path == "" {
		driver, address = "pgx", l.URL
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // a test's own failure tells more
	return db
}

// Run runs the whole suite, each test on a trail of its own.
func Run(t *testing.T, trail Trail) {
	t.Helper()
	run(t, trail, openTests, appendTests, attemptTests, treeTests, foldTests, eventTests, executionTests, textTests, readerTests, accessTests, memoryTests, confirmTests, sinkTests, pageTests, redactedTests, countTests, costTests, sumTests, searchTests, witnessTests, incidentTests, savedViewTests, passkeyTests, mergeTests)
}

// RunQueries runs the part of the suite that selects and sorts by text, which
// is what a database's locale could change.
func RunQueries(t *testing.T, trail Trail) {
	t.Helper()
	run(t, trail, map[string]func(*testing.T, func(testing.TB) *store.Store){
		"event filters": testEventFilters, "event prefixes": testEventPrefix, "counts": testCountActions,
		"execution filters": testExecutionFilters, "execution prefixes": testExecutionPrefix, "tallies": testTallies,
	})
}

func run(t *testing.T, trail Trail, groups ...map[string]func(*testing.T, func(testing.TB) *store.Store)) {
	t.Helper()
	for _, group := range groups {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, trail(t))
			})
		}
	}
}

// Epoch is when the events of the suite begin.
var Epoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// Book is a log that a test writes.
type Book struct {
	Store  *store.Store
	Org    string
	ledger *ledger.Ledger
}

// NewBook opens the log of an organisation for appending, with a new key.
func NewBook(t testing.TB, s *store.Store, org string) *Book {
	t.Helper()
	// The origin is unique in a trail.
	private, public, err := proof.GenerateKey("whodid.test/" + org)
	if err != nil {
		t.Fatal(err)
	}
	return OpenBook(t, s, org, private, public)
}

// OpenBook opens the log of an organisation for appending, with a given key.
func OpenBook(t testing.TB, s *store.Store, org, private, public string) *Book {
	t.Helper()
	l, err := ledger.Open(t.Context(), s, org, private, public, Epoch)
	if err != nil {
		t.Fatal(err)
	}
	return &Book{Store: s, Org: org, ledger: l}
}

// Ledger is what the book writes with.
func (b *Book) Ledger() *ledger.Ledger { return b.ledger }

// Append appends events as the recorder would, and returns those that are new.
func (b *Book) Append(t testing.TB, events ...whodid.Event) []*store.Row {
	t.Helper()
	added, err := b.TryAppend(t.Context(), events...)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// TryAppend is Append for what may fail.
func (b *Book) TryAppend(ctx context.Context, events ...whodid.Event) ([]*store.Row, error) {
	rows := make([]*store.Row, len(events))
	for i := range events {
		row, err := NewRow(b.Org, events[i])
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return b.ledger.Append(ctx, rows)
}

// NewRow makes the row of an event, with a salt that follows from its key so
// that a run of a test can be repeated.
func NewRow(org string, e whodid.Event) (*store.Row, error) {
	e.Org = org
	if e.RecordedAt.IsZero() {
		e.RecordedAt = Epoch
	}
	e.Identify()
	r := &store.Row{Event: e, DataText: e.Data.Canonical(), Salt: new(proof.Salt)}
	seed := proof.LeafHash([]byte("a salt for tests " + e.ID))
	copy(r.Salt[:], seed[:])
	leaf, err := leafHash(r)
	r.LeafHash = leaf
	return r, err
}

// leafHash computes what the row's hash in the tree has to be.
func leafHash(r *store.Row) (proof.Hash, error) {
	c := proof.Commit(&r.Event, r.DataText, r.Salt)
	leaf, err := proof.Leaf(&r.Event, &c)
	if err != nil {
		return proof.Hash{}, fmt.Errorf("couldn't make the leaf of %s: %w", r.ID, err)
	}
	return proof.LeafHash(leaf), nil
}

// Action is an event of an agent's action, n seconds after Epoch. Its key is
// made of n.
func Action(n int) whodid.Event {
	return whodid.Event{
		Key: fmt.Sprint("action/", n), Actor: whodid.AgentActor("engineering/issue-solver"), What: "file.write",
		Target: fmt.Sprint("src/file-", n, ".go"), At: Epoch.Add(time.Duration(n) * time.Second),
		Result: whodid.ResultSuccess, Execution: ExecutionID(n / 8), Session: "session-1", Source: "hook:claude-code",
		Data: whodid.Data{"tool": "Write", "lines_added": int64(n)},
	}
}

// Actions are the actions from one number up to another.
func Actions(from, to int) []whodid.Event {
	var out []whodid.Event
	for n := from; n < to; n++ {
		out = append(out, Action(n))
	}
	return out
}

// ExecutionID is the id of the suite's nth execution.
func ExecutionID(n int) string { return fmt.Sprintf("exec-%016d", n) }

// event is one of an execution's own events, some seconds after Epoch.
func event(what, execution string, seconds int, data whodid.Data) whodid.Event {
	return whodid.Event{
		Key: fmt.Sprint(what, "/", execution, "/", seconds), Actor: whodid.AgentActor("engineering/issue-solver"),
		What: what, At: Epoch.Add(time.Duration(seconds) * time.Second), Execution: execution, Source: "cli", Data: data,
	}
}

// ended is the end of an execution.
func ended(execution string, seconds int, result whodid.Result, data whodid.Data) whodid.Event {
	e := event("execution.finish", execution, seconds, data)
	e.Result = result
	return e
}

// ids are the ids of rows, in their order.
func ids(rows []*store.Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.ID
	}
	return out
}

// keys are the keys of rows, in their order.
func keys(rows []store.Row) []string {
	out := make([]string, len(rows))
	for i := range rows {
		out[i] = rows[i].Key
	}
	return out
}

// keysOf are the keys of events.
func keysOf(events []whodid.Event) []string {
	out := make([]string, len(events))
	for i := range events {
		out[i] = events[i].Key
	}
	return out
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
