// Package retention applies the policy that says how long events are kept: it
// removes what is due, unless a hold stands or the clock can't be believed.
package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/store"
)

// Keeper keeps one organisation's trail to its policy.
type Keeper struct {
	Org      string
	Store    *store.Store
	Recorder *record.Recorder
	Asker    *ask.Asker
	Now      func() time.Time
}

// Applied is what was removed.
type Applied struct {
	Policy ask.RetentionPolicy `json:"policy"`
	// Events and Executions are how many, all together.
	Events     int       `json:"events"`
	Executions int       `json:"executions"`
	Sweeps     []Removal `json:"sweeps"`
	// Gone are the executions, and Sessions the moment before which the period of
	// sessions is over, for who keeps more of them than the trail does.
	Gone     []string  `json:"-"`
	Sessions time.Time `json:"-"`
}

// Removal is one sweep.
type Removal struct {
	// Certificate is the event that tells of it.
	Certificate string `json:"certificate"`
	Class       string `json:"class"`
	Events      int    `json:"events"`
	Executions  int    `json:"executions"`
}

var (
	// ErrUnconfirmed means that nobody has set a policy yet.
	ErrUnconfirmed = errors.New("nobody has said yet how long events are to be kept")
	// ErrClock means that the clock may have jumped.
	ErrClock = errors.New("the clock can't be believed")
)

// A clock that jumped ahead would make everything due at once. What it says is
// believed if the trail has been written a day ago and more, and not much more, by
// that very clock: in the first day after a jump nothing goes.
const (
	clockLeast = 24 * time.Hour
	clockMost  = 7 * 24 * time.Hour
)

// checkClock tells whether the clock can be believed.
func (k *Keeper) checkClock(ctx context.Context) error {
	now := k.Now()
	lived, err := k.Store.HasRecorded(ctx, k.Org, now.Add(-clockMost), now.Add(-clockLeast))
	if err != nil {
		return err
	}
	if !lived {
		return fmt.Errorf("%w: by it, it is %s, and nothing was recorded between seven days and one day before", ErrClock, now.UTC().Format(time.RFC3339))
	}
	ahead, err := k.Store.HasRecorded(ctx, k.Org, now.Add(clockLeast), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return err
	}
	if ahead {
		return fmt.Errorf("%w: by it, it is %s, and events were recorded later than that", ErrClock, now.UTC().Format(time.RFC3339))
	}
	return nil
}

// Apply removes all that is due by the policy in force. clockIsRight says that
// somebody looked at the clock.
func (k *Keeper) Apply(ctx context.Context, clockIsRight bool) (*Applied, error) {
	policy, err := k.Asker.RetentionPolicy(ctx)
	if err != nil {
		return nil, err
	}
	a := &Applied{Policy: ask.NewRetentionPolicy(&policy), Sweeps: []Removal{}}
	if !policy.Confirmed() {
		return a, ErrUnconfirmed
	}
	if !clockIsRight {
		if err := k.checkClock(ctx); err != nil {
			return a, err
		}
	}
	now := k.Now()
	a.Sessions, _ = policy.Cutoff(whodid.ClassSession, now)
	for _, class := range ask.SweptClasses() {
		if err := k.sweep(ctx, &policy, class, now, a); err != nil {
			return a, err
		}
	}
	return a, nil
}

// sweep removes what is due of a class, as often as something is.
func (k *Keeper) sweep(ctx context.Context, policy *whodid.Retention, class whodid.Class, now time.Time, a *Applied) error {
	cutoff, ok := policy.Cutoff(class, now)
	if !ok {
		return nil
	}
	for {
		swept, certificate, err := k.Recorder.Sweep(ctx, policy, store.SweepRequest{Class: class, Cutoff: cutoff})
		if errors.Is(err, store.ErrNoLog) {
			return nil
		}
		if err != nil {
			return err
		}
		if swept.Events == 0 {
			return nil
		}
		a.Events += swept.Events
		a.Executions += len(swept.Executions)
		a.Gone = append(a.Gone, swept.Executions...)
		a.Sweeps = append(a.Sweeps, Removal{Certificate: certificate, Class: string(class), Events: swept.Events, Executions: len(swept.Executions)})
	}
}
