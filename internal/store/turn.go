package store

import (
	"context"
	"os"
	"time"

	"github.com/whodid/whodid/internal/filelock"
)

// turn lets the writers of a SQLite file write one after the other. SQLite itself
// knows no queue: who finds the file locked sleeps, up to a tenth of a second, and
// looks again, so that one that writes without a pause can keep another waiting
// until that gives up (SQLITE_BUSY). Here the system wakes who waits. It is only
// about the order: what may be written, SQLite's own locks decide.
type turn struct {
	path string
	// busy is full while somebody in this process has the turn, or waits for
	// other processes.
	busy chan struct{}
}

// turnPatience is how long the turn is waited for. Whoever has it longer may be a
// process that was stopped; then SQLite's own locks tell.
const turnPatience = time.Minute

func newTurn(database string) *turn {
	return &turn{path: database + "-turn", busy: make(chan struct{}, 1)}
}

// take waits for the turn until the context ends, and returns what gives it back.
// The connection that writes must be taken after it. Without a file to lock, in a
// folder that may not be written or on a disk without locks, it goes without.
func (t *turn) take(ctx context.Context) (release func()) {
	if t == nil { // PostgreSQL has queues of its own
		return func() {}
	}
	wait, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	select {
	case t.busy <- struct{}{}:
	case <-wait.Done():
		return func() {}
	}
	f, err := os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return func() { <-t.busy }
	}
	release = func() {
		_ = f.Close() // closing gives the lock back
		<-t.busy
	}
	if got, err := filelock.TryLock(f); got || err != nil {
		return release
	}
	locked := make(chan struct{})
	go func() {
		_ = filelock.Lock(f, true) // a disk without locks is one without turns
		close(locked)
	}()
	select {
	case <-locked:
		return release
	case <-wait.Done():
		// The file is closed once the lock is had, which nothing can cut short.
		go func() {
			<-locked
			_ = f.Close()
		}()
		return func() { <-t.busy }
	}
}
