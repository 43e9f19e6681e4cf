package storetest

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

var readerTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"readers see whole appends while one writes": testReaders,
}

// testReaders reads through two stores while a third appends batches of one
// execution and its actions: nobody ever sees a part of a batch, or a head
// whose tree is not there.
func testReaders(t *testing.T, open func(testing.TB) *store.Store) {
	const batches, size = 60, 12
	b := NewBook(t, open(t), "default")
	var done atomic.Bool
	var group sync.WaitGroup
	for range 2 {
		s := open(t)
		group.Go(func() {
			for last := uint64(0); !done.Load(); {
				last = readOnce(t, s, last, size)
			}
		})
	}
	for n := range batches {
		batch := append(Actions(n*size, n*size+size-1), event("execution.start", ExecutionID(n), n, nil))
		b.Append(t, batch...)
	}
	done.Store(true)
	group.Wait()
	if got := len(Check(t, b.Store, "default")); got != batches*size {
		t.Errorf("%d events, want %d", got, batches*size)
	}
}

// readOnce checks one view of a log that grows by whole batches, and returns
// its size.
func readOnce(t *testing.T, s *store.Store, last uint64, batch int) uint64 {
	head, err := s.Head(t.Context(), "default")
	if err != nil {
		t.Error(err)
		return last
	}
	size := head.Frontier.Size()
	if size < last || size%uint64(batch) != 0 {
		t.Errorf("the log has %d events after %d", size, last)
	}
	checkpoint, err := proof.PeekCheckpoint(head.Checkpoint)
	if err != nil || checkpoint.Size != size || checkpoint.Root != head.Frontier.Root() {
		t.Errorf("checkpoint %+v, %v; want that of the head at %d", checkpoint, err, size)
	}
	if root, err := proof.Root(size, s.Tiles(t.Context(), "default")); err != nil || root != checkpoint.Root {
		t.Errorf("at %d the tiles give the root %s, %v; the checkpoint says %s", size, root, err, checkpoint.Root)
	}
	events, err := s.Events(t.Context(), "default", store.EventFilter{AfterSeq: last})
	if err != nil || uint64(len(events)) < size-last || len(events)%batch != 0 {
		t.Errorf("%d events from %d on, %v; want all up to %d at least", len(events), last, err, size)
	}
	for i := range events {
		if events[i].Seq != last+uint64(i) {
			t.Errorf("event %d is at %d", last+uint64(i), events[i].Seq)
		}
	}
	executions, err := s.Executions(t.Context(), "default", store.ExecutionFilter{})
	if err != nil || uint64(len(executions)) < size/uint64(batch) {
		t.Errorf("%d executions, %v; want %d at least", len(executions), err, size/uint64(batch))
	}
	return size
}
