package cli

import (
	"context"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/privacy"
)

// eraseAction is the action that a second person approves.
const eraseAction = "privacy.erase"

// eraseRequest is what the second person is asked. Who must judge has to know
// what is meant; it is erased with the rest.
func eraseRequest(sel *privacy.Selector, o *eraseOptions) *approval.Request {
	return &approval.Request{
		Type: eraseAction, Target: sel.String(), Arguments: whodid.Data{"selector": sel.String()},
		Summary: "erase " + sel.String(), Why: o.reason, Level: "approve",
	}
}

// secondPerson checks the approval of a second person, or asks for one and
// returns "".
func (p *Program) secondPerson(ctx context.Context, w *pen, sel *privacy.Selector, o *eraseOptions, who approval.Who) (string, error) {
	request := eraseRequest(sel, o)
	if o.approval != "" {
		id, err := w.trail.asker.ResolveApproval(ctx, o.approval)
		if err != nil {
			return "", unapproved(err)
		}
		return id, nil
	}
	rules, err := p.rulesHere()
	if err != nil {
		return "", err
	}
	approvals := &rules.Approvals().Approvals
	request.TTL, request.SignatureRequired = approvals.RequestTTL, approvals.Signature
	request.Policy, request.PolicyDigest = rules.Version, rules.Digest
	service, err := p.approvals(ctx, w.trail)
	if err != nil {
		return "", err
	}
	a, err := service.Request(ctx, request, who)
	if err != nil {
		return "", err
	}
	if p.json {
		return "", p.printJSON(erasure{Selector: string(sel.Kind), ApprovalID: a.ID, Holds: []privacy.Held{}, Result: privacy.Result{Counts: privacy.Counts{Kinds: map[string]int{}}}})
	}
	p.advise(p.out(), "Nothing was erased yet: the policy asks for a second person. They decide with:\n\n  whodid approval approve %s --reason REASON\n\nand you go on with --approval %s.", a.ID, a.ID)
	return "", nil
}

// useSecondPerson uses the approval up, for just this erasure.
func (p *Program) useSecondPerson(ctx context.Context, w *pen, sel *privacy.Selector, id string, who approval.Who) error {
	approvals, err := p.approvals(ctx, w.trail)
	if err != nil {
		return err
	}
	_, err = approvals.Use(ctx, id, "", eraseRequest(sel, &eraseOptions{}).Digest(), "", "", who)
	if err != nil {
		return &exitError{code: ExitNotAllowed, err: err}
	}
	return nil
}
