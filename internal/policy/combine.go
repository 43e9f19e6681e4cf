package policy

import (
	"strings"
	"time"
)

// combineApprovals makes one policy of what several say of approvals: the rules
// of all of them, so that the strictest counts, and of each setting the stricter.
// Nothing that one demands can be taken back by another. Policies that are nil or
// have no rule of approval add nothing; without any it returns nil.
func combineApprovals(policies ...*Policy) *Policy {
	var parts []*Policy
	for _, p := range policies {
		if p != nil && (len(p.Approvals.Rules) > 0 || p.Approvals.Required) {
			parts = append(parts, p)
		}
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0]
	}
	all := &Policy{Tolerance: DefaultTolerance}
	var sources []string
	for _, p := range parts {
		sources = append(sources, p.Source)
		a, b := &all.Approvals, &p.Approvals
		a.Rules = append(a.Rules, b.Rules...)
		a.Required, a.Signature, a.FourEyes = a.Required || b.Required, a.Signature || b.Signature, a.FourEyes || b.FourEyes
		a.Wait = max(a.Wait, b.Wait)
		a.RequestTTL, a.GrantTTL = shorter(a.RequestTTL, b.RequestTTL), shorter(a.GrantTTL, b.GrantTTL)
	}
	all.Version, all.Digest = named(parts)
	all.Source = strings.Join(sources, ", ")
	return all
}

// shorter is the shorter of two times that are limits; 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// SeemsRequired reports whether the text of a policy that can't be read seems to
// say that what needs a person is refused while the trail can't be reached.
func SeemsRequired(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(name) == "required" && strings.HasPrefix(strings.TrimSpace(value), "true") {
			return true
		}
	}
	return false
}

// AtMost is the strictest level that the action could need, whatever the run has
// cost and done so far.
func (p *Policy) AtMost(a *Act) (Level, *ApprovalRule) {
	level, strictest := Auto, (*ApprovalRule)(nil)
	for i := range p.Approvals.Rules {
		r := p.Approvals.Rules[i]
		r.CostOver, r.CountOver = 0, 0
		if r.appliesTo(a) && (strictest == nil || rank(r.Level) > rank(level)) {
			level, strictest = r.Level, &p.Approvals.Rules[i]
		}
	}
	return level, strictest
}

// Stricter reports whether the level asks for more than another.
func (l Level) Stricter(than Level) bool { return rank(l) > rank(than) }
