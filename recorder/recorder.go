// Package recorder lets a Go program record itself: what it runs, what it does
// and what came of it goes to a whodid server, without ever getting in the
// program's way.
//
//	rec, err := recorder.New(recorder.Options{Server: "https://whodid.example", Token: token, Agent: "ops/backup"})
//	…
//	defer rec.Close(ctx)
//	run := rec.Start(recorder.Run{Trigger: "scheduled"})
//	run.Action(recorder.Action{Type: "file.write", Target: "s3://backups/monday", Result: whodid.ResultSuccess})
//	run.Finish(whodid.ResultSuccess)
//
// What is recorded is sent in the background, in the order in which it happened.
// With [Options.Spool] it is on disk before a call returns, so that it survives
// the end of the program and of its machine's connection; without, it waits in
// memory, and what finds no room there becomes a recorded gap.
package recorder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/spool"
)

// Options say where to and for whom a program records.
type Options struct {
	// Server is the server's address and Token an API token of the role
	// recorder. Client takes the place of both.
	Server, Token string
	Client        *client.Client
	// Agent is whose runs they are, as squad/name; a [Run] may name another.
	Agent string
	// Spool is a folder of this program alone in which events wait on disk;
	// empty keeps them in memory.
	Spool string
	// OnError hears of what could not be recorded; nil ignores it. It must
	// return soon and must not call the recorder.
	OnError func(error)
	// Buffer is how many events wait in memory; 0 is 10,000.
	Buffer int
	// Interval is how long an event waits at most for others to go with it; 0 is
	// a second.
	Interval time.Duration
	// Now is the program's clock; nil is time.Now.
	Now func() time.Time
}

// Recorder records what a program does. It is safe for concurrent use, and its
// methods, but for Flush and Close, return at once.
type Recorder struct {
	options  Options
	client   *client.Client
	redactor *redact.Redactor
	spool    *spool.Spool // nil keeps events in memory

	mu      sync.Mutex // guards what follows
	waiting []whodid.Event
	lost    int64 // events that found no room
	closed  bool

	sending sync.Mutex // held while events are on their way, for their order
	wake    chan struct{}
	stop    context.CancelFunc
	stopped chan struct{}
}

// ErrClosed means that the recorder was closed before.
var ErrClosed = errors.New("the recorder is closed")

// ErrFull means that events found no room; the trail will have a gap that says
// how many.
var ErrFull = errors.New("the recorder's buffer is full")

// attempts is how often a batch is sent before it waits for the next round.
const attempts = 3

