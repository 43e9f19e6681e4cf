package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/connections"
	"github.com/whodid/whodid/internal/server"
)

// chores are what a server does of itself, again and again: it takes in what
// waits in the spool of its machine, ends the runs that stopped reporting,
// remembers the heads that it has seen, and looks for a new certificate. Each may
// be done by several processes at once, and done again.
type chores struct {
	p           *Program
	trail       *trail
	orgs        *tenants
	metrics     *server.Metrics
	log         *slog.Logger
	certificate *server.Certificate // nil without TLS
	told        *config.Notify

	events  atomic.Uint64 // in all logs together, as of the last round
	rewound atomic.Int64  // logs that don't go on where they were seen
	began   time.Time
	sweeps  daily
	// cleans is when the files are looked after next, by organisation.
	cleans map[string]time.Duration
	// connected are the connections of the server; nil if it was given none.
	// unhooked are the organisations that were compared with them.
	connected *connections.File
	unhooked  map[string]bool
	// policies are the digests of those that are known to be recorded.
	policies map[string]string
}

// choreInterval is the time between two rounds.
const choreInterval = 15 * time.Second

func newChores(p *Program, t *trail, orgs *tenants, metrics *server.Metrics, log *slog.Logger, certificate *server.Certificate, told *config.Notify) *chores {
	c := &chores{p: p, trail: t, orgs: orgs, metrics: metrics, log: log, certificate: certificate, told: told, began: time.Now(), cleans: map[string]time.Duration{}, unhooked: map[string]bool{}, policies: map[string]string{}}
	gauge := func(name, help string, read func() float64) { metrics.Gauge(name, help, read) }
	gauge("whodid_log_events", "Events in the logs of all organisations.", func() float64 { return float64(c.events.Load()) })
	gauge("whodid_logs_rewound", "Logs that don't go on where this server saw them: run whodid verify.", func() float64 { return float64(c.rewound.Load()) })
	gauge("whodid_spool_waiting_records", "Records that wait in the spool of this machine.", func() float64 {
		waiting, err := t.spool.Waiting()
		if err != nil {
			return -1
		}
		return float64(waiting.Records)
	})
	gauge("whodid_store_connections_open", "Connections to the database that are open.", func() float64 { return float64(t.store.Pool().Open) })
	gauge("whodid_store_connections_in_use", "Connections to the database that are in use.", func() float64 { return float64(t.store.Pool().InUse) })
	gauge("whodid_store_connections_limit", "Connections to the database that there may be.", func() float64 { return float64(t.store.Pool().Limit) })
	metrics.Counter("whodid_store_waits_total", "How often somebody waited for a connection to the database.", func() float64 { return float64(t.store.Pool().Waits) })
	metrics.Counter("whodid_store_wait_seconds_total", "How long, all together.", func() float64 { return t.store.Pool().Waited.Seconds() })
	return c
}

// start does the chores until the context ends. The function that it returns
// waits for the end of the last one.
func (c *chores) start(ctx context.Context) (wait func()) {
	done := make(chan struct{})
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(done)
		defer signal.Stop(hangup)
		tick := time.NewTicker(choreInterval)
		defer tick.Stop()
		for {
			c.round(ctx)
			select {
			case <-ctx.Done():
				return
			case <-hangup:
			case <-tick.C:
			}
		}
	}()
	return func() { <-done }
}

// round does everything once. What fails is told and tried again next time.
func (c *chores) round(ctx context.Context) {
	c.do(ctx, "certificate", "", func() error {
		if c.certificate == nil {
			return nil
		}
		changed, err := c.certificate.Reload()
		if changed {
			c.log.InfoContext(ctx, "the certificate was read again")
		}
		return err
	})
	c.do(ctx, "redaction", "", func() error {
		changed, err := c.orgs.reloadRedaction()
		if changed {
			c.log.InfoContext(ctx, "what is kept out of the trail was read again")
		}
		return err
	})
	c.do(ctx, "spool", "", func() error {
		in := c.p.intake(c.trail)
		_, err := in.Drain(ctx)
		return err
	})
	var orgs []string
	c.do(ctx, "organisations", "", func() (err error) {
		orgs, err = c.trail.store.Orgs(ctx)
		return err
	})
	var events uint64
	var rewound int64
	for _, org := range orgs {
		if ctx.Err() != nil {
			return
		}
		var t *tenant
		c.do(ctx, "open", org, func() (err error) {
			t, err = c.orgs.tenant(ctx, org)
			return err
		})
		if t == nil {
			continue
		}
		c.do(ctx, "lost runs", org, func() error {
			_, err := t.Recorder.LoseExpired(ctx)
			return err
		})
		c.do(ctx, "policy", org, func() error { return c.tellPolicy(ctx, org, t) })
		c.do(ctx, "budgets", org, func() error { return c.p.watchBudgetsOf(ctx, &t.Tenant) })
		c.do(ctx, "retention", org, func() error { return c.sweep(ctx, org, t) })
		c.do(ctx, "webhooks", org, func() error { return c.unhook(ctx, org, t) })
		c.do(ctx, "erasures", org, func() error { return c.clean(ctx, org) })
		c.do(ctx, "search", org, func() error {
			const aRound = 100_000 // events of a trail that is older than the index
			_, err := c.trail.store.IndexSearch(ctx, org, aRound)
			return err
		})
		c.do(ctx, "notifications", org, func() error { return c.p.notify(ctx, c.trail.store, t.Recorder, org, c.told) })
		c.do(ctx, "pin", org, func() error {
			head, err := c.trail.store.Head(ctx, org)
			if err != nil {
				return err
			}
			events += head.Frontier.Size()
			holds, err := c.p.advancePin(ctx, c.trail, org, t.ring.Public)
			if err == nil && !holds {
				rewound++
				err = fmt.Errorf("the log of %q does not go on where this server saw it: run whodid verify", org)
			}
			return err
		})
	}
	if len(orgs) > 0 {
		c.events.Store(events)
		c.rewound.Store(rewound)
	}
}

func (c *chores) do(ctx context.Context, chore, org string, work func() error) {
	err := work()
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	c.metrics.Failed(chore)
	c.log.ErrorContext(ctx, "a chore failed", "chore", chore, "org", org, "error", err.Error())
}
