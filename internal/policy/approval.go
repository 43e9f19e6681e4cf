package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Level is how much a person has to do with an action before it is done.
type Level string

// The levels of approval, from the mildest to the strictest.
const (
	// Auto: it may be done; it is safe and can be taken back.
	Auto Level = "auto"
	// Notify: it may be done, and somebody is told.
	Notify Level = "notify"
	// Confirm: the person at the agent's client says yes just before it is done.
	Confirm Level = "confirm"
	// Approve: a person has decided on a request for just this, in the trail.
	Approve Level = "approve"
)

// levels lists the levels, the mildest first.
func levels() []Level { return []Level{Auto, Notify, Confirm, Approve} }

// Approvals say which actions of agents need a person.
type Approvals struct {
	// Required refuses what needs a person while the trail can't be reached;
	// without it the agent goes on, and the action is a finding later.
	Required bool
	// Wait is how long a hook waits for a decision before it refuses.
	Wait time.Duration
	// RequestTTL is after what time a request runs out, GrantTTL a grant.
	RequestTTL, GrantTTL time.Duration
	// Signature lets only decisions count that the person signed with an SSH key.
	Signature bool
	// FourEyes keeps the person on whose behalf the agent acts from deciding.
	FourEyes bool
	Rules    []ApprovalRule
}

// The defaults of approvals.
const (
	DefaultRequestTTL = 24 * time.Hour
	DefaultGrantTTL   = time.Hour
)

// ApprovalRule names actions and the level that they need. What is empty does
// not narrow it.
type ApprovalRule struct {
	ID      string
	Level   Level
	Actions []string // globs of verbs, such as "deploy.*"
	Targets []string // globs of what is acted upon: paths, acme/shop#44, URLs
	Scope            // Paths, Branches and Agents
	// Environments are globs of what is deployed to.
	Environments []string
	// CostOver is in micro-dollars: the run has cost more already. A cost that is
	// not known is not more.
	CostOver int64
	// CountOver is how many actions of that kind the run has done already.
	CountOver int
}

// Act is an action that an agent is about to do. What is not known is empty, nil
// or -1.
type Act struct {
	Type, Target, Agent string
	// Path is the file, from the top of its repository, if it is about one.
	Path                string
	Branch, Environment string
	CostMicros          *int64 // of the run so far
	Count               int    // of actions of the type in the run so far
}

// LevelOf says what an action needs: the strictest of the rules that apply to
// it, and which rule that is. Without one it is automatic, and the rule is nil.
func (p *Policy) LevelOf(a *Act) (Level, *ApprovalRule) {
	level, strictest := Auto, (*ApprovalRule)(nil)
	for i := range p.Approvals.Rules {
		r := &p.Approvals.Rules[i]
		if r.appliesTo(a) && (strictest == nil || rank(r.Level) > rank(level)) {
			level, strictest = r.Level, r
		}
	}
	return level, strictest
}

func rank(l Level) int { return slices.Index(levels(), l) }

func (r *ApprovalRule) appliesTo(a *Act) bool {
	narrowed := func(globs []string, value string) bool {
		return len(globs) > 0 && (value == "" || !matchAny(globs, value))
	}
	switch {
	case !matchAny(r.Actions, a.Type),
		narrowed(r.Targets, a.Target),
		narrowed(r.Paths, strings.TrimPrefix(a.Path, "/")),
		narrowed(r.Branches, a.Branch),
		narrowed(r.Environments, a.Environment),
		narrowed(r.Agents, a.Agent),
		r.CostOver > 0 && (a.CostMicros == nil || *a.CostMicros <= r.CostOver),
		r.CountOver > 0 && a.Count <= r.CountOver:
		return false
	default:
		return true
	}
}

