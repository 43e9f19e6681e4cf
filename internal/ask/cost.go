package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// CostDimensions are what runs can be added up by.
func CostDimensions() []string {
	return []string{"squad", "agent", "model", "repository", "pr", "outcome", "status", "trigger", "day", "week", "month", "execution"}
}

// CostQuestion says which runs to add up, and by what.
type CostQuestion struct {
	// Filter selects runs; its times are of when they began, so that each run is
	// in one period and periods add up.
	Filter whodid.Filter
	// Squads are the only squads whose work is shown; none is all of them.
	Squads []string
	// By are some of [CostDimensions].
	By []string
}

// Cost is what runs cost, by what was asked for.
type Cost struct {
	Since *time.Time `json:"since"`
	Until *time.Time `json:"until"`
	By    []string   `json:"by"`
	// Rows are the costliest first. Where a run belongs to several rows, such as
	// one that worked on two pull requests, it counts in each of them, and its cost
	// stands in shared_micros there: the rows then add up to more than the total,
	// which counts each run once.
	Rows    []CostRow `json:"rows"`
	Total   CostSums  `json:"total"`
	Overlap bool      `json:"overlap"`
	// Outcomes are what forges confirm that came of it in that time, and what one
	// of them cost.
	Outcomes OutcomeCounts `json:"outcomes"`
	// Swept are the months in which runs began that were swept: what is left of
	// them is their sum by agent and month.
	Swept []SweptCost `json:"swept"`
	// Undated are runs whose start is not known, which are in no period; null if no
	// period was asked for.
	Undated *CostSums `json:"undated"`
}

// CostRow is what the runs of one row add up to.
type CostRow struct {
	// Key is the row's value of each dimension; empty is not known, or none.
	Key map[string]string `json:"key"`
	CostSums
	// Outcomes is how many outcomes the agents of the row had a part in; null
	// where rows are not of squads or agents.
	Outcomes *int64 `json:"outcomes"`
}

// CostSums are what runs add up to, in millionths of a US dollar. What is not
// known is no part of any sum, and is counted beside it.
type CostSums struct {
	Runs int64 `json:"runs"`
	// CostMicros is all that is known: the four sums below together.
	CostMicros int64 `json:"cost_micros"`
	// ReportedMicros is of runs all of whose cost their source told; EstimatedMicros
	// of runs whose cost is known and came, at least in part, from a price table.
	ReportedMicros  int64 `json:"reported_micros"`
	EstimatedMicros int64 `json:"estimated_micros"`
	// PartialMicros is the known part of the cost of runs that did not tell all.
	PartialMicros int64 `json:"partial_micros"`
	// SweptMicros is of runs that were swept: which of these it was is not kept.
	SweptMicros int64 `json:"swept_micros"`
	SweptRuns   int64 `json:"swept_runs"`
	// CostUnknown is how many runs did not tell all of their cost.
	CostUnknown int64 `json:"cost_unknown"`
	// Failed is how many runs did not succeed: failed, timeout, cancelled, lost.
	// FailedMicros is what is known of their cost, FailedUnknown how many of them
	// did not tell all of it.
	Failed        int64 `json:"failed"`
	FailedMicros  int64 `json:"failed_micros"`
	FailedUnknown int64 `json:"failed_unknown"`
	// SharedRuns are in other rows too, with SharedMicros of the cost.
	SharedRuns       int64 `json:"shared_runs"`
	SharedMicros     int64 `json:"shared_micros"`
	TokensIn         int64 `json:"tokens_in"`
	TokensOut        int64 `json:"tokens_out"`
	TokensCacheRead  int64 `json:"tokens_cache_read"`
	TokensCacheWrite int64 `json:"tokens_cache_write"`
	TokensUnknown    int64 `json:"tokens_unknown"`
}

// SweptCost is what is left of the runs that began in a month and were swept.
type SweptCost struct {
	Month      string `json:"month"`
	Runs       int64  `json:"runs"`
	CostMicros int64  `json:"cost_micros"`
	// Counted is false where only a part of the month, or of the runs, was asked
	// for, so that what is left says nothing: it is in no sum.
	Counted bool `json:"counted"`
}

func failedStatus(s whodid.Status) bool {
	return s != whodid.StatusSuccess && s != whodid.StatusRunning
}

