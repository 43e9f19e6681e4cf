package page_test

import (
	"bytes"
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
	"github.com/whodid/whodid/internal/testenv/passkey"
	"github.com/whodid/whodid/proof/sshsig"
)

// vouch lets a passkey vouch for the one of a form, as the page's script does.
func (w *world) vouch(t testing.TB, as string, form url.Values, by *passkey.Passkey, credential string) {
	t.Helper()
	var asked struct {
		Challenge        string              `json:"challenge"`
		RPID             string              `json:"rpId"`
		UserVerification string              `json:"userVerification"`
		AllowCredentials []map[string]string `json:"allowCredentials"`
	}
	a := w.post(t, as, "/passkeys/vouch", form)
	if err := json.Unmarshal(a.Body.Bytes(), &asked); err != nil || asked.RPID != site || asked.UserVerification != "required" || len(asked.AllowCredentials) == 0 {
		t.Fatalf("%d, %v: %s", a.Code, err, a.Body)
	}
	signs(form, by.Answer(bytesOf(t, asked.Challenge)), credential)
}

func signs(form url.Values, a *sshsig.Assertion, credential string) {
	form.Set("voucher", text([]byte(credential)))
	form.Set("vouch_data", text(a.AuthenticatorData))
	form.Set("vouch_client", text(a.ClientData))
	form.Set("vouch_signature", text(a.Signature))
}

