package cli

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
)

// crier shows the heads of all logs to the witnesses of the file, again and again.
// Nothing that is recorded waits for it: a witness that fails is told of, and shown
// the head the next time.
type crier struct {
	trail   *trail
	orgs    *tenants
	metrics *server.Metrics
	log     *slog.Logger
	file    *witnessFile
	every   time.Duration

	failing, refused atomic.Int64 // as of the last round
}

func (p *Program) newCrier(t *trail, orgs *tenants, metrics *server.Metrics, log *slog.Logger, every time.Duration) (*crier, error) {
	file, err := p.witnessFile()
	if err != nil {
		return nil, err
	}
	c := &crier{trail: t, orgs: orgs, metrics: metrics, log: log, file: file, every: every}
	metrics.Gauge("whodid_witnesses_failing", "Witnesses of logs that could not be shown the head the last time.", func() float64 { return float64(c.failing.Load()) })
	metrics.Gauge("whodid_witnesses_refused", "Witnesses that saw another trail than this one: run whodid verify --ask-witnesses.", func() float64 { return float64(c.refused.Load()) })
	return c, nil
}

// start shows heads until the context ends. The function that it returns waits for
// the end of the last one.
func (c *crier) start(ctx context.Context) (wait func()) {
	if c.every == 0 || len(c.file.Witnesses) == 0 {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(c.every)
		defer tick.Stop()
		for {
			c.round(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() { <-done }
}

// round shows the head of each log once.
func (c *crier) round(ctx context.Context) {
	orgs, err := c.trail.store.Orgs(ctx)
	if err != nil {
		c.failed(ctx, "", "", err)
		return
	}
	var failing, refused int64
	for _, org := range orgs {
		places := c.file.of(org)
		if ctx.Err() != nil || len(places) == 0 {
			continue
		}
		pushed, err := c.push(ctx, org, places)
		if err != nil {
			c.failed(ctx, org, "", err)
			continue
		}
		for i := range pushed.Witnesses {
			w := &pushed.Witnesses[i]
			if w.err == nil {
				continue
			}
			failing++
			if w.Refused {
				refused++
			}
			c.failed(ctx, org, w.Witness, w.err)
		}
	}
	c.failing.Store(failing)
	c.refused.Store(refused)
}

func (c *crier) push(ctx context.Context, org string, places []witness.Place) (*witnessPushed, error) {
	t, err := c.orgs.tenant(ctx, org)
	if err != nil {
		return nil, err
	}
	s := &shower{store: c.trail.store, org: org, now: time.Now, client: witness.NewHTTP(), record: func(ctx context.Context, events ...whodid.Event) error {
		_, err := t.Recorder.Record(ctx, events...)
		return err
	}}
	pushed, err := s.push(ctx, places)
	if errors.Is(err, store.ErrNoLog) {
		return &witnessPushed{}, nil
	}
	return pushed, err
}

func (c *crier) failed(ctx context.Context, org, name string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	c.metrics.Failed("witness")
	c.log.ErrorContext(ctx, "a witness was not shown the head", "org", org, "witness", name, "error", err.Error())
}
