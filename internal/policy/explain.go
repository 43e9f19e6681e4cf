package policy

// Explanation is what the policy says of an action.
type Explanation struct {
	Action string `json:"action"`
	Target string `json:"target"`
	Agent  string `json:"agent"`
	// Level is what it needs: auto, notify, confirm or approve. AtMost is what it
	// may need if the run has cost or done much.
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

// Explain says what an action needs, and why.
func (p *Policy) Explain(a *Act) Explanation {
	level, rule := p.LevelOf(a)
	most, _ := p.AtMost(a)
	e := Explanation{
		Action: a.Type, Target: a.Target, Agent: a.Agent, Level: level, AtMost: most, Meaning: meaningOf(level),
		Policy: p.Version, Digest: p.Digest, Source: p.Source,
	}
	if rule != nil {
		e.Rule, e.Narrowed = rule.ID, rule.Narrowed()
	}
	return e
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
