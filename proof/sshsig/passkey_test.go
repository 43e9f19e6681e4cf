package sshsig_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/testenv/passkey"
	"github.com/whodid/whodid/proof/sshsig"
)

const (
	site      = "whodid.example"
	namespace = "approval@whodid"
)

func passkeys(t testing.TB) map[string]*passkey.Passkey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*passkey.Passkey{"ES256": passkey.New(t, site, 7), "EdDSA": passkey.NewEd25519(t, site, 7), "RS256": passkey.NewRSA(t, site, key)}
}

// A signature of a passkey holds for just what was said, and for nothing that the
// authenticator or the browser say otherwise.
func TestPasskey(t *testing.T) {
	t.Parallel()
	said := []byte("what is said\n")
	for kind, honest := range passkeys(t) {
		for name, test := range map[string]struct {
			change func(*passkey.Passkey)
			holds  bool
		}{
			"as it is":                        {func(*passkey.Passkey) {}, true},
			"without a counter":               {func(p *passkey.Passkey) { p.Counter = 0 }, true},
			"synced":                          {func(p *passkey.Passkey) { p.Flags |= 0x18 }, true},
			"with extensions":                 {func(p *passkey.Passkey) { p.Flags |= 0x80; p.Extensions = "\xa1\x61a\x01" }, true},
			"by an older browser":             {func(p *passkey.Passkey) { p.Rest = "}" }, true},
			"by a newer browser":              {func(p *passkey.Passkey) { p.Rest = `,"crossOrigin":false,"more":{"a":"}"}}` }, true},
			"nobody was there":                {func(p *passkey.Passkey) { p.Flags = 0x04 }, false},
			"nobody was looked at":            {func(p *passkey.Passkey) { p.Flags = 0x01 }, false},
			"extensions that nobody tells of": {func(p *passkey.Passkey) { p.Extensions = "\xa0" }, false},
			"extensions that are not there":   {func(p *passkey.Passkey) { p.Flags |= 0x80 }, false},
			"a new key in it":                 {func(p *passkey.Passkey) { p.Flags |= 0x40 }, false},
			"when it was made":                {func(p *passkey.Passkey) { p.Type = "webauthn.create" }, false},
			"a payment":                       {func(p *passkey.Passkey) { p.Type = "payment.get" }, false},
			"within another site":             {func(p *passkey.Passkey) { p.Rest = `,"crossOrigin":true,"topOrigin":"https://evil.example"}` }, false},
			"no end":                          {func(p *passkey.Passkey) { p.Rest = "" }, false},
			"at another site":                 {func(p *passkey.Passkey) { p.Origin = "https://evil.example" }, false},
			"at a part of the site":           {func(p *passkey.Passkey) { p.Origin = "https://evil." + site }, false},
			"without TLS":                     {func(p *passkey.Passkey) { p.Origin = "http://" + site }, false},
			"at an address with a path":       {func(p *passkey.Passkey) { p.Origin = "https://" + site + "/a" }, false},
			"for another site":                {func(p *passkey.Passkey) { p.Site = "evil.example" }, false},
			"at and for another site":         {func(p *passkey.Passkey) { p.Site, p.Origin = "evil.example", "https://evil.example" }, false},
		} {
			if kind == "RS256" && name == "at and for another site" {
				continue // the key names no site: whose it is says the trust in it alone
			}
			p := *honest
			test.change(&p)
			armored, fingerprint, err := p.Sign(said, namespace)
			if err == nil {
				var key *sshsig.Key
				if key, err = sshsig.Verify(said, armored, namespace); err == nil && (key.Fingerprint != fingerprint || key.Passkey == nil || key.Passkey.Counter != p.Counter || key.Passkey.Origin != p.Origin) {
					t.Errorf("%s, %s: %+v", kind, name, key)
				}
			}
			if (err == nil) != test.holds || err != nil && !errors.Is(err, sshsig.ErrInvalid) {
				t.Errorf("%s, %s: %v, want that it holds: %t", kind, name, err, test.holds)
			}
		}
		armored, _, err := honest.Sign(said, namespace)
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			message, namespace string
			armored            []byte
		}{
			"another message":   {"what is Said\n", namespace, armored},
			"another namespace": {"what is said\n", "git", armored},
			"cut":               {"what is said\n", namespace, armored[:len(armored)/2]},
		} {
			if _, err := sshsig.Verify([]byte(c.message), c.armored, c.namespace); !errors.Is(err, sshsig.ErrInvalid) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
}

// A key of a site counts only where a browser says what it signed; one that OpenSSH
// made in the same device signs as ever.
func TestPasskeyWithoutBrowser(t *testing.T) {
	t.Parallel()
	for application, holds := range map[string]bool{site: false, "ssh:": true, "ssh:work": true, "": false} {
		p := passkey.NewEd25519(t, application, 7)
		armored := p.SignBare([]byte("m"), namespace, "sk-ssh-ed25519@openssh.com")
		if _, err := sshsig.Verify([]byte("m"), armored, namespace); (err == nil) != holds {
			t.Errorf("%q: %v, want that it holds: %t", application, err, holds)
		}
	}
}

// No byte of what a passkey's signature is made of can be changed.
func TestPasskeyBytes(t *testing.T) {
	t.Parallel()
	p := passkey.New(t, site, 7)
	armored, _, err := p.Sign([]byte("m"), namespace)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(armored), []byte("\n"))
	for i := 1; i < len(lines)-1; i++ {
		for j := range lines[i] {
			if lines[i][j] == '=' || i == len(lines)-2 && j > len(lines[i])-6 {
				continue
			}
			changed := bytes.Clone(armored)
			at := bytes.Index(armored, lines[i]) + j
			changed[at] = 'A' + (changed[at]-'A'+1)%26
			if bytes.Equal(changed, armored) {
				continue
			}
			if _, err := sshsig.Verify([]byte("m"), changed, namespace); err == nil {
				t.Fatalf("byte %d of line %d can be changed", j, i)
			}
		}
	}
}

