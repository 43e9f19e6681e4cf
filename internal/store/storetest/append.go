package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

var appendTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"appended events have their place":            testAppend,
	"an empty append changes nothing":             testAppendNothing,
	"the same events again change nothing":        testAgain,
	"goroutines and stores append each once":      testAppendRace,
	"an append that fails leaves nothing behind":  testFailedAppend,
	"an append that is given up leaves no trace":  testCancelledAppend,
	"two organisations with the same ids":         testTwoOrgs,
	"a row of another organisation is refused":    testForeignRow,
	"head and checkpoint hold after every append": testEveryAppend,
}

func testAppend(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	for _, batch := range [][]whodid.Event{Actions(0, 3), Actions(3, 4), Actions(4, 9)} {
		before := len(Check(t, s, "default"))
		added := b.Append(t, batch...)
		if len(added) != len(batch) {
			t.Fatalf("%d of %d events were added", len(added), len(batch))
		}
		for i, r := range added {
			if r.Key != batch[i].Key || r.Seq != uint64(before+i) {
				t.Errorf("event %s is at %d, want %s at %d", r.Key, r.Seq, batch[i].Key, before+i)
			}
			found, err := s.Event(t.Context(), "default", r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if found.Seq != r.Seq || found.LeafHash != r.LeafHash || !found.At.Equal(r.At) || found.Data.String("tool") != "Write" {
				t.Errorf("found %+v, want %+v", found, r)
			}
		}
	}
	if got, want := keys(Check(t, s, "default")), keysOf(Actions(0, 9)); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func testAppendNothing(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	for range 2 {
		before, err := s.Head(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		if added := b.Append(t); len(added) != 0 {
			t.Errorf("added %v", ids(added))
		}
		after, err := s.Head(t.Context(), "default")
		if err != nil || after.Checkpoint != before.Checkpoint {
			t.Errorf("the head changed to %q, %v", after.Checkpoint, err)
		}
		b.Append(t, Action(1))
	}
}

func testAgain(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	run := ExecutionID(0)
	events := append(
		Actions(0, 40),
		event("execution.start", run, 0, whodid.Data{"trigger": "manual"}),
		event("model.call", run, 1, whodid.Data{"model": "m", "input_tokens": int64(10), "output_tokens": int64(5), "cost_micros": int64(7)}),
		ended(run, 9, whodid.ResultSuccess, nil),
	)
	b.Append(t, events...)
	want := Check(t, s, "default")
	head, err := s.Head(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		again := slices.Concat(events, events[:7]) // some of them twice in one batch
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if added := b.Append(t, again...); len(added) != 0 {
			t.Fatalf("added again: %v", ids(added))
		}
		// Part old, part new: only the new is added, and in its order.
		fresh := Actions(len(want)+100, len(want)+103)
		added := b.Append(t, append(again[:5:5], append(fresh, again[5:]...)...)...)
		if len(added) != 3 || added[0].Seq != uint64(len(want)) {
			t.Fatalf("added %v, want the three that are new", ids(added))
		}
		want = append(want, Check(t, s, "default")[len(want):]...)
		if got := Check(t, s, "default"); !slices.Equal(keys(got), keys(want)) {
			t.Fatalf("events %v, want %v", keys(got), keys(want))
		}
	}
	x, err := s.Execution(t.Context(), "default", run)
	if err != nil || x.Usage.CostMicros != 7 || x.Usage.Calls != 1 {
		t.Errorf("usage %+v, %v; want one call of 7 micro-dollars", x.Usage, err)
	}
	if then, err := s.Head(t.Context(), "default"); err != nil || then.Frontier.Size() != head.Frontier.Size()+30 {
		t.Errorf("size %d, %v; want %d", then.Frontier.Size(), err, head.Frontier.Size()+30)
	}
}

func testAppendRace(t *testing.T, open func(testing.TB) *store.Store) {
	const writers, events, batch = 4, 240, 12
	private, public, err := proof.GenerateKey("whodid.test/default")
	if err != nil {
		t.Fatal(err)
	}
	stores := []*store.Store{open(t), open(t)}
	added := make([]int, writers)
	var group sync.WaitGroup
	for w := range writers {
		b := OpenBook(t, stores[w%2], "default", private, public)
		mine := Actions(0, events)
		for run := range events / 8 {
			mine = append(mine, event("execution.tag", ExecutionID(run), run, whodid.Data{"run": "x"}))
		}
		random := rand.New(rand.NewPCG(uint64(w), 3))
		random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		group.Go(func() {
			for part := range slices.Chunk(mine, batch) {
				rows, err := b.TryAppend(t.Context(), part...)
				if err != nil {
					t.Error(err)
					return
				}
				added[w] += len(rows)
			}
		})
	}
	group.Wait()
	total := 0
	for _, n := range added {
		total += n
	}
	if got := len(Check(t, stores[0], "default")); got != events+events/8 || total != got {
		t.Errorf("%d events are there and %d were said to be added, want %d", got, total, events+events/8)
	}
}

func testFailedAppend(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	refused := errors.New("no signature today")
	fail := func(store.Head, []proof.Hash) (store.Head, error) { return store.Head{}, refused }
	row, err := NewRow("default", Action(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "default", []*store.Row{row}, fail); !errors.Is(err, refused) {
		t.Fatalf("append without a signature: %v, want %v", err, refused)
	}
	if got := len(Check(t, s, "default")); got != 0 {
		t.Fatalf("%d events are there after an append that failed", got)
	}
	if added := b.Append(t, Actions(0, 5)...); len(added) != 5 {
		t.Errorf("%d of 5 events were added after an append that failed", len(added))
	}
	// This one fails last, when there was room made for a new month already.
	later := Action(6)
	later.RecordedAt = Epoch.AddDate(0, 7, 0)
	if row, err = NewRow("default", later); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "default", []*store.Row{row}, shrink); err == nil {
		t.Error("the head shrank")
	}
	if got := len(Check(t, s, "default")); got != 5 {
		t.Errorf("%d events, want 5", got)
	}
	if added := b.Append(t, later); len(added) != 1 {
		t.Errorf("%d events were added, want the one that had failed", len(added))
	}
	Check(t, s, "default")
}

// shrink is an extension that would take the log back.
func shrink(store.Head, []proof.Hash) (store.Head, error) {
	return store.Head{Checkpoint: "shrunk"}, nil
}

func fresh(t testing.TB, n int) *store.Row {
	t.Helper()
	row, err := NewRow("default", Action(n))
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func testCancelledAppend(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	ctx, cancel := context.WithCancel(t.Context())
	givenUp := func(h store.Head, _ []proof.Hash) (store.Head, error) {
		cancel() // in the middle of the transaction
		return h, nil
	}
	if _, err := s.Append(ctx, "default", []*store.Row{fresh(t, 1)}, givenUp); !errors.Is(err, context.Canceled) {
		t.Errorf("append that was given up: %v, want context.Canceled", err)
	}
	if got := len(Check(t, s, "default")); got != 0 {
		t.Errorf("%d events, want none", got)
	}
	b.Append(t, Action(1))
	if got := len(Check(t, s, "default")); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}

func testTwoOrgs(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	run := ExecutionID(0)
	one, two := NewBook(t, s, "one"), NewBook(t, s, "two")
	one.Append(t, append(Actions(0, 300), event("execution.start", run, 0, whodid.Data{"trigger": "manual"}))...)
	two.Append(t, append(Actions(0, 20), event("execution.start", run, 0, whodid.Data{"trigger": "scheduled"}))...)
	if a, b := len(Check(t, s, "one")), len(Check(t, s, "two")); a != 301 || b != 21 {
		t.Errorf("%d and %d events, want 301 and 21", a, b)
	}
	for org, want := range map[string]string{"one": "manual", "two": "scheduled"} {
		x, err := s.Execution(t.Context(), org, run)
		if err != nil || x.Trigger != want || x.Org != org {
			t.Errorf("%s: execution of %q by %q, %v; want %q", org, x.Org, x.Trigger, err, want)
		}
		if id, err := s.ResolveExecution(t.Context(), org, "00"); err != nil || id != run {
			t.Errorf("%s: %q, %v; want %s: the other organisation's must not count", org, id, err, run)
		}
		tallies, err := s.Tallies(t.Context(), org, store.Selection{})
		if err != nil || len(tallies) != 1 || tallies[0].Runs != 1 {
			t.Errorf("%s: tallies %+v, %v; want one run", org, tallies, err)
		}
		actions, err := s.CountActions(t.Context(), org, store.Selection{})
		if err != nil || len(actions) != 1 || actions[0].Count != map[string]int64{"one": 300, "two": 20}[org] {
			t.Errorf("%s: actions %+v, %v", org, actions, err)
		}
	}
	if _, err := s.Event(t.Context(), "two", whodid.EventID("one", Action(0).Key)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an event of another organisation: %v, want ErrNotFound", err)
	}
}

func testForeignRow(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "one")
	NewBook(t, s, "two")
	row := fresh(t, 1)
	row.Org = "two"
	unproved := fresh(t, 2)
	unproved.Org, unproved.Salt = "one", nil
	for name, r := range map[string]*store.Row{"of another organisation": row, "without a salt": unproved} {
		if _, err := s.Append(t.Context(), "one", []*store.Row{r}, shrink); err == nil {
			t.Errorf("a row %s was appended", name)
		}
	}
}

func testEveryAppend(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	random := rand.New(rand.NewPCG(5, 6))
	var old []store.Head
	for n := 0; n < 700; {
		size := 1 + random.IntN(60)
		b.Append(t, Actions(n, n+size)...)
		n += size
		Check(t, s, "default")
		head, err := s.Head(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		old = append(old, head)
	}
	// Every head that ever was is the beginning of the last one.
	last := old[len(old)-1].Frontier
	read := s.Tiles(t.Context(), "default")
	for _, h := range old {
		path, err := proof.Consistency(h.Frontier.Size(), last.Size(), read)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.CheckConsistency(path, h.Frontier.Size(), h.Frontier.Root(), last.Size(), last.Root()); err != nil {
			t.Error(err)
		}
	}
}