// New makes a recorder. It asks nothing of the server yet.
func New(o Options) (*Recorder, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Buffer == 0 {
		o.Buffer = 10_000
	}
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.Agent != "" {
		if _, _, err := whodid.ParseAgent(o.Agent); err != nil {
			return nil, err
		}
	}
	r := &Recorder{options: o, client: o.Client, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	var err error
	if r.client == nil {
		if r.client, err = client.New(o.Server, client.Options{Token: o.Token, Attempts: attempts}); err != nil {
			return nil, err
		}
	}
	if r.redactor, err = redact.New(redact.Options{}); err != nil {
		return nil, err
	}
	if o.Spool != "" {
		r.spool = spool.In(o.Spool)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.work(ctx)
	return r, nil
}

// work sends what waits until the recorder is closed.
func (r *Recorder) work(ctx context.Context) {
	defer close(r.stopped)
	tick := time.NewTicker(r.options.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
		}
		if err := r.send(ctx); err != nil && ctx.Err() == nil {
			r.options.OnError(err)
		}
	}
}

// Event records one event as it is. Its organisation, source and the time at
// which the trail took it are the server's; what lacks a key is a new fact, and
// what lacks a time happened now.
func (r *Recorder) Event(e whodid.Event) {
	if err := r.put(e); err != nil {
		r.options.OnError(err)
	}
}

// fullBatch is how many waiting events are sent without waiting for more.
const fullBatch = 500

func (r *Recorder) put(e whodid.Event) error {
	if err := r.prepare(&e); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return ErrClosed
	case r.spool != nil:
		return r.spool.Put(spool.Record{Events: []whodid.Event{e}})
	case len(r.waiting) >= r.options.Buffer:
		r.lost++
		return ErrFull
	}
	r.waiting = append(r.waiting, e)
	if len(r.waiting) >= fullBatch {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// prepare cuts and cleans an event to what may touch a disk.
func (r *Recorder) prepare(e *whodid.Event) error {
	e.Org, e.ID, e.Source = "", "", "api"
	if e.At.IsZero() {
		e.At = r.options.Now()
	}
	if e.Key == "" {
		e.Key = "api/" + whodid.NewID(whodid.PrefixEvent)
	}
	if err := e.Data.Normalize(); err != nil {
		return fmt.Errorf("%w: %w", whodid.ErrInvalid, err)
	}
	e.Trim(true)
	if err := e.Validate(); err != nil {
		return err
	}
	if _, err := r.redactor.Event(e); err != nil {
		return fmt.Errorf("%w: %w", whodid.ErrInvalid, err)
	}
	e.Cut()
	return nil
}

// Flush sends everything that waits.
func (r *Recorder) Flush(ctx context.Context) error { return r.send(ctx) }

// Close sends everything that waits and ends the recorder. What can't be sent
// until the context ends stays in the spool, or is lost without one, and the
// error says so.
func (r *Recorder) Close(ctx context.Context) error {
	r.mu.Lock()
	again := r.closed
	r.closed = true
	r.mu.Unlock()
	if again {
		return nil
	}
	r.stop()
	<-r.stopped
	return r.send(ctx)
}

// send sends everything that waits, oldest first.
func (r *Recorder) send(ctx context.Context) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	if r.spool != nil {
		return r.spool.Drain(r.options.Now(), func(b spool.Batch) error {
			var events []whodid.Event
			for i := range b.Records {
				events = append(events, b.Records[i].Events...)
			}
			if b.Torn > 0 {
				events = append(events, r.gap("a record of the spool was torn or damaged", int64(b.Torn), "gap/spool/"+b.Damage))
			}
			for len(events) > 0 {
				n := min(len(events), fullBatch)
				if err := r.sendBatch(ctx, events[:n]); err != nil {
					return err
				}
				events = events[n:]
			}
			return nil
		})
	}
	for {
		r.mu.Lock()
		n := min(len(r.waiting), fullBatch)
		batch := append([]whodid.Event(nil), r.waiting[:n]...)
		lost := r.lost
		r.mu.Unlock()
		if n == 0 && lost == 0 {
			return nil
		}
		if lost > 0 {
			batch = append(batch, r.gap("events of a program that found no room on their way", lost, "api/gap/"+whodid.NewID(whodid.PrefixEvent)))
		}
		if err := r.sendBatch(ctx, batch); err != nil {
			return err
		}
		r.mu.Lock()
		r.waiting = append(r.waiting[:0], r.waiting[n:]...)
		r.lost -= lost
		r.mu.Unlock()
	}
}

func (r *Recorder) gap(reason string, count int64, key string) whodid.Event {
	return whodid.Event{Key: key, What: "record.gap", At: r.options.Now(), Data: whodid.Data{"reason": reason, "count": count}}
}

// sendBatch sends events. Those that the server refuses are told of, and the
// others sent without them.
func (r *Recorder) sendBatch(ctx context.Context, events []whodid.Event) error {
	for {
		batch := make([]client.NewEvent, len(events))
		for i := range events {
			batch[i] = newEvent(&events[i])
		}
		_, err := r.client.RecordEvents(ctx, batch...)
		var said *client.Error
		if err == nil || !errors.As(err, &said) || len(said.Items) == 0 {
			return err
		}
		refused := make(map[int]bool, len(said.Items))
		for _, item := range said.Items {
			refused[item.Index] = true
			r.options.OnError(fmt.Errorf("couldn't record an event: %s", item.Detail))
		}
		kept := events[:0:0]
		for i := range events {
			if !refused[i] {
				kept = append(kept, events[i])
			}
		}
		if len(kept) == len(events) {
			return err // it names none of them
		}
		if events = kept; len(events) == 0 {
			return nil
		}
	}
}

func newEvent(e *whodid.Event) client.NewEvent {
	at := e.At
	return client.NewEvent{
		Key: e.Key, Actor: e.Actor, OnBehalfOf: e.OnBehalfOf, What: e.What, Target: e.Target, At: &at, Why: e.Why, Result: e.Result,
		Execution: e.Execution, Session: e.Session, Approval: e.Approval, Metadata: e.Data,
	}
}
