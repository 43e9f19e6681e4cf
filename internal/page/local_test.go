package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/internal/server"
)

// TestLocal comes with the address that was printed, once and again, and as other
// sites would make a browser come.
func TestLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *page.Options) { o.Local = true })
	const host = "127.0.0.1:4711"
	door := page.NewLocal(auth.Identity{Org: apitest.Org, Actor: "human:pme", Role: auth.RoleAdmin, Credential: "ui"}, 4711)
	s := server.New(server.Options{
		Tenants: tenants(w.Tenants), Authenticator: door, Now: time.Now, Refuse: w.pages.Refuse, Hosts: []string{host},
	}, append(w.pages.Routes(), door.Routes(w.pages)...)...)
	call := func(method, path, host string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Host = host
		r.Header.Set("Accept", "text/html")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		a := httptest.NewRecorder()
		s.ServeHTTP(a, r)
		return a
	}
	path := door.Path()
	if a := call(http.MethodGet, "/executions", host); a.Code != http.StatusUnauthorized || !strings.Contains(a.Body.String(), "whodid ui") {
		t.Errorf("without anything: %d", a.Code)
	}
	if a := call(http.MethodGet, "/enter?token=x", host); a.Code != http.StatusUnauthorized || len(a.Result().Cookies()) != 0 {
		t.Errorf("with another token: %d", a.Code)
	}
	if a := call(http.MethodGet, path, "evil.example:4711"); a.Code != http.StatusMisdirectedRequest {
		t.Errorf("under another name: %d", a.Code)
	}
	a := call(http.MethodGet, path, host)
	cookies := a.Result().Cookies()
	if a.Code != http.StatusOK || len(cookies) != 1 {
		t.Fatalf("with the address: %d, %v", a.Code, cookies)
	}
	if c := cookies[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(path, c.Value) || len(c.Value) < 40 {
		t.Errorf("the cookie is %v", c)
	}
	if a := call(http.MethodGet, path, host); a.Code != http.StatusUnauthorized {
		t.Errorf("with the address again: %d", a.Code)
	}
	cookie := cookies[0].Name + "=" + cookies[0].Value
	if a := call(http.MethodGet, "/executions", host, "Cookie", cookie); a.Code != http.StatusOK {
		t.Errorf("with the cookie: %d", a.Code)
	}
	if a := call(http.MethodGet, "/executions", "evil.example", "Cookie", cookie); a.Code != http.StatusMisdirectedRequest {
		t.Errorf("rebound to another name: %d", a.Code)
	}
	for _, forged := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if a := call(http.MethodPost, "/approvals/x/approve", host, append(forged, "Cookie", cookie)...); a.Code != http.StatusForbidden {
			t.Errorf("forged by %v: %d", forged, a.Code)
		}
	}
	if a := call(http.MethodGet, "/executions", host, "Cookie", cookies[0].Name+"=guessed"); a.Code != http.StatusUnauthorized {
		t.Errorf("with a guess: %d", a.Code)
	}
}

// TestSignIn pastes tokens, good and bad, and is never sent elsewhere.
func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, test := range []struct {
		token, back string
		want        int
		to          string
	}{
		{"reader", "/agents?since=30d", http.StatusSeeOther, "/agents?since=30d"},
		{"reader", "https://evil.example/", http.StatusSeeOther, "/executions"},
		{"reader", "//evil.example/", http.StatusSeeOther, "/executions"},
		{"reader", `/\evil.example`, http.StatusSeeOther, "/executions"},
		{"reader", "javascript:alert(1)", http.StatusSeeOther, "/executions"},
		{"nobody", "/agents", http.StatusUnauthorized, ""},
		{"recorder", "/agents", http.StatusForbidden, ""},
	} {
		a := w.post(t, "", "/signin", map[string][]string{"token": {test.token}, "back": {test.back}}, "Sec-Fetch-Site", "same-origin")
		cookies := a.Result().Cookies()
		if a.Code != test.want || a.Header().Get("Location") != test.to || (len(cookies) == 1) != (test.want == http.StatusSeeOther) {
			t.Errorf("%s to %s: %d to %q with %v", test.token, test.back, a.Code, a.Header().Get("Location"), cookies)
		}
		for _, c := range cookies {
			if !c.Secure || !c.HttpOnly || c.Name != auth.SessionCookie {
				t.Errorf("the cookie is %v", c)
			}
		}
	}
	if a := w.post(t, "", "/signin", map[string][]string{"token": {"reader"}}, "Sec-Fetch-Site", "cross-site"); a.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", a.Code)
	}
}
