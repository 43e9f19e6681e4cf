package dossier

import (
	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof/sshsig"
)

// signedBy checks the signature of a decision and says under which names its
// key may sign for who decided; none if it may not.
func (c *checker) signedBy(a *whodid.Approval) (names []string, k *sshsig.Key, err error) {
	statement := whodid.ApprovalStatement(a.ID, true, a.Digest, a.DecidedBy, a.ValidUntil, a.Reason)
	k, err = sshsig.Verify(statement, []byte(a.Signature), whodid.SSHNamespace)
	if err != nil {
		return nil, nil, err
	}
	if c.trust.Signers != nil && c.trust.Signers.Counts(k, a.DecidedBy, a.DecidedAt) == nil {
		names = c.trust.Signers.Principals(k, whodid.SSHNamespace, a.DecidedAt)
	}
	return names, k, nil
}
