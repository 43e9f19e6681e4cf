package signin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/auth/oidc"
	"github.com/whodid/whodid/internal/door/signin"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// world is a server over TLS, and a real provider that it trusts.
type world struct {
	url, issuer string
	server      *httptest.Server
	store       *store.Store
	ring        *keys.Ring
	provider    *oidc.Provider
	person      oidc.Person // who signed in last
}

type oneTenant struct{ t *server.Tenant }

func (o oneTenant) Tenant(context.Context, string) (*server.Tenant, error) { return o.t, nil }

func newWorld(t *testing.T, change func(*oidc.Options)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{store: storetest.Open(t, filepath.Join(dir, "trail.db"))}
	var err error
	if w.ring, err = keys.LoadOrCreate(filepath.Join(dir, "signing"), filepath.Join(dir, "people"), ledger.NewKey); err != nil {
		t.Fatal(err)
	}
	tokens := auth.NewTokens("acme", w.store, recordtest.Open(t, w.store, "acme", w.ring.Private, w.ring.Public, time.Now), time.Now)

	var handler http.Handler
	w.server = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(w.server.Close)
	w.url = w.server.URL
	w.issuer = testenv.Provider(t, w.url+"/auth/callback")
	o := oidc.Options{
		Issuer: w.issuer, ClientID: "whodid", ClientSecret: "made-up-for-tests", RedirectURL: w.url + "/auth/callback", Scopes: []string{"groups"},
		Org: "acme", GroupsClaim: "groups", Now: time.Now,
		Grants: []oidc.Grant{
			{Group: "platform", Role: auth.RoleAdmin},
			{Group: "payments", Role: auth.RoleReader, Squads: []string{"payments"}},
			{Group: "everyone", Role: auth.RoleReader, Squads: []string{"docs"}},
		},
	}
	if change != nil {
		change(&o)
	}
	w.provider = oidc.New(o)
	authenticator := &oidc.Bearer{
		Provider: w.provider, Next: auth.NewTokenAuthenticator(w.store, time.Now),
		Pseudonym: func(_ context.Context, _, identity string) (string, error) { return w.ring.Pseudonym(identity), nil },
	}
	routes := signin.Routes(signin.Options{
		Provider: w.provider, Authenticator: authenticator,
		SignIn: func(ctx context.Context, p oidc.Person) (string, time.Time, error) {
			w.person = p
			actor := whodid.HumanActor(w.ring.Pseudonym(p.Identity))
			until := time.Now().Add(time.Hour)
			_, secret, _, err := tokens.Create(ctx, auth.TokenRequest{Name: whodid.NewID("signin"), Role: p.Role, Squads: p.Squads, Person: actor, Expires: until},
				auth.By{Actor: actor, Auth: auth.MethodOIDC, Source: "oidc"})
			return secret, until, err
		},
		SignOut: func(ctx context.Context, id auth.Identity) error {
			_, _, _, err := tokens.Revoke(ctx, id.Credential, auth.By{Actor: id.Actor, Auth: id.ActorAuth, Source: "oidc"})
			return err
		},
	})
	routes = append(routes, server.Route{Pattern: "POST /change", Needs: auth.Administer, Handle: func(http.ResponseWriter, *http.Request, *server.Tenant) {}})
	handler = server.New(server.Options{Tenants: oneTenant{&server.Tenant{Org: "acme"}}, Authenticator: authenticator, Now: time.Now}, routes...)
	return w
}

// browser is one person's browser.
func (w *world) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *w.server.Client()
	c.Jar = jar
	return &c
}

// answer is what is left of a response once its body was read.
type answer struct {
	StatusCode int
	Status     string
	Request    *http.Request
}

func do(t *testing.T, c *http.Client, method, address string, form url.Values, header ...string) (*answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &answer{res.StatusCode, res.Status, res.Request}, string(body)
}

var action = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)

// signIn goes the whole way: to the provider, through its forms, and back.
func (w *world) signIn(t *testing.T, c *http.Client, name string) (*answer, string) {
	t.Helper()
	return w.forms(t, c, w.url+"/auth/login", name)
}

