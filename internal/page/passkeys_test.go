package page_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/testenv/passkey"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/sshsig"
)

const site = "whodid.example"

// registered lets the passkeys count that people registered.
func registered(o *page.Options) {
	o.URL = "https://" + site
	o.Signers = func(ctx context.Context, t *server.Tenant) (*sshsig.AllowedSigners, error) {
		list, err := t.Asker.Passkeys(ctx)
		return sshsig.Registered(list), err
	}
}

// back are the cookies of an answer, as a browser sends them back.
func back(a *httptest.ResponseRecorder) []string {
	var pairs []string
	for _, c := range a.Result().Cookies() {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return []string{"Cookie", strings.Join(pairs, "; ")}
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func bytesOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// register does what the page's script does to register a passkey.
func (w *world) register(t testing.TB, as string, p *passkey.Passkey, credential string) *httptest.ResponseRecorder {
	t.Helper()
	form, cookies := w.made(t, as, p, credential)
	return w.post(t, as, "/passkeys", form, cookies...)
}

// made has a passkey made, and returns the form that registers it, with its cookies.
func (w *world) made(t testing.TB, as string, p *passkey.Passkey, credential string) (form url.Values, cookies []string) {
	t.Helper()
	asked := w.post(t, as, "/passkeys/challenge", nil)
	var options struct {
		Challenge string `json:"challenge"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
	}
	if err := json.Unmarshal(asked.Body.Bytes(), &options); err != nil || options.RP.ID != site || len(bytesOf(t, options.Challenge)) < 16 {
		t.Fatalf("%d, %v: %s", asked.Code, err, asked.Body)
	}
	data, client := p.Made(credential, bytesOf(t, options.Challenge))
	public, err := x509.MarshalPKIXPublicKey(p.Public())
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{
		"name": {"The laptop at work"}, "authenticator_data": {text(data)}, "client_data": {text(client)}, "public_key": {text(public)},
	}, back(asked)
}

// ask asks for the approval of a deployment, which must be signed.
func (w *world) ask(t testing.TB, target string) whodid.Approval {
	t.Helper()
	a, err := approval.New(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now).Request(t.Context(), &approval.Request{
		Type: "deploy.production", Target: target, Agent: "ops/deployer", Summary: "deploy " + target, TTL: time.Hour, Level: "approve", SignatureRequired: true,
	}, approval.Who{Actor: "agent:ops/deployer", Auth: "hook", Source: "hook:claude-code"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signed is the form of a decision that a passkey signed.
func (w *world) signed(t testing.TB, as string, a *whodid.Approval, p *passkey.Passkey, credential string) (url.Values, *httptest.ResponseRecorder) {
	t.Helper()
	form := url.Values{"digest": {a.Digest}, "reason": {"reviewed with the team"}, "valid": {"15m"}, "decision": {"approve"}}
	told := w.post(t, as, "/approvals/"+a.ID+"/statement", form)
	var asked struct {
		Statement, Reason, Until string
		PublicKey                struct {
			Challenge        string              `json:"challenge"`
			RPID             string              `json:"rpId"`
			UserVerification string              `json:"userVerification"`
			AllowCredentials []map[string]string `json:"allowCredentials"`
		} `json:"public_key"`
	}
	if told.Code != http.StatusOK {
		return form, told
	}
	if err := json.Unmarshal(told.Body.Bytes(), &asked); err != nil || asked.PublicKey.RPID != site || asked.PublicKey.UserVerification != "required" || len(asked.PublicKey.AllowCredentials) != 1 {
		t.Fatalf("%v: %s", err, told.Body)
	}
	if !strings.Contains(asked.Statement, "arguments: "+a.Digest+"\n") || !strings.Contains(asked.Statement, "expires: "+asked.Until) {
		t.Errorf("it is asked to sign %s", asked.Statement)
	}
	answer := p.Answer(bytesOf(t, asked.PublicKey.Challenge))
	form.Set("until", asked.Until)
	form.Set("credential", text([]byte(credential)))
	form.Set("authenticator_data", text(answer.AuthenticatorData))
	form.Set("client_data", text(answer.ClientData))
	form.Set("signature", text(answer.Signature))
	return form, told
}

func (w *world) state(t testing.TB, id string) whodid.Approval {
	t.Helper()
	a, err := approval.New(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now).Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A person registers a passkey, signs a decision with it, and somebody who trusts
// nobody is shown that.
func TestPasskeySigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registered)
	p := passkey.New(t, site, 7)
	if a := w.register(t, "approver", p, "cred-1"); a.Code != http.StatusSeeOther || a.Header().Get("Location") != "/passkeys?done=registered" {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if body := w.get(t, "approver", "/passkeys").Body.String(); !strings.Contains(body, "The laptop at work") || !strings.Contains(body, `class="chip ok">counts`) {
		t.Errorf("the page says %s", body)
	}
	asked := w.ask(t, "shop")
	if body := w.get(t, "approver", "/approvals/"+asked.ID).Body.String(); !strings.Contains(body, "Sign it with my passkey") {
		t.Errorf("the page says %s", body)
	}
	p.Counter++
	form, _ := w.signed(t, "approver", &asked, p, "cred-1")
	if a := w.post(t, "approver", "/approvals/"+asked.ID+"/approve", form); a.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if body := w.get(t, "approver", "/approvals/"+asked.ID).Body.String(); !strings.Contains(body, "the passkey <bdi>The laptop at work") || !strings.Contains(body, "it holds") {
		t.Errorf("the page says %s", body)
	}
	d, err := w.tenant.Asker.ProveEvent(t.Context(), w.deploy(t, asked.ID))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.ParseKeys(w.Key)
	if err != nil {
		t.Fatal(err)
	}
	if v := dossier.Check(d, &dossier.Trust{Keys: keys}).Verdicts.Approval; v.State != proof.Conditional || !strings.Contains(v.Detail, "which they had registered by entry") {
		t.Errorf("to who knows no keys: %+v", v)
	}
	pinned, err := sshsig.ParseAllowedSigners([]byte("human:papprover " + p.Key.Line()))
	if err != nil {
		t.Fatal(err)
	}
	if v := dossier.Check(d, &dossier.Trust{Keys: keys, Signers: pinned}).Verdicts.Approval; v.State != proof.Proved {
		t.Errorf("to who knows the key: %+v", v)
	}
}

// deploy does what was approved, and returns the event.
func (w *world) deploy(t testing.TB, id string) string {
	t.Helper()
	a := w.state(t, id)
	s := approval.New(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now)
	list, err := w.tenant.Asker.Passkeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Trust(sshsig.Registered(list))
	who := approval.Who{Actor: "agent:ops/deployer", Auth: "hook", Source: "hook:claude-code"}
	if _, err := s.Use(t.Context(), a.ID, "ops/deployer", a.Digest, "Bash", "", who); err != nil {
		t.Fatal(err)
	}
	rows, err := w.tenant.Recorder.Record(t.Context(), whodid.Event{
		Key: "deploy/" + a.ID, What: "deploy.production", Actor: who.Actor, ActorAuth: "hook", Target: a.Target, At: time.Now(), Result: whodid.ResultSuccess, Source: who.Source, Approval: a.ID,
	})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows[0].ID
}

// What somebody could send in the place of a decision that their passkey signed.
func TestPasskeyAttacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registered)
	own, hers := passkey.New(t, site, 7), passkey.New(t, site, 8)
	for as, p := range map[string]*passkey.Passkey{"approver": own, "admin": hers} {
		p.Counter = 10
		if a := w.register(t, as, p, "cred-"+as); a.Code != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.Code, a.Body)
		}
	}
	other := w.ask(t, "another")
	of := func(change func(*passkey.Passkey)) *passkey.Passkey {
		p := *own
		p.Counter = 100
		change(&p)
		return &p
	}
	same := func(*passkey.Passkey) {}
	for name, test := range map[string]struct {
		by      *passkey.Passkey
		change  func(url.Values)
		reject  bool
		as      string
		refused int
	}{
		"another reason":             {of(same), func(v url.Values) { v.Set("reason", "not looked at") }, false, "approver", http.StatusForbidden},
		"a longer time":              {of(same), func(v url.Values) { v.Set("until", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)) }, false, "approver", http.StatusForbidden},
		"for ever":                   {of(same), func(v url.Values) { v.Set("until", "2199-01-01T00:00:00Z") }, false, "approver", http.StatusUnprocessableEntity},
		"the other decision":         {of(same), func(url.Values) {}, true, "approver", http.StatusForbidden},
		"by another person":          {of(same), func(url.Values) {}, false, "admin", http.StatusForbidden},
		"with another's credential":  {hers, func(v url.Values) { v.Set("credential", text([]byte("cred-admin"))) }, false, "approver", http.StatusForbidden},
		"signed by another's key":    {hers, func(url.Values) {}, false, "approver", http.StatusForbidden},
		"with an unknown credential": {of(same), func(v url.Values) { v.Set("credential", text([]byte("unknown"))) }, false, "approver", http.StatusForbidden},
		"not signed":                 {of(same), func(v url.Values) { v.Del("credential") }, false, "approver", http.StatusForbidden},
		"no signature":               {of(same), func(v url.Values) { v.Set("signature", "") }, false, "approver", http.StatusForbidden},
		"no base64":                  {of(same), func(v url.Values) { v.Set("client_data", "!") }, false, "approver", http.StatusBadRequest},
		"at another site":            {of(func(p *passkey.Passkey) { p.Origin = "https://evil.example" }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"for another site":           {of(func(p *passkey.Passkey) { p.Site = "evil.example" }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"within another site":        {of(func(p *passkey.Passkey) { p.Rest = `,"crossOrigin":true}` }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"when it was made":           {of(func(p *passkey.Passkey) { p.Type = "webauthn.create" }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"nobody was looked at":       {of(func(p *passkey.Passkey) { p.Flags = 1 }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"nobody was there":           {of(func(p *passkey.Passkey) { p.Flags = 4 }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"by a copy that counts less": {of(func(p *passkey.Passkey) { p.Counter = 10 }), func(url.Values) {}, false, "approver", http.StatusForbidden},
		"by one that counts no more": {of(func(p *passkey.Passkey) { p.Counter = 0 }), func(url.Values) {}, false, "approver", http.StatusForbidden},
	} {
		asked := w.ask(t, name)
		form, _ := w.signed(t, "approver", &asked, test.by, "cred-approver")
		test.change(form)
		do := "/approve"
		if test.reject {
			do = "/reject"
		}
		if a := w.post(t, test.as, "/approvals/"+asked.ID+do, form); a.Code != test.refused {
			t.Errorf("%s: %d, want %d\n%.900s", name, a.Code, test.refused, a.Body)
		}
		if now := w.state(t, asked.ID); now.State != whodid.ApprovalPending {
			t.Errorf("%s: it is %s", name, now.State)
		}
	}
	// What was signed for one approval does not do for another, and not twice.
	asked := w.ask(t, "shop")
	form, _ := w.signed(t, "approver", &asked, of(same), "cred-approver")
	form.Set("digest", other.Digest)
	if a := w.post(t, "approver", "/approvals/"+other.ID+"/approve", form); a.Code != http.StatusForbidden {
		t.Errorf("another approval: %d", a.Code)
	}
	form.Set("digest", asked.Digest)
	for _, want := range []int{http.StatusSeeOther, http.StatusConflict} {
		if a := w.post(t, "approver", "/approvals/"+asked.ID+"/approve", form); a.Code != want {
			t.Errorf("once more: %d, want %d\n%s", a.Code, want, a.Body)
		}
	}
}

func TestPasskeyRegistration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registered)
	p := passkey.New(t, site, 7)
	lie := func(change func(*passkey.Passkey)) *passkey.Passkey {
		q := *p
		change(&q)
		return &q
	}
	for name, q := range map[string]*passkey.Passkey{
		"at another site":      lie(func(q *passkey.Passkey) { q.Origin = "https://evil.example" }),
		"for another site":     lie(func(q *passkey.Passkey) { q.Site = "evil.example" }),
		"nobody was looked at": lie(func(q *passkey.Passkey) { q.Flags = 1 }),
		"within another site":  lie(func(q *passkey.Passkey) { q.Rest = `,"crossOrigin":true}` }),
	} {
		if a := w.register(t, "approver", q, "cred"); a.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	if a := w.post(t, "approver", "/passkeys", url.Values{"name": {"x"}}); a.Code != http.StatusConflict {
		t.Errorf("without a challenge: %d", a.Code)
	}
	for as, want := range map[string]int{"reader": http.StatusForbidden, "deciding": http.StatusForbidden} {
		if a := w.post(t, as, "/passkeys/challenge", nil); a.Code != want {
			t.Errorf("%s: %d", as, a.Code)
		}
	}
	if a := w.register(t, "approver", p, "cred"); a.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if a := w.register(t, "admin", p, "cred"); a.Code != http.StatusUnprocessableEntity {
		t.Errorf("the key of another: %d", a.Code)
	}
	hers := passkey.New(t, site, 8)
	if a := w.register(t, "admin", hers, "cred-2"); a.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if a := w.post(t, "approver", "/passkeys/revoke", url.Values{"key": {hers.Key.Fingerprint}, "reason": {"lost"}}); a.Code != http.StatusForbidden {
		t.Errorf("another's is revoked: %d", a.Code)
	}
	if body := w.get(t, "approver", "/passkeys").Body.String(); strings.Contains(body, hers.Key.Fingerprint) {
		t.Error("another's is shown")
	}
	asked := w.ask(t, "shop")
	form, _ := w.signed(t, "approver", &asked, lie(func(q *passkey.Passkey) { q.Counter = 5 }), "cred")
	if a := w.post(t, "admin", "/passkeys/revoke", url.Values{"key": {p.Key.Fingerprint}, "reason": {"lost"}}); a.Code != http.StatusSeeOther {
		t.Errorf("an administrator: %d\n%s", a.Code, a.Body)
	}
	if a := w.post(t, "approver", "/approvals/"+asked.ID+"/approve", form); a.Code != http.StatusForbidden {
		t.Errorf("a revoked one signs: %d", a.Code)
	}
	if a := w.register(t, "approver", p, "cred"); a.Code != http.StatusUnprocessableEntity {
		t.Errorf("a revoked one is registered again: %d", a.Code)
	}
	if _, told := w.signed(t, "approver", &asked, p, "cred"); told.Code != http.StatusConflict {
		t.Errorf("without a passkey: %d", told.Code)
	}
	if body := w.get(t, "approver", "/passkeys").Body.String(); !strings.Contains(body, "revoked") || !strings.Contains(body, "lost") {
		t.Errorf("the page says %s", body)
	}
	// Where a file says whose keys count, a registered one needs a line of it.
	file := newWorld(t, func(o *page.Options) {
		registered(o)
		o.Signers = func(context.Context, *server.Tenant) (*sshsig.AllowedSigners, error) {
			return sshsig.ParseAllowedSigners([]byte("human:padmin " + p.Key.Line()))
		}
	})
	if a := file.register(t, "approver", p, "cred"); a.Code != http.StatusSeeOther {
		t.Fatalf("%d", a.Code)
	}
	if body := file.get(t, "approver", "/passkeys").Body.String(); !strings.Contains(body, "does not count here") || !strings.Contains(body, "human:papprover namespaces=") {
		t.Errorf("the page says %s", body)
	}
}
