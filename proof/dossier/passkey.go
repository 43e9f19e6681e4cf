package dossier

import (
	"fmt"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/sshsig"
)

// passkey says what the proof holds against the passkey that signed a decision, and
// how it became known as that of who decided. registered is false if the proof
// does not tell.
func (c *checker) passkey(a *whodid.Approval, k *sshsig.Key, decision *entry) (registered bool, v proof.Verdict) {
	for i := range c.entries {
		e := &c.entries[i]
		if e.Event.Key == whodid.PasskeyKey(k.Fingerprint, whodid.PasskeyRevocation) && e.Index < decision.Index {
			return true, refuted("the decision on %s is signed with the passkey %s, which was revoked before, by entry %d", short(a.ID), k.Fingerprint, e.Index)
		}
	}
	for i := range c.entries {
		e := &c.entries[i]
		if e.Event.Key != whodid.PasskeyKey(k.Fingerprint, whodid.PasskeyRegistration) {
			continue
		}
		key, err := sshsig.ParseKey(e.Event.Data.String("public_key"))
		switch {
		case e.Index > decision.Index:
			return true, refuted("the decision on %s is signed with the passkey %s, which was registered only after it, by entry %d", short(a.ID), k.Fingerprint, e.Index)
		case e.withheld(proof.FieldActor) || e.withheld(proof.FieldData):
			return false, v
		case e.Event.Actor != a.DecidedBy:
			return true, refuted("the decision on %s is signed with the passkey %s, which %s registered, and not %s", short(a.ID), k.Fingerprint, short(e.Event.Actor), short(a.DecidedBy))
		case err != nil || key.Fingerprint != k.Fingerprint:
			return true, refuted("entry %d registers another key than the passkey %s", e.Index, k.Fingerprint)
		}
		return true, proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf(
			"signed with the passkey %s, which they had registered by entry %d, if they were rightly authenticated by %s then", k.Fingerprint, e.Index, orNobody(e.Event.ActorAuth))}
	}
	return false, v
}

// copied says that a passkey had counted at least as many signatures before, so that
// there are two of it, or is empty.
func (c *checker) copied(k *sshsig.Key, decision *entry) string {
	for i := range c.entries {
		e := &c.entries[i]
		if e.Index >= decision.Index || e.Event.Data.String("signing_key") != k.Fingerprint {
			continue
		}
		before, _ := e.Event.Data.Int("sign_count")
		if signature := e.Event.Data.List("signature"); len(signature) > 0 {
			before = int64(sshsig.CounterOf([]byte(strings.Join(signature, ""))))
		}
		if before > 0 && int64(k.Passkey.Counter) <= before {
			return fmt.Sprintf("which may have been copied: it counted %d signatures, and by entry %d it had counted %d", k.Passkey.Counter, e.Index, before)
		}
	}
	return ""
}
