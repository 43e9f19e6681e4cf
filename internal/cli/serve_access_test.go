package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/door/signin"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
)

// TestEveryRoleAtEveryDoor sends each role to each door that the real server
// has, those that are still to come too: who may not pass is told so, who may
// gets to the door, and nobody gets into another organisation.
func TestEveryRoleAtEveryDoor(t *testing.T) {
	t.Parallel()
	p, tr, orgs, s, routes := served(t)
	secrets := map[auth.Role]string{}
	for _, role := range auth.Roles() {
		secrets[role] = p.madeToken(t, orgs, tr, "acme", role)
	}
	if len(routes) < 10 {
		t.Fatalf("there are %d doors only", len(routes))
	}
	for _, route := range routes {
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = strings.NewReplacer("{id}", "exec-0000000000000000", "{path...}", "0/000", "{$}", "").Replace(path)
		ask := func(secret string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			if secret != "" {
				r.Header.Set("Authorization", "Bearer "+secret)
			}
			w := httptest.NewRecorder()
			if route.Stream && secret != "" {
				return w // it would go on; admission is the same code
			}
			s.ServeHTTP(w, r)
			return w
		}
		if route.Needs == "" {
			continue // it finds out by itself, which its own tests try
		}
		for name, secret := range map[string]string{"nobody": "", "nonsense": "x", "a guess": "whodid_" + strings.Repeat("0", 58)} {
			if route.Stream && secret != "" {
				continue
			}
			if w := ask(secret); w.Code != http.StatusUnauthorized && w.Code != http.StatusTooManyRequests {
				t.Errorf("%s as %s: %d", route.Pattern, name, w.Code)
			}
		}
		for _, role := range auth.Roles() {
			if route.Stream {
				continue
			}
			w := ask(secrets[role])
			refused := w.Code == http.StatusForbidden && strings.Contains(w.Body.String(), "the role "+string(role))
			if refused == role.May(route.Needs) || w.Code == http.StatusUnauthorized {
				t.Errorf("%s needs %s, as %s: %d %s", route.Pattern, route.Needs, role, w.Code, w.Body)
			}
		}
	}
	// Who looked is in the trail, by credential and role, and once.
	views, err := tr.store.Events(t.Context(), "acme", store.EventFilter{What: "view.*"})
	if err != nil || len(views) == 0 {
		t.Fatalf("%d views, %v", len(views), err)
	}
	seen := map[string]bool{}
	for i := range views {
		v := &views[i]
		if seen[v.Key] || v.Data.String("role") == "recorder" || v.Data.String("route") == "" || !strings.HasPrefix(v.Data.String("credential"), "tok-") {
			t.Errorf("view %+v", v.Event)
		}
		seen[v.Key] = true
	}
	// Another organisation's reader sees nothing of it.
	other := p.madeToken(t, orgs, tr, "other", auth.RoleAdmin)
	for _, path := range []string{"/v1/events", "/v1/executions"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?org=acme", nil)
		r.Header.Set("Authorization", "Bearer "+other)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), views[0].ID) || strings.Contains(w.Body.String(), views[0].Data.String("credential")) {
			t.Errorf("%s shows another organisation: %s", path, w.Body)
		}
	}
}

// served is the real server, of an organisation acme on a new trail, and its
// doors.
func served(t *testing.T) (*Program, *trail, *tenants, http.Handler, []server.Route) {
	t.Helper()
	dir := t.TempDir()
	p := &Program{
		Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Dir: dir, Now: time.Now, Version: "1.2.3",
		store: filepath.Join(dir, "trail.db"), org: "acme",
		Env: func(name string) string {
			return map[string]string{"HOME": dir, "USERPROFILE": dir, "WHODID_KEYS": filepath.Join(dir, "keys")}[name]
		},
	}
	tr, err := p.openStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.close)
	metrics := server.NewMetrics(p.Version)
	orgs := p.newTenants(tr, metrics)
	if err := orgs.own(t.Context(), tr); err != nil {
		t.Fatal(err)
	}
	authenticator, door := p.access(&config.OIDC{}, tr, orgs)
	routes := slices.Concat(p.doors(orgs), signin.Routes(door))
	s := server.New(server.Options{Tenants: orgs, Authenticator: authenticator, Now: time.Now, RecordViews: true}, routes...)
	return p, tr, orgs, s, routes
}

// madeToken makes a token of an organisation.
func (p *Program) madeToken(t *testing.T, orgs *tenants, tr *trail, org string, role auth.Role) string {
	t.Helper()
	tenant, err := orgs.Tenant(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	tokens := auth.NewTokens(org, tr.store, tenant.Recorder, p.Now)
	_, secret, _, err := tokens.Create(t.Context(), auth.TokenRequest{Name: string(role), Role: role}, auth.By{Actor: "human:p1", Auth: "os-user", Source: "cli"})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}