// tally adds what the store added up.
func (c *CostSums) tally(t *store.CostTally, shared bool) {
	c.Runs += t.Runs
	c.CostMicros += t.CostMicros
	unknown := int64(0)
	switch t.State {
	case whodid.CostMeasured:
		c.ReportedMicros += t.CostMicros
	case whodid.CostComputed:
		c.EstimatedMicros += t.CostMicros
	default:
		c.PartialMicros += t.CostMicros
		unknown = t.Runs
	}
	c.CostUnknown += unknown
	if failedStatus(t.Status) {
		c.Failed += t.Runs
		c.FailedMicros += t.CostMicros
		c.FailedUnknown += unknown
	}
	if shared {
		c.SharedRuns += t.Runs
		c.SharedMicros += t.CostMicros
	}
	c.TokensIn += t.TokensIn
	c.TokensOut += t.TokensOut
	c.TokensCacheRead += t.TokensCacheRead
	c.TokensCacheWrite += t.TokensCacheWrite
	c.TokensUnknown += t.TokensUnknown
}

// swept adds what is left of runs that were swept.
func (c *CostSums) swept(t *Tally) {
	c.Runs += t.Runs
	c.SweptRuns += t.Runs
	c.CostMicros += t.CostMicros
	c.SweptMicros += t.CostMicros
	c.CostUnknown += t.CostUnknown
	for status, n := range t.ByStatus {
		if failedStatus(whodid.Status(status)) {
			// What the failed ones of them cost is not kept.
			c.Failed += n
			c.FailedUnknown += n
		}
	}
	c.TokensIn += t.TokensIn
	c.TokensOut += t.TokensOut
	c.TokensUnknown += t.TokensUnknown
}

// costRows are the rows while they are added up.
type costRows struct {
	by   []string
	rows []CostRow
	at   map[string]int
}

func (r *costRows) row(values []string) *CostSums {
	key := strings.Join(values, "\x00")
	i, ok := r.at[key]
	if !ok {
		i = len(r.rows)
		r.at[key] = i
		row := CostRow{Key: make(map[string]string, len(r.by))}
		for j, by := range r.by {
			row.Key[by] = values[j]
		}
		r.rows = append(r.rows, row)
	}
	return &r.rows[i].CostSums
}

// Cost answers what runs cost.
func (a *Asker) Cost(ctx context.Context, q CostQuestion) (*Cost, error) {
	if err := q.Filter.Check("runs", whodid.ExecutionFields()); err != nil {
		return nil, err
	}
	for _, by := range q.By {
		if !slices.Contains(CostDimensions(), by) {
			return nil, fmt.Errorf("%w: cost is not added up by %q, but by %s", whodid.ErrFilter, by, strings.Join(CostDimensions(), ", "))
		}
	}
	var err error
	if q.Filter, err = a.placed(ctx, q.Filter); err != nil {
		return nil, err
	}
	sel := store.Selection{Terms: q.Filter.Terms, Squads: q.Squads, BeganSince: q.Filter.Since, BeganUntil: q.Filter.Until}
	c := &Cost{Since: moment(q.Filter.Since), Until: moment(q.Filter.Until), By: append([]string{}, q.By...), Swept: []SweptCost{}}
	if err := a.total(ctx, sel, &c.Total, q.By); err != nil {
		return nil, err
	}
	if !q.Filter.Since.IsZero() || !q.Filter.Until.IsZero() {
		undated := sel
		undated.BeganSince, undated.BeganUntil, undated.Undated = time.Time{}, time.Time{}, true
		c.Undated = &CostSums{}
		if err := a.total(ctx, undated, c.Undated, nil); err != nil {
			return nil, err
		}
	}
	outcomes, tallies, err := a.outcomesOf(ctx, &q)
	if err != nil {
		return nil, err
	}
	rows := costRows{by: q.By, at: map[string]int{}, rows: []CostRow{}}
	if len(q.By) > 0 {
		if err := a.costRows(ctx, &q, sel, &rows, outcomes, &c.Total); err != nil {
			return nil, err
		}
	}
	if err := a.addSwept(ctx, &q, c, &rows); err != nil {
		return nil, err
	}
	c.Rows = rows.rows
	slices.SortFunc(c.Rows, func(x, y CostRow) int {
		return cmp.Or(cmp.Compare(y.CostMicros, x.CostMicros), cmp.Compare(y.Runs, x.Runs), compareKeys(q.By, x.Key, y.Key))
	})
	for i := range c.Rows {
		c.Overlap = c.Overlap || c.Rows[i].SharedRuns > 0
		c.Rows[i].Outcomes = outcomesOfRow(q.By, c.Rows[i].Key, tallies)
	}
	c.Outcomes = countOutcomes(tallies, &c.Total)
	return c, nil
}

