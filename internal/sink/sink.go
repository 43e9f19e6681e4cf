// Package sink sends new events of the trail to other places: files, HTTP, syslog,
// S3-compatible storage. Each event is sent at least once, in the order of the log.
// A cursor for each sink, kept in the trail, moves on only after what is behind
// it has arrived; what was sent and not noted before a crash is sent again, and
// its id, or its place in the log, says that it is the same.
package sink

import (
	"context"
	"errors"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// Batch is what is sent at once: events of one log, in its order.
type Batch struct {
	Org string
	// First and Last are the places of the first and the last event.
	First, Last uint64
	// At is when the first event was recorded.
	At time.Time
	// Records are the events, each in the sink's format, without a newline.
	Records [][]byte
	// Kinds are the verbs of the events, and Times when they happened.
	Kinds []string
	Times []time.Time
	// Format is that of the records.
	Format Format
}

// Sender brings batches to one place. Send returns nil only when the place has
// taken the whole batch. It is called by one goroutine.
type Sender interface {
	Send(ctx context.Context, b *Batch) error
	Close() error
}

// Source is the log that events come from.
type Source interface {
	// Events returns at most limit events from the place on, in the order of
	// the log.
	Events(ctx context.Context, org string, from uint64, limit int) ([]store.Row, error)
	// Size is how many events the log has.
	Size(ctx context.Context, org string) (uint64, error)
}

// Cursors keeps how far each sink has come. What it returns survives every crash.
type Cursors interface {
	// Take makes the holder the only sender of a sink until then, unless another
	// one is, and returns the place of the next event; a sink that is new begins
	// at start.
	Take(ctx context.Context, org, name, holder string, start uint64, now, until time.Time) (next uint64, ok bool, err error)
	// Advance moves the cursor, if the holder still is the sender and the cursor
	// is where it was.
	Advance(ctx context.Context, org, name, holder string, from, to uint64, now, until time.Time) (ok bool, err error)
	// Fail notes that sending failed, as a phrase without content.
	Fail(ctx context.Context, org, name, holder, reason string, now time.Time) error
	// Release lets another one take over at once.
	Release(ctx context.Context, org, name, holder string) error
}

// Delay is an error of a place that says when to try again.
type Delay struct {
	After time.Duration
	Err   error
}

func (d *Delay) Error() string { return d.Err.Error() }

// Unwrap is what went wrong.
func (d *Delay) Unwrap() error { return d.Err }

// ErrTooLarge means that a place takes no batch of that size; a smaller one may go.
var ErrTooLarge = errors.New("the batch is too large for the sink")
