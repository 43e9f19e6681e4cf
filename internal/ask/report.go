package ask

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// Report is what agents achieved in a time and what it cost, by squad and agent,
// against the time before, and what did not go as it should. Runs are those that
// began in the time, so that each is in one report only; outcomes are what forges
// say was achieved in it, whenever the run began.
type Report struct {
	// Kind is week, month or period; Name is 2026-W47, 2026-10 or FROM..UNTIL.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Zone is the time zone in which days and weeks begin.
	Zone  string    `json:"zone"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// BeforeSince is where the time before begins; it ends where this begins.
	BeforeSince time.Time `json:"before_since"`
	// Over is false while the time is not over.
	Over bool `json:"over"`
	// OnlySquads are the only squads that it is about; empty is all.
	OnlySquads []string `json:"only_squads"`

	Total  ReportRow   `json:"total"`
	Squads []ReportRow `json:"squads"`
	Agents []ReportRow `json:"agents"`
	// Spans are the parts of the time, days where they are not too many.
	Spans []ReportSpan `json:"spans"`
	// Latest are the last outcomes; Total.Outcomes is traced to all of them.
	Latest []Achievement `json:"latest_outcomes"`
	// Claims are what agents say they achieved, and what forges say to that.
	Claims []ReportClaim `json:"claims"`
	// Findings are what did not go as it should, by kind.
	Findings []ReportFindings `json:"findings"`
	// Policy is the version of the policy by which it was judged which actions
	// needed an approval; empty if none was, so that none is missing.
	Policy string `json:"policy"`
	// Review is when somebody had signed off last, and whether it was time again
	// when the time was over.
	Review ReviewState `json:"review"`
}

// ReportRow is what one agent, one squad or all of them achieved.
type ReportRow struct {
	// Agent is empty in the row of a squad, and with it Squad in that of all. Runs
	// whose agent nobody told are in a row of their own, in which Unnamed is true.
	Agent   string `json:"agent"`
	Squad   string `json:"squad"`
	Unnamed bool   `json:"unnamed"`

	// Goals are runs of which a forge confirmed at least one outcome.
	Goals    Figure `json:"goals_achieved"`
	Outcomes Figure `json:"outcomes"`
	Pulls    Figure `json:"prs_merged"`
	Issues   Figure `json:"issues_resolved"`
	Releases Figure `json:"releases"`
	Deploys  Figure `json:"deploys"`

	Runs    Figure `json:"runs"`
	Success Figure `json:"success"`
	// Failed are runs that failed, were lost or took too long.
	Failed Figure `json:"failed"`
	// Cost is what is known of the cost of all runs, failed ones included, in
	// millionths of a US dollar; CostUnknown counts the runs of which not all is
	// known.
	Cost        Figure `json:"cost_micros"`
	CostUnknown Figure `json:"cost_unknown_runs"`
	// CostPerOutcome and CostPerPull are Cost over Outcomes and over Pulls; null
	// where there is none of them. They are lower bounds where CostUnknown is not 0.
	CostPerOutcome Rate `json:"cost_per_outcome_micros"`
	CostPerPull    Rate `json:"cost_per_pr_micros"`
}

// Figure is a number, the same of the time before, and how to get at what is
// behind them.
type Figure struct {
	Value  int64 `json:"value"`
	Before int64 `json:"before"`
	Trace  Trace `json:"trace"`
}

// Rate is one figure over another; null where that is zero.
type Rate struct {
	Value  *int64 `json:"value"`
	Before *int64 `json:"before"`
}

// Trace leads from a number to its rows.
type Trace struct {
	// Command lists the rows, Before those of the time before; empty where IDs
	// names them.
	Command string `json:"command"`
	Before  string `json:"command_before"`
	// Count is how the rows make up the number: rows, sum of FIELD, different
	// FIELD (counted once each, empty ones left out).
	Count string `json:"count"`
	// IDs are the events, or the approvals, that are counted.
	IDs       []string `json:"ids"`
	IDsBefore []string `json:"ids_before"`
}

// The ways in which rows make up a number.
const (
	CountRows  = "rows"
	CountCost  = "sum of cost_known_micros"
	CountGoals = "different execution_id"
)

// ReportSpan is a part of the time of a report.
type ReportSpan struct {
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	Runs        Figure    `json:"runs"`
	Outcomes    Figure    `json:"outcomes"`
	Cost        Figure    `json:"cost_micros"`
	CostUnknown Figure    `json:"cost_unknown_runs"`
}

// ReportOptions say what a report is about, and what judges.
type ReportOptions struct {
	Period Period
	// Squads are the only squads whose work is shown; none is all of them.
	Squads []string
	// Every is how often somebody should sign off; 0 is as often as a policy says
	// that says nothing.
	Every time.Duration
	// Policy and Signature judge whether actions had the approvals that they
	// needed; see [UnapprovedFilter].
	Policy    *policy.Policy
	Signature func(*whodid.Approval) error
}

// latestOutcomes is how many outcomes a report names itself.
const latestOutcomes = 50

// Report answers what agents achieved in a time and what it cost.
func (a *Asker) Report(ctx context.Context, o *ReportOptions) (*Report, error) {
	p := &o.Period
	if o.Every == 0 {
		with := *o
		with.Every = policy.DefaultReviewEvery
		o = &with
	}
	r := &Report{
		Kind: p.Kind, Name: p.Name, Zone: p.Zone.String(), Since: p.Since.UTC(), Until: p.Until.UTC(), BeforeSince: p.BeforeSince.UTC(),
		Over: !a.now().Before(p.Until), OnlySquads: append([]string{}, o.Squads...),
		Squads: []ReportRow{}, Agents: []ReportRow{}, Latest: []Achievement{}, Claims: []ReportClaim{}, Findings: []ReportFindings{},
	}
	b := &reportBuilder{asker: a, options: o, report: r, bounds: p.spans()}
	for _, part := range []func(context.Context) error{b.addUp, b.claimed, b.findings} {
		if err := part(ctx); err != nil && !errors.Is(err, store.ErrNoLog) {
			return nil, err
		}
	}
	return r, nil
}

// reportBuilder puts a report together.
type reportBuilder struct {
	asker   *Asker
	options *ReportOptions
	report  *Report
	bounds  []time.Time
	// claims are what agents say they achieved, now and before.
	claims, claimsBefore []claim
}

// sums are the numbers of a row before they are traced.
type sums struct {
	goals, outcomes                          int64
	pulls, issues, releases, deploys         int64
	runs, success, failed, cost, costUnknown int64
}

func (s *sums) addRuns(t *store.Tally) {
	s.runs += t.Runs
	s.success += t.Success
	s.failed += t.Failed + t.Timeout + t.Lost
	s.cost += t.CostMicros
	s.costUnknown += t.CostUnknown
}

func (s *sums) addOutcome(kind string) {
	s.outcomes++
	switch kind {
	case OutcomePull:
		s.pulls++
	case OutcomeIssue:
		s.issues++
	case OutcomeRelease:
		s.releases++
	case OutcomeDeploy:
		s.deploys++
	}
}

// both are the sums of a time and of the one before.
type both struct{ now, before sums }

func (b *both) of(before bool) *sums {
	if before {
		return &b.before
	}
	return &b.now
}

// who is whose row it is.
type who struct{ agent, squad string }

func (b *reportBuilder) addUp(ctx context.Context) error {
	a, o, p := b.asker, b.options, &b.options.Period
	tallies, err := a.store.TalliesIn(ctx, a.org, store.Selection{Squads: o.Squads}, append([]time.Time{p.BeforeSince}, b.bounds...))
	if err != nil {
		return err
	}
	u := &addition{squads: map[who]*both{}, agents: map[who]*both{}, spans: make([]sums, len(b.bounds)-1)}
	for i := range tallies {
		t := &tallies[i]
		before := t.Span == 0
		for _, s := range u.rows(who{t.Agent, t.Squad}) {
			s.of(before).addRuns(&t.Tally)
		}
		if !before {
			u.spans[t.Span-1].addRuns(&t.Tally)
		}
	}
	e, merges, err := a.brief(ctx, p.BeforeSince, p.Until)
	if err != nil {
		return err
	}
	merges = slices.DeleteFunc(merges, func(m store.Merge) bool { return !within(o.Squads, whodid.Squad(m.Agent)) })
	half := slices.IndexFunc(merges, func(m store.Merge) bool { return m.At >= whodid.Micros(p.Since) })
	if half < 0 {
		half = len(merges)
	}
	b.achieved(u, e.outcomes(p.BeforeSince, p.Since, o.Squads), lastMerges(merges[:half]), true)
	found, merged := e.outcomes(p.Since, p.Until, o.Squads), lastMerges(merges[half:])
	b.achieved(u, found, merged, false)
	if b.report.Latest, err = b.latest(ctx, found, merged); err != nil {
		return err
	}
	b.claims, b.claimsBefore = e.claimed(p.Since, p.Until, o.Squads), e.claimed(p.BeforeSince, p.Since, o.Squads)
	b.report.Total = b.row(who{}, &u.total, false)
	b.report.Squads = b.rows(u.squads)
	b.report.Agents = b.rows(u.agents)
	for i := range u.spans {
		b.report.Spans = append(b.report.Spans, b.span(b.bounds[i], b.bounds[i+1], &u.spans[i]))
	}
	return nil
}

// addition is a report while it is added up.
type addition struct {
	total          both
	squads, agents map[who]*both
	spans          []sums
}

// rows are those that an agent's work counts in: of all, of the squad, of the agent.
func (u *addition) rows(w who) [3]*both {
	at := func(rows map[who]*both, w who) *both {
		if rows[w] == nil {
			rows[w] = &both{}
		}
		return rows[w]
	}
	return [3]*both{&u.total, at(u.squads, who{squad: w.squad}), at(u.agents, w)}
}

// achieved adds the outcomes of the time, or of the time before.
func (b *reportBuilder) achieved(u *addition, found []Achievement, merges []store.Merge, before bool) {
	g := newGoals(len(found) + len(merges))
	add := func(rows *[3]*both, w who, kind, execution string, at time.Time) {
		var first [3]bool
		if execution != "" {
			first[0], first[1], first[2] = g.reach(execution, w)
		}
		for i, r := range rows {
			s := r.of(before)
			if s.addOutcome(kind); first[i] {
				s.goals++
			}
		}
		if !before {
			u.spans[b.spanOf(at)].addOutcome(kind)
		}
	}
	for i := range found {
		x := &found[i]
		w := who{x.Agent, x.Squad}
		rows := u.rows(w)
		add(&rows, w, x.Type, x.ExecutionID, x.At)
	}
	var w who
	var rows [3]*both
	for i := range merges {
		m := &merges[i]
		if m.Agent != w.agent {
			w = who{m.Agent, whodid.Squad(m.Agent)}
			rows = u.rows(w)
		}
		add(&rows, w, OutcomePull, m.Execution, whodid.FromMicros(m.At))
	}
}

// spanOf is the part of the time in which a moment is.
func (b *reportBuilder) spanOf(t time.Time) int {
	i, found := slices.BinarySearchFunc(b.bounds, t, time.Time.Compare)
	if !found {
		i--
	}
	return min(max(i, 0), len(b.bounds)-2)
}

// rows orders rows by what was achieved, and by what it cost where that is equal.
func (b *reportBuilder) rows(of map[who]*both) []ReportRow {
	rows := make([]ReportRow, 0, len(of))
	for w, sums := range of {
		rows = append(rows, b.row(w, sums, w == who{}))
	}
	slices.SortFunc(rows, func(x, y ReportRow) int {
		return cmp.Or(cmp.Compare(y.Outcomes.Value, x.Outcomes.Value), cmp.Compare(y.Cost.Value, x.Cost.Value), cmp.Compare(y.Runs.Value, x.Runs.Value),
			cmp.Compare(x.Squad, y.Squad), cmp.Compare(x.Agent, y.Agent))
	})
	return rows
}

func (b *reportBuilder) row(w who, s *both, unnamed bool) ReportRow {
	t := b.tracer(w, unnamed)
	now, before := &s.now, &s.before
	row := ReportRow{
		Agent: w.agent, Squad: w.squad, Unnamed: unnamed,
		Goals:       Figure{now.goals, before.goals, t.outcomes("", CountGoals)},
		Outcomes:    Figure{now.outcomes, before.outcomes, t.outcomes("", CountRows)},
		Pulls:       Figure{now.pulls, before.pulls, t.outcomes(OutcomePull, CountRows)},
		Issues:      Figure{now.issues, before.issues, t.outcomes(OutcomeIssue, CountRows)},
		Releases:    Figure{now.releases, before.releases, t.outcomes(OutcomeRelease, CountRows)},
		Deploys:     Figure{now.deploys, before.deploys, t.outcomes(OutcomeDeploy, CountRows)},
		Runs:        Figure{now.runs, before.runs, t.runs("", CountRows)},
		Success:     Figure{now.success, before.success, t.runs("status:success", CountRows)},
		Failed:      Figure{now.failed, before.failed, t.runs("status:failed,timeout,lost", CountRows)},
		Cost:        Figure{now.cost, before.cost, t.runs("", CountCost)},
		CostUnknown: Figure{now.costUnknown, before.costUnknown, t.runs("cost:unknown", CountRows)},
	}
	row.CostPerOutcome = Rate{over(now.cost, now.outcomes), over(before.cost, before.outcomes)}
	row.CostPerPull = Rate{over(now.cost, now.pulls), over(before.cost, before.pulls)}
	return row
}

// over divides; nothing is known of what is over nothing.
func over(cost, n int64) *int64 {
	if n == 0 {
		return nil
	}
	return optional(true, cost/n)
}

func (b *reportBuilder) span(since, until time.Time, s *sums) ReportSpan {
	t := b.tracer(who{}, false)
	t.since, t.until, t.before, t.asOf = since, until, time.Time{}, b.options.Period.Until
	return ReportSpan{
		Since: since.UTC(), Until: until.UTC(),
		Runs:        Figure{Value: s.runs, Trace: t.runs("", CountRows)},
		Outcomes:    Figure{Value: s.outcomes, Trace: t.outcomes("", CountRows)},
		Cost:        Figure{Value: s.cost, Trace: t.runs("", CountCost)},
		CostUnknown: Figure{Value: s.costUnknown, Trace: t.runs("cost:unknown", CountRows)},
	}
}
