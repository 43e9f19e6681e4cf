package ask

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// RedactionStats is the answer to "what was taken out of what agents told?". What
// it was is nowhere.
type RedactionStats struct {
	// Since and Until bound the days, in UTC; null is no bound.
	Since *time.Time `json:"since"`
	Until *time.Time `json:"until"`
	// Total is how often something was taken out.
	Total int64 `json:"total"`
	// Rules are those that took something out, the busiest first.
	Rules []RedactionRule `json:"rules"`
}

// RedactionRule is how often one rule took something out.
type RedactionRule struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
	// Days are those on which it did, the newest first.
	Days []RedactionDay `json:"days"`
}

// RedactionDay is one day of a rule.
type RedactionDay struct {
	// Day is the day on which it was recorded, in UTC: 2026-11-01.
	Day   string `json:"day"`
	Count int64  `json:"count"`
}

// Redactions answers what was taken out of events that were recorded from one
// day on and before another.
func (a *Asker) Redactions(ctx context.Context, since, until time.Time) (*RedactionStats, error) {
	counts, err := a.store.Redactions(ctx, a.org, since, until)
	if err != nil {
		return nil, err
	}
	stats := &RedactionStats{Since: moment(since), Until: moment(until), Rules: []RedactionRule{}}
	for _, c := range counts {
		i := slices.IndexFunc(stats.Rules, func(r RedactionRule) bool { return r.Rule == c.Rule })
		if i < 0 {
			i, stats.Rules = len(stats.Rules), append(stats.Rules, RedactionRule{Rule: c.Rule})
		}
		r := &stats.Rules[i]
		r.Days = append(r.Days, RedactionDay{Day: c.Day.UTC().Format(time.DateOnly), Count: c.Count})
		r.Count += c.Count
		stats.Total += c.Count
	}
	slices.SortStableFunc(stats.Rules, func(a, b RedactionRule) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Rule, b.Rule))
	})
	return stats, nil
}
