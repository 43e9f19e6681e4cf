package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// chores are what a server does of itself, again and again: it takes in what
// waits in the spool of its machine, ends the runs that stopped reporting, and
// remembers the head that it has seen. Each may be done by several processes at
// once, and done again.
type chores struct {
	p     *Program
	trail *trail
	orgs  *tenants
	log   *slog.Logger
}

// choreInterval is the time between two rounds.
const choreInterval = 15 * time.Second

func (c *chores) run(ctx context.Context) {
	tick := time.NewTicker(choreInterval)
	defer tick.Stop()
	for {
		c.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round does everything once. What fails is told and tried again next time.
func (c *chores) round(ctx context.Context) {
	failed := func(chore string, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			c.log.ErrorContext(ctx, "a chore failed", "chore", chore, "error", err.Error())
		}
	}
	_, err := c.p.drain(ctx, c.trail)
	failed("drain the spool", err)
	orgs, err := c.trail.store.Orgs(ctx)
	failed("list the organisations", err)
	for _, org := range orgs {
		if ctx.Err() != nil {
			return
		}
		t, err := c.orgs.tenant(ctx, org)
		if err == nil {
			_, err = t.Recorder.LoseExpired(ctx)
		}
		failed("end lost runs of "+org, err)
	}
}
