package ask

import (
	"context"
	"fmt"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/sshsig"
)

// name notes an action that names an approval.
func (s *span) name(r *store.Row) {
	kind, ok := whodid.KindOf(r.What)
	if r.Approval == "" || !ok || !kind.Action || r.Result == whodid.ResultBlocked {
		return
	}
	if err := r.ParseData(); err != nil {
		return // that the row was edited is told elsewhere
	}
	s.named = append(s.named, r.Event)
}

// judgeApproval says how many actions name an approval, and of how many it holds.
func (a *Asker) judgeApproval(ctx context.Context, named []whodid.Event, signature proof.Signature) (proof.Verdict, error) {
	if len(named) == 0 {
		return proof.Verdict{State: proof.NotShown, Detail: "no action in the trail names an approval"}, nil
	}
	ids := map[string]bool{}
	for i := range named {
		ids[named[i].Approval] = true
	}
	approvals, err := a.foldApprovals(ctx, ids)
	if err != nil {
		return proof.Verdict{}, err
	}
	t := tally{signature: signature}
	if signature == nil {
		passkeys, err := a.Passkeys(ctx)
		if err != nil {
			return proof.Verdict{}, err
		}
		t.registered = sshsig.Registered(passkeys)
	}
	for i := range named {
		one, known := approvals[named[i].Approval]
		t.add(&named[i], &one, known)
	}
	return t.verdict(len(named)), nil
}

// tally counts what became of the actions that name approvals.
type tally struct {
	// signature is of whoever says whose signatures count; if nobody does, those of
	// registered passkeys are looked at.
	signature  proof.Signature
	registered *sshsig.AllowedSigners

	hold, signed, unlooked int // of those that hold, how many are signed, and not looked at
	passkeys               int // and signed with a passkey that its person registered
	unknown, erased        int
	against                int
	first                  string // why the first one does not hold
}

func (t *tally) add(e *whodid.Event, a *whodid.Approval, known bool) {
	if !known {
		t.unknown++
		return
	}
	if a.Type == "" || a.DecidedBy == proof.ErasedActor || a.State != whodid.ApprovalPending && a.DecidedBy == "" {
		t.erased++ // what it was about, or who decided, is not there any more
		return
	}
	why := a.Allowed(e)
	if why == "" && a.Signature != "" {
		if err := t.look(a); err != nil && a.SignatureRequired {
			why = "its signature does not count: " + err.Error()
		}
	}
	if why != "" {
		if t.against++; t.first == "" {
			t.first = fmt.Sprintf("%s by %s: %s", e.ID, a.ID, why)
		}
		return
	}
	t.hold++
}

// look says why the signature of an approval does not count, and counts those that
// do and those that nobody can judge.
func (t *tally) look(a *whodid.Approval) error {
	if t.signature != nil {
		err := t.signature(a)
		if err == nil {
			t.signed++
		}
		return err
	}
	key, err := sshsig.ApprovalKey(a)
	if err == nil && key.Passkey == nil {
		t.unlooked++
		return nil
	}
	if err == nil {
		err = sshsig.CheckApproval(a, t.registered)
	}
	if err == nil {
		t.passkeys++
	}
	return err
}

func (t *tally) verdict(named int) proof.Verdict {
	var b strings.Builder
	fmt.Fprintf(&b, "%d actions name an approval; for %d of them a person had approved just that", named, t.hold)
	switch {
	case t.hold == 0:
	case t.passkeys > 0:
		fmt.Fprintf(&b, ", %d with the signature of a passkey that they had registered, as the trail authenticated the person", t.passkeys)
		if t.unlooked > 0 {
			fmt.Fprintf(&b, "; %d decisions are signed otherwise, and no file says whose signatures count", t.unlooked)
		}
	case t.unlooked > 0:
		fmt.Fprintf(&b, ", as the trail authenticated the person; %d decisions are signed, and no file says whose signatures count", t.unlooked)
	case t.signed == t.hold:
		b.WriteString(", and signed it with the key of an allowed signer")
	default:
		fmt.Fprintf(&b, ", %d with the signature of an allowed signer and the others as the trail authenticated the person", t.signed)
	}
	if t.unknown > 0 {
		fmt.Fprintf(&b, "; %d name one that the trail does not know", t.unknown)
	}
	if t.erased > 0 {
		fmt.Fprintf(&b, "; of %d the approval is erased", t.erased)
	}
	if t.against > 0 {
		fmt.Fprintf(&b, "; %d are not allowed by the approval that they name (%s)", t.against, t.first)
		return proof.Verdict{State: proof.Refuted, Detail: b.String()}
	}
	switch {
	case t.hold == 0:
		return proof.Verdict{State: proof.NotShown, Detail: b.String()}
	case t.signed == named:
		return proof.Verdict{State: proof.Proved, Detail: b.String()}
	default:
		return proof.Verdict{State: proof.Conditional, Detail: b.String()}
	}
}
