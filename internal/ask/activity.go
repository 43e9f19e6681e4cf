package ask

import (
	"context"
	"errors"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Activity is the answer to "when did runs begin, and how did they end?".
type Activity struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// StretchSeconds is how long each stretch is. They lie side by side, and the
	// first begins at Since or before it.
	StretchSeconds int64     `json:"stretch_seconds"`
	Stretches      []Stretch `json:"stretches"`
}

// Stretch counts the runs that began in one stretch of time.
type Stretch struct {
	At      time.Time `json:"at"`
	Runs    int64     `json:"runs"`
	Success int64     `json:"success"`
	// Failed counts those that timed out or were lost, too.
	Failed    int64 `json:"failed"`
	Cancelled int64 `json:"cancelled"`
	Running   int64 `json:"running"`
	// CostMicros is what is known of their cost, CostUnknown counts the runs of
	// which not all is.
	CostMicros  int64 `json:"cost_micros"`
	CostUnknown int64 `json:"cost_unknown"`
}

// stretches are the lengths that people can read a time from.
var stretches = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 2 * 24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour, 364 * 24 * time.Hour,
}

// Activity answers when the selected runs began, in at most so many stretches of
// time. Without a time it looks at [DefaultPeriod].
func (a *Asker) Activity(ctx context.Context, s Selection, most int) (*Activity, error) {
	if err := s.Filter.Check("runs", whodid.ExecutionFields()); err != nil {
		return nil, err
	}
	var err error
	if s.Filter, err = a.placed(ctx, s.Filter); err != nil {
		return nil, err
	}
	until := s.Filter.Until
	if until.IsZero() {
		until = a.now()
	}
	since := s.Filter.Since
	if since.IsZero() {
		since = until.Add(-DefaultPeriod)
	}
	long := stretches[len(stretches)-1]
	for _, l := range stretches {
		if until.Sub(since) <= l*time.Duration(max(most-1, 1)) {
			long = l
			break
		}
	}
	first := since.UTC().Truncate(long)
	out := &Activity{Since: since.UTC(), Until: until.UTC(), StretchSeconds: int64(long.Seconds()), Stretches: []Stretch{}}
	for at := first; at.Before(until); at = at.Add(long) {
		out.Stretches = append(out.Stretches, Stretch{At: at})
	}
	sel := s.store()
	sel.Since, sel.Limit = time.Time{}, 0
	counts, err := a.store.RunsOverTime(ctx, a.org, sel, first, long)
	if err != nil && !errors.Is(err, store.ErrNoLog) {
		return nil, err
	}
	for i := range counts {
		if n := &counts[i]; n.Stretch >= 0 && n.Stretch < int64(len(out.Stretches)) {
			out.Stretches[n.Stretch].add(n)
		}
	}
	return out, nil
}

func (s *Stretch) add(n *store.RunCount) {
	s.Runs += n.Runs
	s.CostMicros += n.CostMicros
	s.CostUnknown += n.CostUnknown
	switch n.Status {
	case whodid.StatusSuccess:
		s.Success += n.Runs
	case whodid.StatusFailed, whodid.StatusTimeout, whodid.StatusLost:
		s.Failed += n.Runs
	case whodid.StatusCancelled:
		s.Cancelled += n.Runs
	case whodid.StatusRunning:
		s.Running += n.Runs
	}
}

// Facets is the answer to "what can the selected runs be narrowed by?".
type Facets struct {
	Runs   int64   `json:"runs"`
	Facets []Facet `json:"facets"`
	// Behind is how many events were recorded since witnesses confirmed the log, where
	// they are too many to find the runs that wait for that: their facet has no values
	// then. Else it is 0.
	Behind uint64 `json:"behind"`
}

// Facet is one field of the filter language with the values that occur, the most
// frequent first. An empty value is what is not known.
type Facet struct {
	Field  string  `json:"field"`
	Values []Count `json:"values"`
}

// Facets answers by what values the selected runs can be narrowed further.
func (a *Asker) Facets(ctx context.Context, s Selection) (*Facets, error) {
	if err := s.Filter.Check("runs", whodid.ExecutionFields()); err != nil {
		return nil, err
	}
	var err error
	if s.Filter, err = a.placed(ctx, s.Filter); err != nil {
		return nil, err
	}
	sel := s.store()
	groups, err := a.store.RunGroups(ctx, a.org, sel)
	if err != nil && !errors.Is(err, store.ErrNoLog) {
		return nil, err
	}
	fields := []struct {
		name  whodid.FilterField
		value func(*store.RunGroup) string
	}{
		{whodid.FilterStatus, func(g *store.RunGroup) string { return g.Status }},
		{whodid.FilterSquad, func(g *store.RunGroup) string { return g.Squad }},
		{whodid.FilterAgent, func(g *store.RunGroup) string { return g.Agent }},
		{whodid.FilterTrigger, func(g *store.RunGroup) string { return g.Trigger }},
		{whodid.FilterModel, func(g *store.RunGroup) string { return g.Model }},
		{whodid.FilterRepository, func(g *store.RunGroup) string { return g.Repository }},
		{whodid.FilterCost, func(g *store.RunGroup) string { return g.CostState }},
	}
	out := &Facets{Facets: make([]Facet, len(fields))}
	for i := range groups {
		out.Runs += groups[i].Runs
	}
	for i, f := range fields {
		of := map[string]int64{}
		for j := range groups {
			of[f.value(&groups[j])] += groups[j].Runs
		}
		out.Facets[i] = Facet{Field: string(f.name), Values: counts(of)}
	}
	return out, a.addProved(ctx, out, sel)
}
