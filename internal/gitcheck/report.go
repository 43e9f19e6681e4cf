package gitcheck

import (
	"time"

	"github.com/whodid/whodid/internal/policy"
)

// Report is the answer of "whodid git check": the judgement of some commits.
type Report struct {
	Policy PolicyInfo `json:"policy"`
	Trail  TrailInfo  `json:"trail"`
	// Outcome is the worst of all commits.
	Outcome policy.Outcome `json:"outcome"`
	// Checked is how many commits were looked at.
	Checked int `json:"checked"`
	// Agents is how many of them are an agent's, by anything that is known.
	Agents int `json:"agents"`
	// Counts are how many commits there are of each outcome.
	Counts map[policy.Outcome]int `json:"counts"`
	// Commits are those that a rule applies to, newest first.
	Commits []Commit `json:"commits"`
	// NotEstablished is what could not be found out, a sentence each.
	NotEstablished []string `json:"not_established"`
}

// PolicyInfo names the policy that judged.
type PolicyInfo struct {
	Version string `json:"version"`
	// Digest is the SHA-256 of its text, hexadecimal.
	Digest string `json:"digest"`
	// Source is where it was read: a path, a revision, or "default".
	Source string `json:"source"`
}

// TrailInfo tells whether a trail was asked.
type TrailInfo struct {
	AtHand bool `json:"at_hand"`
	// Note says why not.
	Note string `json:"note"`
	// Recorded is how many verdicts were new to it.
	Recorded int `json:"recorded"`
}

// Commit is the judgement of one commit.
type Commit struct {
	// ID is empty for a message that is not committed.
	ID      string `json:"commit"`
	Subject string `json:"subject"`
	// AuthoredAt is the author's time; null if the commit has no sound one.
	AuthoredAt *time.Time `json:"authored_at"`
	// Agents and Executions are those that the commit or the trail name.
	Agents     []string       `json:"agents"`
	Executions []string       `json:"executions"`
	Outcome    policy.Outcome `json:"outcome"`
	Rules      []Rule         `json:"rules"`
	// NotEstablished is what could not be found out about it.
	NotEstablished []string `json:"not_established"`

	paths []string
}

// Rule is the judgement of a commit by one rule.
type Rule struct {
	ID       string          `json:"rule"`
	Title    string          `json:"title"`
	Severity policy.Severity `json:"severity"`
	Outcome  policy.Outcome  `json:"outcome"`
	Findings []Finding       `json:"findings"`
	// Exception is the one that excuses the findings; null if none does.
	Exception *Exception `json:"exception"`
	// Refused are exceptions that would, and do not count.
	Refused []Exception `json:"refused_exceptions"`
}

// Finding is one thing that is wrong.
type Finding struct {
	Code     policy.Code     `json:"code"`
	Severity policy.Severity `json:"severity"`
	Text     string          `json:"text"`
	// Line is where in the message, from 1; 0 if it is about the whole.
	Line int `json:"line"`
	// Mend are the commands that mend it, in order.
	Mend []string `json:"mend"`
}

// Exception is one that excuses findings, or would.
type Exception struct {
	// ID is that of the event that recorded it, or its line in the policy.
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Who    string `json:"who"`
	// Until is the first moment at which it holds no more.
	Until time.Time `json:"until"`
	Scope string    `json:"scope"`
	// Refused says why it does not count; empty if it does.
	Refused string `json:"refused"`
}

func newReport(r Request) *Report {
	return &Report{
		Policy:  PolicyInfo{r.Policy.Version, r.Policy.Digest, r.Policy.Source},
		Trail:   TrailInfo{AtHand: r.Trail != nil, Note: r.TrailNote},
		Outcome: policy.Untouched, Counts: map[policy.Outcome]int{}, Commits: []Commit{}, NotEstablished: []string{},
	}
}

