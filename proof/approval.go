package proof

import (
	"errors"
	"fmt"
	"maps"

	"github.com/whodid/whodid"
)

// A Signature says why the signature of a decision does not count, given whose
// keys somebody trusts. It is nil for an approval whose signature counts. Package
// sshsig has one.
type Signature func(*whodid.Approval) error

// judgeApproval says whether an event was done with the approval that it names,
// by the approval's own events, where the bundle has them.
func judgeApproval(b *Bundle, e *whodid.Event, trusted Keys, state State, signature Signature) Verdict {
	switch {
	case e.Approval == "":
		return Verdict{NotShown, "the event names no approval"}
	case partOf(e) != "":
		return Verdict{NotShown, fmt.Sprintf("the event is itself a part of the approval %s", e.Approval)}
	case len(b.Approval) == 0:
		return Verdict{NotShown, fmt.Sprintf("the event names the approval %s, whose request and decision are not in this bundle", e.Approval)}
	}
	a, verdict, ok := foldParts(b, e, trusted, state)
	if !ok {
		return verdict
	}
	done := *e
	if a.Use == "" {
		// A bundle need not have all parts: that it lacks the use does not say that
		// another call used the approval, or none. judgeDecision says what is not shown.
		done.Data = maps.Clone(e.Data)
		delete(done.Data, "call")
	}
	if why := a.Allowed(&done); why != "" {
		return Verdict{Refuted, fmt.Sprintf("the event names the approval %s, which does not allow it: %s", a.ID, why)}
	}
	return judgeDecision(&a, signature)
}

// partOf is the part that an event is of the approval that it names, or "".
func partOf(e *whodid.Event) string {
	for _, part := range []string{whodid.ApprovalRequestPart, whodid.ApprovalDecisionPart, whodid.ApprovalUsePart} {
		if e.Key == whodid.ApprovalKey(e.Approval, part) {
			return part
		}
	}
	return ""
}

// foldParts adds up the approval's own events, each of which must be in the same
// log and as well proved as the event itself, which is in that state. ok is false if the verdict is that of what is wrong or missing.
func foldParts(b *Bundle, e *whodid.Event, trusted Keys, state State) (a whodid.Approval, v Verdict, ok bool) {
	refuted := func(err error) (whodid.Approval, Verdict, bool) {
		return a, Verdict{Refuted, fmt.Sprintf("what the bundle says of the approval %s can't be relied on: %v", e.Approval, err)}, false
	}
	now := e.RecordedAt
	var parts []whodid.Event
	seen := map[string]bool{}
	for _, one := range b.Approval {
		if one == nil || one.Origin != b.Origin || len(one.Approval) > 0 {
			return refuted(errors.New("a part of it is not an event of the same log"))
		}
		integrity, part := checkIntegrity(one, trusted)
		switch {
		case integrity.State == Refuted:
			return refuted(errors.New(integrity.Detail))
		case integrity.State != state || one.PublicKey != b.PublicKey:
			return refuted(errors.New("a part of it is signed by another key"))
		}
		name := partOf(part)
		if part.Approval != e.Approval || name == "" || seen[name] {
			return refuted(errors.New("an event stands there that is no part of it, or stands twice"))
		}
		seen[name] = true
		if len(one.Withheld()) > 0 {
			what := "not disclosed"
			if one.ErasedBy != "" {
				what = "erased"
			}
			return a, Verdict{NotShown, fmt.Sprintf("the event names the approval %s, parts of which are %s", e.Approval, what)}, false
		}
		if part.RecordedAt.After(now) && name == whodid.ApprovalUsePart {
			now = part.RecordedAt
		}
		parts = append(parts, *part)
	}
	a, ok = whodid.FoldApproval(parts, now)
	if !ok {
		return a, Verdict{NotShown, fmt.Sprintf("the event names the approval %s, whose request is not in this bundle", e.Approval)}, false
	}
	return a, Verdict{}, true
}

// judgeDecision says what a decision that allows an event rests on.
func judgeDecision(a *whodid.Approval, signature Signature) Verdict {
	decided := fmt.Sprintf("%s approved it as %s, before it was done and for just that", a.DecidedBy, a.ID)
	if a.Use == "" {
		decided += "; that it was used for nothing else is not shown"
	}
	switch {
	case a.Signature == "" && a.DecidedAuth == "":
		return Verdict{Conditional, decided + "; nobody authenticated the person, and nothing is signed"}
	case a.Signature == "":
		return Verdict{Conditional, decided + ", if the trail rightly authenticated the person by " + a.DecidedAuth + "; nothing is signed"}
	case signature == nil:
		return Verdict{Conditional, decided + "; the decision is signed with the key " + a.SigningKey + ", which was not looked at: no allowed signers are given"}
	}
	if err := signature(a); err != nil {
		return Verdict{Refuted, fmt.Sprintf("the signature of the approval %s does not count: %v", a.ID, err)}
	}
	if a.Use == "" {
		return Verdict{Conditional, decided + "; the decision is signed with the key " + a.SigningKey}
	}
	return Verdict{Proved, decided + ", signed with the key " + a.SigningKey + " of an allowed signer"}
}
