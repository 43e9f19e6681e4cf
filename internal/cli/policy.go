package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/gitcheck"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "policy",
		GroupID: "keep",
		Short:   "Show, check and explain the policy for agents' commits",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.policyShowCommand(), p.policyCheckCommand(), p.policyExplainCommand())
	return c
}

// shownPolicy is the answer of "policy show" and "policy check": the policy that
// is in force here.
type shownPolicy struct {
	Version string `json:"version"`
	// Digest is the SHA-256 of its text, hexadecimal.
	Digest string `json:"digest"`
	// Source is where it was read: a path, a revision, or "default".
	Source     string               `json:"source"`
	Squads     []shownSquad         `json:"squads"`
	Rules      []shownRule          `json:"rules"`
	Exceptions []gitcheck.Exception `json:"exceptions"`
	Approvals  shownApprovals       `json:"approvals"`
}

// shownApprovals says which actions of agents need a person.
type shownApprovals struct {
	// Required refuses them while the trail can't be reached.
	Required bool `json:"required"`
	// WaitSeconds is how long a hook waits for a decision.
	WaitSeconds int64 `json:"wait_seconds"`
	// Signature lets only signed decisions count, FourEyes only those of others
	// than the person behind the agent.
	Signature bool                `json:"signature"`
	FourEyes  bool                `json:"four_eyes"`
	Rules     []shownApprovalRule `json:"rules"`
}

// shownApprovalRule is one rule of approval.
type shownApprovalRule struct {
	ID    string `json:"rule"`
	Level string `json:"level"`
	// Actions are globs of verbs.
	Actions []string `json:"actions"`
	// Scope is what it is narrowed to; empty if it applies to all such actions.
	Scope string `json:"scope"`
}

type shownSquad struct {
	Name string `json:"name"`
	// Agents are globs of the full names of the agents that it owns.
	Agents []string `json:"agents"`
}

// shownRule is one rule of a policy.
type shownRule struct {
	ID       string         `json:"rule"`
	Title    string         `json:"title"`
	Severity string         `json:"severity"`
	Checks   []policy.Check `json:"checks"`
	// Scope is what it is narrowed to; empty if it applies to everything.
	Scope string `json:"scope"`
}

func (p *Program) policyShowCommand() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use:     "show [FILE]",
		Short:   "Show the policy that is in force here",
		Example: "  whodid policy show\n  whodid policy show --default > .whodid/policy.toml   # begin with the default",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if raw {
				_, err := fmt.Fprint(p.Stdout, policy.DefaultText)
				return err
			}
			rules, err := p.policyHere(c.Context(), args)
			if err == nil && len(args) == 0 {
				rules, err = p.withActions(rules)
			}
			if err != nil {
				return err
			}
			return p.showPolicy(rules)
		},
	}
	c.Flags().BoolVar(&raw, "default", false, "print the text of the default policy")
	return c
}

func (p *Program) policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Say whether a policy is right, and where it is not",
		Example: "  whodid policy check\n  whodid policy check drafts/policy.toml",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			rules, err := p.policyHere(c.Context(), args)
			if err != nil {
				return err
			}
			if p.json {
				return p.showPolicy(rules)
			}
			_, err = fmt.Fprintf(p.Stdout, "%s: version %s, %s, %s, %s\n", rules.Source, rules.Version,
				term.Count(int64(len(rules.Rules)), "rule"), term.Count(int64(len(rules.Squads)), "squad"), term.Count(int64(len(rules.Exceptions)), "exception"))
			return err
		},
	}
}

// rules are what the policies that hold say of what agents do, and there is no other
// way to find them: at a server the administrator's and the organisation's, else
// also those of where this runs.
func (p *Program) rules(org string) policy.Rules {
	if p.policies != "" {
		return hook.ReadRules(place.PoliciesOf(p.policies, org)...)
	}
	return hook.ReadRules(place.Policies(p.Dir, org, p.Env)...)
}

// rulesHere are the rules where this runs. One that can't be read is an error.
func (p *Program) rulesHere() (policy.Rules, error) {
	rules := p.rules(p.org)
	return rules, policyError(rules.Broken)
}

