package policy

import (
	"slices"
	"time"
)

// Surroundings are what a judgement rests on besides policy and commit.
type Surroundings struct {
	// Trail tells whether a trail was asked. Without one, what only it can
	// tell is not established, and nothing is held against the commit.
	Trail bool
	// Exceptions are those that the trail recorded.
	Exceptions []Exception
	Now        time.Time
}

// Outcome says what a commit is by a rule, and by all of them.
type Outcome string

// The outcomes, the worst last.
const (
	Untouched Outcome = "untouched" // no rule demands anything of it
	Pass      Outcome = "pass"
	Excepted  Outcome = "excepted" // violated, and excused by an exception
	Warned    Outcome = "warned"   // violated a rule that only warns
	Violated  Outcome = "violated"
)

// Outcomes lists the outcomes, the worst last.
func Outcomes() []Outcome { return []Outcome{Untouched, Pass, Excepted, Warned, Violated} }

// Worse returns the worse of two outcomes.
func (o Outcome) Worse(other Outcome) Outcome {
	all := Outcomes()
	return all[max(slices.Index(all, o), slices.Index(all, other), 0)]
}

// Verdict is the judgement of one commit.
type Verdict struct {
	Outcome Outcome
	Rules   []RuleVerdict
	// Open are what could not be established, a sentence each.
	Open []string
}

// RuleVerdict is the judgement by one rule that applies to the commit.
type RuleVerdict struct {
	Rule     *Rule
	Outcome  Outcome
	Findings []Finding
	// Exception is the one that excuses the findings; nil if none does.
	Exception *Exception
	// Refused are exceptions that would excuse them but do not count, with why.
	Refused []Refused
}

// Refused is an exception that does not count.
type Refused struct {
	Exception *Exception
	Why       string
}

// Finding is one thing that is wrong with a commit.
type Finding struct {
	Code     Code
	Severity Severity
	Text     string // one sentence
	Line     int    // in the message; 0 if it is about the whole
	// Remedy says what kind of change mends it.
	Remedy Remedy
}

// Code names a kind of finding. Codes are stable.
type Code string

// What can be wrong with a commit.
const (
	Missing          Code = "trailers-missing"       // the trail knows that an agent made it
	Unattributed     Code = "agent-without-trailers" // an agent's identity is all that it has
	Incomplete       Code = "trailers-incomplete"
	Malformed        Code = "trailers-malformed"
	SquadMismatch    Code = "squad-mismatch"
	UnknownExecution Code = "execution-unknown"
	OtherAgent       Code = "execution-of-another-agent"
	OtherTrigger     Code = "execution-of-another-trigger"
	OutOfTime        Code = "execution-not-running"
	UnusedModel      Code = "model-not-used"
	Replayed         Code = "trailers-replayed"
	BadSubject       Code = "subject"
)

// Codes lists the kinds of findings.
func Codes() []Code {
	return []Code{
		Missing, Unattributed, Incomplete, Malformed, SquadMismatch, UnknownExecution, OtherAgent, OtherTrigger,
		OutOfTime, UnusedModel, Replayed, BadSubject,
	}
}

// Remedy is what kind of change mends a finding.
type Remedy struct {
	Kind RemedyKind
	// Execution is the run whose trailers belong there, if it is known.
	Execution string
}

// RemedyKind is a kind of remedy.
type RemedyKind string

// The kinds of remedies.
const (
	Write   RemedyKind = "write"   // the trailers of the run must be written
	Rewrite RemedyKind = "rewrite" // those that are there must be replaced by the true ones
	Repair  RemedyKind = "repair"  // "whodid git trailers --fix" can do it
	Edit    RemedyKind = "edit"    // a person must choose the words
)

// Evaluate judges a commit. It returns the same for the same arguments, and an
// exception more never makes a verdict worse or touches another rule.
func (p *Policy) Evaluate(c *Commit, s Surroundings) Verdict {
	v := Verdict{Outcome: Untouched}
	j := judge{policy: p, commit: c, around: s}
	for i := range p.Rules {
		rule := &p.Rules[i]
		if !rule.covers(c) || !rule.concerns(c) {
			continue
		}
		rv := RuleVerdict{Rule: rule, Outcome: Pass, Findings: j.findings(rule)}
		for _, f := range rv.Findings {
			switch f.Severity {
			case Blocker:
				rv.Outcome = rv.Outcome.Worse(Violated)
			case Warning:
				rv.Outcome = rv.Outcome.Worse(Warned)
			}
		}
		if len(rv.Findings) > 0 {
			p.except(&rv, c, s)
		}
		v.Outcome = v.Outcome.Worse(rv.Outcome)
		v.Rules = append(v.Rules, rv)
	}
	v.Open = j.open
	return v
}

// concerns reports whether the rule has anything to ask of the commit: all
// checks but that of the subject are about agents' commits.
func (r *Rule) concerns(c *Commit) bool {
	return slices.Contains(r.Checks, Subject) || c.ByAgent()
}

// covers reports whether the rule applies to the commit. What is not known of
// the commit does not get it out of the rule.
func (r *Rule) covers(c *Commit) bool {
	if len(r.Paths) > 0 && c.PathsKnown && !slices.ContainsFunc(c.Paths, func(p string) bool { return matchAny(r.Paths, p) }) {
		return false
	}
	if len(r.Branches) > 0 && len(c.Branches) > 0 && !slices.ContainsFunc(c.Branches, func(b string) bool { return matchAny(r.Branches, b) }) {
		return false
	}
	agents := c.Agents()
	return len(r.Agents) == 0 || len(agents) == 0 || slices.ContainsFunc(agents, func(a string) bool { return matchAny(r.Agents, a) })
}

// except looks for an exception that excuses the findings of a rule.
func (p *Policy) except(rv *RuleVerdict, c *Commit, s Surroundings) {
	for _, list := range [][]Exception{p.Exceptions, s.Exceptions} {
		for i := range list {
			e := &list[i]
			if e.Rule != rv.Rule.ID || !e.covers(c) {
				continue
			}
			switch {
			case e.Expired(s.Now):
				rv.Refused = append(rv.Refused, Refused{e, "it expired"})
			case e.ByAgent() && !p.AgentsMayExcept:
				rv.Refused = append(rv.Refused, Refused{e, "an agent added it, and the policy lets only people except"})
			default:
				rv.Exception, rv.Outcome, rv.Refused = e, Excepted, nil
				return
			}
		}
	}
}

// covers reports whether the exception is about the commit: all of it must be
// in the scope, and what is not known is not.
func (e *Exception) covers(c *Commit) bool {
	all := func(globs, names []string) bool {
		return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !matchAny(globs, n) })
	}
	switch {
	case e.Empty():
		return false
	case len(e.Paths) > 0 && (!c.PathsKnown || !all(e.Paths, c.Paths)):
		return false
	case len(e.Branches) > 0 && !all(e.Branches, c.Branches):
		return false
	case len(e.Agents) > 0 && !all(e.Agents, c.Agents()):
		return false
	case len(e.Commits) > 0 && (c.ID == "" || !slices.ContainsFunc(e.Commits, func(id string) bool { return SameCommit(id, c.ID) })):
		return false
	}
	return true
}