// What this package writes OpenSSH checks, which knows nothing of it.
func TestOpenSSHChecksPasskeys(t *testing.T) {
	t.Parallel()
	p := passkey.New(t, site, 9)
	p.Counter = 41
	armored, _, err := p.Sign([]byte("what is said\n"), namespace)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	allowed, signature := filepath.Join(dir, "allowed_signers"), filepath.Join(dir, "signature")
	line := "human:ada namespaces=\"" + namespace + "\" " + p.Key.Line() + "\n"
	for file, content := range map[string][]byte{allowed: []byte(line), signature: armored} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for said, holds := range map[string]bool{"what is said\n": true, "what is not\n": false} {
		c := exec.CommandContext(t.Context(), "ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "human:ada", "-n", namespace, "-s", signature)
		c.Stdin = strings.NewReader(said)
		if out, err := c.CombinedOutput(); (err == nil) != holds {
			t.Errorf("%q: %v\n%s", said, err, out)
		}
	}
	signers, err := sshsig.ParseAllowedSigners([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sshsig.Verify([]byte("what is said\n"), armored, namespace)
	if err != nil || len(signers.Principals(key, namespace, time.Now())) != 1 {
		t.Errorf("%v: %+v", err, key)
	}
}

// A passkey that a person registered counts for that person, from then on until it
// is revoked.
func TestRegistered(t *testing.T) {
	t.Parallel()
	p := passkey.New(t, site, 7)
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	known := whodid.Passkey{Fingerprint: p.Key.Fingerprint, PublicKey: p.Key.Line(), Person: "human:ada", RegisteredAt: at, RevokedAt: at.Add(time.Hour)}
	for name, test := range map[string]struct {
		change func(*whodid.Passkey)
		at     time.Time
		want   string
	}{
		"when it was registered":   {nil, at, "human:ada"},
		"later":                    {nil, at.Add(time.Minute), "human:ada"},
		"before":                   {nil, at.Add(-time.Microsecond), ""},
		"when it was revoked":      {nil, at.Add(time.Hour), ""},
		"never revoked":            {func(k *whodid.Passkey) { k.RevokedAt = time.Time{} }, at.Add(time.Hour), "human:ada"},
		"of nobody":                {func(k *whodid.Passkey) { k.Person = "" }, at, ""},
		"of an agent":              {func(k *whodid.Passkey) { k.Person = "agent:ops/bot" }, at, ""},
		"another key than it says": {func(k *whodid.Passkey) { k.Fingerprint = "SHA256:other" }, at, ""},
		"no key":                   {func(k *whodid.Passkey) { k.PublicKey = "ssh-ed25519 nothing" }, at, ""},
		"a key with options":       {func(k *whodid.Passkey) { k.PublicKey = "no-pty " + p.Key.Line() }, at, ""},
	} {
		k := known
		if test.change != nil {
			test.change(&k)
		}
		got := strings.Join(sshsig.Registered([]whodid.Passkey{k}).Principals(p.Key, namespace, test.at), ",")
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if got := sshsig.Registered([]whodid.Passkey{known}).Principals(p.Key, "git", at); len(got) > 0 {
		t.Errorf("it counts for git, too: %q", got)
	}
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	p := passkey.New(t, site, 7)
	challenge := []byte("sixteen random bytes")
	good, client := p.Made("credential", challenge)
	origin := "https://" + site
	r, err := sshsig.ParseRegistration(good, client, challenge, origin)
	if err != nil || string(r.Credential) != "credential" || r.Counter != 1 || r.BackedUp {
		t.Fatalf("%v: %+v", err, r)
	}
	flags := func(set byte) []byte {
		b := bytes.Clone(good)
		b[sha256.Size] = set
		return b
	}
	long := bytes.Clone(good)
	long[sha256.Size+5+16] = 0xff
	noID, _ := p.Made("", challenge)
	for name, b := range map[string][]byte{
		"nothing": nil, "cut": good[:50], "nobody was looked at": flags(0x41), "nobody was there": flags(0x44), "no key": flags(0x05),
		"an id that is not there": long, "no id": noID, "too much": append(bytes.Clone(good), make([]byte, 9<<10)...),
	} {
		if _, err := sshsig.ParseRegistration(b, client, challenge, origin); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := sshsig.ParseRegistration(good, client, []byte("another"), origin); err == nil {
		t.Error("an answer to another challenge is taken")
	}
	for name, change := range map[string]func(*passkey.Passkey){
		"of another site":  func(p *passkey.Passkey) { p.Site = "evil.example" },
		"at another site":  func(p *passkey.Passkey) { p.Origin = "https://evil.example" },
		"without TLS":      func(p *passkey.Passkey) { p.Origin = "http://" + site },
		"in another frame": func(p *passkey.Passkey) { p.Rest = `,"crossOrigin":true}` },
	} {
		other := *p
		change(&other)
		data, client := other.Made("credential", challenge)
		if _, err := sshsig.ParseRegistration(data, client, challenge, origin); err == nil {
			t.Errorf("a passkey %s is taken", name)
		}
	}
	signed := p.Answer(challenge)
	if _, err := sshsig.ParseRegistration(good, signed.ClientData, challenge, origin); err == nil {
		t.Error("an answer about a signature is taken")
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil {
		if _, err := sshsig.PasskeyOf(small.Public(), site); err == nil {
			t.Error("an RSA key of 1024 bits is taken")
		}
	}
}

func FuzzPasskey(f *testing.F) {
	p := passkey.New(f, site, 7)
	a := p.Answer(sshsig.Challenge([]byte("m"), namespace))
	made, client := p.Made("credential", []byte("c"))
	f.Add(a.AuthenticatorData, a.ClientData, a.Signature, made)
	f.Add(a.AuthenticatorData, client, a.Signature, made)
	f.Fuzz(func(t *testing.T, data, client, signature, made []byte) {
		if r, err := sshsig.ParseRegistration(made, client, []byte("c"), "https://"+site); err == nil && (len(r.Credential) == 0 || !bytes.Contains(made, r.Credential)) {
			t.Errorf("%q is the id of a passkey in %q", r.Credential, made)
		}
		b := sshsig.Assertion{AuthenticatorData: data, ClientData: client, Signature: signature}
		armored, err := b.Armor(p.Key, []byte("another"), namespace)
		if err != nil {
			return
		}
		if _, err := sshsig.Verify([]byte("another"), armored, namespace); err == nil {
			t.Error("an answer about another message holds")
		}
	})
}
