package policy

import (
	"fmt"
	"strings"
)

// Explanation is what the policy says of an action.
type Explanation struct {
	Action string `json:"action"`
	Target string `json:"target"`
	Agent  string `json:"agent"`
	// Level is what it needs: auto, notify, confirm or approve. AtMost is what it
	// may need if the run has cost or done much, or by what was not said of it.
	Level  Level `json:"level"`
	AtMost Level `json:"at_most"`
	// Meaning says the level in a sentence.
	Meaning string `json:"meaning"`
	// Rule is the rule that decides, and Narrowed what that is narrowed to; empty
	// if there is none.
	Rule     string `json:"rule"`
	Narrowed string `json:"narrowed"`
	// Policy, Digest and Source say which policy it is.
	Policy string `json:"policy"`
	Digest string `json:"digest"`
	Source string `json:"source"`
}

// Explain says what an action needs, and why. The path of an action on a file is
// its target. Where a rule could ask for more by what was not said, the meaning
// names it: an answer must not let through what is only not described.
func (p *Policy) Explain(a *Act) Explanation {
	if a.Path == "" && strings.HasPrefix(a.Type, "file.") {
		onFile := *a
		onFile.Path = a.Target
		a = &onFile
	}
	level, rule := p.LevelOf(a)
	most, _ := p.AtMost(a)
	e := Explanation{
		Action: a.Type, Target: a.Target, Agent: a.Agent, Level: level, AtMost: most, Meaning: meaningOf(level),
		Policy: p.Version, Digest: p.Digest, Source: p.Source,
	}
	if rule != nil {
		e.Rule, e.Narrowed = rule.ID, rule.Narrowed()
	}
	if r := p.unsaid(a, level); r != nil {
		if rank(r.Level) > rank(e.AtMost) {
			e.AtMost = r.Level
		}
		e.Meaning = fmt.Sprintf("%s But rule %s asks for %s if it is %s, which was not said.", e.Meaning, r.ID, r.Level, r.Narrowed())
	}
	return e
}

// unsaid is the strictest rule that asks for more than a level and could apply to
// an action by what is not known of it; nil if there is none.
func (p *Policy) unsaid(a *Act, level Level) *ApprovalRule {
	var strictest *ApprovalRule
	for i := range p.Approvals.Rules {
		r := &p.Approvals.Rules[i]
		if rank(r.Level) > rank(level) && r.CostOver == 0 && r.CountOver == 0 && r.couldApplyTo(a) {
			strictest, level = r, r.Level
		}
	}
	return strictest
}

func (r *ApprovalRule) couldApplyTo(a *Act) bool {
	open := func(globs []string, value string) bool {
		return len(globs) == 0 || value == "" || matchAny(globs, value)
	}
	return matchAny(r.Actions, a.Type) && open(r.Targets, a.Target) && open(r.Paths, strings.TrimPrefix(a.Path, "/")) &&
		open(r.Branches, a.Branch) && open(r.Environments, a.Environment) && open(r.Agents, a.Agent)
}

func meaningOf(l Level) string {
	switch l {
	case Notify:
		return "It may be done, and somebody is told."
	case Confirm:
		return "The person at the agent's client must say yes just before it is done."
	case Approve:
		return "A person must have decided on a request for just this, in the trail."
	default:
		return "It may be done: no rule asks for a person."
	}
}
