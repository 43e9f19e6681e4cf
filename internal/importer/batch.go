package importer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
)

// batchSize is how many events are recorded at a time. Most files tell fewer:
// what many of them tell shares a transaction.
const batchSize = 4096

// saveEvery is how much work a kill may cost.
const saveEvery = 30 * time.Second

// batch is what is recorded at a time.
type batch struct {
	events []whodid.Event
	files  []readFile // those of which nothing is missing once it is recorded
}

// readFile is a file that was read, with what the state is to say of it.
type readFile struct {
	path  string
	entry Entry
}

// all reads the files, several at a time, while others write down what was told.
// The events of one file are recorded in their order, for they never are in two
// batches that could be recorded at once.
func (x *run) all(ctx context.Context, files []File) error {
	var writing context.Context
	x.writers, writing = errgroup.WithContext(ctx)
	x.writers.SetLimit(2) // one makes its rows while the other's are written
	readers, reading := errgroup.WithContext(writing)
	readers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range files {
		readers.Go(func() error {
			if err := x.file(reading, &files[i]); err != nil {
				return err
			}
			x.write(writing, batchSize)
			return nil
		})
	}
	err := readers.Wait()
	if err == nil {
		x.write(writing, 1)
	}
	lost := x.writers.Wait()
	if lost != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return lost // it is why the readers stopped
	}
	return err
}

// gather puts what a file told with what the others did. The caller holds the
// lock.
func (x *run) gather(b *batch) {
	x.batch.events = append(x.batch.events, b.events...)
	x.batch.files = append(x.batch.files, b.files...)
}

// write records what was gathered, if it is that many events or files, behind
// the back of who calls: who waits only if the writers are busy.
func (x *run) write(ctx context.Context, least int) {
	x.mu.Lock()
	b := x.batch
	if max(len(b.events), len(b.files)) < least {
		x.mu.Unlock()
		return
	}
	x.batch = batch{}
	x.mu.Unlock()
	x.writers.Go(func() error { return x.record(ctx, &b) })
}

// record records a batch, and notes which files are done by it.
func (x *run) record(ctx context.Context, b *batch) error {
	added := 0
	if len(b.events) > 0 {
		rows, err := x.Recorder.RecordValid(ctx, b.events)
		if err != nil {
			return &recordError{fmt.Errorf("couldn't record what was read: %w", err)}
		}
		added = len(rows)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.imported.Events += added
	for i := range b.files {
		x.state.Set(b.files[i].path, b.files[i].entry)
	}
	if now := x.Now(); now.Sub(x.saved) > saveEvery {
		x.saved = now
		return x.state.Save(x.StatePath)
	}
	return nil
}
