package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid/internal/retention"
)

// sweepEvery is the time between two sweeps of an organisation by a server, and
// sweepFirst that between its start and the first.
const (
	sweepEvery = 24 * time.Hour
	sweepFirst = 2 * time.Minute
)

// clockSlip is by how much the clock and the time that passed may differ between
// two rounds before nothing is swept for a day.
const clockSlip = 30 * time.Minute

// daily knows when each organisation was last swept by this process. It goes by
// the time that passes, which no change of the clock changes.
type daily struct {
	next map[string]time.Duration // by organisation, since the beginning
	// wall and passed are what the clock and the time that passed said last.
	wall   time.Time
	passed time.Duration
	began  bool
}

// due tells whether an organisation is due. wall is what the clock says, passed the
// time since the process began.
func (d *daily) due(org string, wall time.Time, passed time.Duration) (bool, error) {
	if d.next == nil {
		d.next = map[string]time.Duration{}
	}
	var err error
	if d.began {
		if slip := wall.Sub(d.wall) - (passed - d.passed); slip.Abs() > clockSlip {
			for known := range d.next {
				d.next[known] = passed + sweepEvery
			}
			d.next[org] = passed + sweepEvery
			err = fmt.Errorf("%w: it went by %s while %s passed; nothing is swept for a day", retention.ErrClock,
				wall.Sub(d.wall).Round(time.Second), (passed - d.passed).Round(time.Second))
		}
	}
	d.wall, d.passed, d.began = wall, passed, true
	next, known := d.next[org]
	if !known {
		next = passed + sweepFirst
		d.next[org] = next
	}
	if passed < next {
		return false, err
	}
	d.next[org] = passed + sweepEvery
	return true, err
}

// cleanEvery is the time between two looks for what was erased and could not be
// taken out of the files of the database at once.
const cleanEvery = time.Hour

// clean finishes erasures that had to wait for others.
func (c *chores) clean(ctx context.Context, org string) error {
	passed := time.Since(c.began)
	if passed < c.cleans[org] {
		return nil
	}
	c.cleans[org] = passed + cleanEvery
	done, err := c.trail.store.Purge(ctx, org)
	if err != nil {
		return err
	}
	if done.Left != "" {
		c.log.WarnContext(ctx, "something that was erased is still in the files of the database", "org", org, "left", done.Left)
	}
	return nil
}

// sweep removes what is due of an organisation once a day. Several servers may: the
// database lets one at a time, and there is nothing left for the next.
func (c *chores) sweep(ctx context.Context, org string, t *tenant) error {
	due, err := c.sweeps.due(org, c.p.Now().Round(0), time.Since(c.began))
	if err != nil || !due {
		return err
	}
	k := &retention.Keeper{Org: org, Store: c.trail.store, Recorder: t.Recorder, Asker: t.Asker, Now: c.p.Now}
	a, err := k.Apply(ctx, false)
	if a != nil {
		c.p.sweepDisk(&c.trail.place, org, a)
	}
	switch {
	case errors.Is(err, retention.ErrUnconfirmed):
		c.log.InfoContext(ctx, "nothing is swept before somebody says how long events are kept", "org", org, "see", "whodid retention preview")
		return nil
	case err != nil:
		return err
	case a.Events > 0:
		c.log.InfoContext(ctx, "swept", "org", org, "events", a.Events, "runs", a.Executions, "sweeps", len(a.Sweeps), "policy", a.Policy.Profile)
	}
	return nil
}
