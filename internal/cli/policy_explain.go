package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
)

// explained is the answer of "policy explain": what a rule demands, or what an
// action needs.
type explained struct {
	shownRule
	// Act says what the policy asks of an action; null if a rule was asked for.
	Act *policy.Explanation `json:"act"`
	// Checks say in a sentence each what is asked of a commit.
	Meanings []checkMeaning `json:"meanings"`
}

type checkMeaning struct {
	Check   policy.Check `json:"check"`
	Meaning string       `json:"meaning"`
	// Needs is what the check rests on: git, or git and the trail.
	Needs string `json:"needs"`
}

// meanings say what each check asks, for people.
func meanings() map[policy.Check]checkMeaning {
	list := []checkMeaning{
		{policy.Presence, "A commit that an agent made, by its author, committer or co-author or by the record of its run, has the five trailers.", "git, and the trail for what bears no agent's name"},
		{policy.Form, "The trailers are complete, sound and stand where git reads them.", "git"},
		{policy.Ownership, "The squad owns the agent, by the policy's squads or else by the agent's name.", "git"},
		{policy.Execution, "The execution is known, was a run of this agent, triggered so, and ran when the commit was made.", "the trail"},
		{policy.Model, "The execution used the model.", "the trail"},
		{policy.Replay, "The trailers were not copied from another commit.", "the trail"},
		{policy.Subject, "The subject is one of Conventional Commits.", "git"},
	}
	m := make(map[policy.Check]checkMeaning, len(list))
	for _, c := range list {
		m[c.Check] = c
	}
	return m
}

func (p *Program) policyExplainCommand() *cobra.Command {
	var act policy.Act
	c := &cobra.Command{
		Use:   "explain RULE | ACTION",
		Short: "Explain what a rule asks of a commit, or what an action of an agent needs",
		Example: `  whodid policy explain ORG-001
  whodid policy explain deploy.production --target shop --agent ops/deployer`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if kind, ok := whodid.KindOf(args[0]); ok && kind.Action {
				rules, err := p.rulesHere()
				if err != nil {
					return err
				}
				act.Type = args[0]
				return p.explainAct(rules.Approvals(), &act)
			}
			rules, err := p.policyHere(c.Context(), nil)
			if err != nil {
				return err
			}
			rule, ok := rules.Rule(args[0])
			if !ok {
				return misuse(fmt.Errorf("the policy %s has no rule %q", rules.Source, args[0]), `"whodid policy show" lists them`)
			}
			answer := explained{shownRule: shownRule{rule.ID, rule.Title, string(rule.Severity), rule.Checks, rule.Where()}}
			all := meanings()
			for _, check := range rule.Checks {
				answer.Meanings = append(answer.Meanings, all[check])
			}
			if p.json {
				return p.printJSON(answer)
			}
			o := p.out()
			o.Facts(
				term.Fact{Name: "Rule", Cell: term.Text(rule.ID + " (" + string(rule.Severity) + ")")},
				term.Fact{Name: "Title", Cell: term.Text(rule.Title)},
				term.Fact{Name: "Scope", Cell: term.Text(orAll(answer.Scope))},
				term.Fact{Name: "Policy", Cell: term.Text(rules.Version + " (" + rules.Source + ")")},
			)
			o.Printf("\n")
			t := o.Table(term.Column{Title: "CHECK", Whole: true}, term.Column{Title: "MEANING"}, term.Column{Title: "NEEDS", Spare: true})
			for _, m := range answer.Meanings {
				t.Row(term.Text(string(m.Check)), term.Text(m.Meaning), term.Text(m.Needs))
			}
			return t.Write()
		},
	}
	f := c.Flags()
	f.StringVar(&act.Target, "target", "", "of an action: what it is to be done on, such as acme/shop#44")
	f.StringVar(&act.Agent, "agent", "", "the agent (`SQUAD/NAME`) that is to do it")
	f.StringVar(&act.Path, "path", "", "the file, from the top of its repository")
	f.StringVar(&act.Branch, "branch", "", "the branch")
	f.StringVar(&act.Environment, "environment", "", "the environment")
	return c
}

// explainAct says what the policy asks of an action.
func (p *Program) explainAct(rules *policy.Policy, act *policy.Act) error {
	e := rules.Explain(act)
	if p.json {
		return p.printJSON(explained{shownRule: shownRule{Checks: []policy.Check{}}, Act: &e, Meanings: []checkMeaning{}})
	}
	rule := e.Rule
	if e.Narrowed != "" {
		rule += " (" + e.Narrowed + ")"
	}
	p.out().Facts(
		fact("Action", strings.TrimSpace(e.Action+" "+e.Target)), fact("Level", string(e.Level)), fact("Meaning", e.Meaning), fact("At most", string(e.AtMost)),
		fact("Rule", cmp.Or(rule, "none")), fact("Policy", e.Policy+" ("+e.Source+")"),
	)
	return nil
}
