package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// world is a trail with the tokens of an organisation, and a clock.
type world struct {
	store  *store.Store
	tokens *auth.Tokens
	now    atomic.Pointer[time.Time]
	// lookups counts how often the database was asked for a token.
	lookups atomic.Int64
}

func (w *world) clock() time.Time { return *w.now.Load() }

func (w *world) pass(d time.Duration) {
	t := w.clock().Add(d)
	w.now.Store(&t)
}

func (w *world) TokenByHash(ctx context.Context, hash []byte) (*store.Token, error) {
	w.lookups.Add(1)
	return w.store.TokenByHash(ctx, hash)
}

func (w *world) UseToken(ctx context.Context, org, id string, at time.Time, coarse time.Duration) error {
	return w.store.UseToken(ctx, org, id, at, coarse)
}

var by = auth.By{Actor: "human:p1", Auth: "os-user", Source: "cli"}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	w := &world{store: s}
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	w.now.Store(&now)
	w.tokens = auth.NewTokens("acme", s, recordtest.New(t, s, "acme", w.clock), w.clock)
	return w
}

func (w *world) make(t *testing.T, q auth.TokenRequest) (auth.Token, string) {
	t.Helper()
	made, secret, _, err := w.tokens.Create(t.Context(), q, by)
	if err != nil {
		t.Fatal(err)
	}
	return made, secret
}

func request(t *testing.T, authorization string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/logs", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := auth.NewTokenAuthenticator(w, w.clock)
	made, secret := w.make(t, auth.TokenRequest{Name: "ci", Role: auth.RoleRecorder, Agent: "eng/builder", Expires: w.clock().Add(time.Hour)})
	reader, readerSecret := w.make(t, auth.TokenRequest{Name: "board", Role: auth.RoleReader, Squads: []string{"eng"}})

	id, err := a.Authenticate(request(t, "Bearer "+secret))
	if err != nil || id.Org != "acme" || id.Actor != "agent:eng/builder" || id.ActorAuth != "token" || id.Role != auth.RoleRecorder || id.Credential != made.ID {
		t.Errorf("%+v, %v", id, err)
	}
	basic := request(t, "")
	basic.SetBasicAuth("whatever", readerSecret)
	if id, err = a.Authenticate(basic); err != nil || id.Actor != "system:"+reader.ID || len(id.Squads) != 1 || id.Squads[0] != "eng" {
		t.Errorf("%+v, %v", id, err)
	}
	for _, header := range []string{
		"", "Bearer", "Bearer ", secret, "Token " + secret, "Basic " + secret, "Bearer " + secret[:len(secret)-1], "Bearer " + secret + "x",
		"bearer x", "Bearer  ", "Bearer " + secret + "," + secret,
	} {
		if id, err := a.Authenticate(request(t, header)); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%q was let in: %+v, %v", header, id, err)
		}
	}
	w.pass(2 * time.Hour)
	if _, err := a.Authenticate(request(t, "Bearer "+secret)); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("a token that expired was let in: %v", err)
	}
	if _, err := a.Authenticate(request(t, "Bearer "+readerSecret)); err != nil {
		t.Errorf("one that never expires was not: %v", err)
	}
}

// TestRevocation revokes through another process's eyes: the authenticator
// remembers for five seconds, and no longer.
func TestRevocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := auth.NewTokenAuthenticator(w, w.clock)
	made, secret := w.make(t, auth.TokenRequest{Name: "ci", Role: auth.RoleRecorder})
	let := func() error {
		_, err := a.Authenticate(request(t, "Bearer "+secret))
		return err
	}
	for range 100 {
		if err := let(); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.lookups.Load(); n != 1 {
		t.Errorf("the database was asked %d times for a hundred requests, want once", n)
	}
	gone, event, changed, err := w.tokens.Revoke(t.Context(), "ci", by)
	if err != nil || !changed || gone.State != auth.TokenRevoked || gone.RevokedBy != by.Actor {
		t.Fatalf("%+v, %t, %v", gone, changed, err)
	}
	w.pass(auth.Remembered)
	if err := let(); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("let in %s after it was revoked: %v", auth.Remembered, err)
	}
	// Again it is the same fact.
	if _, again, changed, err := w.tokens.Revoke(t.Context(), made.ID, by); err != nil || changed || again != event {
		t.Errorf("revoked again: event %s of %s, changed %t, %v", again, event, changed, err)
	}
	// The name is free again, and the old token stays dead.
	w.make(t, auth.TokenRequest{Name: "ci", Role: auth.RoleAdmin})
	if err := let(); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("a new token of the name brought the old one back: %v", err)
	}
	rows, err := w.store.Events(t.Context(), "acme", store.EventFilter{What: "token.*"})
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d events, %v; want two of creation and one of revocation", len(rows), err)
	}
	for i := range rows {
		if rows[i].Actor != by.Actor || rows[i].Data.String("token") == "" {
			t.Errorf("event %+v", rows[i].Event)
		}
	}
}

