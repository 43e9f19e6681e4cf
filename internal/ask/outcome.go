package ask

import (
	"context"
	"maps"
	"slices"
	"time"

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

// outcomeNames are the kinds by the actions that bring them about.
func outcomeNames(action string) string {
	switch action {
	case OutcomePull:
		return OutcomeMerged
	case OutcomeIssue:
		return OutcomeResolved
	case OutcomeRelease:
		return OutcomeReleased
	default:
		return OutcomeDeployed
	}
}

// confirmedOutcomes answers what came about between two times, by the word of a
// forge, that agents had a part in: what [Asker.Outcomes] lists, with all runs that
// had a part in it and not the agent alone that it is put down to.
func (a *Asker) confirmedOutcomes(ctx context.Context, since, until time.Time) ([]ConfirmedOutcome, error) {
	found, err := a.outcomes(ctx, since, until, nil)
	if err != nil {
		return nil, err
	}
	return a.confirmed(ctx, found)
}

func (a *Asker) confirmed(ctx context.Context, found []Achievement) ([]ConfirmedOutcome, error) {
	out := make([]ConfirmedOutcome, len(found))
	for i := range found {
		o := &found[i]
		runs := slices.Clone(o.runs)
		slices.Sort(runs)
		out[i] = ConfirmedOutcome{
			Kind: outcomeNames(o.Type), Target: o.Target, At: o.At, EventID: o.EventID, Executions: append([]string{}, slices.Compact(runs)...), Agents: []string{o.Agent},
		}
	}
	return out, a.nameAgents(ctx, out)
}

// outcomesApart are the same but for the merges in which only the run had a part that
// opened the pull request, and of which a company has more in a month than can be read
// within a second: those the store counts, of the runs that the selection selects.
func (a *Asker) outcomesApart(ctx context.Context, since, until time.Time, sel store.Selection) ([]ConfirmedOutcome, []outcomeTally, error) {
	since, until = always(since, until)
	claimed, err := a.store.ClaimedMerges(ctx, a.org, since, until, patience)
	if err != nil {
		return nil, nil, err
	}
	places := slices.Sorted(maps.Keys(claimed))
	alone, err := a.store.MergesAlone(ctx, a.org, since, until, sel, places)
	if err != nil {
		return nil, nil, err
	}
	tallies := make([]outcomeTally, len(alone))
	for i := range alone {
		m := &alone[i]
		agents := []string{m.Agent}
		if m.Runner != "" && m.Runner != m.Agent {
			agents = append(agents, m.Runner)
		}
		tallies[i] = outcomeTally{kind: OutcomeMerged, agents: agents, n: m.Merges}
	}
	together, err := a.store.MergesTogether(ctx, a.org, since, until)
	if err != nil {
		return nil, nil, err
	}
	places = slices.Compact(slices.Sorted(slices.Values(append(places, together...))))
	e := &testimony{}
	if e.credits, err = a.claims(ctx, since, until); err != nil {
		return nil, nil, err
	}
	if e.facts, err = a.store.Happened(ctx, a.org, store.Selection{Since: since, Until: until}, factsBesideMerges...); err != nil {
		return nil, nil, err
	}
	if err := a.testify(ctx, e, since, until, places); err != nil {
		return nil, nil, err
	}
	confirmed, err := a.confirmed(ctx, e.outcomes(since, until, nil))
	return confirmed, tallies, err
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

// outcomeTally is how many outcomes of a kind the same agents had a part in.
type outcomeTally struct {
	kind   string
	agents []string
	n      int64
}

// tallied counts outcomes one by one.
func tallied(outcomes []ConfirmedOutcome) []outcomeTally {
	out := make([]outcomeTally, len(outcomes))
	for i := range outcomes {
		out[i] = outcomeTally{kind: outcomes[i].Kind, agents: outcomes[i].Agents, n: 1}
	}
	return out
}

// countOutcomes counts outcomes, and sets what was spent against them.
func countOutcomes(outcomes []outcomeTally, spent *CostSums) OutcomeCounts {
	var c OutcomeCounts
	for i := range outcomes {
		n := outcomes[i].n
		c.Outcomes += n
		switch outcomes[i].kind {
		case OutcomeMerged:
			c.Merged += n
		case OutcomeResolved:
			c.Resolved += n
		case OutcomeReleased:
			c.Released += n
		case OutcomeDeployed:
			c.Deployed += n
		}
	}
	c.AtLeast = spent.CostUnknown > 0
	if c.Outcomes > 0 {
		c.MicrosPerOutcome = optional(true, spent.CostMicros/c.Outcomes)
	}
	return c
}