// add adds the judgement of a commit. tip tells that nothing selected is built
// upon it, so that it can be amended.
func (r *Report) add(c *policy.Commit, v *policy.Verdict, tip bool) {
	r.Checked++
	if c.ByAgent() {
		r.Agents++
	}
	r.Counts[v.Outcome]++
	r.Outcome = r.Outcome.Worse(v.Outcome)
	for _, open := range v.Open {
		r.NotEstablished = appendNew(r.NotEstablished, open)
	}
	if len(v.Rules) == 0 {
		return
	}
	out := Commit{
		ID: c.ID, Subject: c.Subject, Agents: appendNew(nil, c.Agents()...), Executions: []string{}, Outcome: v.Outcome,
		NotEstablished: appendNew(nil, v.Open...), paths: c.Paths,
	}
	if at := c.Author.At; !at.IsZero() {
		out.AuthoredAt = &at
	}
	for i := range c.Claims {
		if id := c.Claims[i].Execution; id != "" {
			out.Executions = appendNew(out.Executions, id)
		}
	}
	for _, run := range c.MadeBy {
		out.Executions = appendNew(out.Executions, run.ID)
	}
	for i := range v.Rules {
		out.Rules = append(out.Rules, ruleOf(&v.Rules[i], c, tip))
	}
	r.Commits = append(r.Commits, out)
}

func ruleOf(rv *policy.RuleVerdict, c *policy.Commit, tip bool) Rule {
	out := Rule{
		ID: rv.Rule.ID, Title: rv.Rule.Title, Severity: rv.Rule.Severity, Outcome: rv.Outcome,
		Findings: []Finding{}, Refused: []Exception{},
	}
	for _, f := range rv.Findings {
		out.Findings = append(out.Findings, Finding{f.Code, f.Severity, f.Text, f.Line, mend(f.Remedy, c, tip)})
	}
	if rv.Exception != nil {
		x := exceptionOf(rv.Exception, "")
		out.Exception = &x
	}
	for _, refused := range rv.Refused {
		out.Refused = append(out.Refused, exceptionOf(refused.Exception, refused.Why))
	}
	return out
}

func exceptionOf(e *policy.Exception, refused string) Exception {
	return Exception{ID: e.ID, Reason: e.Reason, Who: e.Who, Until: e.Until.UTC(), Scope: e.Where(), Refused: refused}
}

// maxOpen bounds what is listed as not established, for the whole answer.
const maxOpen = 100

// appendNew appends what the list does not hold yet; it is never nil.
func appendNew(list []string, more ...string) []string {
	if list == nil {
		list = []string{}
	}
	for _, s := range more {
		found := false
		for _, have := range list {
			found = found || have == s
		}
		if !found && len(list) < maxOpen {
			list = append(list, s)
		}
	}
	return list
}

// mend returns the commands that mend a finding.
func mend(r policy.Remedy, c *policy.Commit, tip bool) []string {
	execution := r.Execution
	if execution == "" {
		execution = "EXECUTION"
	}
	var commands []string
	if c.ID != "" && !tip {
		commands = append(commands, "git rebase -i "+short(c.ID)+"^   # mark "+short(c.ID)+` "edit"`)
	}
	amend := func(message string) string {
		if c.ID == "" {
			return message
		}
		return message + " | git commit --amend -F -"
	}
	switch r.Kind {
	case policy.Repair:
		if c.ID == "" {
			return []string{"whodid git trailers --fix FILE"}
		}
		commands = append(commands, amend("git log -1 --format=%B | whodid git trailers --fix -"))
	case policy.Write, policy.Rewrite:
		if execution == "EXECUTION" {
			commands = append(commands, "whodid exec list   # which run made it?")
		}
		what := "whodid git message --execution " + execution + "   # the true trailers"
		commands = append(commands, what)
		if c.ID != "" {
			if r.Kind == policy.Write {
				commands = append(commands, `git commit --amend -m "$(git log -1 --format=%B)" -m "$(whodid git message --execution `+execution+`)"`)
			} else {
				commands = append(commands, "git commit --amend   # put them in the place of the false ones; a person's own commit needs none")
			}
		}
	case policy.Edit:
		if c.ID != "" {
			commands = append(commands, "git commit --amend   # and correct the message")
		}
	}
	return commands
}

func short(id string) string { return id[:min(len(id), 12)] }

// ExceptionAt is an exception as it stands at a time.
func ExceptionAt(e *policy.Exception, now time.Time) Exception {
	if e.Expired(now) {
		return exceptionOf(e, "it expired")
	}
	return exceptionOf(e, "")
}