// policyHere reads the policy for commits that a command names, or the one in force
// here.
func (p *Program) policyHere(ctx context.Context, args []string) (*policy.Policy, error) {
	if len(args) > 0 {
		rules, err := gitcheck.PolicyFromFile(p.path(args[0]), args[0])
		return rules, policyError(err)
	}
	repository, err := gitlog.Open(ctx, p.Dir)
	if errors.Is(err, gitlog.ErrNoRepository) {
		rules, err := gitcheck.PolicyOfTree(p.Dir)
		return rules, policyError(err)
	}
	if err != nil {
		return nil, err
	}
	rules, err := p.policyFor(ctx, repository, &checkFlags{})
	return rules, policyError(err)
}

// withActions is the policy for commits with what all policies that hold here ask of
// actions.
func (p *Program) withActions(commits *policy.Policy) (*policy.Policy, error) {
	rules, err := p.rulesHere()
	if err != nil {
		return nil, err
	}
	both := *commits
	both.Approvals = rules.Approvals().Approvals
	return &both, nil
}

func (p *Program) showPolicy(rules *policy.Policy) error {
	answer := shownPolicy{
		Version: rules.Version, Digest: rules.Digest, Source: rules.Source,
		Squads: []shownSquad{}, Rules: []shownRule{}, Exceptions: []gitcheck.Exception{},
	}
	for _, s := range rules.Squads {
		answer.Squads = append(answer.Squads, shownSquad(s))
	}
	for _, r := range rules.Rules {
		answer.Rules = append(answer.Rules, shownRule{r.ID, r.Title, string(r.Severity), r.Checks, r.Where()})
	}
	for i := range rules.Exceptions {
		answer.Exceptions = append(answer.Exceptions, gitcheck.ExceptionAt(&rules.Exceptions[i], p.Now()))
	}
	answer.Approvals = showApprovals(&rules.Approvals)
	if p.json {
		return p.printJSON(answer)
	}
	o := p.out()
	o.Facts(
		term.Fact{Name: "Policy", Cell: term.Text(rules.Version + " (" + rules.Source + ")")},
		term.Fact{Name: "Digest", Cell: term.Text(rules.Digest)},
	)
	o.Printf("\n")
	t := o.Table(term.Column{Title: "RULE", Whole: true}, term.Column{Title: "SEVERITY"}, term.Column{Title: "TITLE"}, term.Column{Title: "SCOPE"})
	for _, r := range answer.Rules {
		t.Row(term.Text(r.ID), term.Text(r.Severity), term.Text(r.Title), term.Text(orAll(r.Scope)))
	}
	if err := t.Write(); err != nil {
		return err
	}
	if len(answer.Squads) > 0 {
		o.Printf("\n")
	}
	for _, s := range answer.Squads {
		o.Printf("squad %s owns %s\n", term.Clean(s.Name), term.Clean(strings.Join(s.Agents, " ")))
	}
	if len(answer.Approvals.Rules) > 0 {
		o.Printf("\n")
		t = o.Table(term.Column{Title: "APPROVAL", Whole: true}, term.Column{Title: "LEVEL"}, term.Column{Title: "ACTIONS"}, term.Column{Title: "SCOPE"})
		for _, r := range answer.Approvals.Rules {
			t.Row(term.Text(r.ID), term.Text(r.Level), term.Text(strings.Join(r.Actions, " ")), term.Text(orAll(r.Scope)))
		}
		if err := t.Write(); err != nil {
			return err
		}
	}
	if len(answer.Exceptions) == 0 {
		return nil
	}
	o.Printf("\n")
	t = o.Table(term.Column{Title: "EXCEPTION", Whole: true}, term.Column{Title: "UNTIL"}, term.Column{Title: "WHO"}, term.Column{Title: "REASON"}, term.Column{Title: "SCOPE"})
	for _, x := range answer.Exceptions {
		until := x.Until.Format("2006-01-02 15:04 UTC")
		if x.Refused != "" {
			until += " (expired)"
		}
		t.Row(term.Text(x.ID), term.Text(until), term.Text(x.Who), term.Text(x.Reason), term.Text(x.Scope))
	}
	return t.Write()
}

func orAll(scope string) string {
	if scope == "" {
		return "everything"
	}
	return scope
}

func showApprovals(a *policy.Approvals) shownApprovals {
	shown := shownApprovals{
		Required: a.Required, WaitSeconds: int64(a.Wait / time.Second), Signature: a.Signature, FourEyes: a.FourEyes, Rules: []shownApprovalRule{},
	}
	for i := range a.Rules {
		r := &a.Rules[i]
		shown.Rules = append(shown.Rules, shownApprovalRule{ID: r.ID, Level: string(r.Level), Actions: r.Actions, Scope: r.Narrowed()})
	}
	return shown
}
