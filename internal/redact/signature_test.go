package redact_test

import (
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/redact"
)

// signature is one that ssh-keygen -Y sign -n approval@whodid made.
const signature = "-----BEGIN SSH SIGNATURE-----\n" + `U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAglCwxezmvJI1IeZICeOSs0ZpW43
IKZmvi9fkXVDckU8wAAAAPYXBwcm92YWxAd2hvZGlkAAAAAAAAAAZzaGE1MTIAAABTAAAA
C3NzaC1lZDI1NTE5AAAAQJqSPiH5DaQVXdi5K6kze/b7Ij+pdpfws+1WRqNUjefWgjHkU/
NzB2PJ0hbQ0tGiiuE7KdQ33csmXaKc2ZN3ig8=
` + "-----END SSH SIGNATURE-----\n"

// The signature of a decision stays, for nothing proves the decision without it;
// what only stands in its place does not.
func TestSignatureStays(t *testing.T) {
	t.Parallel()
	r, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const secret = "ghp_F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3"
	for name, test := range map[string]struct {
		what, field, text string
		stays             bool
	}{
		"of an approval":      {"approval.grant", "signature", signature, true},
		"of a rejection":      {"approval.reject", "signature", signature, true},
		"in another field":    {"approval.grant", "expires", signature, false},
		"of something else":   {"exception.add", "signature", signature, false},
		"none":                {"approval.grant", "signature", secret, false},
		"a secret within":     {"approval.grant", "signature", strings.Replace(signature, "\n", "\n"+secret, 1), false},
		"a secret behind":     {"approval.grant", "signature", signature + secret, false},
		"a secret between":    {"approval.grant", "signature", "-----BEGIN SSH SIGNATURE-----\n" + secret + "\n-----END SSH SIGNATURE-----\n", false},
		"for another purpose": {"approval.grant", "signature", strings.Replace(signature, "YXBwcm92YWxA", "YXBwcm92YWxB", 1), false},
	} {
		e := whodid.Event{What: test.what, Data: whodid.Data{test.field: []string{test.text[:30], test.text[30:]}}}
		if _, err := r.Event(&e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(e.Data.List(test.field), ""); (got == test.text) != test.stays || strings.Contains(got, secret) {
			t.Errorf("%s: it became\n%s", name, got)
		}
	}
}

// The public key of a passkey stays; what only stands in its place does not.
func TestPublicKeyStays(t *testing.T) {
	t.Parallel()
	r, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const (
		secret = "ghp_F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3"
		key    = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIJQsMXs5rySNSHmSAnjkrNGaVuNyCmZr4vX5F1Q3JFPMAAAADndob2RpZC5leGFtcGxl"
	)
	for name, test := range map[string]struct {
		what, field, text string
		stays             bool
	}{
		"of a passkey":       {"passkey.register", "public_key", key, true},
		"in another field":   {"passkey.register", "credential_id", key, false},
		"of something else":  {"passkey.revoke", "public_key", key, false},
		"none":               {"passkey.register", "public_key", secret, false},
		"a secret behind":    {"passkey.register", "public_key", key + " " + secret, false},
		"a secret before":    {"passkey.register", "public_key", secret + " " + key, false},
		"of another type":    {"passkey.register", "public_key", strings.Replace(key, "sk-ssh", "xk-ssh", 1), false},
		"a secret in base64": {"passkey.register", "public_key", "ssh-rsa " + secret, false},
	} {
		e := whodid.Event{What: test.what, Data: whodid.Data{test.field: test.text}}
		if _, err := r.Event(&e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := e.Data.String(test.field); (got == test.text) != test.stays || strings.Contains(got, secret) {
			t.Errorf("%s: it became %s", name, got)
		}
	}
}
