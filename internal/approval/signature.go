package approval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof/sshsig"
)

// CheckSignature says why the signature of an approval does not count: it must be
// of just this decision, made with a key that counted when the trail took it. If
// the file of signers names people as the trail does, the key must be that of who
// decided.
func CheckSignature(a *whodid.Approval, signers *sshsig.AllowedSigners) error {
	if a.Signature == "" {
		return fmt.Errorf("%w: there is none", ErrSignature)
	}
	if signers == nil {
		return fmt.Errorf("%w: no file says whose keys count", ErrSignature)
	}
	statement := whodid.ApprovalStatement(a.ID, a.State != whodid.ApprovalRejected, a.Digest, a.DecidedBy, a.ValidUntil, a.Reason)
	key, err := sshsig.Verify(statement, []byte(a.Signature), whodid.SSHNamespace)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if key.Fingerprint != a.SigningKey {
		return fmt.Errorf("%w: it was made with %s, not with %s as the decision says", ErrSignature, key.Fingerprint, a.SigningKey)
	}
	names := signers.Principals(key, whodid.SSHNamespace, a.DecidedAt)
	if len(names) == 0 {
		return fmt.Errorf("%w: the key %s is not one that counts", ErrSignature, key.Fingerprint)
	}
	person := func(name string) bool { return strings.HasPrefix(name, "human:") }
	if slices.ContainsFunc(names, person) && !slices.Contains(names, a.DecidedBy) {
		return fmt.Errorf("%w: the key %s is not that of who decided", ErrSignature, key.Fingerprint)
	}
	return nil
}

// signed says why an approval does not count for want of a signature, if it or the
// policy of now asks for one.
func (s *Service) signed(a *whodid.Approval, wanted bool) error {
	if !a.SignatureRequired && !wanted {
		return nil
	}
	return CheckSignature(a, s.signers)
}
