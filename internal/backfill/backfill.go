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
	// Repository is owner/name, on GitLab with as many groups as there are.
	Repository string
	// Since is from when on things are read, by the forge's clock.
	Since time.Time
	// API is the address of the forge's API; empty is that of github.com or
	// gitlab.com. Token is what it is read with; without one only what is public.
	API, Token string
	// Forge says how accounts are named. It has no hook and no delivery.
	Forge forge.Options
	// Known returns what the trail knows of a pull request already.
	Known func(ctx context.Context, target string) (Known, error)
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

// Known is what the trail knows of a pull request: where the forge's answer has no
// key that a webhook's delivery would have had, it decides what is new.
type Known struct {
	// Head is the commit at which it stands; empty if that is not known.
	Head string
	// Closed is when it was closed, if it is.
	Closed time.Time
	// Approvers are the actors who approved it and did not take it back.
	Approvers []string
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

// read makes of an object of the API the facts of the delivery that would have
// told of it.
func (r *run) read(event string, payload map[string]any) ([]whodid.Event, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("couldn't read what the forge told: %w", err)
	}
	d, err := r.parse(event, body, r.Forge)
	if err != nil {
		return nil, err
	}
	return d.Facts, nil
}

// take takes facts into the trail.
func (r *run) take(ctx context.Context, facts []whodid.Event) error {
	if len(facts) == 0 {
		return nil
	}
	added, err := r.Take(ctx, facts)
	r.Read += len(facts)
	r.New += added
	return err
}

// tell reads an object of the API and takes in what it tells.
func (r *run) tell(ctx context.Context, event string, payload map[string]any, change ...func(*whodid.Event)) error {
	facts, err := r.read(event, payload)
	if err != nil {
		return err
	}
	for i := range facts {
		for _, c := range change {
			c(&facts[i])
		}
	}
	return r.take(ctx, facts)
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
