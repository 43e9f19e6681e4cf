package whodid_test

import (
	"errors"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

func registration(change func(*whodid.Event)) whodid.Event {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	e := whodid.Event{
		Org: "acme", Key: whodid.PasskeyKey("SHA256:a", whodid.PasskeyRegistration), What: "passkey.register", Actor: "human:ada", ActorAuth: "oidc", At: at, RecordedAt: at, Source: "page", Target: "laptop",
		Data: whodid.Data{"signing_key": "SHA256:a", "public_key": "ssh-ed25519 AAAA", "credential_id": "00", "sign_count": int64(3)},
	}
	change(&e)
	return e
}

// People register passkeys, each in its own place, and nothing else takes that.
func TestValidatePasskey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*whodid.Event)
		valid  bool
	}{
		"as it is": {func(*whodid.Event) {}, true},
		"revoked": {func(e *whodid.Event) {
			e.What, e.Key, e.Data = "passkey.revoke", whodid.PasskeyKey("SHA256:a", "revoke"), whodid.Data{"signing_key": "SHA256:a"}
		}, true},
		"by an agent":           {func(e *whodid.Event) { e.Actor = "agent:ops/bot" }, false},
		"by the product":        {func(e *whodid.Event) { e.Actor = whodid.System }, false},
		"by nobody known":       {func(e *whodid.Event) { e.Actor = whodid.ErasedPerson }, false},
		"in the place of one":   {func(e *whodid.Event) { e.Key = whodid.PasskeyKey("SHA256:b", "register") }, false},
		"in another place":      {func(e *whodid.Event) { e.Key = "mine" }, false},
		"as its own revocation": {func(e *whodid.Event) { e.What = "passkey.revoke" }, false},
		"without a key":         {func(e *whodid.Event) { delete(e.Data, "public_key") }, false},
		"without an id":         {func(e *whodid.Event) { delete(e.Data, "credential_id") }, false},
		"without a fingerprint": {func(e *whodid.Event) { delete(e.Data, "signing_key") }, false},
		"something else there":  {func(e *whodid.Event) { e.What, e.Data = "decision.record", whodid.Data{} }, false},
		"a verb of one's own":   {func(e *whodid.Event) { e.What, e.Key, e.Data = "passkey.use", "mine", whodid.Data{} }, false},
	} {
		e := registration(test.change)
		if err := e.Validate(); (err == nil) != test.valid || err != nil && !errors.Is(err, whodid.ErrInvalid) {
			t.Errorf("%s: %v, want that it is valid: %t", name, err, test.valid)
		}
	}
	if whodid.Travels("passkey.register") {
		t.Error("another trail may tell who registered a passkey")
	}
}

func TestFoldPasskeys(t *testing.T) {
	t.Parallel()
	revoked := registration(func(e *whodid.Event) {
		e.What, e.Key, e.Why, e.Actor = "passkey.revoke", whodid.PasskeyKey("SHA256:a", "revoke"), "lost", "human:admin"
		e.RecordedAt = e.RecordedAt.Add(time.Hour)
	})
	erased := registration(func(e *whodid.Event) { e.Key, e.Data = whodid.PasskeyKey("SHA256:b", "register"), nil })
	got := whodid.FoldPasskeys([]whodid.Event{revoked, erased, registration(func(*whodid.Event) {})})
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	if k := got[0]; k.Fingerprint != "SHA256:a" || k.Person != "human:ada" || k.Name != "laptop" || k.Counter != 3 || k.RevokedBy != "human:admin" || k.Why != "lost" || k.RevokedAt.Sub(k.RegisteredAt) != time.Hour {
		t.Errorf("%+v", k)
	}
}
