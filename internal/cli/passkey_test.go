package cli

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/testenv/passkey"
	"github.com/whodid/whodid/proof/sshsig"
)

// What somebody registered and signed with at the page, the commands show, judge
// and revoke.
func TestPasskeyCommands(t *testing.T) {
	t.Parallel()
	p, tr, _, _, _ := served(t)
	home := p.Dir
	env := p.Env
	p.Env = func(name string) string {
		if name == "WHODID_STORE" {
			return filepath.Join(home, "trail.db")
		}
		return env(name)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		q := *p
		q.Stdout, q.Stderr = &out, &out
		if got := q.Run(t.Context(), append(args, "--org", "acme")); got != want {
			t.Fatalf("%q ends with %d, want %d\n%s", args, got, want, out.String())
		}
		return out.String()
	}
	says := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("it does not say %q:\n%s", w, out)
			}
		}
	}
	key := passkey.New(t, "whodid.example", 7)
	challenge := []byte("sixteen random bytes")
	data, client := key.Made("credential", challenge)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	ada := approval.Who{Actor: "human:ada", Auth: auth.MethodOIDC, Source: "page"}
	if _, err := approval.NewPasskeys(p.org, tr.recorder, tr.asker, p.Now).Register(t.Context(), &approval.NewPasskey{
		Name: "laptop", Origin: "https://whodid.example", Challenge: challenge, AuthenticatorData: data, ClientData: client, PublicKey: public,
	}, ada); err != nil {
		t.Fatal(err)
	}
	says(run(ExitOK, "approval", "passkey", "list"), "laptop", key.Key.Fingerprint)
	line := run(ExitOK, "approval", "passkey", "list", "--signers")
	says(line, `human:ada namespaces="approval@whodid" sk-ecdsa-sha2-nistp256@openssh.com `)
	says(run(ExitOK, "approval", "passkey", "list", "--json"), `"person": "human:ada"`)

	service, err := p.approvals(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	bot := approval.Who{Actor: "agent:ops/deployer", Auth: "hook", Source: "api"}
	sign := func(statement []byte) ([]byte, string, error) {
		key.Counter++
		return key.Sign(statement, whodid.SSHNamespace)
	}
	decided := func(who approval.Who) (whodid.Approval, error) {
		a, err := service.Request(t.Context(), &approval.Request{Type: "deploy.production", Target: "shop", Agent: "ops/deployer", Summary: "deploy", TTL: time.Hour, SignatureRequired: true}, bot)
		if err != nil {
			t.Fatal(err)
		}
		return service.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "reviewed", TTL: time.Hour, Sign: sign}, who)
	}
	a, err := decided(ada)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decided(approval.Who{Actor: "human:eve", Auth: auth.MethodOIDC, Source: "page"}); err == nil {
		t.Error("a passkey of somebody else signs")
	}
	says(run(ExitOK, "approval", "show", a.ID), `the passkey "laptop" of human:ada; it holds`)
	if _, err := service.Use(t.Context(), a.ID, "ops/deployer", a.Digest, "", "", bot); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.recorder.Record(t.Context(), whodid.Event{
		Key: "deploy", What: "deploy.production", Actor: bot.Actor, ActorAuth: "hook", Target: "shop", At: p.Now(), Result: whodid.ResultSuccess, Source: "api", Approval: a.ID,
	}); err != nil {
		t.Fatal(err)
	}
	// A trail's own word for whose a key is makes nothing proved; a file's does.
	says(run(ExitOK, "verify"), "1 with the signature of a passkey that they had registered")
	signers := filepath.Join(home, "signers")
	if err := os.WriteFile(signers, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	inner := p.Env
	p.Env = func(name string) string {
		if name == "WHODID_ALLOWED_SIGNERS" {
			return signers
		}
		return inner(name)
	}
	says(run(ExitOK, "verify"), "and signed it with the key of an allowed signer")
	p.Env = inner
	// Revoked, it signs nothing more, and what it signed goes on to count.
	run(ExitUsage, "approval", "passkey", "revoke", key.Key.Fingerprint)
	run(ExitError, "approval", "passkey", "revoke", "nothing", "--reason", "lost")
	run(ExitOK, "approval", "passkey", "revoke", strings.TrimPrefix(key.Key.Fingerprint, "SHA256:")[:8], "--reason", "lost")
	if service, err = p.approvals(t.Context(), tr); err != nil {
		t.Fatal(err)
	}
	if _, err := decided(ada); err == nil {
		t.Error("a revoked passkey signs")
	}
	service.Trust(signersOf(t, line))
	if _, err := decided(ada); err == nil {
		t.Error("a revoked passkey signs because a file names it")
	}
	says(run(ExitOK, "approval", "passkey", "list", "--all"), "laptop")
	if out := run(ExitOK, "approval", "passkey", "list"); strings.Contains(out, "laptop") {
		t.Errorf("a revoked passkey is listed:\n%s", out)
	}
	says(run(ExitOK, "approval", "show", a.ID), "it holds")
}

func signersOf(t *testing.T, text string) *sshsig.AllowedSigners {
	t.Helper()
	s, err := sshsig.ParseAllowedSigners([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
