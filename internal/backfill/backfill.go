// Package backfill reads from a forge's API what its webhooks failed to deliver.
// What it reads becomes the very events that a delivery would have become, with
// the same keys, so that nothing is told twice.
package backfill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
)

// Options say what to read, and who takes it.
type Options struct {
	// Repository is owner/name.
	Repository string
	// Since is from when on things are read, by the forge's clock.
	Since time.Time
	// API is the address of the forge's API; empty is that of github.com or
	// gitlab.com. Token is what it is read with; without one only what is public.
	API, Token string
	// Forge says how accounts are named. It has no hook and no delivery.
	Forge forge.Options
	// Head returns the commit at which the trail knows a pull request to stand;
	// empty if it does not.
	Head func(ctx context.Context, target string) (string, error)
	// Take takes facts into the trail and says how many were new.
	Take func(ctx context.Context, facts []whodid.Event) (int, error)
	// Now is the clock that the forge's limits are told by; Sleep waits.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Patience is how long to wait at most for a limit of the forge to pass.
	Patience time.Duration
	// Transport makes the requests; nil is the usual one.
	Transport http.RoundTripper
}

// Counts are what was read.
type Counts struct {
	// Read counts the facts that the forge told, New those that the trail
	// lacked.
	Read, New int
	// Waits counts how often a limit of the forge was waited for.
	Waits int
}

// ErrLimited means that the forge let us read no more for so long that it is not
// worth waiting. What was read is kept; the same command goes on from there.
var ErrLimited = errors.New("the forge's limit of requests is used up")

// run is one backfill.
type run struct {
	Options
	Counts
	parse func(event string, body []byte, o forge.Options) (*forge.Delivery, error)
}

// tell makes of an object of the API the delivery that would have told of it,
// and takes it in.
func (r *run) tell(ctx context.Context, event string, payload map[string]any, change ...func(*whodid.Event)) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("couldn't read what the forge told: %w", err)
	}
	d, err := r.parse(event, body, r.Forge)
	if err != nil {
		return err
	}
	for i := range d.Facts {
		for _, c := range change {
			c(&d.Facts[i])
		}
	}
	if len(d.Facts) == 0 {
		return nil
	}
	added, err := r.Take(ctx, d.Facts)
	r.Read += len(d.Facts)
	r.New += added
	return err
}

// within tells whether something happened in the time that is read.
func (r *run) within(t time.Time) bool { return !t.IsZero() && !t.Before(r.Since) }

// wait waits for a limit of the forge to pass.
func (r *run) wait(ctx context.Context, d time.Duration) error {
	if d > r.Patience {
		return fmt.Errorf("%w for another %s", ErrLimited, d.Round(time.Second))
	}
	r.Waits++
	return r.Sleep(ctx, max(d, time.Second))
}
