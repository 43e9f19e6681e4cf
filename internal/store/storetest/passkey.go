package storetest

import (
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var passkeyTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"passkeys, and what was done with a key": testPasskeys,
}

func testPasskeys(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	part := func(key, part, by string) whodid.Event {
		e := whodid.Event{Key: whodid.PasskeyKey(key, part), What: "passkey." + part, Actor: whodid.HumanActor(by), ActorAuth: "oidc", Source: "page", At: Epoch, Data: whodid.Data{"signing_key": key}}
		if part == whodid.PasskeyRegistration {
			e.Data["public_key"], e.Data["credential_id"] = "ssh-ed25519 "+key, "00"
		}
		return e
	}
	signed := func(what, id, key string) whodid.Event {
		return whodid.Event{
			Key: whodid.ApprovalKey(id, whodid.ApprovalDecisionPart), What: what, Approval: id, Actor: whodid.HumanActor("p1"), Source: "page", At: Epoch, Data: whodid.Data{"digest": "d", "signing_key": key},
		}
	}
	last := func(key, want string) {
		t.Helper()
		e, ok, err := s.LastOfKey(t.Context(), "default", key)
		if err != nil || ok != (want != "") || e.Key != want {
			t.Errorf("the last of %s is %q, %v, want %q", key, e.Key, err, want)
		}
	}
	b.Append(t, part("SHA256:a", "register", "p1"), part("SHA256:b", "register", "p2"), signed("approval.grant", "appr-aaaaaaaaaaaaaaaa", "SHA256:a"), signed("approval.reject", "appr-bbbbbbbbbbbbbbbb", "SHA256:c"))
	NewBook(t, s, "other").Append(t, part("SHA256:o", "register", "p1"), part("SHA256:b", "revoke", "p1"))
	last("SHA256:a", whodid.ApprovalKey("appr-aaaaaaaaaaaaaaaa", whodid.ApprovalDecisionPart))
	last("SHA256:b", whodid.PasskeyKey("SHA256:b", "register"))
	last("SHA256:c", whodid.ApprovalKey("appr-bbbbbbbbbbbbbbbb", whodid.ApprovalDecisionPart))
	last("SHA256:o", "")
	last("a\x00", "")
	b.Append(t, part("SHA256:a", "revoke", "p3"))
	last("SHA256:a", whodid.PasskeyKey("SHA256:a", "revoke"))
	list, err := s.Passkeys(t.Context(), "default")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if a := list[0]; a.Fingerprint != "SHA256:a" || a.Person != "human:p1" || a.Auth != "oidc" || a.RevokedBy != "human:p3" || a.RevokedAt.IsZero() || a.RegisteredAt.IsZero() || a.Event == "" {
		t.Errorf("%+v", a)
	}
	if b := list[1]; b.Fingerprint != "SHA256:b" || b.Person != "human:p2" || !b.RevokedAt.IsZero() {
		t.Errorf("%+v", b)
	}
}