// forms fills in the provider's forms from an address on.
func (w *world) forms(t *testing.T, c *http.Client, address, name string) (*answer, string) {
	t.Helper()
	res, body := do(t, c, http.MethodGet, address, nil)
	for _, form := range []url.Values{{"prompt": {"login"}, "login": {name}, "password": {"x"}}, {"prompt": {"consent"}}} {
		m := action.FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no form at %s (%s):\n%s", res.Request.URL, res.Status, body)
		}
		to, err := res.Request.URL.Parse(m[1])
		if err != nil {
			t.Fatal(err)
		}
		res, body = do(t, c, http.MethodPost, to.String(), form)
	}
	return res, body
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada := w.browser(t)
	if res, _ := do(t, ada, http.MethodGet, w.url+"/auth/whoami", nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("before: %s", res.Status)
	}
	res, body := w.signIn(t, ada, "ada")
	var me struct {
		Org, Actor, Role, Credential string
		ActorAuth                    string `json:"actor_auth"`
		Squads                       []string
	}
	if err := json.Unmarshal([]byte(body), &me); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s at %s: %s", res.Status, res.Request.URL, body)
	}
	want := whodid.HumanActor(w.ring.Pseudonym("oidc:" + w.issuer + "#ada"))
	if me.Org != "acme" || me.Actor != want || me.ActorAuth != "oidc" || me.Role != "admin" || !strings.HasPrefix(me.Credential, "tok-") {
		t.Errorf("signed in as %+v, want %s", me, want)
	}
	for _, c := range ada.Jar.Cookies(res.Request.URL) {
		if c.Name == auth.SessionCookie && !strings.HasPrefix(c.Value, auth.TokenPrefix) {
			t.Errorf("cookie %s", c)
		}
	}
	// What another site makes the browser send is refused.
	for _, forged := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if res, _ := do(t, ada, http.MethodPost, w.url+"/change", url.Values{}, forged...); res.StatusCode != http.StatusForbidden {
			t.Errorf("forged by %v: %s", forged, res.Status)
		}
		if res, _ := do(t, ada, http.MethodPost, w.url+"/auth/logout", url.Values{}, forged...); res.StatusCode != http.StatusForbidden {
			t.Errorf("signed out by %v: %s", forged, res.Status)
		}
	}
	if res, _ := do(t, ada, http.MethodPost, w.url+"/change", url.Values{}, "Sec-Fetch-Site", "same-origin"); res.StatusCode != http.StatusOK {
		t.Errorf("its own: %s", res.Status)
	}

	// Signing out ends the token, not only the cookie.
	var stolen string
	for _, c := range ada.Jar.Cookies(res.Request.URL) {
		if c.Name == auth.SessionCookie {
			stolen = c.Value
		}
	}
	if res, body := do(t, ada, http.MethodPost, w.url+"/auth/logout", url.Values{}); res.StatusCode != http.StatusNoContent {
		t.Fatalf("sign out: %s %s", res.Status, body)
	}
	if res, _ := do(t, ada, http.MethodGet, w.url+"/auth/whoami", nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("after: %s", res.Status)
	}
	fresh := auth.NewTokenAuthenticator(w.store, time.Now)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+stolen)
	if id, err := fresh.Authenticate(r); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("the token of who signed out is %+v, %v", id, err)
	}

	// Of the person the trail has a pseudonym and nothing else.
	rows, err := w.store.Events(t.Context(), "acme", store.EventFilter{})
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d events, %v; want a token made and revoked", len(rows), err)
	}
	kept, err := w.store.Tokens(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(rows, kept)
	for i := range rows {
		if rows[i].Actor != want || rows[i].ActorAuth != "oidc" {
			t.Errorf("%s by %s, %s", rows[i].What, rows[i].Actor, rows[i].ActorAuth)
		}
		text += string(rows[i].DataText)
	}
	for _, personal := range []string{"ada", "Lovelace", "example.com"} {
		if strings.Contains(text, personal) {
			t.Errorf("the trail says %q:\n%s", personal, text)
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, body := w.signIn(t, w.browser(t), "bob")
	if !strings.Contains(body, `"role":"reader"`) || !strings.Contains(body, `"squads":["docs","payments"]`) {
		t.Errorf("bob is %s", body)
	}
	if res, body := w.signIn(t, w.browser(t), "eve"); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "nothing is granted") {
		t.Errorf("eve: %s %s", res.Status, body)
	}
}

func TestOrgClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *oidc.Options) { o.Org, o.OrgClaim = "other", "org" })
	if _, body := w.signIn(t, w.browser(t), "ada"); !strings.Contains(body, `"org":"acme"`) {
		t.Errorf("ada is %s", body)
	}
	if res, body := w.signIn(t, w.browser(t), "mallory"); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "which organisation") {
		t.Errorf("mallory: %s %s", res.Status, body)
	}
}

