package auth

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	// The pattern that docs/access.md gives to scanners of secrets.
	pattern := regexp.MustCompile(`^whodid_[0-9a-hjkmnp-tv-z]{58}$`)
	redactor, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 200 {
		secret := newSecret()
		if seen[secret] || !pattern.MatchString(secret) {
			t.Fatalf("secret %q", secret)
		}
		seen[secret] = true
		if hash, err := HashToken(secret); err != nil || hash != sha256.Sum256([]byte(secret)) {
			t.Fatalf("%q: %x, %v", secret, hash, err)
		}
		for _, text := range []string{secret, "curl -H 'X: " + secret + "'", "see " + secret[:40] + "…"} {
			if clean, _ := redactor.Clean(text); strings.Contains(clean, secret[7:40]) {
				t.Errorf("the redactor left %q", clean)
			}
		}
	}
	for _, name := range []string{"whodid_partitions", "whodid_app", "whodid_append_only", "SELECT whodid_head_only_grows()", "whodid_server_reader_of_reports"} {
		if clean, _ := redactor.Clean(name); clean != name {
			t.Errorf("the redactor took %q for a token: %q", name, clean)
		}
	}
}

func TestHashTokenRefuses(t *testing.T) {
	t.Parallel()
	secret := newSecret()
	for i := range secret {
		for _, c := range "0z-" {
			if wrong := secret[:i] + string(c) + secret[i+1:]; wrong != secret {
				if _, err := HashToken(wrong); err == nil {
					t.Fatalf("%q was taken, made from %q", wrong, secret)
				}
			}
		}
	}
	for _, wrong := range []string{"", "whodid_", secret[:len(secret)-1], secret + "0", " " + secret, strings.ToUpper(secret), secret + "\n"} {
		if _, err := HashToken(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

// FuzzHashToken looks for a text that is taken for a token and is none: each
// that is taken must be just what its bits are written as.
func FuzzHashToken(f *testing.F) {
	f.Add(newSecret())
	f.Add("whodid_" + strings.Repeat("0", tokenChars))
	f.Add("whodid_")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := HashToken(s); err != nil {
			return
		}
		b, err := tokenText.DecodeString(strings.TrimPrefix(s, TokenPrefix))
		if err != nil || len(b) != secretBytes+checkBytes || TokenPrefix+tokenText.EncodeToString(b) != s {
			t.Errorf("%q was taken for a token", s)
		}
	})
}