func compareKeys(by []string, x, y map[string]string) int {
	for _, b := range by {
		if n := cmp.Compare(x[b], y[b]); n != 0 {
			return n
		}
	}
	return 0
}

// total adds all runs up. Where each run is in one row only, the rows say it.
func (a *Asker) total(ctx context.Context, sel store.Selection, into *CostSums, by []string) error {
	if len(by) > 0 && !slices.ContainsFunc(by, severalRows) {
		return nil
	}
	tallies, err := a.store.CostTallies(ctx, a.org, sel, nil)
	for i := range tallies {
		into.tally(&tallies[i], false)
	}
	return err
}

// severalRows tells whether a run may be in several rows of a dimension.
func severalRows(by string) bool {
	return by == "model" || by == "repository" || by == "pr" || by == "outcome"
}

// costRows adds the runs up by the dimensions. Those that the store has no column
// for it knows by run.
func (a *Asker) costRows(ctx context.Context, q *CostQuestion, sel store.Selection, rows *costRows, outcomes []ConfirmedOutcome, total *CostSums) error {
	whole := !slices.ContainsFunc(q.By, severalRows)
	var traits []store.CostTrait
	place := map[string]int{}
	need := func(t store.CostTrait) int {
		i := slices.Index(traits, t)
		if i < 0 {
			i = len(traits)
			traits = append(traits, t)
		}
		return i
	}
	linked := map[string]map[string][]string{}
	for _, by := range q.By {
		switch by {
		case "day", "week", "month":
			place[by] = need(store.TraitDay)
		case "repository", "pr", "outcome":
			place[by] = need(store.TraitExecution)
			links, err := a.links(ctx, q, by, outcomes)
			if err != nil {
				return err
			}
			linked[by] = links
		case "status":
		default:
			place[by] = need(store.CostTrait(by))
		}
	}
	tallies, err := a.store.CostTallies(ctx, a.org, sel, traits)
	if err != nil {
		return err
	}
	for i := range tallies {
		t := &tallies[i]
		several := [][]string{{}}
		for _, by := range q.By {
			several = combine(several, costValues(t, by, place[by], linked[by]))
		}
		for _, values := range several {
			rows.row(values).tally(t, len(several) > 1)
		}
		if whole {
			total.tally(t, false)
		}
	}
	return nil
}

// costValues are the values of one dimension that a tally has: one, but of what
// is linked to runs perhaps several.
func costValues(t *store.CostTally, by string, place int, linked map[string][]string) []string {
	switch by {
	case "status":
		return []string{string(t.Status)}
	case "day", "week", "month":
		return []string{dateOf(by, t.Traits[place])}
	case "repository", "pr", "outcome":
		if values := linked[t.Traits[place]]; len(values) > 0 {
			return values
		}
		return []string{""}
	default:
		return []string{t.Traits[place]}
	}
}

func combine(lists [][]string, values []string) [][]string {
	out := make([][]string, 0, len(lists)*len(values))
	for _, list := range lists {
		for _, v := range values {
			out = append(out, append(slices.Clip(list), v))
		}
	}
	return out
}

// dateOf is the day, week or month of a day that is counted from 1970 on.
func dateOf(by, day string) string {
	var n int64
	if _, err := fmt.Sscan(day, &n); err != nil {
		return ""
	}
	t := time.Unix(n*24*60*60, 0).UTC()
	switch by {
	case "month":
		return t.Format("2006-01")
	case "week":
		year, week := t.ISOWeek()
		return fmt.Sprintf("%d-W%02d", year, week)
	default:
		return t.Format(time.DateOnly)
	}
}