// TestForgedAnswers brings answers of the provider to where they do not belong.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	callback := func(c *http.Client, query string) int {
		res, _ := do(t, c, http.MethodGet, w.url+"/auth/callback?"+query, nil)
		return res.StatusCode
	}
	victim := w.browser(t)
	if got := callback(victim, "code=x&state=y"); got != http.StatusUnauthorized {
		t.Errorf("without an attempt: %d", got)
	}
	// Somebody else's answer, caught before their browser could bring it.
	attacker := w.browser(t)
	var caught string
	attacker.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/auth/callback" {
			caught = r.URL.RawQuery
			return http.ErrUseLastResponse
		}
		return nil
	}
	w.signIn(t, attacker, "ada")
	if caught == "" {
		t.Fatal("no answer was caught")
	}
	victim.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if res, _ := do(t, victim, http.MethodGet, w.url+"/auth/login", nil); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if got := callback(victim, caught); got != http.StatusUnauthorized {
		t.Errorf("another browser's answer: %d", got)
	}
	// The attempt was used up by that.
	if got := callback(victim, caught); got != http.StatusUnauthorized {
		t.Errorf("again: %d", got)
	}
	// The right browser, and the right answer twice: the provider takes a code once.
	if got := callback(attacker, caught); got != http.StatusOK {
		t.Errorf("the right one: %d", got)
	}
	if got := callback(attacker, caught); got != http.StatusUnauthorized {
		t.Errorf("the right one again: %d", got)
	}
	// A code that is exchanged with another verifier.
	var attempt oidc.Attempt
	attempt.State, attempt.Nonce, attempt.Verifier = "s", "n", strings.Repeat("v", 43)
	values, err := url.ParseQuery(caught)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := w.provider.Finish(t.Context(), attempt, values.Get("code")); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("a stolen code: %+v, %v", p, err)
	}
}

// TestBearer shows ID tokens in the place of API tokens: those that the
// provider made for this server, and others.
func TestBearer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ask := func(token string) (*answer, string) {
		return do(t, w.server.Client(), http.MethodGet, w.url+"/auth/whoami", nil, "Authorization", "Bearer "+token)
	}
	good := w.idToken(t, "whodid")
	res, body := ask(good)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, `"role":"admin"`) || !strings.Contains(body, `"actor_auth":"oidc"`) {
		t.Errorf("%s %s", res.Status, body)
	}
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"made for another program": w.idToken(t, "another"),
		"without its signature":    head + "." + payload + ".",
		"unsigned":                 "eyJhbGciOiJub25lIn0." + payload + ".",
		"changed":                  head + "." + payload[:len(payload)-2] + "." + signature,
		"nonsense":                 "eyJ",
		"very long":                "eyJ" + strings.Repeat("x", 20<<10),
	} {
		if res, body := ask(token); res.StatusCode != http.StatusUnauthorized || strings.Contains(body, payload[:20]) {
			t.Errorf("a token %s: %s %s", name, res.Status, body)
		}
	}
}

// idToken has the provider make an ID token of ada for one of its clients.
func (w *world) idToken(t *testing.T, client string) string {
	t.Helper()
	o := oidc.Options{
		Issuer: w.issuer, ClientID: client, ClientSecret: "made-up-for-tests", RedirectURL: w.url + "/auth/callback", Scopes: []string{"groups"},
	}
	a := oidc.Attempt{State: "s", Nonce: "n", Verifier: strings.Repeat("v", 43)}
	begin, err := oidc.New(o).Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	c := w.browser(t)
	var code string
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/auth/callback" {
			code = r.URL.Query().Get("code")
			return http.ErrUseLastResponse
		}
		return nil
	}
	w.forms(t, c, begin, "ada")
	res, body := do(t, http.DefaultClient, http.MethodPost, w.issuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {o.RedirectURL}, "code_verifier": {a.Verifier},
	}, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(client+":"+o.ClientSecret)))
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.IDToken == "" {
		t.Fatalf("%s %s", res.Status, body)
	}
	return answer.IDToken
}

// TestNames signs in where the settings ask for names, and where they don't.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		w := newWorld(t, func(o *oidc.Options) { o.Names = asked })
		if res, body := w.signIn(t, w.browser(t), "ada"); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", res.Status, body)
		}
		got := w.person.Name + " " + w.person.Email
		if want := map[bool]string{true: "Ada Lovelace ada@example.com", false: " "}[asked]; got != want {
			t.Errorf("names asked for: %t; got %q, want %q", asked, got, want)
		}
	}
}
