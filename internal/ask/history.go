package ask

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// DefaultPeriod is how far back questions look unless they are told.
const DefaultPeriod = 7 * 24 * time.Hour

// History is the founding table: what each agent's runs add up to. Runs is the
// denominator of every share; CostUnknown counts the runs of which at least a
// part of the cost is not known and stands beside every sum.
type History struct {
	Since *time.Time   `json:"since"`
	Until *time.Time   `json:"until"`
	Rows  []HistoryRow `json:"rows"`
	Total HistoryRow   `json:"total"`
	// Runs are the single runs, the last started first; only where asked for.
	Runs []Execution `json:"runs,omitempty"`
	// Swept are the months of that time in which runs began that were swept: they
	// are in no row, and what they cost is told by month.
	Swept []SweptCost `json:"swept"`
}

// HistoryRow counts the runs of one agent, or of all.
type HistoryRow struct {
	Agent         string     `json:"agent,omitempty"`
	Squad         string     `json:"squad,omitempty"`
	Runs          int64      `json:"runs"`
	Success       int64      `json:"success"`
	Failed        int64      `json:"failed"`
	Timeout       int64      `json:"timeout"`
	Cancelled     int64      `json:"cancelled"`
	Lost          int64      `json:"lost"`
	Running       int64      `json:"running"`
	CostMicros    int64      `json:"cost_micros"`
	CostUnknown   int64      `json:"cost_unknown"`
	TokensIn      int64      `json:"tokens_in"`
	TokensOut     int64      `json:"tokens_out"`
	TokensUnknown int64      `json:"tokens_unknown"`
	LastRun       *time.Time `json:"last_run"`
}

// SuccessShare is the share of all runs that succeeded, from 0 to 1.
func (r *HistoryRow) SuccessShare() float64 {
	if r.Runs == 0 {
		return 0
	}
	return float64(r.Success) / float64(r.Runs)
}

// History answers what each agent's runs add up to, the agent with most runs
// first. With runs it lists the single runs too.
func (a *Asker) History(ctx context.Context, s Selection, runs bool) (*History, error) {
	if err := s.Filter.Check("runs", whodid.ExecutionFields()); err != nil {
		return nil, err
	}
	var err error
	if s.Filter, err = a.placed(ctx, s.Filter); err != nil {
		return nil, err
	}
	sel := s.store()
	sel.RunsOnly = true
	tallies, err := a.store.Tallies(ctx, a.org, sel)
	if err != nil && !errors.Is(err, store.ErrNoLog) {
		return nil, err
	}
	h := &History{Since: moment(s.Filter.Since), Until: moment(s.Filter.Until), Rows: make([]HistoryRow, len(tallies))}
	if h.Until == nil {
		h.Until = moment(a.now())
	}
	for i := range tallies {
		h.Rows[i] = newHistoryRow(&tallies[i])
		h.Total.Add(&h.Rows[i])
	}
	if h.Swept, err = a.sweptOf(ctx, &s); err != nil {
		return nil, err
	}
	if runs {
		found, err := a.store.ExecutionPage(ctx, a.org, sel, nil)
		if err != nil {
			return nil, err
		}
		h.Runs = make([]Execution, len(found))
		for i := range found {
			h.Runs[i] = newExecution(&found[i])
		}
	}
	return h, nil
}

func newHistoryRow(t *store.Tally) HistoryRow {
	return HistoryRow{
		Agent: t.Agent, Squad: t.Squad, Runs: t.Runs, Success: t.Success, Failed: t.Failed, Timeout: t.Timeout,
		Cancelled: t.Cancelled, Lost: t.Lost, Running: t.Running, CostMicros: t.CostMicros, CostUnknown: t.CostUnknown,
		TokensIn: t.TokensIn, TokensOut: t.TokensOut, TokensUnknown: t.TokensUnknown, LastRun: moment(t.LastRun),
	}
}

// Add counts what another row counts, too.
func (r *HistoryRow) Add(o *HistoryRow) {
	r.Runs += o.Runs
	r.Success += o.Success
	r.Failed += o.Failed
	r.Timeout += o.Timeout
	r.Cancelled += o.Cancelled
	r.Lost += o.Lost
	r.Running += o.Running
	r.CostMicros += o.CostMicros
	r.CostUnknown += o.CostUnknown
	r.TokensIn += o.TokensIn
	r.TokensOut += o.TokensOut
	r.TokensUnknown += o.TokensUnknown
	if o.LastRun != nil && (r.LastRun == nil || o.LastRun.After(*r.LastRun)) {
		r.LastRun = o.LastRun
	}
}

