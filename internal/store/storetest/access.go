package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/store"
)

var accessTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"tokens come back as they were kept":     testTokens,
	"a token is revoked once and for good":   testRevokeToken,
	"a token's use is noted coarsely":        testUseToken,
	"two tokens of one name are not at once": testTokenNames,
}

// token is a token of the suite.
func token(org string, n int) *store.Token {
	hash := sha256.Sum256(fmt.Append(nil, org, n))
	return &store.Token{
		Org: org, ID: fmt.Sprint("tok-", n), Name: fmt.Sprint("token-", n), Hash: hash[:], Role: "reader", Squads: []string{"eng", "ops"},
		CreatedAt: Epoch.Add(time.Duration(n) * time.Second), CreatedBy: "human:p1", ExpiresAt: Epoch.AddDate(0, 3, 0),
	}
}

func keep(t *testing.T, s *store.Store, tokens ...*store.Token) {
	t.Helper()
	for _, k := range tokens {
		if err := s.CreateToken(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
}

func testTokens(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	first, second, other := token("acme", 1), token("acme", 2), token("other", 1)
	second.Squads, second.Agent, second.ExpiresAt = nil, "eng/builder", time.Time{}
	keep(t, s, first, second, other)
	again := open(t)
	got, err := again.Tokens(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]store.Token{*second, *first}, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	for _, want := range []*store.Token{first, second, other} {
		found, err := again.TokenByHash(t.Context(), want.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("by its hash (-want +got):\n%s", diff)
		}
	}
	unknown := sha256.Sum256([]byte("unknown"))
	for _, hash := range [][]byte{unknown[:], first.Hash[:31], {}, nil} {
		if found, err := s.TokenByHash(t.Context(), hash); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("by the hash %x: %v, %v; want ErrNotFound", hash, found, err)
		}
	}
}

func testRevokeToken(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	keep(t, s, token("acme", 1), token("other", 1))
	if changed, err := s.RevokeToken(t.Context(), "acme", "tok-2", Epoch, "human:p2"); changed || err != nil {
		t.Errorf("a token that is not there was revoked: %t, %v", changed, err)
	}
	at := Epoch.Add(time.Hour)
	if changed, err := s.RevokeToken(t.Context(), "acme", "tok-1", at, "human:p2"); !changed || err != nil {
		t.Fatalf("revoked: %t, %v", changed, err)
	}
	if changed, err := s.RevokeToken(t.Context(), "acme", "tok-1", at.Add(time.Hour), "human:p3"); changed || err != nil {
		t.Errorf("revoked again: %t, %v", changed, err)
	}
	if err := s.UseToken(t.Context(), "acme", "tok-1", at.Add(time.Hour), time.Minute); err != nil {
		t.Errorf("the use of one that was revoked a moment ago: %v", err)
	}
	found, err := s.TokenByHash(t.Context(), token("acme", 1).Hash)
	if err != nil || !found.RevokedAt.Equal(at) || found.RevokedBy != "human:p2" || !found.LastUsedAt.IsZero() {
		t.Errorf("%+v, %v; want the first revocation and no use", found, err)
	}
	if found, err := s.TokenByHash(t.Context(), token("other", 1).Hash); err != nil || !found.RevokedAt.IsZero() {
		t.Errorf("another organisation's token of the same id: %+v, %v", found, err)
	}
}

func testUseToken(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	keep(t, s, token("acme", 1))
	for _, use := range []struct{ at, want time.Duration }{
		{1 * time.Minute, 1 * time.Minute},
		{30 * time.Minute, 1 * time.Minute},
		{61 * time.Minute, 61 * time.Minute},
		{5 * time.Minute, 61 * time.Minute}, // a clock that is behind
	} {
		if err := s.UseToken(t.Context(), "acme", "tok-1", Epoch.Add(use.at), time.Hour); err != nil {
			t.Fatal(err)
		}
		found, err := s.Tokens(t.Context(), "acme")
		if err != nil || len(found) != 1 || !found[0].LastUsedAt.Equal(Epoch.Add(use.want)) {
			t.Errorf("after a use at %s: %+v, %v; want %s", use.at, found, err, use.want)
		}
	}
}

func testTokenNames(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	keep(t, s, token("acme", 1))
	same := token("acme", 2)
	same.Name = "token-1"
	if err := s.CreateToken(t.Context(), same); !errors.Is(err, store.ErrTaken) {
		t.Errorf("a second token of the name: %v, want ErrTaken", err)
	}
	elsewhere := token("other", 2)
	elsewhere.Name = "token-1"
	keep(t, s, elsewhere)
	if _, err := s.RevokeToken(t.Context(), "acme", "tok-1", Epoch, "human:p1"); err != nil {
		t.Fatal(err)
	}
	keep(t, s, same)
}
