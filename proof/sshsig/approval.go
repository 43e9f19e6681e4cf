package sshsig

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	return signers.Counts(key, a.DecidedBy, a.DecidedAt)
}

// Counts says why a key does not count as that of a person who decides at a time; nil
// if it does.
func (a *AllowedSigners) Counts(key *Key, person string, at time.Time) error {
	if a == nil {
		return errors.New("no file says whose keys count")
	}
	names := a.Principals(key, whodid.SSHNamespace, at)
	if len(names) == 0 {
		return fmt.Errorf("the key %s is not one that counts", key.Fingerprint)
	}
	named := func(name string) bool { return strings.HasPrefix(name, "human:") }
	if slices.ContainsFunc(names, named) && !slices.Contains(names, person) {
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
