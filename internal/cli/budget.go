package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) budgetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "budget",
		GroupID: "keep",
		Short:   "Show the budgets of agents and what is used of them",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.budgetListCommand(), p.budgetStatusCommand())
	return c
}

// budgetList is the answer of "budget list": the budgets that hold here.
type budgetList struct {
	Budgets []shownBudget `json:"budgets"`
}

// shownBudget is one budget of a policy.
type shownBudget struct {
	Budget string `json:"budget"`
	// Scope is who has it: run, agent, squad or org. Per is run, day or month.
	Scope string `json:"scope"`
	Per   string `json:"per"`
	// Agents are globs of those that it is for; empty is all.
	Agents []string `json:"agents"`
	// Hard is true if what goes beyond it is refused.
	Hard bool `json:"hard"`
	// Limits are its limits, by what they limit: cost_micros, tokens, minutes,
	// actions, loops.
	Limits map[string]int64 `json:"limits"`
}

// budgets are those of the policies that hold here.
func (p *Program) budgets() ([]policy.Budget, error) {
	rules, err := p.rulesHere()
	return rules.Budgets, err
}

func (p *Program) budgetListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the budgets of the policies that hold here",
		Example: `  whodid budget list
  whodid budget list --json | jq '.budgets[] | select(.hard)'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			budgets, err := p.budgets()
			if err != nil {
				return err
			}
			answer := budgetList{Budgets: []shownBudget{}}
			for i := range budgets {
				b := &budgets[i]
				shown := shownBudget{Budget: b.ID, Scope: b.Scope, Per: b.Per, Agents: append([]string{}, b.Agents...), Hard: b.Hard, Limits: map[string]int64{}}
				for _, l := range b.Limits() {
					shown.Limits[l.Of] = l.Most
				}
				answer.Budgets = append(answer.Budgets, shown)
			}
			if p.json {
				return p.printJSON(answer)
			}
			o := p.out()
			if len(budgets) == 0 {
				p.advise(o, "No budget. Set one in %s: docs/budgets.md", policy.File)
				return nil
			}
			t := o.Table(term.Column{Title: "BUDGET", Whole: true}, term.Column{Title: "OF EACH", Whole: true}, term.Column{Title: "PER", Whole: true},
				term.Column{Title: "FOR"}, term.Column{Title: "LIMITS"}, term.Column{Title: "KIND", Whole: true})
			for i := range budgets {
				b := &budgets[i]
				var limits []string
				for _, l := range b.Limits() {
					limits = append(limits, amount(l.Of, l.Most))
				}
				t.Row(term.Text(b.ID), term.Text(b.Scope), term.Text(b.Per), term.Text(orAll(strings.Join(b.Agents, " "))),
					term.Text(strings.Join(limits, ", ")), term.Text(kindOf(b.Hard)))
			}
			return t.Write()
		},
	}
}

func kindOf(hard bool) string {
	if hard {
		return "hard"
	}
	return "soft"
}

// amount is so much of something that a budget limits.
func amount(of string, n int64) string {
	switch of {
	case "cost_micros":
		return term.Money(n)
	case "loops":
		return strconv.FormatInt(n, 10) + " failures in a row"
	default:
		return strconv.FormatInt(n, 10) + " " + of
	}
}

func (p *Program) budgetStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how much of the budgets is used",
		Long: `Shows for each limit how much of it is used: of runs, by each one that was at work
in the last day; of the others, by everybody who has the budget in this day or
month, in UTC. A run counts in the period in which it began.

UNKNOWN is of how many runs the figure is not known: what is used is then at
least what is shown, and the state is unclear unless it is exceeded already. How
often an action failed in a row is counted by the hooks alone.`,
		Example: `  whodid budget status
  whodid budget status --json | jq '.budgets[] | select(.state == "exceeded")'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			budgets, err := p.budgets()
			if err != nil {
				return err
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.BudgetStatus, error) {
				return a.Budgets(ctx, budgets)
			}, func(status *ask.BudgetStatus) error { return p.printBudgets(status, len(budgets)) })
		},
	}
}