// Who stole a session, and has none of the person's passkeys, adds none of their own,
// and makes no room for one.
func TestStolenSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registered)
	own, second, thief, hers := passkey.New(t, site, 7), passkey.New(t, site, 8), passkey.New(t, site, 9), passkey.New(t, site, 10)
	own.Counter = 10
	for as, p := range map[string]*passkey.Passkey{"approver": own, "admin": hers} {
		if a := w.register(t, as, p, "cred-"+as); a.Code != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.Code, a.Body)
		}
	}
	of := func(p *passkey.Passkey, change func(*passkey.Passkey)) *passkey.Passkey {
		q := *p
		q.Counter = 100
		change(&q)
		return &q
	}
	same := func(*passkey.Passkey) {}
	for name, test := range map[string]struct {
		as, credential string
		by             *passkey.Passkey
	}{
		"by itself":                  {"approver", "cred-thief", thief},
		"in the name of theirs":      {"approver", "cred-approver", thief},
		"another person's":           {"approver", "cred-admin", of(hers, same)},
		"at another site":            {"approver", "cred-approver", of(own, func(p *passkey.Passkey) { p.Origin = "https://evil.example" })},
		"for another site":           {"approver", "cred-approver", of(own, func(p *passkey.Passkey) { p.Site = "evil.example" })},
		"within another site":        {"approver", "cred-approver", of(own, func(p *passkey.Passkey) { p.Rest = `,"crossOrigin":true}` })},
		"nobody was looked at":       {"approver", "cred-approver", of(own, func(p *passkey.Passkey) { p.Flags = 1 })},
		"by a copy that counts less": {"approver", "cred-approver", of(own, func(p *passkey.Passkey) { p.Counter = 10 })},
		"an administrator's session": {"admin", "cred-approver", of(own, same)},
	} {
		form, cookies := w.made(t, test.as, thief, "cred-thief")
		w.vouch(t, test.as, form, test.by, test.credential)
		if a := w.post(t, test.as, "/passkeys", form, cookies...); a.Code != http.StatusForbidden {
			t.Errorf("%s: %d\n%.600s", name, a.Code, a.Body)
		}
	}
	refuse := func(name string, a *httptest.ResponseRecorder) {
		t.Helper()
		if a.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, a.Code, a.Body)
		}
	}
	refuse("without a word of another", w.register(t, "approver", thief, "cred-thief"))
	// What it signed for another purpose does not do.
	form, cookies := w.made(t, "approver", thief, "cred-thief")
	vouched, _ := w.made(t, "approver", second, "cred-second")
	w.vouch(t, "approver", vouched, of(own, same), "cred-approver")
	for _, name := range []string{"voucher", "vouch_data", "vouch_client", "vouch_signature"} {
		form.Set(name, vouched.Get(name))
	}
	refuse("with a word for another key", w.post(t, "approver", "/passkeys", form, cookies...))
	form, cookies = w.made(t, "approver", thief, "cred-thief")
	signs(form, of(own, same).Answer(sshsig.Challenge(whodid.VouchStatement("human:papprover", thief.Key.Fingerprint), whodid.SSHNamespace)), "cred-approver")
	refuse("signed as a decision", w.post(t, "approver", "/passkeys", form, cookies...))
	// Nor does the room that a revocation makes, which is an administrator's to make.
	for as, p := range map[string]*passkey.Passkey{"approver": own, "admin": hers} {
		refuse(as+" revokes their last", w.post(t, as, "/passkeys/revoke", url.Values{"key": {p.Key.Fingerprint}, "reason": {"lost"}}))
	}
	told, err := json.Marshal(map[string]any{
		"key": whodid.PasskeyKey(thief.Key.Fingerprint, whodid.PasskeyRegistration), "what": "passkey.register",
		"metadata": map[string]any{"signing_key": thief.Key.Fingerprint, "public_key": thief.Key.Line(), "credential_id": "00"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", bytes.NewReader(told))
	r.Header.Set("Authorization", "Bearer admin")
	r.Header.Set("Content-Type", "application/json")
	over := httptest.NewRecorder()
	w.handler.ServeHTTP(over, r)
	refuse("over the API", over)
	if list, err := w.tenant.Asker.Passkeys(t.Context()); err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	// The person adds one, whose event proves who vouched for it.
	form, cookies = w.made(t, "approver", second, "cred-second")
	w.vouch(t, "approver", form, of(own, same), "cred-approver")
	if a := w.post(t, "approver", "/passkeys", form, cookies...); a.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	list, err := w.tenant.Asker.PasskeysOf(t.Context(), "human:papprover", false)
	if err != nil || len(list.Passkeys) != 2 || list.Passkeys[0].VouchedBy != "" || list.Passkeys[1].VouchedBy != own.Key.Fingerprint {
		t.Fatalf("%+v, %v", list, err)
	}
	e, err := w.tenant.Asker.Event(t.Context(), list.Passkeys[1].EventID, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sshsig.Verify(whodid.VouchStatement("human:papprover", second.Key.Fingerprint), []byte(strings.Join(e.Metadata.List("vouch"), "")), whodid.VouchNamespace)
	if err != nil || key.Fingerprint != own.Key.Fingerprint {
		t.Errorf("%+v, %v", key, err)
	}
	// With two they revoke one; with none, by an administrator, they begin again.
	if a := w.post(t, "approver", "/passkeys/revoke", url.Values{"key": {own.Key.Fingerprint}, "reason": {"retired"}}); a.Code != http.StatusSeeOther {
		t.Errorf("one of two is revoked: %d", a.Code)
	}
	form, cookies = w.made(t, "approver", thief, "cred-thief")
	w.vouch(t, "approver", form, of(own, func(p *passkey.Passkey) { p.Counter = 200 }), "cred-approver")
	refuse("a revoked one vouches", w.post(t, "approver", "/passkeys", form, cookies...))
	if a := w.post(t, "admin", "/passkeys/revoke", url.Values{"key": {second.Key.Fingerprint}, "reason": {"lost"}}); a.Code != http.StatusSeeOther {
		t.Errorf("an administrator: %d", a.Code)
	}
	if a := w.post(t, "approver", "/passkeys/vouch", nil); strings.TrimSpace(a.Body.String()) != "null" {
		t.Errorf("the first is to be vouched for: %s", a.Body)
	}
	if a := w.register(t, "approver", passkey.New(t, site, 11), "cred-new"); a.Code != http.StatusSeeOther {
		t.Errorf("the first after all are lost: %d", a.Code)
	}
	// Whoever runs the machine of the trail reaches every one.
	keeper := approval.NewPasskeys(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now)
	if k, err := keeper.Revoke(t.Context(), hers.Key.Fingerprint, "lost", approval.AnyPasskey, approval.Who{Actor: "human:padmin", Auth: "os-user", Source: "cli"}); err != nil || k.RevokedAt.IsZero() {
		t.Errorf("%+v, %v", k, err)
	}
}
