package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The scopes of budgets: who has one budget together.
const (
	ScopeRun   = "run"   // each run, with its sub-agents
	ScopeAgent = "agent" // the runs of each agent
	ScopeSquad = "squad" // the runs of the agents of each squad
	ScopeOrg   = "org"   // the runs of all agents that the budget is for
)

// The periods of budgets. Days and months are those of UTC; a run belongs to the
// one in which it began.
const (
	PerRun   = "run"
	PerDay   = "day"
	PerMonth = "month"
)

// Budget limits what runs may use. A limit of 0 is none.
type Budget struct {
	ID    string
	Scope string
	Per   string
	// Agents are globs of full names; empty is all.
	Agents []string
	// Hard ones refuse what agents do beyond them, soft ones only tell.
	Hard bool

	CostMicros int64
	Tokens     int64 // all kinds together
	Minutes    int64
	Actions    int64
	// Loops is how often the same action may fail in a run.
	Loops int64
}

// Limit is one limit of a budget.
type Limit struct {
	// Of is what is limited: cost_micros, tokens, minutes, actions or loops.
	Of   string
	Most int64
}

// Limits are those that the budget has, in a fixed order.
func (b *Budget) Limits() []Limit {
	all := []Limit{{"cost_micros", b.CostMicros}, {"tokens", b.Tokens}, {"minutes", b.Minutes}, {"actions", b.Actions}, {"loops", b.Loops}}
	return slices.DeleteFunc(all, func(l Limit) bool { return l.Most == 0 })
}

// IsFor reports whether the budget is for an agent.
func (b *Budget) IsFor(agent string) bool { return len(b.Agents) == 0 || matchAny(b.Agents, agent) }

// Subject is who has the budget: a run, an agent, a squad, or "org".
func (b *Budget) Subject(run, agent string) string {
	squad, _, _ := strings.Cut(agent, "/")
	switch b.Scope {
	case ScopeRun:
		return run
	case ScopeAgent:
		return agent
	case ScopeSquad:
		return squad
	default:
		return ScopeOrg
	}
}

// Period is the period that a moment lies in: its name, its beginning and its
// end. Of a run it has none of them.
func (b *Budget) Period(now time.Time) (name string, from, until time.Time) {
	now = now.UTC()
	switch b.Per {
	case PerDay:
		from = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
		return from.Format(time.DateOnly), from, from.AddDate(0, 0, 1)
	case PerMonth:
		from = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		return from.Format("2006-01"), from, from.AddDate(0, 1, 0)
	default:
		return "", time.Time{}, time.Time{}
	}
}

// Key is the natural key of the event that a budget was exceeded: once for each
// subject and period. It is published, so that it is a digest.
func (b *Budget) Key(subject, period string) string {
	h := sha256.New()
	for _, part := range []string{b.ID, b.Scope, subject, period} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return "budget/" + hex.EncodeToString(h.Sum(nil)[:16])
}

type (
	fileBudget struct {
		ID      string   `toml:"id"`
		Scope   string   `toml:"scope"`
		Per     string   `toml:"per"`
		Agents  []string `toml:"agents"`
		Hard    bool     `toml:"hard"`
		CostUSD float64  `toml:"cost_usd"`
		Tokens  int64    `toml:"tokens"`
		Minutes int64    `toml:"minutes"`
		Actions int64    `toml:"actions"`
		Loops   int64    `toml:"loops"`
	}
	fileReview struct {
		Every string `toml:"every"`
	}
)

// DefaultReviewEvery is how often somebody has to review what agents did, if the
// policy does not say it.
const DefaultReviewEvery = 7 * 24 * time.Hour

const mostOfAnything = int64(1e15)

func (in *reader) budgets(f *file, p *Policy) error {
	if f.Review.Every != "" {
		every, err := days(f.Review.Every)
		if err != nil || every < time.Hour || every > 366*24*time.Hour {
			return in.fail(0, "review: every %q is no length of time between 1h and 366d, such as \"7d\"", f.Review.Every)
		}
		p.ReviewEvery = every
	}
	if len(f.Budgets) > maxParts {
		return in.fail(0, "the policy has %d budgets, %d are allowed", len(f.Budgets), maxParts)
	}
	for i := range f.Budgets {
		if err := in.budget(&f.Budgets[i], i, p); err != nil {
			return err
		}
	}
	return nil
}

// days reads a length of time, which may be in days.
func days(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(n + "h")
		if d > 1000*time.Hour {
			err = errors.New("that is too long")
		}
		return 24 * d, err
	}
	return time.ParseDuration(s)
}

func (in *reader) budget(f *fileBudget, n int, p *Policy) error {
	line := in.lineOf("budget", n)
	what := "budget " + f.ID
	if !ValidRuleID(f.ID) {
		return in.fail(line, "budget %q: id is missing or is none such as \"BUD-001\"", f.ID)
	}
	if _, taken := p.Rule(f.ID); taken || slices.ContainsFunc(p.Budgets, func(b Budget) bool { return b.ID == f.ID }) ||
		slices.ContainsFunc(p.Approvals.Rules, func(r ApprovalRule) bool { return r.ID == f.ID }) {
		return in.fail(line, "rule %s stands twice", f.ID)
	}
	if scopes := []string{ScopeRun, ScopeAgent, ScopeSquad, ScopeOrg}; !slices.Contains(scopes, f.Scope) {
		return in.fail(line, "%s: scope %q is none of %s", what, f.Scope, strings.Join(scopes, ", "))
	}
	if f.Per == "" && f.Scope == ScopeRun {
		f.Per = PerRun
	}
	switch {
	case f.Scope == ScopeRun && f.Per != PerRun:
		return in.fail(line, "%s: a run has a budget per run: per %q means nothing", what, f.Per)
	case f.Scope != ScopeRun && f.Per != PerDay && f.Per != PerMonth:
		return in.fail(line, "%s: per %q is none of day, month", what, f.Per)
	case f.Loops != 0 && f.Scope != ScopeRun:
		return in.fail(line, "%s: loops means something for the scope run only", what)
	case math.IsNaN(f.CostUSD) || f.CostUSD < 0 || f.CostUSD > 1e9 || f.CostUSD > 0 && f.CostUSD < 1e-6:
		return in.fail(line, "%s: cost_usd is no sum of money", what)
	}
	b := Budget{
		ID: f.ID, Scope: f.Scope, Per: f.Per, Agents: f.Agents, Hard: f.Hard, CostMicros: int64(math.Round(f.CostUSD * 1e6)),
		Tokens: f.Tokens, Minutes: f.Minutes, Actions: f.Actions, Loops: f.Loops,
	}
	limits := b.Limits()
	for _, l := range limits {
		if l.Most < 0 || l.Most > mostOfAnything {
			return in.fail(line, "%s: %s %d is no limit", what, l.Of, l.Most)
		}
	}
	if len(limits) == 0 {
		return in.fail(line, "%s limits nothing: cost_usd, tokens, minutes, actions or loops is missing", what)
	}
	if err := in.globs(line, what, "agents", f.Agents); err != nil {
		return err
	}
	p.Budgets = append(p.Budgets, b)
	return nil
}
