// Package apitest runs the API on a real trail, for the tests of all who speak
// to it.
package apitest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// World is a real server on a real trail.
type World struct {
	URL string
	// Handler is the server itself.
	Handler http.Handler
	Store   *store.Store
	Key     string // the log's public key
	// Identities are who the tokens are of.
	Identities map[string]auth.Identity
	Tenants    map[string]*server.Tenant
}

// Authenticate takes the name of an identity for its token.
func (w *World) Authenticate(r *http.Request) (auth.Identity, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	id, ok := w.Identities[token]
	if !ok {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	return id, nil
}

type tenants map[string]*server.Tenant

func (m tenants) Tenant(_ context.Context, org string) (*server.Tenant, error) { return m[org], nil }

// Org is the organisation of most identities.
const Org = "acme"

// New serves a new trail on an address of store.
func New(t testing.TB, address string) *World {
	t.Helper()
	s := storetest.Open(t, address)
	w := &World{Store: s, Identities: map[string]auth.Identity{
		"admin":    {Org: Org, Role: auth.RoleAdmin, Actor: "human:padmin", ActorAuth: "token", Credential: "tok-admin"},
		"recorder": {Org: Org, Role: auth.RoleRecorder, Actor: "system:ci", ActorAuth: "token", Credential: "tok-recorder"},
		"bound":    {Org: Org, Role: auth.RoleRecorder, Actor: "agent:eng/solver", ActorAuth: "token", Credential: "tok-bound"},
		"reader":   {Org: Org, Role: auth.RoleReader, Actor: "human:preader", ActorAuth: "oidc", Credential: "ses-reader"},
		"eng":      {Org: Org, Role: auth.RoleReader, Actor: "human:peng", ActorAuth: "oidc", Credential: "ses-eng", Squads: []string{"eng"}},
		"approver": {Org: Org, Role: auth.RoleApprover, Actor: "human:papprover", ActorAuth: "oidc", Credential: "ses-approver"},
		"deciding": {Org: Org, Role: auth.RoleApprover, Actor: "system:bot", ActorAuth: "token", Credential: "tok-deciding"},
		"auditor":  {Org: Org, Role: auth.RoleAuditor, Actor: "human:pauditor", ActorAuth: "oidc", Credential: "ses-auditor"},
		"other":    {Org: "globex", Role: auth.RoleAdmin, Actor: "human:pother", ActorAuth: "token", Credential: "tok-other"},
	}}
	m := tenants{}
	w.Tenants = m
	for _, name := range []string{Org, "globex"} {
		private, public, err := ledger.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		if name == Org {
			w.Key = public
		}
		m[name] = &server.Tenant{
			Org: name, Recorder: recordtest.Open(t, s, name, private, public, time.Now), Asker: ask.New(s, name, time.Now),
			Pseudonym: func(identity string) string { return fmt.Sprintf("p%x", sha256.Sum256([]byte(identity)))[:16] },
		}
	}
	a := api.New(api.Options{Now: time.Now, Poll: 10 * time.Millisecond, Heartbeat: 50 * time.Millisecond})
	w.Handler = server.New(server.Options{Tenants: m, Authenticator: w, Now: time.Now}, a.Routes()...)
	h := httptest.NewServer(w.Handler)
	t.Cleanup(h.Close)
	w.URL = h.URL
	return w
}

// OnBothStores runs a test against a server on each engine.
func OnBothStores(t *testing.T, test func(t *testing.T, w *World)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(t, New(t, testenv.Trail(t, engine))) })
}

// Serve is New for examples, which have no test: it serves a new trail until
// stop is called, and ends the program if it can't.
func Serve(address string) (url string, stop func()) {
	t := &exampleT{}
	w := New(t, address)
	return w.URL, func() {
		for _, f := range slices.Backward(t.cleanups) {
			f()
		}
	}
}

// exampleT is as much of a test as New needs.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (*exampleT) Helper()                  {}
func (t *exampleT) Cleanup(f func())       { t.cleanups = append(t.cleanups, f) }
func (*exampleT) Context() context.Context { return context.Background() }
func (*exampleT) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }
