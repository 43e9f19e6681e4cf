package dossier

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// maxApprovals bounds how many approvals are told one by one.
const maxApprovals = 5

// approval says whether what was done under approvals was done with them.
func (c *checker) approval() proof.Verdict {
	deeds, order := map[string][]*entry{}, []string{}
	parts := map[string]map[string]*entry{}
	for i := range c.entries {
		e := &c.entries[i]
		id := e.Event.Approval
		switch part := partOf(e.Event.What); {
		case id == "" || !e.answer:
		case part == "":
			if deeds[id] == nil {
				order = append(order, id)
			}
			deeds[id] = append(deeds[id], e)
		default:
			if parts[id] == nil {
				parts[id] = map[string]*entry{}
			}
			parts[id][part] = e
		}
	}
	if len(order) == 0 {
		return notShown("no event in it names an approval that it was done under")
	}
	worst := proof.Verdict{State: proof.Proved}
	var details []string
	for _, id := range order {
		v := c.underApproval(id, deeds[id], parts[id])
		if worse(v.State, worst.State) {
			worst.State, details = v.State, nil
		}
		if v.State == worst.State {
			details = append(details, v.Detail)
		}
	}
	if n := len(details); n > maxApprovals {
		details = append(details[:maxApprovals:maxApprovals], fmt.Sprintf("and so of %d others", n-maxApprovals))
	}
	worst.Detail = strings.Join(details, "; ")
	return worst
}

// worse orders states: what contradicts counts before what lacks, and that
// before what rests on something.
func worse(a, b proof.State) bool {
	order := []proof.State{proof.Proved, proof.Conditional, proof.NotShown, proof.Refuted}
	return slices.Index(order, a) > slices.Index(order, b)
}

// partOf is the part of an approval that a kind of event is, or "".
func partOf(what string) string {
	switch what {
	case "approval.request":
		return whodid.ApprovalRequestPart
	case "approval.grant", "approval.reject", "approval.cancel", "approval.expire":
		return whodid.ApprovalDecisionPart
	case "approval.use":
		return whodid.ApprovalUsePart
	default:
		return ""
	}
}

// underApproval looks at what was done under one approval, and at its parts.
func (c *checker) underApproval(id string, deeds []*entry, parts map[string]*entry) proof.Verdict {
	request, decision, use := parts[whodid.ApprovalRequestPart], parts[whodid.ApprovalDecisionPart], parts[whodid.ApprovalUsePart]
	if request == nil || decision == nil {
		return notShown("%s is named, and its request and decision are not in this proof", short(id))
	}
	first := deeds[0]
	if decision.Event.What != "approval.grant" {
		return refuted("entry %d was done under %s, on which the decision was %s", first.Index, short(id), decision.Event.What)
	}
	if decision.Index > first.Index {
		return refuted("entry %d was recorded before %s was decided on, by entry %d", first.Index, short(id), decision.Index)
	}
	if v, ok := once(id, deeds); !ok {
		return v
	}
	if request.withheld(proof.FieldData) || decision.withheld(proof.FieldData) || decision.withheld(proof.FieldActor) {
		return notShown("%s is there, and who decided on what is not disclosed", short(id))
	}
	events := []whodid.Event{*request.Event, *decision.Event}
	at := first.Event.RecordedAt
	if use != nil && !use.withheld(proof.FieldData) {
		events = append(events, *use.Event)
		at = use.Event.RecordedAt
		if got, want := use.Event.Data.String("digest"), request.Event.Data.String("digest"); got != want {
			return refuted("%s was used for other arguments than it was asked for", short(id))
		}
	}
	a, _ := whodid.FoldApproval(events, at)
	if a.Flaw != "" {
		return refuted("the decision on %s does not count: %s", short(id), a.Flaw)
	}
	if a.State != whodid.ApprovalApproved && a.State != whodid.ApprovalUsed {
		return refuted("entry %d was done under %s, which was %s then", first.Index, short(id), a.State)
	}
	for _, e := range deeds {
		if why := other(&a, e, request); why != "" {
			return refuted("entry %d was done under %s, which is for %s", e.Index, short(id), why)
		}
	}
	return c.decided(&a, decision, use != nil, first.withheld(proof.FieldTarget) || request.withheld(proof.FieldTarget))
}

// once checks that an approval was used for one thing. What was attempted and
// what came of it is one.
func once(id string, deeds []*entry) (proof.Verdict, bool) {
	facts := map[string]bool{}
	for _, e := range deeds {
		fact := e.Event.ID
		if settled, ok := whodid.SettledID(fact); ok {
			fact = settled
		}
		facts[fact] = true
	}
	if len(facts) > 1 {
		return refuted("%s holds for one thing, and %d were done under it", short(id), len(facts)), false
	}
	return proof.Verdict{}, true
}

// other says for what else than an event an approval is, or is empty.
func other(a *whodid.Approval, e, request *entry) string {
	switch {
	case e.Event.Actor != whodid.AgentActor(a.Agent) && !whodid.IsHuman(e.Event.Actor) && e.Event.Actor != "":
		return "the agent " + short(a.Agent)
	case e.Event.What != a.Type:
		return short(a.Type)
	case !e.withheld(proof.FieldTarget) && !request.withheld(proof.FieldTarget) && e.Event.Target != a.Target:
		return "another target"
	default:
		return ""
	}
}

// decided says what a decision that counts rests on.
func (c *checker) decided(a *whodid.Approval, decision *entry, used, hidden bool) proof.Verdict {
	uses := "its use is in the log with the digest that was approved"
	if !used {
		uses = "that the arguments were those that were approved nothing shows: its use is not in this proof"
	}
	if hidden {
		uses += "; its target is not disclosed"
	}
	about := fmt.Sprintf("%s granted %s", short(a.DecidedBy), short(a.ID))
	if a.Signature == "" {
		return conditional("%s, if they were rightly authenticated by %s, for nobody signed it; %s", about, orNobody(a.DecidedAuth), uses)
	}
	if decision.withheld(proof.FieldWhy) {
		return conditional("%s, if they were rightly authenticated by %s: the signature can't be checked, for the reason is not disclosed; %s", about, orNobody(a.DecidedAuth), uses)
	}
	names, k, err := c.signedBy(a)
	if err != nil {
		return refuted("the signature of the decision on %s: %v", short(a.ID), err)
	}
	key := k.Fingerprint
	if k.Passkey != nil {
		registered, v := c.passkey(a, k, decision)
		if v.State == proof.Refuted {
			return v
		}
		if copied := c.copied(k, decision); copied != "" {
			return conditional("%s, signed with the passkey %s, %s; %s", about, key, copied, uses)
		}
		if c.trust.Signers == nil && registered {
			return conditional("%s, %s; %s", about, v.Detail, uses)
		}
	}
	switch {
	case c.trust.Signers == nil:
		return conditional("%s, if the key %s is theirs, which signed it: you named no allowed signers; %s", about, key, uses)
	case len(names) == 0:
		return refuted("the decision on %s is signed by the key %s, which is none of your allowed signers' or not that of who decided", short(a.ID), key)
	case !used || hidden:
		return conditional("%s, signed by %s with the key %s; %s", about, plainly(names), key, uses)
	default:
		return proof.Verdict{State: proof.Proved, Detail: fmt.Sprintf("%s, signed by %s with the key %s; %s", about, plainly(names), key, uses)}
	}
}

func orNobody(auth string) string {
	if auth == "" {
		return "nobody"
	}
	return short(auth)
}
