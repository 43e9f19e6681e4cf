package approval_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/proof/sshsig"
)

// sshKey is a key that OpenSSH made.
type sshKey struct {
	t            *testing.T
	file, public string
}

func newSSHKey(t *testing.T) *sshKey {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("couldn't make a key: %v\n%s", err, out)
	}
	public, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return &sshKey{t, file, strings.TrimSpace(string(public))}
}

// sign is [approval.Decision].Sign in a namespace.
func (k *sshKey) sign(namespace string, statement []byte) (armored []byte, fingerprint string, err error) {
	c := exec.Command("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", k.file)
	c.Stdin = bytes.NewReader(statement)
	if armored, err = c.Output(); err != nil {
		k.t.Fatal(err)
	}
	key, err := sshsig.Verify(statement, armored, namespace)
	if err != nil {
		k.t.Fatal(err)
	}
	return armored, key.Fingerprint, nil
}

func signers(t *testing.T, lines ...string) *sshsig.AllowedSigners {
	t.Helper()
	s, err := sshsig.ParseAllowedSigners([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a signature is worth: that of the very decision, with a key that counts.
func TestCheckSignature(t *testing.T) {
	t.Parallel()
	bobs, eves := newSSHKey(t), newSSHKey(t)
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	decided := whodid.Approval{
		ID: "appr-7k2m9q4tz8w1c3ab", State: whodid.ApprovalApproved, Digest: "sha256:00", DecidedBy: "human:bob", DecidedAt: at, Reason: "reviewed", ValidUntil: at.Add(time.Hour),
	}
	statement := whodid.ApprovalStatement(decided.ID, true, decided.Digest, decided.DecidedBy, decided.ValidUntil, decided.Reason)
	armored, fingerprint, _ := bobs.sign(whodid.SSHNamespace, statement)
	decided.Signature, decided.SigningKey = string(armored), fingerprint
	for name, test := range map[string]struct {
		signers string // with KEY for bob's key
		change  func(*whodid.Approval)
		holds   bool
	}{
		"as it is":                    {"bob KEY", nil, true},
		"for its namespace":           {`bob namespaces="approval@whodid" KEY`, nil, true},
		"named as the trail names":    {"human:bob KEY", nil, true},
		"used":                        {"bob KEY", func(a *whodid.Approval) { a.State = whodid.ApprovalUsed }, true},
		"named another":               {"human:eve KEY", nil, false},
		"for another namespace":       {`bob namespaces="git" KEY`, nil, false},
		"a key that counts no more":   {`bob valid-before="20261031" KEY`, nil, false},
		"a key that counts not yet":   {`bob valid-after="20261102" KEY`, nil, false},
		"a key that does not count":   {"eve " + eves.public, nil, false},
		"nobody's key counts":         {"", nil, false},
		"no signature":                {"bob KEY", func(a *whodid.Approval) { a.Signature = "" }, false},
		"no signature at all":         {"bob KEY", func(a *whodid.Approval) { a.Signature = "-----BEGIN SSH SIGNATURE-----" }, false},
		"of another approval":         {"bob KEY", func(a *whodid.Approval) { a.ID = "appr-0000000000000000" }, false},
		"of other arguments":          {"bob KEY", func(a *whodid.Approval) { a.Digest = "sha256:01" }, false},
		"of another end":              {"bob KEY", func(a *whodid.Approval) { a.ValidUntil = a.ValidUntil.Add(time.Hour) }, false},
		"of another reason":           {"bob KEY", func(a *whodid.Approval) { a.Reason = "not looked at" }, false},
		"of another person":           {"bob KEY", func(a *whodid.Approval) { a.DecidedBy = "human:eve" }, false},
		"of a rejection":              {"bob KEY", func(a *whodid.Approval) { a.State = whodid.ApprovalRejected }, false},
		"of another key than it says": {"bob KEY", func(a *whodid.Approval) { a.SigningKey = "SHA256:other" }, false},
		"in another namespace":        {"bob KEY", func(a *whodid.Approval) { b, _, _ := bobs.sign("git", statement); a.Signature = string(b) }, false},
		"by a key that does not count": {"bob KEY", func(a *whodid.Approval) {
			b, f, _ := eves.sign(whodid.SSHNamespace, statement)
			a.Signature, a.SigningKey = string(b), f
		}, false},
		"by a key that says it is bob's": {"bob KEY", func(a *whodid.Approval) {
			b, _, _ := eves.sign(whodid.SSHNamespace, statement)
			a.Signature = string(b)
		}, false},
	} {
		a := decided
		if test.change != nil {
			test.change(&a)
		}
		err := approval.CheckSignature(&a, signers(t, strings.ReplaceAll(test.signers, "KEY", bobs.public)))
		if (err == nil) != test.holds || err != nil && !errors.Is(err, approval.ErrSignature) {
			t.Errorf("%s: %v, want that it holds: %t", name, err, test.holds)
		}
	}
	if err := approval.CheckSignature(&decided, nil); !errors.Is(err, approval.ErrSignature) {
		t.Errorf("without a file of signers: %v", err)
	}
}

// Where the policy asks for signatures, a decision without one that counts is none,
// and does not allow anything once its key counts no more.
func TestSignature(t *testing.T) {
	t.Parallel()
	key := newSSHKey(t)
	onBoth(t, func(t *testing.T, c *clock, open func() *approval.Service) {
		s := open()
		r := merge()
		r.SignatureRequired = true
		a, err := s.Request(t.Context(), r, agent)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "r"}, bob); !errors.Is(err, approval.ErrSignature) {
			t.Errorf("without a signature: %v", err)
		}
		sign := func(statement []byte) ([]byte, string, error) { return key.sign(whodid.SSHNamespace, statement) }
		d := &approval.Decision{Approve: true, Reason: "r", Sign: sign}
		if _, err := s.Decide(t.Context(), a.ID, d, bob); !errors.Is(err, approval.ErrSignature) {
			t.Errorf("with a key that does not count: %v", err)
		}
		s.Trust(signers(t, "bob "+key.public))
		if a, err = s.Decide(t.Context(), a.ID, d, bob); err != nil || a.State != whodid.ApprovalApproved || a.Signature == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		s.Trust(signers(t, "eve "+newSSHKey(t).public))
		if _, err := s.Use(t.Context(), a.ID, r.Agent, r.Digest(), "", "", agent); !errors.Is(err, approval.ErrSignature) {
			t.Errorf("its key counts no more: %v", err)
		}
		s.Trust(signers(t, "bob "+key.public))
		if a, err = s.Use(t.Context(), a.ID, r.Agent, r.Digest(), "", "", agent); err != nil || a.State != whodid.ApprovalUsed {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// Pass asks once, waits for a person, lets through once, and lets a rejection stand.
func TestPass(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c *clock, open func() *approval.Service) {
		s, r := open(), merge()
		pass := func() approval.Answer {
			t.Helper()
			said, err := s.Pass(t.Context(), r, agent, 0, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return said
		}
		first, second := pass(), pass()
		if first.Allow || second.Allow || first.Approval.ID != second.Approval.ID || !strings.Contains(first.Reason, "whodid approval approve "+first.Approval.ID) {
			t.Errorf("%+v\n%+v", first, second)
		}
		if _, err := s.Decide(t.Context(), first.Approval.ID, &approval.Decision{Approve: true, Reason: "go"}, bob); err != nil {
			t.Fatal(err)
		}
		other := *r
		other.Target = "acme/shop#45"
		if said, err := s.Pass(t.Context(), &other, agent, 0, time.Hour); err != nil || said.Allow {
			t.Errorf("another target: %+v, %v", said, err)
		}
		if said := pass(); !said.Allow || said.Approval.State != whodid.ApprovalUsed {
			t.Errorf("approved: %+v", said)
		}
		third := pass()
		if third.Allow || third.Approval.ID == first.Approval.ID {
			t.Errorf("again: %+v", third)
		}
		if _, err := s.Decide(t.Context(), third.Approval.ID, &approval.Decision{Reason: "not now"}, bob); err != nil {
			t.Fatal(err)
		}
		if said := pass(); said.Allow || said.Approval.ID != third.Approval.ID || !strings.Contains(said.Reason, "not now") {
			t.Errorf("rejected: %+v", said)
		}
		c.tick(2 * time.Hour)
		if said := pass(); said.Allow || said.Approval.ID == third.Approval.ID || said.Approval.State != whodid.ApprovalPending {
			t.Errorf("long after the rejection: %+v", said)
		}
	})
}
