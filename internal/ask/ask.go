// Package ask answers the questions about the trail: what ran, what did it do,
// what did it cost, and is the trail what it was? The answers are plain values
// with stable JSON names; the command line, the API and the page only render
// them, so that the three never disagree.
package ask

import (
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
)

// Asker asks one organisation's trail.
type Asker struct {
	store *store.Store
	org   string
	now   func() time.Time
	// witnesses says who they are; nil is nobody.
	witnesses func() (*witness.File, error)
	// mostBehind is [MostBehind], but in tests.
	mostBehind uint64
}

// New makes the asker of an organisation's trail. now is the clock against
// which "the last seven days" is meant.
func New(s *store.Store, org string, now func() time.Time) *Asker {
	return &Asker{store: s, org: org, now: now, mostBehind: MostBehind}
}

// Filter selects executions. Zero fields select everything.
type Filter struct {
	Agent  string // full name, or a prefix ending in "*"
	Squad  string
	Status whodid.Status
	// Since and Until select what overlaps them.
	Since, Until time.Time
	Limit        int // 0 is no limit
}

func (f *Filter) store() store.ExecutionFilter {
	return store.ExecutionFilter{
		Agent: f.Agent, Squad: f.Squad, Status: string(f.Status), Since: f.Since, Until: f.Until, Limit: f.Limit,
	}
}

// optional is a pointer to v, or nil where it is not known.
func optional[T any](known bool, v T) *T {
	if !known {
		return nil
	}
	return &v
}

// moment is t in UTC, or nil for the zero time.
func moment(t time.Time) *time.Time { return optional(!t.IsZero(), t.UTC()) }
