package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/proof"
)

func newKey(t testing.TB) (private, public string) {
	t.Helper()
	private, public, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func TestKeysOfLogsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 20 {
		private, public := newKey(t)
		signer, err := proof.NewSigner(private)
		if err != nil {
			t.Fatal(err)
		}
		if seen[public] || seen[signer.Origin()] {
			t.Fatalf("%s was there before", public)
		}
		seen[public], seen[signer.Origin()] = true, true
	}
}

func TestOnlyItsOwnKeyOpensALog(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	private, public := newKey(t)
	l, err := ledger.Open(t.Context(), s, "default", private, public, storetest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	otherPrivate, otherPublic := newKey(t)
	// A key under the log's own origin, of somebody else.
	forgedPrivate, forgedPublic, err := proof.GenerateKey(l.Origin())
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]string{
		"another key":                     {otherPrivate, otherPublic},
		"one of its origin":               {forgedPrivate, forgedPublic},
		"its public key, another private": {otherPrivate, public},
		"the same, of its origin":         {forgedPrivate, public},
	} {
		if _, err := ledger.Open(t.Context(), s, "default", pair[0], pair[1], storetest.Epoch); !errors.Is(err, ledger.ErrForeignKey) {
			t.Errorf("%s: %v, want ErrForeignKey", name, err)
		}
	}
	for _, private := range []string{"", "x", public, "PRIVATE+KEY+a+00000000+AAAA"} {
		if _, err := ledger.Open(t.Context(), s, "default", private, public, storetest.Epoch); err == nil {
			t.Errorf("opened with the private key %q", private)
		}
	}
	if again, err := ledger.Open(t.Context(), s, "default", private+"\n", public, storetest.Epoch); err != nil || again.Origin() != l.Origin() {
		t.Errorf("its own key: %v", err)
	}
}

// Every head that readers see is signed, of the size that it says, and grows,
// however many write.
func TestEveryHeadIsSigned(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.db")
	private, public := newKey(t)
	const writers, batches, each = 3, 6, 50
	reader := storetest.Open(t, path)
	if _, err := ledger.Open(t.Context(), reader, "default", private, public, storetest.Epoch); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for w := range writers {
		l, err := ledger.Open(t.Context(), storetest.Open(t, path), "default", private, public, storetest.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() { appendBatches(t, l, w, batches, each) })
	}
	over := make(chan struct{})
	go func() { group.Wait(); close(over) }()
	last := proof.Checkpoint{}
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
		}
		head, err := reader.Head(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		signed, err := proof.OpenCheckpoint(head.Checkpoint, public)
		if err != nil {
			t.Fatal(err)
		}
		if signed.Size < last.Size || signed.Size != head.Frontier.Size() || signed.Root != head.Frontier.Root() {
			t.Fatalf("the head says %d events after %d, its tree has %d", signed.Size, last.Size, head.Frontier.Size())
		}
		root, err := proof.Root(last.Size, reader.Tiles(t.Context(), "default"))
		if err != nil || last.Size > 0 && root != last.Root {
			t.Fatalf("the first %d events are others now: %v", last.Size, err)
		}
		last = signed
	}
	if last.Size != writers*batches*each {
		t.Errorf("%d events, want %d", last.Size, writers*batches*each)
	}
	storetest.Check(t, reader, "default")
}

// appendBatches appends batches of actions, each action once.
func appendBatches(t *testing.T, l *ledger.Ledger, writer, batches, each int) {
	for b := range batches {
		rows := make([]*store.Row, each)
		for i := range rows {
			e := storetest.Action(i)
			e.Key = fmt.Sprint("w", writer, "/", b, "/", i)
			row, err := storetest.NewRow("default", e)
			if err != nil {
				t.Error(err)
				return
			}
			rows[i] = row
		}
		added, err := l.Append(t.Context(), rows)
		if err != nil || len(added) != each {
			t.Errorf("%d added, %v", len(added), err)
			return
		}
	}
}

// An append that is called off leaves nothing behind.
func TestCalledOff(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	private, public := newKey(t)
	l, err := ledger.Open(t.Context(), s, "default", private, public, storetest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	row, err := storetest.NewRow("default", storetest.Action(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, []*store.Row{row}); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v, want canceled", err)
	}
	if events := storetest.Check(t, s, "default"); len(events) > 0 {
		t.Errorf("%d events are in the trail", len(events))
	}
	if added, err := l.Append(t.Context(), []*store.Row{row}); err != nil || len(added) != 1 {
		t.Errorf("%d added, %v", len(added), err)
	}
}
