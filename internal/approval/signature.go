package approval

import (
	"fmt"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof/sshsig"
)

// CheckSignature is [sshsig.CheckApproval]; its errors are ErrSignature.
func CheckSignature(a *whodid.Approval, signers *sshsig.AllowedSigners) error {
	if err := sshsig.CheckApproval(a, signers); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// Signature says why the signature of a decision does not count here.
func (s *Service) Signature(a *whodid.Approval) error { return CheckSignature(a, s.signers) }

// signed says why an approval does not count for want of a signature, if it or the
// policy of now asks for one.
func (s *Service) signed(a *whodid.Approval, wanted bool) error {
	if !a.SignatureRequired && !wanted {
		return nil
	}
	return CheckSignature(a, s.signers)
}
