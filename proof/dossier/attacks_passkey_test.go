package dossier_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/testenv/passkey"
	"github.com/whodid/whodid/proof/dossier"
)

// grant is the index of the decision in the story of a passkey.
const grant = 5

// keyed is the story of a decision that a passkey signed, after its registration.
func (c *corpus) keyed(p *passkey.Passkey) []whodid.Event {
	c.t.Helper()
	at := start.Add(-time.Hour)
	events := slices.Concat([]whodid.Event{{
		Org: "acme", Source: "page", Key: whodid.PasskeyKey(p.Key.Fingerprint, whodid.PasskeyRegistration), What: "passkey.register", Target: "The laptop at work",
		Actor: whodid.HumanActor("ab12"), ActorAuth: "oidc", At: at, RecordedAt: at.Add(time.Second),
		Data: whodid.Data{"signing_key": p.Key.Fingerprint, "public_key": p.Key.Line(), "credential_id": "0102", "sign_count": int64(1)},
	}}, story())
	c.touch(&events[grant], p)
	return events
}

// touch lets a passkey sign a decision.
func (c *corpus) touch(e *whodid.Event, p *passkey.Passkey) {
	c.t.Helper()
	until, _ := time.Parse(time.RFC3339, e.Data.String("expires"))
	statement := whodid.ApprovalStatement(e.Approval, true, e.Data.String("digest"), e.Actor, until, e.Why)
	armored, fingerprint, err := p.Sign(statement, whodid.SSHNamespace)
	if err != nil {
		c.t.Fatal(err)
	}
	e.Data["signature"], e.Data["signing_key"] = inParts(string(armored)), fingerprint
}

func (c *corpus) provedKeyed(events []whodid.Event) *dossier.Dossier {
	l := newTrail(c.t, origin, 1, events)
	return l.prove(dossier.Subject{Kind: dossier.OfExecution, ID: run}, &dossier.Span{End: uint64(len(l.leaves))}, func(e *whodid.Event) bool {
		return e.Execution == run || e.Approval != "" || whodid.IsPasskey(e.What)
	})
}

