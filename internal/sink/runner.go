package sink

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// Runner sends the events of one log to one place, and waits for new ones.
type Runner struct {
	// Name and Org say which sink it is.
	Name, Org string
	Format    Format
	Fields    Fields
	// FromNow lets a sink that is new begin at the end of the log.
	FromNow bool
	Sender  Sender
	Source  Source
	Cursors Cursors
	// Holder names this process among those that could send, and no other.
	Holder string
	Now    func() time.Time
	// Sleep waits, and ends early with an error when the context does.
	Sleep func(ctx context.Context, d time.Duration) error
	// Failed is told of each failure.
	Failed func(err error)
	// MaxBatch bounds the events of a batch; 0 is [DefaultBatch].
	MaxBatch int

	// State can be read at any time.
	State State
	batch int // the bound of the next batch
}

// State is how a sink is doing.
type State struct {
	// Lag is how many events are not sent yet, as of the last look; -1 if
	// another process sends.
	Lag atomic.Int64
	// Failures counts those since the last success.
	Failures atomic.Int64
}

// DefaultBatch is how many events are sent at once.
const DefaultBatch = 500

const (
	// lease is how long a sender that died keeps others from taking over.
	lease = time.Minute
	// idle is the time between two looks for new events.
	idle = time.Second
	// The first pause after a failure, and the longest.
	firstPause, longestPause = time.Second, 5 * time.Minute
)

// Run sends until the context ends.
func (r *Runner) Run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := idle
		switch sent, err := r.Once(ctx); {
		case err != nil && ctx.Err() == nil:
			pause = r.failed(ctx, err)
		case sent > 0:
			continue // there may be more
		}
		if r.Sleep(ctx, pause) != nil {
			break
		}
	}
	// Another process may take over at once.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), firstPause)
	defer cancel()
	_ = r.Cursors.Release(ctx, r.Org, r.Name, r.Holder)
}

// failed notes a failure and says how long to wait.
func (r *Runner) failed(ctx context.Context, err error) time.Duration {
	n := r.State.Failures.Add(1)
	r.Failed(err)
	_ = r.Cursors.Fail(ctx, r.Org, r.Name, r.Holder, reason(err), r.Now())
	pause := firstPause << min(n-1, 16)
	if delay, ok := errors.AsType[*Delay](err); ok {
		pause = max(pause, delay.After)
	}
	return min(pause, longestPause)
}

// reason is what went wrong, short enough to be kept.
func reason(err error) string {
	const limit = 200
	text := err.Error()
	return text[:min(len(text), limit)]
}

// Once sends one batch, if there is any and nobody else is the sender, and returns
// how many events it had.
func (r *Runner) Once(ctx context.Context) (int, error) {
	size, err := r.Source.Size(ctx, r.Org)
	if err != nil {
		return 0, err
	}
	start := uint64(0)
	if r.FromNow {
		start = size
	}
	now := r.Now()
	next, mine, err := r.Cursors.Take(ctx, r.Org, r.Name, r.Holder, start, now, now.Add(lease))
	if err != nil {
		return 0, err
	}
	if !mine {
		r.State.Lag.Store(-1)
		return 0, nil
	}
	r.State.Lag.Store(int64(size) - int64(next))
	limit := r.MaxBatch
	if limit <= 0 {
		limit = DefaultBatch
	}
	if r.batch > 0 && r.batch < limit {
		limit = r.batch
	}
	rows, err := r.Source.Events(ctx, r.Org, next, limit)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	b, err := r.encode(rows)
	if err != nil {
		return 0, err
	}
	// Who sends longer than the lease lasts is no longer the only one.
	sending, cancel := context.WithTimeout(ctx, lease/2)
	defer cancel()
	rejected, err := r.send(sending, b)
	if err != nil {
		if errors.Is(err, ErrTooLarge) && len(rows) > 1 {
			r.batch = len(rows) / 2
			return 1, nil // at once, with less
		}
		return 0, err
	}
	if r.batch > 0 {
		r.batch *= 2
	}
	now = r.Now()
	// It has arrived, whoever wants us to stop.
	noting, end := context.WithTimeout(context.WithoutCancel(ctx), lease/2)
	defer end()
	// A cursor that is elsewhere was moved by another sender: what we sent was
	// sent twice, which is allowed.
	if _, err := r.Cursors.Advance(noting, r.Org, r.Name, r.Holder, next, b.Last+1, now, now.Add(lease)); err != nil {
		return 0, err
	}
	r.State.Lag.Store(int64(size) - int64(b.Last) - 1)
	r.State.Failures.Store(0)
	if rejected != nil { // after the cursor, which forgets what went wrong before
		r.Failed(rejected)
		_ = r.Cursors.Fail(noting, r.Org, r.Name, r.Holder, reason(rejected), now)
	}
	return len(rows), nil
}

// send sends a batch. What a place took and rejected some of has been sent: it would
// reject the same again.
func (r *Runner) send(ctx context.Context, b *Batch) (rejected *RejectedError, err error) {
	err = r.Sender.Send(ctx, b)
	if rejected, ok := errors.AsType[*RejectedError](err); ok {
		return rejected, nil
	}
	return nil, err
}

func (r *Runner) encode(rows []store.Row) (*Batch, error) {
	b := &Batch{Org: r.Org, First: rows[0].Seq, Last: rows[len(rows)-1].Seq, At: rows[0].RecordedAt, Format: r.Format}
	for i := range rows {
		text, err := Encode(r.Format, &rows[i], r.Fields)
		if err != nil {
			return nil, err
		}
		b.Records = append(b.Records, text)
		b.Kinds = append(b.Kinds, rows[i].What)
		b.Times = append(b.Times, rows[i].At)
	}
	return b, nil
}
