package ask

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// The kinds of outcomes.
const (
	OutcomeMerged   = "pr_merged"
	OutcomeResolved = "issue_resolved"
	OutcomeReleased = "release_published"
	OutcomeDeployed = "deployed"
)

// ConfirmedOutcome is something that a forge says came about, and that runs had a part in.
type ConfirmedOutcome struct {
	Kind string `json:"kind"`
	// Target is the pull request, the issue, the repository or the release.
	Target string    `json:"target"`
	At     time.Time `json:"at"`
	// EventID is what the forge said.
	EventID string `json:"event_id"`
	// Executions are the runs that had a part in it, Agents who ran them.
	Executions []string `json:"executions"`
	Agents     []string `json:"agents"`
}

// outcomeSlack is how far apart the times may be at which an agent and a forge
// tell of the same; see the relation confirmations.
const outcomeSlack = time.Hour

// ConfirmedOutcomes answers what came about between two times, by the word of a forge, that
// agents had a part in: pull requests that were merged and that a run opened or
// merged, or that name one; issues that a run closed; what runs released or
// deployed. What only an agent tells of is none.
func (a *Asker) ConfirmedOutcomes(ctx context.Context, since, until time.Time) ([]ConfirmedOutcome, error) {
	from, to := since, until
	if !from.IsZero() {
		from = from.Add(-outcomeSlack)
	}
	if !to.IsZero() {
		to = to.Add(outcomeSlack)
	}
	rows, err := a.store.Outcomes(ctx, a.org, from, to)
	if err != nil {
		return nil, err
	}
	told := map[string][]*store.Row{} // what agents say they did, by what it would be confirmed by
	for i := range rows {
		if r := &rows[i]; !strings.HasPrefix(r.What, "forge.") && r.Result == whodid.ResultSuccess && r.Execution != "" {
			told[outcomeKey(r)] = append(told[outcomeKey(r)], r)
		}
	}
	out := []ConfirmedOutcome{}
	at := map[string]int{}
	for i := range rows {
		r := &rows[i]
		kind := outcomeKind(r)
		if kind == "" || !since.IsZero() && r.At.Before(since) || !until.IsZero() && !r.At.Before(until) {
			continue
		}
		var runs []string
		if kind == OutcomeMerged {
			if runs, err = a.runsOfPull(ctx, r.Target); err != nil {
				return nil, err
			}
		} else {
			for _, t := range told[outcomeKey(r)] {
				if d := t.At.Sub(r.At); d <= outcomeSlack && d >= -outcomeSlack {
					runs = append(runs, t.Execution)
				}
			}
		}
		if len(runs) == 0 {
			continue
		}
		slices.Sort(runs)
		o := ConfirmedOutcome{Kind: kind, Target: r.Target, At: r.At.UTC(), EventID: r.ID, Executions: slices.Compact(runs)}
		// What was merged is merged, and what was closed twice is one issue.
		if j, again := at[outcomeKey(r)]; again && kind != OutcomeDeployed {
			out[j] = o
			continue
		}
		at[outcomeKey(r)] = len(out)
		out = append(out, o)
	}
	return out, a.nameAgents(ctx, out)
}

func outcomeKind(r *store.Row) string {
	switch {
	case r.What == "forge.pr.merge":
		return OutcomeMerged
	case r.What == "forge.issue.close" && r.Data.String("state") != "not_planned" && r.Data.String("state") != "duplicate":
		return OutcomeResolved
	case r.What == "forge.release.publish":
		return OutcomeReleased
	case r.What == "forge.deploy.status" && r.Result == whodid.ResultSuccess:
		return OutcomeDeployed
	default:
		return ""
	}
}

// outcomeKey is what an action and what confirms it have in common.
func outcomeKey(r *store.Row) string {
	what := strings.TrimPrefix(r.What, "forge.")
	if what == "deploy.status" {
		what = "deploy." + strings.ToLower(r.Data.String("environment"))
	}
	return what + " " + strings.ToLower(r.Target)
}

// runsOfPull are the runs that opened or merged a pull request, and those that it
// names.
func (a *Asker) runsOfPull(ctx context.Context, target string) ([]string, error) {
	rows, err := a.store.FactsOf(ctx, a.org, target)
	if err != nil {
		return nil, err
	}
	var runs []string
	for i := range rows {
		r := &rows[i]
		if (r.What == "pr.create" || r.What == "pr.merge") && r.Result == whodid.ResultSuccess && r.Execution != "" {
			runs = append(runs, r.Execution)
		}
		if strings.HasPrefix(r.What, "forge.pr.") {
			runs = append(runs, r.Data.List("executions")...)
		}
	}
	return runs, nil
}

func (a *Asker) nameAgents(ctx context.Context, outcomes []ConfirmedOutcome) error {
	var ids []string
	for i := range outcomes {
		ids = append(ids, outcomes[i].Executions...)
	}
	if len(ids) == 0 {
		return nil
	}
	agents, err := a.store.AgentsOf(ctx, a.org, ids)
	if err != nil {
		return err
	}
	for i := range outcomes {
		o := &outcomes[i]
		o.Agents = []string{}
		for _, id := range o.Executions {
			if name := agents[id]; name != "" && !slices.Contains(o.Agents, name) {
				o.Agents = append(o.Agents, name)
			}
		}
		slices.Sort(o.Agents)
	}
	return nil
}

// OutcomeCounts counts outcomes, and what one of them cost.
type OutcomeCounts struct {
	Outcomes int64 `json:"outcomes"`
	Merged   int64 `json:"prs_merged"`
	Resolved int64 `json:"issues_resolved"`
	Released int64 `json:"releases_published"`
	Deployed int64 `json:"deployments"`
	// MicrosPerOutcome is all that is known of the cost, that of failed runs
	// included, over all outcomes; null without an outcome. AtLeast is true if not
	// all of the cost is known.
	MicrosPerOutcome *int64 `json:"micros_per_outcome"`
	AtLeast          bool   `json:"at_least"`
}

// CountOutcomes counts outcomes, and sets what was spent against them.
func CountOutcomes(outcomes []ConfirmedOutcome, spent *CostSums) OutcomeCounts {
	var c OutcomeCounts
	for i := range outcomes {
		c.Outcomes++
		switch outcomes[i].Kind {
		case OutcomeMerged:
			c.Merged++
		case OutcomeResolved:
			c.Resolved++
		case OutcomeReleased:
			c.Released++
		case OutcomeDeployed:
			c.Deployed++
		}
	}
	c.AtLeast = spent.CostUnknown > 0
	if c.Outcomes > 0 {
		c.MicrosPerOutcome = optional(true, spent.CostMicros/c.Outcomes)
	}
	return c
}