func TestLastUsedIsCoarse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := auth.NewTokenAuthenticator(w, w.clock)
	_, secret := w.make(t, auth.TokenRequest{Name: "ci", Role: auth.RoleRecorder})
	used := func() *time.Time {
		list, err := w.tokens.List(t.Context(), true)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0].LastUsedAt
	}
	if used() != nil {
		t.Errorf("used %v before it was", used())
	}
	first := w.clock()
	for range 20 {
		if _, err := a.Authenticate(request(t, "Bearer "+secret)); err != nil {
			t.Fatal(err)
		}
		w.pass(2 * time.Minute)
	}
	if !used().Equal(first) {
		t.Errorf("last used %v, want the first use within the hour, %v", used(), first)
	}
	w.pass(time.Hour)
	if _, err := a.Authenticate(request(t, "Bearer "+secret)); err != nil || !used().Equal(w.clock()) {
		t.Errorf("last used %v, want %v; %v", used(), w.clock(), err)
	}
}

// TestGuessing sends wrong tokens: soon the database is not asked any more, and
// a client behind the same address whose token is good goes on.
func TestGuessing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := auth.NewTokenAuthenticator(w, w.clock)
	_, good := w.make(t, auth.TokenRequest{Name: "good", Role: auth.RoleRecorder})
	if _, err := a.Authenticate(request(t, "Bearer "+good)); err != nil {
		t.Fatal(err)
	}
	other := newWorld(t) // of whose tokens this world knows nothing
	counts := map[string]int{}
	before := w.lookups.Load()
	for n := range 100 {
		_, wrong := other.make(t, auth.TokenRequest{Name: whodid.NewID("n"), Role: auth.RoleRecorder})
		if n%2 == 0 {
			wrong = "guess"
		}
		switch _, err := a.Authenticate(request(t, "Bearer "+wrong)); {
		case errors.Is(err, auth.ErrUnauthenticated):
			counts["401"]++
		case errors.Is(err, auth.ErrTooMany):
			counts["429"]++
		default:
			t.Fatalf("a guess: %v", err)
		}
	}
	if counts["401"] != 20 || counts["429"] != 80 || w.lookups.Load()-before > 20 {
		t.Errorf("%v with %d questions to the database, want 20 answers", counts, w.lookups.Load()-before)
	}
	w.pass(auth.Remembered)
	if _, err := a.Authenticate(request(t, "Bearer "+good)); err != nil {
		t.Errorf("who shows a good token is kept out: %v", err)
	}
	w.pass(time.Minute)
	if _, err := a.Authenticate(request(t, "Bearer guess")); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("after a minute: %v", err)
	}
	elsewhere := request(t, "Bearer guess")
	elsewhere.RemoteAddr = "[2001:db8::1]:80"
	if _, err := a.Authenticate(elsewhere); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("from elsewhere: %v", err)
	}
}

func TestTokenRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t, auth.TokenRequest{Name: "taken", Role: auth.RoleReader})
	for name, q := range map[string]auth.TokenRequest{
		"no name":                    {Role: auth.RoleReader},
		"a name of several words":    {Name: "a b", Role: auth.RoleReader},
		"a name that is taken":       {Name: "taken", Role: auth.RoleReader},
		"no role":                    {Name: "x"},
		"an unknown role":            {Name: "x", Role: "root"},
		"an agent without a squad":   {Name: "x", Role: auth.RoleRecorder, Agent: "builder"},
		"a reader of an agent":       {Name: "x", Role: auth.RoleReader, Agent: "eng/builder"},
		"an agent of another squad":  {Name: "x", Role: auth.RoleRecorder, Agent: "eng/builder", Squads: []string{"eng"}},
		"a squad that is none":       {Name: "x", Role: auth.RoleReader, Squads: []string{"a/b"}},
		"a recorder of a squad":      {Name: "x", Role: auth.RoleRecorder, Squads: []string{"eng"}},
		"an admin of a squad":        {Name: "x", Role: auth.RoleAdmin, Squads: []string{"eng"}},
		"one that expired yesterday": {Name: "x", Role: auth.RoleReader, Expires: w.clock().Add(-24 * time.Hour)},
	} {
		if _, _, _, err := w.tokens.Create(t.Context(), q, by); !errors.Is(err, auth.ErrBadToken) {
			t.Errorf("%s: %v, want ErrBadToken", name, err)
		}
	}
	rows, err := w.store.Events(t.Context(), "acme", store.EventFilter{What: "token.create"})
	if err != nil || len(rows) != 1 {
		t.Errorf("%d events, %v: what was refused left one", len(rows), err)
	}
}
