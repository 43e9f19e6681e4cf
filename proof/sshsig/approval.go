package sshsig

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid"
)

// CheckApproval says why the signature of an approval does not count: it must be
// of just this decision, made with a key that counted when the trail took it. If
// the file of signers names people as the trail does, the key must be that of who
// decided.
func CheckApproval(a *whodid.Approval, signers *AllowedSigners) error {
	key, err := ApprovalKey(a)
	if err != nil {
		return err
	}
	if signers == nil {
		return errors.New("no file says whose keys count")
	}
	names := signers.Principals(key, whodid.SSHNamespace, a.DecidedAt)
	if len(names) == 0 {
		return fmt.Errorf("the key %s is not one that counts", key.Fingerprint)
	}
	person := func(name string) bool { return strings.HasPrefix(name, "human:") }
	if slices.ContainsFunc(names, person) && !slices.Contains(names, a.DecidedBy) {
		return fmt.Errorf("the key %s is not that of who decided", key.Fingerprint)
	}
	return nil
}

// ApprovalKey is the key that signed the decision on an approval, whoever's it is,
// or an error if no key signed just that.
func ApprovalKey(a *whodid.Approval) (*Key, error) {
	if a.Signature == "" {
		return nil, errors.New("there is no signature")
	}
	statement := whodid.ApprovalStatement(a.ID, a.State != whodid.ApprovalRejected, a.Digest, a.DecidedBy, a.ValidUntil, a.Reason)
	key, err := Verify(statement, []byte(a.Signature), whodid.SSHNamespace)
	if err != nil {
		return nil, err
	}
	if key.Fingerprint != a.SigningKey {
		return nil, fmt.Errorf("it was signed with %s, not with %s as the decision says", key.Fingerprint, a.SigningKey)
	}
	return key, nil
}
