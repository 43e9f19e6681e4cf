package sshsig_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/proof/sshsig"
)

// sign makes a key of a type and lets OpenSSH sign with it.
func sign(t testing.TB, kind, message, namespace string) (armored, public []byte) {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "ada", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key)
	c.Stdin = strings.NewReader(message)
	armored, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	public, err = os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return armored, public
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		armored, public := sign(t, kind, "what is said\n", "approval@whodid")
		key, err := sshsig.Verify([]byte("what is said\n"), armored, "approval@whodid")
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		allowed, err := sshsig.ParseAllowedSigners(append([]byte("# who may\n\nada@example.com,ada "), public...))
		if err != nil {
			t.Fatal(err)
		}
		if got := allowed.Principals(key, "approval@whodid", time.Now()); len(got) != 2 || got[1] != "ada" {
			t.Errorf("%s: the key is of %q", kind, got)
		}
		if !strings.HasPrefix(key.Fingerprint, "SHA256:") {
			t.Errorf("the fingerprint is %q", key.Fingerprint)
		}
		other, _ := sign(t, kind, "x", "approval@whodid")
		for name, c := range map[string]struct {
			message, namespace string
			armored            []byte
		}{
			"another message":   {"what is Said\n", "approval@whodid", armored},
			"another namespace": {"what is said\n", "git", armored},
			"of another text":   {"what is said\n", "approval@whodid", other},
			"cut":               {"what is said\n", "approval@whodid", armored[:len(armored)/2]},
			"with more behind":  {"what is said\n", "approval@whodid", append(append([]byte{}, armored...), "more"...)},
			"empty":             {"what is said\n", "approval@whodid", nil},
		} {
			if _, err := sshsig.Verify([]byte(c.message), c.armored, c.namespace); !errors.Is(err, sshsig.ErrInvalid) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
		for i := range armored { // no byte of the base64 may be changed
			if kind == "rsa" && i%16 != 0 || armored[i] == '\n' || armored[i] == '-' || i < 40 || i > len(armored)-40 {
				continue
			}
			changed := append([]byte{}, armored...)
			changed[i] = 'A' + (changed[i]-'A'+1)%26
			if string(changed) == string(armored) {
				continue
			}
			if _, err := sshsig.Verify([]byte("what is said\n"), changed, "approval@whodid"); err == nil {
				t.Fatalf("%s: byte %d can be changed", kind, i)
			}
		}
	}
}

func TestAllowedSigners(t *testing.T) {
	t.Parallel()
	armored, public := sign(t, "ed25519", "m", "approval@whodid")
	key, err := sshsig.Verify([]byte("m"), armored, "approval@whodid")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for options, want := range map[string]bool{
		"":                                true,
		`namespaces="approval@whodid" `:   true,
		`namespaces="git,approval@*" `:    true,
		`namespaces="git" `:               false,
		`valid-after="20261101" `:         true,
		`valid-after="202611011201Z" `:    false,
		`valid-before="202611011201Z" `:   true,
		`valid-before="20261101120000Z" `: false,
		`namespaces="approval@whodid",valid-before="20270101" `: true,
	} {
		allowed, err := sshsig.ParseAllowedSigners([]byte("ada " + options + string(public)))
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		if got := len(allowed.Principals(key, "approval@whodid", at)) > 0; got != want {
			t.Errorf("%s: %t, want %t", options, got, want)
		}
	}
	for _, text := range []string{"ada", "ada ssh-ed25519 nothing", "ada cert-authority " + string(public), `ada valid-after="soon" ` + string(public), "\xff"} {
		if _, err := sshsig.ParseAllowedSigners([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func FuzzVerify(f *testing.F) {
	armored, _ := sign(f, "ed25519", "m", "n")
	f.Add(armored)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := sshsig.Verify([]byte("another"), b, "n"); err == nil {
			t.Error("a signature of another message holds")
		}
	})
}

func FuzzAllowedSigners(f *testing.F) {
	f.Add("ada ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA c\n")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := sshsig.ParseAllowedSigners([]byte(s)); err == nil && a.Len() > strings.Count(s, "\n")+1 {
			t.Errorf("%d signers in %q", a.Len(), s)
		}
	})
}
