package proof

// State is how far one claim about the trail is borne out.
type State string

// The states of a claim. There is no "valid": each verdict says what it rests
// on, and what was not looked at is "not shown", never taken for proved.
const (
	// Proved holds for whoever accepts the trusted key and nothing else.
	Proved State = "proved"
	// Conditional holds if what the detail names can be trusted as well.
	Conditional State = "conditional"
	// NotShown says that nothing at hand bears the claim out.
	NotShown State = "not shown"
	// Refuted says that what is at hand contradicts the claim.
	Refuted State = "refuted"
)

// Verdict is the answer to one question about the trail.
type Verdict struct {
	State State `json:"state"`
	// Detail says in plain words what the state rests on.
	Detail string `json:"detail"`
}

// Verdicts are the five questions that stand apart, because an answer to one
// of them says nothing about the others.
type Verdicts struct {
	// Integrity: is what is shown what was recorded?
	Integrity Verdict `json:"integrity"`
	// Completeness: is all shown that was recorded?
	Completeness Verdict `json:"completeness"`
	// Authorship: did the named actor do it?
	Authorship Verdict `json:"authorship"`
	// Time: did it happen when it says?
	Time Verdict `json:"time"`
	// Approval: was it done with the approval it needed?
	Approval Verdict `json:"approval"`
}

// Refuted reports whether any of the five is refuted.
func (v *Verdicts) Refuted() bool {
	for _, each := range []Verdict{v.Integrity, v.Completeness, v.Authorship, v.Time, v.Approval} {
		if each.State == Refuted {
			return true
		}
	}
	return false
}

// Holds reports whether a verification passed: integrity is proved and nothing
// is refuted.
func (v *Verdicts) Holds() bool { return v.Integrity.State == Proved && !v.Refuted() }