// Narrowed is what the rule is narrowed to, in words; empty if to nothing.
func (r *ApprovalRule) Narrowed() string {
	words := []string{r.Where()}
	for _, part := range []struct {
		kind  string
		globs []string
	}{{"target", r.Targets}, {"environment", r.Environments}} {
		for _, g := range part.globs {
			words = append(words, part.kind+":"+g)
		}
	}
	if r.CostOver > 0 {
		words = append(words, fmt.Sprintf("cost>%.2f", float64(r.CostOver)/1e6))
	}
	if r.CountOver > 0 {
		words = append(words, fmt.Sprintf("count>%d", r.CountOver))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// MayNeed reports whether a rule that asks for more than to be told could apply
// to an action of the kind, so that the rest need not be found out for others.
func (p *Policy) MayNeed(action string) bool {
	return slices.ContainsFunc(p.Approvals.Rules, func(r ApprovalRule) bool { return matchAny(r.Actions, action) })
}

// ActionsThatMayNeed are the verbs that [Policy.MayNeed] is true of, and beginnings
// of verbs followed by * among which all others are.
func (p *Policy) ActionsThatMayNeed() []string {
	var actions []string
	for i := range p.Approvals.Rules {
		for _, glob := range p.Approvals.Rules[i].Actions {
			if end := strings.IndexAny(glob, "*?[\\"); end >= 0 {
				glob = strings.TrimSuffix(glob[:end], "/") + "*"
			}
			if !slices.Contains(actions, glob) {
				actions = append(actions, glob)
			}
		}
	}
	return actions
}

type (
	fileApprovals struct {
		Required       bool   `toml:"required"`
		Wait           string `toml:"wait"`
		RequestExpires string `toml:"request_expires"`
		GrantExpires   string `toml:"grant_expires"`
		Signature      bool   `toml:"signature"`
		FourEyes       bool   `toml:"four_eyes"`
	}
	fileApproval struct {
		ID           string   `toml:"id"`
		Level        string   `toml:"level"`
		Actions      []string `toml:"actions"`
		Targets      []string `toml:"targets"`
		Paths        []string `toml:"paths"`
		Branches     []string `toml:"branches"`
		Environments []string `toml:"environments"`
		Agents       []string `toml:"agents"`
		CostOverUSD  float64  `toml:"cost_over_usd"`
		CountOver    int      `toml:"count_over"`
	}
)

// maxWait bounds how long a hook may be told to wait: clients give up on it.
const maxWait = 10 * time.Minute

func (in *reader) approvals(f *file, p *Policy) error {
	a := &p.Approvals
	a.Required, a.Signature, a.FourEyes = f.Approvals.Required, f.Approvals.Signature, f.Approvals.FourEyes
	for _, d := range []struct {
		name, text string
		to         *time.Duration
		otherwise  time.Duration
		most       time.Duration
	}{
		{"wait", f.Approvals.Wait, &a.Wait, 0, maxWait},
		{"request_expires", f.Approvals.RequestExpires, &a.RequestTTL, DefaultRequestTTL, 90 * 24 * time.Hour},
		{"grant_expires", f.Approvals.GrantExpires, &a.GrantTTL, DefaultGrantTTL, 90 * 24 * time.Hour},
	} {
		*d.to = d.otherwise
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil || v < 0 || v > d.most {
			return in.fail(0, "approvals: %s %q is no length of time up to %s, such as \"30s\"", d.name, d.text, d.most)
		}
		*d.to = v
	}
	if len(f.Approval) > maxParts {
		return in.fail(0, "the policy has %d rules of approval, %d are allowed", len(f.Approval), maxParts)
	}
	for i := range f.Approval {
		if err := in.approval(&f.Approval[i], i, p); err != nil {
			return err
		}
	}
	return nil
}

func (in *reader) approval(f *fileApproval, n int, p *Policy) error {
	line := in.lineOf("approval", n)
	what := "approval " + f.ID
	if !ValidRuleID(f.ID) {
		return in.fail(line, "approval %q: id is missing or is none such as \"OPS-010\"", f.ID)
	}
	if _, taken := p.Rule(f.ID); taken || slices.ContainsFunc(p.Approvals.Rules, func(r ApprovalRule) bool { return r.ID == f.ID }) {
		return in.fail(line, "rule %s stands twice", f.ID)
	}
	if !slices.Contains(levels(), Level(f.Level)) {
		return in.fail(line, "%s: level %q is none of auto, notify, confirm, approve", what, f.Level)
	}
	if len(f.Actions) == 0 {
		return in.fail(line, "%s: actions is missing, such as [\"deploy.*\"]", what)
	}
	if f.CostOverUSD < 0 || f.CostOverUSD > 1e9 || math.IsNaN(f.CostOverUSD) || f.CountOver < 0 {
		return in.fail(line, "%s: cost_over_usd and count_over can't be negative", what)
	}
	r := ApprovalRule{
		ID: f.ID, Level: Level(f.Level), Actions: f.Actions, Targets: f.Targets, Environments: f.Environments,
		Scope:    Scope{Paths: f.Paths, Branches: f.Branches, Agents: f.Agents},
		CostOver: int64(math.Round(f.CostOverUSD * 1e6)), CountOver: f.CountOver,
	}
	for key, globs := range map[string][]string{"actions": r.Actions, "targets": r.Targets, "environments": r.Environments} {
		if err := in.globs(line, what, key, globs); err != nil {
			return err
		}
	}
	if err := in.scope(line, what, &r.Scope); err != nil {
		return err
	}
	p.Approvals.Rules = append(p.Approvals.Rules, r)
	return nil
}
