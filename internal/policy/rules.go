package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Rules are what the policies that hold somewhere say together of what agents do
// there: the rules of all of them, so that none takes back what another demands.
// Rules for commits are not among them: a commit is judged by the policy of its
// repository.
type Rules struct {
	// Policy has the rules of approval of all of them; nil if there is none.
	Policy *Policy
	// Budgets are those of all of them.
	Budgets []Budget
	// ReviewEvery is how often somebody has to review what agents did: the
	// shortest time that one of them says, or [DefaultReviewEvery].
	ReviewEvery time.Duration
	// EraseFourEyes lets personal data be erased only when a second person has
	// approved it.
	EraseFourEyes bool
	// Broken is why one of them can't be read. What it demands is not known.
	Broken error
	// Required refuses what can't be decided.
	Required bool
	// Version is what they are called, and Digest the SHA-256 of their text, or over
	// their digests; empty if there is none.
	Version, Digest string
}

// Together puts policies together.
func Together(all ...*Policy) Rules {
	r := Rules{Policy: combineApprovals(all...)}
	for _, p := range all {
		r.Budgets = append(r.Budgets, p.Budgets...)
		r.ReviewEvery = shorter(r.ReviewEvery, p.ReviewEvery)
		r.EraseFourEyes = r.EraseFourEyes || p.EraseFourEyes
	}
	if r.ReviewEvery == 0 {
		r.ReviewEvery = DefaultReviewEvery
	}
	if r.Policy != nil {
		r.Required = r.Policy.Approvals.Required
	}
	r.Version, r.Digest = named(all)
	return r
}

// Approvals are the rules of approval: those of a policy that asks for none, if
// there is no other.
func (r *Rules) Approvals() *Policy {
	if r.Policy == nil {
		return Default()
	}
	return r.Policy
}

// named is what policies are called together, and a digest of them.
func named(all []*Policy) (version, digest string) {
	switch len(all) {
	case 0:
		return "", ""
	case 1:
		return all[0].Version, all[0].Digest
	}
	var versions, digests []string
	for _, p := range all {
		versions, digests = append(versions, p.Version), append(digests, p.Digest)
	}
	sum := sha256.Sum256([]byte(strings.Join(digests, "\n")))
	return strings.Join(versions, "+"), hex.EncodeToString(sum[:])
}