// passkeys are decisions that a passkey signed, and what somebody could pass off as
// such.
func (c *corpus) passkeys() {
	const site = "whodid.test.invalid"
	p := passkey.New(c.t, site, 11)
	p.Counter = 7
	noKeys, pinned, foreign := trustJSON{Keys: c.trust.Keys}, trustJSON{Keys: c.trust.Keys}, trustJSON{Keys: c.trust.Keys}
	pinned.AllowedSigners = []string{"human:ab12 " + p.Key.Line()}
	foreign.AllowedSigners = []string{"human:cd34 " + p.Key.Line()}
	other := func(what, by string, after time.Duration, data whodid.Data) whodid.Event {
		at := start.Add(after)
		data["signing_key"] = p.Key.Fingerprint
		return whodid.Event{
			Org: "acme", Source: "page", Key: whodid.PasskeyKey(p.Key.Fingerprint, what), What: "passkey." + what, Actor: whodid.HumanActor(by), ActorAuth: "oidc", At: at, RecordedAt: at, Data: data,
		}
	}
	revoked := other(whodid.PasskeyRevocation, "ab12", -time.Minute, whodid.Data{})
	late := other(whodid.PasskeyRevocation, "ab12", time.Minute, whodid.Data{})
	tell := func(name, want string, trust trustJSON, edit func(events []whodid.Event) []whodid.Event) {
		c.t.Helper()
		c.add(name, want, trust, c.provedKeyed(edit(c.keyed(p))))
	}
	as := func(events []whodid.Event) []whodid.Event { return events }
	tell("honest, signed with a passkey that is pinned", "ppccp", pinned, as)
	tell("honest, signed with a passkey that was registered", "ppccc", noKeys, as)
	tell("honest, a passkey that was revoked later", "ppccp", pinned, func(events []whodid.Event) []whodid.Event { return append(events, late) })
	c.add("honest, the registration of the passkey is not disclosed", "ppccc", noKeys, newTrail(c.t, origin, 1, c.keyed(p)).dossier(run, &dossier.Span{End: 11}))
	edwards := passkey.NewEd25519(c.t, site, 11)
	edwards.Counter = 2
	c.add("honest, signed with a passkey of Ed25519", "ppccp", trustJSON{Keys: c.trust.Keys, AllowedSigners: []string{"ada@test.invalid " + edwards.Key.Line()}}, c.provedKeyed(c.keyed(edwards)))
	tell("passkey that is none of the signers", "ppccr", c.trust, as)
	tell("passkey of another signer", "ppccr", foreign, as)
	tell("passkey that was revoked before", "ppccr", pinned, func(events []whodid.Event) []whodid.Event { return slices.Insert(events, 1, revoked) })
	tell("passkey that was registered afterwards", "ppccr", noKeys, func(events []whodid.Event) []whodid.Event {
		registration := events[0]
		registration.At, registration.RecordedAt = late.At, late.RecordedAt
		return append(events[1:], registration)
	})
	tell("passkey that somebody else registered", "ppccr", noKeys, func(events []whodid.Event) []whodid.Event {
		events[0].Actor = whodid.HumanActor("cd34")
		return events
	})
	tell("passkey registered with another key", "ppccr", noKeys, func(events []whodid.Event) []whodid.Event {
		events[0].Data["public_key"] = edwards.Key.Line()
		return events
	})
	tell("passkey that was copied", "ppccc", pinned, func(events []whodid.Event) []whodid.Event {
		events[0].Data["sign_count"] = int64(8)
		return events
	})
	tell("passkey signed another reason", "ppccr", pinned, func(events []whodid.Event) []whodid.Event {
		events[grant].Why = "not reviewed"
		return events
	})
	tell("passkey signed another approval", "ppccr", pinned, func(events []whodid.Event) []whodid.Event {
		e := events[grant]
		e.Approval = "appr-dddddddddddddddd"
		c.touch(&e, p)
		return events
	})
	for _, lie := range []struct {
		name string
		tell func(*passkey.Passkey)
	}{
		{"at another site", func(p *passkey.Passkey) { p.Origin = "https://evil.test.invalid" }},
		{"without TLS", func(p *passkey.Passkey) { p.Origin = "http://" + site }},
		{"within another site", func(p *passkey.Passkey) { p.Rest = `,"crossOrigin":true}` }},
		{"to be made", func(p *passkey.Passkey) { p.Type = "webauthn.create" }},
		{"and nobody was there", func(p *passkey.Passkey) { p.Flags = 0x04 }},
		{"and nobody was looked at", func(p *passkey.Passkey) { p.Flags = 0x01 }},
		{"and has extensions unsaid", func(p *passkey.Passkey) { p.Extensions = "\xa0" }},
		{"and has a new key in it", func(p *passkey.Passkey) { p.Flags |= 0x40 }},
		{"and says more than a browser", func(p *passkey.Passkey) { p.Rest = `,"origin":"https://evil.test.invalid"}` }},
	} {
		liar := *p
		lie.tell(&liar)
		c.add("passkey signed "+lie.name, "ppccr", pinned, c.provedKeyed(c.keyed(&liar)))
	}
}

// TestRSAElsewhere has the script judge decisions that a passkey of RSA signed, whose
// key is too long to be made anew for the corpus each time.
func TestRSAElsewhere(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js here to run the other verifier")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const site = "whodid.test.invalid"
	c := newCorpus(t)
	for _, want := range []string{"proved", "refuted"} {
		p := passkey.NewRSA(t, site, key)
		p.Counter = 7
		trust := trustJSON{Keys: c.trust.Keys, AllowedSigners: []string{"human:ab12 " + p.Key.Line()}}
		events := c.keyed(p)
		if want == "refuted" {
			events[grant].Why = "another reason than was signed"
		}
		archive, err := c.provedKeyed(events).Archive(dossier.Deflated)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := json.Marshal(trust)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for name, content := range map[string][]byte{"proof.zip": archive, "keys.json": keys} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		script := filepath.Join("testdata", "attacks", "check.mjs")
		out, _ := exec.CommandContext(t.Context(), node, script, filepath.Join(dir, "proof.zip"), filepath.Join(dir, "keys.json")).CombinedOutput() // what it prints is judged
		if !regexp.MustCompile(`(?m)^approval +` + want + `$`).Match(out) {
			t.Errorf("want %s\n%s", want, out)
		}
	}
}
