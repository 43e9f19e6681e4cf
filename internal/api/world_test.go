package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
)

// world is a real server on a real trail.
type world struct {
	t     *testing.T
	url   string
	store *store.Store
	key   string // the log's public key
	// identities are who the tokens are of.
	identities map[string]auth.Identity
}

func (w *world) Authenticate(r *http.Request) (auth.Identity, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	id, ok := w.identities[token]
	if !ok {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	return id, nil
}

type tenants map[string]*server.Tenant

func (m tenants) Tenant(_ context.Context, org string) (*server.Tenant, error) { return m[org], nil }

const org = "acme"

// newWorld serves a new trail on an address of store.
func newWorld(t *testing.T, address string) *world {
	t.Helper()
	l, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	redactor, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, identities: map[string]auth.Identity{
		"admin":    {Org: org, Role: auth.RoleAdmin, Actor: "human:padmin", ActorAuth: "token", Credential: "tok-admin"},
		"recorder": {Org: org, Role: auth.RoleRecorder, Actor: "system:ci", ActorAuth: "token", Credential: "tok-recorder"},
		"bound":    {Org: org, Role: auth.RoleRecorder, Actor: "agent:eng/solver", ActorAuth: "token", Credential: "tok-bound"},
		"reader":   {Org: org, Role: auth.RoleReader, Actor: "human:preader", ActorAuth: "oidc", Credential: "ses-reader"},
		"eng":      {Org: org, Role: auth.RoleReader, Actor: "human:peng", ActorAuth: "oidc", Credential: "ses-eng", Squads: []string{"eng"}},
		"auditor":  {Org: org, Role: auth.RoleAuditor, Actor: "human:pauditor", ActorAuth: "oidc", Credential: "ses-auditor"},
		"other":    {Org: "globex", Role: auth.RoleAdmin, Actor: "human:pother", ActorAuth: "token", Credential: "tok-other"},
	}}
	m := tenants{}
	for _, name := range []string{org, "globex"} {
		private, public, err := ledger.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		log, err := ledger.Open(t.Context(), s, name, private, public, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if name == org {
			w.key = public
		}
		m[name] = &server.Tenant{
			Org: name, Recorder: record.New(name, log, s, redactor, time.Now), Asker: ask.New(s, name, time.Now),
			Pseudonym: func(identity string) string { return "p" + identity },
		}
	}
	a := api.New(api.Options{Now: time.Now, Poll: 10 * time.Millisecond, Heartbeat: 50 * time.Millisecond})
	h := httptest.NewServer(server.New(server.Options{Tenants: m, Authenticator: w, Now: time.Now}, a.Routes()...))
	t.Cleanup(h.Close)
	w.url = h.URL
	return w
}

// onBothStores runs a test against a server on SQLite, and on PostgreSQL where
// a server is named.
func onBothStores(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, filepath.Join(t.TempDir(), "trail.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(testenv.PostgresVariable) == "" {
			t.Skipf("%s names no server", testenv.PostgresVariable)
		}
		t.Parallel()
		test(t, newWorld(t, testenv.Postgres(t)))
	})
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call makes one request; header is names and values.
func (w *world) call(token, method, path, body string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// ok makes a request that must succeed, and reads the answer into out.
func (w *world) ok(out any, token, method, path, body string, header ...string) {
	w.t.Helper()
	a := w.call(token, method, path, body, header...)
	if a.status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if out == nil {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	if err := dec.Decode(out); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", method, path, err, a.body)
	}
}