// links are what each run is linked to: repositories, pull requests or kinds of
// outcomes.
func (a *Asker) links(ctx context.Context, q *CostQuestion, by string, outcomes []ConfirmedOutcome) (map[string][]string, error) {
	links := map[string][]string{}
	spelled := map[string]string{} // forges' names match without case
	add := func(run, to string) {
		if low := whodid.LowerASCII(to); spelled[low] == "" {
			spelled[low] = to
		} else {
			to = spelled[low]
		}
		if to != "" && !slices.Contains(links[run], to) {
			links[run] = append(links[run], to)
		}
	}
	switch by {
	case "repository":
		err := a.store.RunRepositories(ctx, a.org, q.Filter.Since, q.Filter.Until, func(run, name string) { add(run, withoutHost(name)) })
		return links, err
	case "outcome":
		// What came of a run may have come after the time that was asked for.
		later, err := a.confirmedOutcomes(ctx, q.Filter.Since, time.Time{})
		if err != nil {
			return nil, err
		}
		for i := range later {
			for _, run := range later[i].Executions {
				add(run, later[i].Kind)
			}
		}
		return links, nil
	default:
		rows, err := a.store.GitActions(ctx, a.org, q.Filter.Since, time.Time{})
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if r := &rows[i]; strings.HasPrefix(r.What, "pr.") && r.Result == whodid.ResultSuccess {
				add(r.Execution, r.Target)
			}
		}
		for i := range outcomes {
			if o := &outcomes[i]; o.Kind == OutcomeMerged {
				for _, run := range o.Executions {
					add(run, o.Target)
				}
			}
		}
		return links, nil
	}
}

// withoutHost is a repository's name as forges say it: a run may know it with the
// host, a webhook knows it without.
func withoutHost(name string) string {
	if host, rest, ok := strings.Cut(name, "/"); ok && strings.Contains(host, ".") {
		return rest
	}
	return name
}

// agentFits reports whether the question is also about what is left of an agent's
// runs, of which nothing but the agent is known.
func (q *CostQuestion) agentFits(agent string) (fits, known bool) {
	for _, t := range q.Filter.Terms {
		if t.Field != whodid.FilterAgent && t.Field != whodid.FilterSquad {
			return false, false
		}
	}
	if len(q.Squads) > 0 && !slices.Contains(q.Squads, whodid.Squad(agent)) {
		return false, true
	}
	f := whodid.Filter{Terms: q.Filter.Terms}
	return f.MatchEvent(&whodid.Event{Actor: whodid.AgentActor(agent)}), true
}

// outcomesOf are the outcomes of the time asked for that the agents asked for had a
// part in, and how many they are. Merges are counted without being read, and are in
// the tallies alone, unless rows are of pull requests.
func (a *Asker) outcomesOf(ctx context.Context, q *CostQuestion) (outcomes []ConfirmedOutcome, tallies []outcomeTally, err error) {
	sel := store.Selection{Terms: q.Filter.Terms, Squads: q.Squads}
	if slices.Contains(q.By, "pr") {
		outcomes, err = a.confirmedOutcomes(ctx, q.Filter.Since, q.Filter.Until)
	} else {
		outcomes, tallies, err = a.outcomesApart(ctx, q.Filter.Since, q.Filter.Until, sel)
	}
	if err == nil && len(sel.Terms)+len(sel.Squads) > 0 {
		outcomes, err = a.fitting(ctx, q, sel, outcomes)
	}
	return outcomes, append(tallies, tallied(outcomes)...), err
}

// fitting leaves the outcomes that the agents asked for had a part in.
func (a *Asker) fitting(ctx context.Context, q *CostQuestion, sel store.Selection, outcomes []ConfirmedOutcome) ([]ConfirmedOutcome, error) {
	var ids []string
	for i := range outcomes {
		ids = append(ids, outcomes[i].Executions...)
	}
	fitting, err := a.store.Fitting(ctx, a.org, sel, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(outcomes, func(o ConfirmedOutcome) bool {
		if len(o.Executions) == 0 { // the agent is known, and no run
			fits, known := q.agentFits(o.Agents[0])
			return !fits || !known
		}
		return !slices.ContainsFunc(o.Executions, func(id string) bool { return fitting[id] })
	}), nil
}

func outcomesOfRow(by []string, key map[string]string, outcomes []outcomeTally) *int64 {
	for _, b := range by {
		if b != "agent" && b != "squad" {
			return nil
		}
	}
	var n int64
	for i := range outcomes {
		if slices.ContainsFunc(outcomes[i].agents, func(agent string) bool {
			for _, b := range by {
				if b == "agent" && key[b] != agent || b == "squad" && key[b] != whodid.Squad(agent) {
					return false
				}
			}
			return true
		}) {
			n += outcomes[i].n
		}
	}
	return &n
}
