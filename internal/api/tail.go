package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/server"
)

// hubs has one hub for each organisation whose log somebody follows.
type hubs struct {
	mu   sync.Mutex
	open map[string]*hub
}

// hub looks at one log for all who follow it: however many they are, the
// database is asked once in a while, and for one row while nothing happens.
type hub struct {
	// listeners counts those who follow, under the lock of hubs.
	listeners int
	stop      context.CancelFunc

	mu sync.Mutex
	// size is how many events the log is known to have; grown is closed when
	// it has more.
	size  uint64
	grown chan struct{}
}

// join makes the caller a listener of an organisation's log. Call leave when it
// is none any more.
func (h *hubs) join(ctx context.Context, t *server.Tenant, poll time.Duration) (joined *hub, leave func(), err error) {
	size, err := t.Asker.Size(ctx)
	if err != nil {
		return nil, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	joined = h.open[t.Org]
	if joined == nil {
		watching, stop := context.WithCancel(context.WithoutCancel(ctx))
		joined = &hub{stop: stop, grown: make(chan struct{})}
		h.open[t.Org] = joined
		go joined.watch(watching, t, poll)
	}
	joined.grow(size)
	joined.listeners++
	return joined, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if joined.listeners--; joined.listeners == 0 {
			joined.stop()
			delete(h.open, t.Org)
		}
	}, nil
}

// watch looks at the log until nobody follows it any more. A database that
// can't be reached is asked again: who follows only hears nothing meanwhile.
func (h *hub) watch(ctx context.Context, t *server.Tenant, poll time.Duration) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if size, err := t.Asker.Size(ctx); err == nil {
			h.grow(size)
		}
	}
}

func (h *hub) grow(size uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if size > h.size {
		h.size = size
		close(h.grown)
		h.grown = make(chan struct{})
	}
}

// state is how large the log is and what tells that it has grown.
func (h *hub) state() (size uint64, grown <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.size, h.grown
}

// tailBatch is how many events are read at once.
const tailBatch = 500

func (c *call) tail() error {
	filter, err := whodid.ParseFilter(c.r.URL.Query().Get("q"), c.api.options.Now())
	if err != nil {
		return err
	}
	if err := filter.Check("events", whodid.EventFields()); err != nil {
		return err
	}
	h, leave, err := c.api.hubs.join(c.ctx, c.tenant, c.api.options.Poll)
	if err != nil {
		return err
	}
	defer leave()
	size, _ := h.state()
	next, err := c.number("from", size, 1<<62)
	if err != nil {
		return err
	}
	if last := c.r.Header.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseUint(last, 10, 62)
		if err != nil {
			return wrong(http.StatusBadRequest, "Last-Event-ID is not the index of an event")
		}
		next = n + 1
	}
	header := c.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	c.w.WriteHeader(http.StatusOK)
	f := &follower{call: c, hub: h, next: next, selection: ask.Selection{Filter: filter, Squads: c.id.Squads, Limit: tailBatch}}
	// What ends the stream from here on can't be told any more: who listens
	// asks again from where it stood.
	_ = f.run()
	return nil
}

// follower is somebody who follows a log.
type follower struct {
	*call
	hub       *hub
	selection ask.Selection
	next      uint64 // the index from which on nothing was sent
	out       bytes.Buffer
}

func (f *follower) run() error {
	if err := f.write(fmt.Sprintf("retry: 2000\n: %d\n\n", f.next)); err != nil {
		return err
	}
	beat := time.NewTicker(f.api.options.Heartbeat)
	defer beat.Stop()
	for {
		size, grown := f.hub.state()
		for f.next < size {
			if err := f.catchUp(size); err != nil {
				return err
			}
		}
		select {
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-grown:
		case <-beat.C:
			// The index, so that who asks again need not pass what was left out.
			if err := f.write(fmt.Sprintf(": %d\n\n", f.next)); err != nil {
				return err
			}
		}
	}
}

// catchUp sends what is selected of the events below size.
func (f *follower) catchUp(size uint64) error {
	list, next, err := f.tenant.Asker.SelectEvents(f.ctx, f.selection, f.next)
	if err != nil {
		return err
	}
	f.out.Reset()
	for i := range list.Events {
		e := &list.Events[i]
		fmt.Fprintf(&f.out, "id: %d\nevent: event\ndata: ", e.Seq)
		enc := json.NewEncoder(&f.out) // ends in a line feed, and has none within
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return err
		}
		f.out.WriteByte('\n')
		f.next = e.Seq + 1
	}
	if next == nil {
		f.next = max(f.next, size)
	}
	if f.out.Len() == 0 {
		return nil
	}
	return f.write(f.out.String())
}

// write sends to who listens. The server gives up on one who does not take it.
func (f *follower) write(s string) error {
	if _, err := f.w.Write([]byte(s)); err != nil {
		return err
	}
	return http.NewResponseController(f.w).Flush()
}
