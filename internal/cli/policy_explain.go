package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
)

// explained is the answer of "policy explain": what a rule demands.
type explained struct {
	shownRule
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
	return &cobra.Command{
		Use:     "explain RULE",
		Short:   "Explain what a rule asks of a commit",
		Example: "  whodid policy explain ORG-001",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
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
}
