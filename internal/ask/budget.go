package ask

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// BudgetStatus is the answer to "how much of the budgets is used?".
type BudgetStatus struct {
	Budgets []BudgetUse `json:"budgets"`
}

// BudgetUse is how much of one limit of a budget one subject has used in a period.
type BudgetUse struct {
	Budget string `json:"budget"`
	// Scope is who has the budget: run, agent, squad or org; Subject is whose it
	// is.
	Scope   string `json:"scope"`
	Subject string `json:"subject"`
	// Period is the day or month in UTC; empty for a run.
	Period string `json:"period"`
	// Limited is what is limited: cost_micros, tokens, minutes, actions or loops.
	Limited string `json:"limited"`
	Limit   int64  `json:"limit"`
	// Used is what is known to be used; null if nothing is known.
	Used *int64 `json:"used"`
	// Runs is how many runs it is about; Unknown is of how many of them the figure
	// is not known, or not yet.
	Runs    int64 `json:"runs"`
	Unknown int64 `json:"unknown"`
	// State is exceeded, within, or unclear: within by what is known, and not all
	// is.
	State string `json:"state"`
	// Hard is true if what goes beyond it is refused.
	Hard bool `json:"hard"`
}

// The states of the use of a budget.
const (
	BudgetExceeded = "exceeded"
	BudgetWithin   = "within"
	BudgetUnclear  = "unclear"
)

// used is what a subject used.
type used struct {
	runs                   int64
	cost, costUnknown      int64
	tokens, tokensUnknown  int64
	minutes, stillAtWork   int64
	actions                int64
	costKnown, tokensKnown bool
}

// Budgets answers how much of the budgets is used now: of those of runs by every
// run that was at work in the last day, of the others by everybody who has them.
// How often an action failed in a row is counted by the hooks and is not here.
func (a *Asker) Budgets(ctx context.Context, budgets []policy.Budget) (*BudgetStatus, error) {
	status := &BudgetStatus{Budgets: []BudgetUse{}}
	for i := range budgets {
		b := &budgets[i]
		period, from, until := b.Period(a.now())
		var by map[string]*used
		var err error
		if b.Scope == policy.ScopeRun {
			by, err = a.usedByRuns(ctx, b)
		} else {
			by, err = a.usedIn(ctx, b, from, until)
		}
		if err != nil {
			return nil, err
		}
		subjects := make([]string, 0, len(by))
		for subject := range by {
			subjects = append(subjects, subject)
		}
		slices.Sort(subjects)
		for _, subject := range subjects {
			for _, l := range b.Limits() {
				if l.Of != "loops" {
					status.Budgets = append(status.Budgets, by[subject].of(b, l, subject, period))
				}
			}
		}
	}
	return status, nil
}

func (u *used) of(b *policy.Budget, l policy.Limit, subject, period string) BudgetUse {
	use := BudgetUse{
		Budget: b.ID, Scope: b.Scope, Subject: subject, Period: period, Limited: l.Of, Limit: l.Most, Runs: u.runs, State: BudgetWithin, Hard: b.Hard,
	}
	known, amount := true, u.actions
	switch l.Of {
	case "cost_micros":
		known, amount, use.Unknown = u.costKnown, u.cost, u.costUnknown
	case "tokens":
		known, amount, use.Unknown = u.tokensKnown, u.tokens, u.tokensUnknown
	case "minutes":
		known, amount, use.Unknown = true, u.minutes, u.stillAtWork
	}
	use.Used = optional(known, amount)
	beyond := amount > l.Most
	if l.Of == "minutes" {
		beyond = amount >= l.Most
	}
	switch {
	case known && beyond:
		use.State = BudgetExceeded
	case use.Unknown > 0:
		use.State = BudgetUnclear
	}
	return use
}

