package record

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/whodid/whodid/internal/store"
)

// ErrBusy means that more events wait to be recorded than a process should
// hold. Nothing was taken; the same events may be sent again in a moment.
var ErrBusy = errors.New("too many events are waiting to be recorded")

// ErrRefused means that the database will not take these events, now or later.
// It is not for the events to be sent again.
var ErrRefused = errors.New("the database refused the events")

// The bounds of a group, in rows. A row is one to two kilobytes.
const (
	// maxGroup bounds one transaction, for who is in it waits for all of it. A
	// call that has more rows than that has a transaction to itself.
	maxGroup = 2048
	// maxWaiting bounds what waits behind it.
	maxWaiting = 16 * maxGroup
)

// group lets many calls share one transaction.
//
// Every append locks the head of the log, signs, and waits for the disk; done
// for each call, all would queue for that. So calls that come while a
// transaction is under way are gathered, and make the next one together. A lone
// call finds none under way and waits for nothing.
//
// What is promised to each call is what it would have alone. Its rows stay in
// their order and are kept all or not at all; of the same event told by two
// calls, the first has it, and to the second it is known. If the database
// refuses a transaction because of what is in it, its calls are tried again in
// halves, until those that are to blame fail alone. A call that is given up
// while it waits is not made; given up later, its rows may be kept or not, as
// with any commit that nobody hears the answer of. Others never notice.
type group struct {
	log Log

	mu      sync.Mutex
	queue   []*call // in the order in which they came
	waiting int     // rows in the queue
	busy    bool    // work is running
}

// call is one call of append. What it results in is written before done is
// closed, and read after.
type call struct {
	ctx   context.Context //nolint:containedctx // the call waits in a queue; who works it off asks whether it still stands
	rows  []*store.Row
	done  chan struct{}
	added []*store.Row
	err   error
}

// append appends the rows together with those of other calls, and returns
// those that are new.
func (g *group) append(ctx context.Context, rows []*store.Row) ([]*store.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &call{ctx: ctx, rows: rows, done: make(chan struct{})}
	if err := g.enqueue(ctx, c); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
		return c.added, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *group) enqueue(ctx context.Context, c *call) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting > 0 && g.waiting+len(c.rows) > maxWaiting {
		return ErrBusy
	}
	g.queue = append(g.queue, c)
	g.waiting += len(c.rows)
	if !g.busy {
		g.busy = true
		go g.work(context.WithoutCancel(ctx))
	}
	return nil
}

// work makes transactions until nobody waits. It belongs to no call, so that
// none can take it away from the others by giving up.
func (g *group) work(ctx context.Context) {
	for {
		calls, more := g.next()
		if !more {
			return
		}
		if len(calls) > 0 {
			g.commit(ctx, calls)
		}
		for _, c := range calls {
			close(c.done)
		}
	}
}

// next takes the calls of the next transaction, without those that were given
// up, and says whether there is anything to do at all.
func (g *group) next() (calls []*call, more bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.busy = false
		g.queue = nil
		return nil, false
	}
	rows, n := 0, 0
	for ; n < len(g.queue); n++ {
		c := g.queue[n]
		if rows > 0 && rows+len(c.rows) > maxGroup {
			break
		}
		g.waiting -= len(c.rows)
		if c.err = c.ctx.Err(); c.err != nil {
			close(c.done)
			continue
		}
		rows += len(c.rows)
		calls = append(calls, c)
	}
	clear(g.queue[:n]) // what is done must not be kept alive by the queue
	g.queue = g.queue[n:]
	return calls, true
}

// commit makes one transaction of the calls, or several if it has to.
func (g *group) commit(ctx context.Context, calls []*call) {
	wanted, done := whileWanted(ctx, calls)
	added, err := g.log.Append(wanted, rowsOf(calls))
	done()
	switch {
	case err == nil:
		share(calls, added)
	case len(calls) > 1 && store.Refused(err):
		g.commit(ctx, calls[:len(calls)/2])
		g.commit(ctx, calls[len(calls)/2:])
	default:
		if store.Refused(err) {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		for _, c := range calls {
			c.err = err
		}
	}
}

// whileWanted is a context that ends when all of the calls were given up: then
// the transaction is for nobody, and holds up the next.
func whileWanted(ctx context.Context, calls []*call) (wanted context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	var left atomic.Int64
	left.Store(int64(len(calls)))
	stops := make([]func() bool, 0, len(calls))
	for _, c := range calls {
		stops = append(stops, context.AfterFunc(c.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// rowsOf are the rows of all calls, one call after the other.
func rowsOf(calls []*call) []*store.Row {
	if len(calls) == 1 {
		return calls[0].rows
	}
	n := 0
	for _, c := range calls {
		n += len(c.rows)
	}
	rows := make([]*store.Row, 0, n)
	for _, c := range calls {
		rows = append(rows, c.rows...)
	}
	return rows
}

// share gives each call those of its rows that were added, which are in the
// order of all rows.
func share(calls []*call, added []*store.Row) {
	for _, c := range calls {
		for _, r := range c.rows {
			if len(added) > 0 && added[0] == r {
				c.added = append(c.added, r)
				added = added[1:]
			}
		}
	}
}