// Stats answers what the selected runs add up to in other ways than by agent.
type Stats struct {
	Since    *time.Time    `json:"since"`
	Until    *time.Time    `json:"until"`
	Total    HistoryRow    `json:"total"`
	Duration DurationStats `json:"duration"`
	Models   []ModelUsage  `json:"models"`
	Triggers []Count       `json:"triggers"`
	Actions  []ActionCount `json:"actions"`
	// Swept are the months of that time in which runs began that were swept: they
	// are counted nowhere here.
	Swept []SweptCost `json:"swept"`
}

// DurationStats are quantiles of the time that ended runs took, in seconds.
type DurationStats struct {
	Runs int     `json:"runs"`
	P50  float64 `json:"p50_seconds"`
	P95  float64 `json:"p95_seconds"`
	Max  float64 `json:"max_seconds"`
}

// Count is how often a value occurred.
type Count struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// ActionCount counts one kind of action by result.
type ActionCount struct {
	ActionType string           `json:"action_type"`
	Count      int64            `json:"count"`
	Results    map[string]int64 `json:"results"`
}

// Stats answers what the selected runs add up to.
func (a *Asker) Stats(ctx context.Context, sel Selection) (*Stats, error) {
	h, err := a.History(ctx, sel, false)
	if err != nil {
		return nil, err
	}
	if sel.Filter, err = a.placed(ctx, sel.Filter); err != nil {
		return nil, err
	}
	s := &Stats{Since: h.Since, Until: h.Until, Total: h.Total, Actions: []ActionCount{}, Swept: h.Swept}
	seconds, err := a.store.Durations(ctx, a.org, sel.store())
	if err != nil {
		return nil, err
	}
	byModel, err := a.store.UsageByModel(ctx, a.org, sel.store())
	if err != nil {
		return nil, err
	}
	groups, err := a.store.RunGroups(ctx, a.org, sel.store())
	if err != nil {
		return nil, err
	}
	byTrigger := map[string]int64{}
	for i := range groups {
		byTrigger[groups[i].Trigger] += groups[i].Runs
	}
	s.Duration, s.Triggers, s.Models = durations(seconds), counts(byTrigger), models(byModel)
	// Who acted is known of every action; of what else there is a run, and what
	// was done outside of one does not fit.
	of, inRuns := sel.store(), []whodid.Term{}
	of.Terms = nil
	for _, t := range sel.Filter.Terms {
		if t.Field == whodid.FilterAgent || t.Field == whodid.FilterSquad {
			of.Terms = append(of.Terms, t)
		} else {
			inRuns = append(inRuns, t)
		}
	}
	counts, err := a.store.CountActions(ctx, a.org, of, inRuns...)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for _, c := range counts {
		i, ok := at[c.What]
		if !ok {
			i = len(s.Actions)
			at[c.What] = i
			s.Actions = append(s.Actions, ActionCount{ActionType: c.What, Results: map[string]int64{}})
		}
		s.Actions[i].Count += c.Count
		s.Actions[i].Results[c.Result] = c.Count
	}
	slices.SortStableFunc(s.Actions, func(x, y ActionCount) int { return int(y.Count - x.Count) })
	return s, nil
}

func durations(seconds []float64) DurationStats {
	if len(seconds) == 0 {
		return DurationStats{}
	}
	slices.Sort(seconds)
	// The nearest-rank quantile: the smallest value with at least that share
	// of all values at or below it.
	rank := func(q float64) float64 { return seconds[max(int(math.Ceil(q*float64(len(seconds)))), 1)-1] }
	return DurationStats{Runs: len(seconds), P50: rank(0.5), P95: rank(0.95), Max: seconds[len(seconds)-1]}
}

// counts lists how often values occurred, the most frequent first.
func counts(of map[string]int64) []Count {
	out := make([]Count, 0, len(of))
	for value, n := range of {
		out = append(out, Count{value, n})
	}
	slices.SortFunc(out, func(x, y Count) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Value, y.Value)) })
	return out
}