func (p *Program) printBudgets(status *ask.BudgetStatus, budgets int) error {
	o := p.out()
	switch {
	case budgets == 0:
		p.advise(o, "No budget. Set one in %s: docs/budgets.md", policy.File)
		return nil
	case len(status.Budgets) == 0:
		p.advise(o, "No run has used anything of the budgets yet.")
		return nil
	}
	t := o.Table(term.Column{Title: "BUDGET", Whole: true}, term.Column{Title: "OF"}, term.Column{Title: "PERIOD", Whole: true}, term.Column{Title: "USED", Right: true, Whole: true},
		term.Column{Title: "LIMIT", Right: true, Whole: true}, term.Column{Title: "UNKNOWN", Right: true, Whole: true}, term.Column{Title: "STATE", Whole: true}, term.Column{Title: "KIND", Whole: true})
	for i := range status.Budgets {
		u := &status.Budgets[i]
		used := "unknown"
		if u.Used != nil {
			used = amount(u.Limited, *u.Used)
		}
		state := term.Text(u.State)
		if u.State == ask.BudgetExceeded {
			state.Style = term.Red
		}
		t.Row(term.Text(u.Budget), term.Text(u.Subject), term.Text(u.Period), term.Text(used), term.Text(amount(u.Limited, u.Limit)),
			term.Int(u.Unknown), state, term.Text(kindOf(u.Hard)))
	}
	return t.Write()
}

// watchBudgets records which budgets are exceeded now, each once, and tells the
// hooks, which refuse what goes beyond a hard one.
func (p *Program) watchBudgets(ctx context.Context, t *trail) error {
	rules := p.rules(p.org)
	if len(rules.Budgets) == 0 {
		return nil // and a policy that can't be read is told of where it is asked for
	}
	known, err := hook.ReadExceeded(t.place.Calls)
	if err != nil {
		known = nil // it is written anew
	}
	events, exceeded, err := p.exceeded(ctx, t.asker, rules.Budgets)
	if err != nil {
		return err
	}
	isKnown := func(key string) bool {
		return slices.ContainsFunc(known, func(x hook.Exceeded) bool { return x.Key == key })
	}
	events = slices.DeleteFunc(events, func(e whodid.Event) bool { return isKnown(e.Key) })
	if _, err := t.recorder.Record(ctx, events...); err != nil {
		return fmt.Errorf("couldn't record that a budget is exceeded: %w", err)
	}
	if slices.Equal(known, exceeded) {
		return nil
	}
	return hook.WriteExceeded(t.place.Calls, exceeded)
}

// watchBudgetsOf records which of its budgets an organisation of a server exceeds.
func (p *Program) watchBudgetsOf(ctx context.Context, t *server.Tenant) error {
	rules := t.Rules()
	if rules.Broken != nil {
		return rules.Broken
	}
	if len(rules.Budgets) == 0 {
		return nil
	}
	events, _, err := p.exceeded(ctx, t.Asker, rules.Budgets)
	if err != nil {
		return err
	}
	_, err = t.Recorder.Record(ctx, events...)
	return err
}

// exceeded are the events that budgets are exceeded, and what hooks need to know
// of them: one for each budget, subject and period.
func (p *Program) exceeded(ctx context.Context, asker *ask.Asker, budgets []policy.Budget) (events []whodid.Event, all []hook.Exceeded, err error) {
	status, err := asker.Budgets(ctx, budgets)
	if err != nil {
		return nil, nil, err
	}
	for i := range status.Budgets {
		u := &status.Budgets[i]
		n := slices.IndexFunc(budgets, func(b policy.Budget) bool { return b.ID == u.Budget && b.Scope == u.Scope })
		if u.State != ask.BudgetExceeded || n < 0 {
			continue
		}
		b := &budgets[n]
		key := b.Key(u.Subject, u.Period)
		if slices.ContainsFunc(all, func(x hook.Exceeded) bool { return x.Key == key }) {
			continue // by another of its limits
		}
		_, _, until := b.Period(p.Now())
		all = append(all, hook.Exceeded{Key: key, Budget: b.ID, Subject: u.Subject, Limited: amount(u.Limited, *u.Used) + " of " + amount(u.Limited, u.Limit), Until: until})
		e := hook.BudgetEvent(b, u.Subject, u.Period, u.Limited, u.Limit, *u.Used, p.Now())
		e.Actor, e.Source = whodid.System, "system"
		switch b.Scope {
		case policy.ScopeRun:
			e.Execution = u.Subject
		case policy.ScopeAgent:
			e.Actor = whodid.AgentActor(u.Subject)
		}
		if u.Unknown > 0 {
			e.Data["unknown"] = u.Unknown
		}
		events = append(events, e)
	}
	return events, all, nil
}