// usedByRuns are the runs that were at work in the last day.
func (a *Asker) usedByRuns(ctx context.Context, b *policy.Budget) (map[string]*used, error) {
	now := a.now()
	runs, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Since: now.AddDate(0, 0, -1), RunsOnly: true})
	if err != nil {
		return nil, err
	}
	by, ids := map[string]*used{}, []string{}
	for i := range runs {
		x := &runs[i]
		if !b.IsFor(x.Agent) {
			continue
		}
		ids = append(ids, x.ID)
		by[x.ID] = usedBy(x, now)
	}
	if b.Actions == 0 || len(ids) == 0 {
		return by, nil
	}
	counts, err := a.store.CountActionsByRun(ctx, a.org, ids)
	if err != nil {
		return nil, err
	}
	for id, n := range counts {
		by[id].actions = n
	}
	return by, nil
}

func usedBy(x *whodid.Execution, now time.Time) *used {
	u := &used{runs: 1, cost: x.Usage.CostMicros, costKnown: x.Usage.Calls > x.Usage.NoCost}
	u.tokens = x.Usage.Input + x.Usage.Output + x.Usage.CacheRead + x.Usage.CacheWrite
	u.tokensKnown = x.Usage.Calls > 0
	if x.Usage.CostState() == whodid.CostUnknown {
		u.costUnknown = 1
	}
	if in, out, _, _ := x.Usage.Tokens(); in == nil || out == nil {
		u.tokensUnknown = 1
	}
	switch {
	case x.StartedAt.IsZero():
		u.stillAtWork = 1
	case !x.CompletedAt.IsZero():
		u.minutes = int64(x.CompletedAt.Sub(x.StartedAt) / time.Minute)
	case x.Status == whodid.StatusRunning:
		u.minutes = int64(now.Sub(x.StartedAt) / time.Minute)
	default:
		u.stillAtWork = 1
	}
	return u
}

// usedIn is what runs that began in a period used, by who has the budget.
func (a *Asker) usedIn(ctx context.Context, b *policy.Budget, from, until time.Time) (map[string]*used, error) {
	tallies, err := a.store.Tallies(ctx, a.org, store.Selection{BeganSince: from, BeganUntil: until})
	if err != nil {
		return nil, err
	}
	by := map[string]*used{}
	at := func(agent string) *used {
		subject := b.Subject("", agent)
		if by[subject] == nil {
			by[subject] = &used{}
		}
		return by[subject]
	}
	for i := range tallies {
		t := &tallies[i]
		if !b.IsFor(t.Agent) {
			continue
		}
		u := at(t.Agent)
		u.runs += t.Runs
		u.cost += t.CostMicros
		u.costUnknown += t.CostUnknown
		u.costKnown = u.costKnown || t.CostUnknown < t.Runs || t.CostMicros > 0
		u.tokens += t.TokensIn + t.TokensOut + t.TokensCacheRead + t.TokensCacheWrite
		u.tokensUnknown += t.TokensUnknown
		u.tokensKnown = u.tokensKnown || t.TokensUnknown < t.Runs
		u.minutes += int64(t.Seconds / 60)
		u.stillAtWork += t.Running + t.Lost
	}
	if b.Actions == 0 {
		return by, nil
	}
	counts, err := a.store.CountActionsByAgent(ctx, a.org, from, until)
	if err != nil {
		return nil, err
	}
	for actor, n := range counts {
		if agent := whodid.AgentOf(actor); agent != "" && b.IsFor(agent) {
			at(agent).actions += n
		}
	}
	return by, nil
}

// mostFailures bounds how far back failures of an action are counted.
const mostFailures = 1000

// FailingInRow answers how often an action on a target failed in a run since it
// succeeded last.
func (a *Asker) FailingInRow(ctx context.Context, execution, what, target string) (int64, error) {
	if execution == "" {
		return 0, nil
	}
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: execution, What: what, ActionsOnly: true, Newest: true, Limit: mostFailures})
	if err != nil {
		return 0, err
	}
	var n int64
	for i := range rows {
		if rows[i].Target != target {
			continue
		}
		switch rows[i].Result {
		case whodid.ResultFailed:
			n++
		case whodid.ResultSuccess:
			return n, nil
		default:
		}
	}
	return n, nil
}

// String is a use in a few words.
func (u *BudgetUse) String() string {
	words := []string{u.Budget, u.Subject, u.Limited}
	if u.Period != "" {
		words = append(words, u.Period)
	}
	return strings.Join(words, " ")
}
