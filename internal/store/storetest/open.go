package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

var openTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"a new trail has no log":                  testNoLog,
	"a log is created once":                   testCreateLog,
	"many create one log at once":             testCreateLogRace,
	"many open a new trail at once":           testOpenRace,
	"what was appended is there after reopen": testReopen,
	"another key is refused":                  testForeignKey,
}

func testNoLog(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	if _, err := s.Log(t.Context(), "default"); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("Log: %v, want ErrNoLog", err)
	}
	if _, err := s.Head(t.Context(), "default"); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("Head: %v, want ErrNoLog", err)
	}
	row, err := NewRow("default", Action(1))
	if err != nil {
		t.Fatal(err)
	}
	unreachable := func(store.Head, []proof.Hash) (store.Head, error) {
		t.Error("a log that is not there was extended")
		return store.Head{}, nil
	}
	if _, err := s.Append(t.Context(), "default", []*store.Row{row}, unreachable); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("Append: %v, want ErrNoLog", err)
	}
	if events, err := s.Events(t.Context(), "default", store.EventFilter{}); len(events) != 0 || err != nil {
		t.Errorf("Events: %v, %v; want none", events, err)
	}
}

func testCreateLog(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	first := store.Log{Org: "default", Origin: "whodid.test/first", PublicKey: "first", CreatedAt: Epoch}
	if got, err := s.CreateLog(t.Context(), first, store.Head{Checkpoint: "one"}); err != nil || got != first {
		t.Fatalf("created %+v, %v; want %+v", got, err, first)
	}
	second := store.Log{Org: "default", Origin: "whodid.test/second", PublicKey: "second", CreatedAt: Epoch.AddDate(1, 0, 0)}
	if got, err := s.CreateLog(t.Context(), second, store.Head{Checkpoint: "two"}); err != nil || got != first {
		t.Errorf("created again: %+v, %v; want the first, %+v", got, err, first)
	}
	if head, err := s.Head(t.Context(), "default"); err != nil || head.Checkpoint != "one" || head.Frontier.Size() != 0 {
		t.Errorf("head %+v, %v; want the first, empty", head, err)
	}
	stolen := store.Log{Org: "other", Origin: first.Origin, PublicKey: "third", CreatedAt: Epoch}
	if _, err := s.CreateLog(t.Context(), stolen, store.Head{Checkpoint: "three"}); err == nil {
		t.Error("two logs have one origin")
	}
}

func testCreateLogRace(t *testing.T, open func(testing.TB) *store.Store) {
	const n = 8
	stores := []*store.Store{open(t), open(t)}
	logs := make([]store.Log, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			l := store.Log{Org: "default", Origin: "whodid.test/" + string(rune('a'+i)), PublicKey: string(rune('a' + i)), CreatedAt: Epoch}
			got, err := stores[i%2].CreateLog(t.Context(), l, store.Head{Checkpoint: l.PublicKey})
			if err != nil {
				t.Error(err)
			}
			logs[i] = got
		})
	}
	group.Wait()
	for _, l := range logs {
		if l != logs[0] {
			t.Errorf("two logs: %+v and %+v", l, logs[0])
		}
	}
	if head, err := stores[0].Head(t.Context(), "default"); err != nil || head.Checkpoint != logs[0].PublicKey {
		t.Errorf("the log is of %s, its head of %s, %v", logs[0].PublicKey, head.Checkpoint, err)
	}
}

func testOpenRace(t *testing.T, open func(testing.TB) *store.Store) {
	const n = 6
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			s := open(t)
			if s == nil {
				return
			}
			b := NewBook(t, s, "org-"+string(rune('a'+i)))
			b.Append(t, Actions(0, 10)...)
		})
	}
	group.Wait()
	s := open(t)
	for i := range n {
		if events := Check(t, s, "org-"+string(rune('a'+i))); len(events) != 10 {
			t.Errorf("organisation %d has %d events, want 10", i, len(events))
		}
	}
}

func testReopen(t *testing.T, open func(testing.TB) *store.Store) {
	private, public, err := proof.GenerateKey("whodid.test/default")
	if err != nil {
		t.Fatal(err)
	}
	want := []string(nil)
	for round := range 3 {
		s := open(t)
		batch := append(Actions(round*300, round*300+300), event("execution.start", ExecutionID(round), round, nil))
		OpenBook(t, s, "default", private, public).Append(t, batch...)
		want = append(want, keysOf(batch)...)
		if got := keys(Check(t, s, "default")); !slices.Equal(got, want) {
			t.Fatalf("round %d: %d events, want %d in the order of appending", round, len(got), len(want))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func testForeignKey(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "default").Append(t, Action(1))
	private, public, err := proof.GenerateKey("whodid.test/default")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(t.Context(), s, "default", private, public, Epoch); !errors.Is(err, ledger.ErrForeignKey) {
		t.Errorf("opened with another key: %v, want ErrForeignKey", err)
	}
	if got := len(Check(t, s, "default")); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}
