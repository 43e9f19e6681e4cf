package forge_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/door/forge"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/redact/canary"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store/storetest"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// orgs are the organisations of a real trail.
type orgs map[string]*server.Tenant

func (o orgs) Tenant(_ context.Context, org string) (*server.Tenant, error) {
	if t := o[org]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no organisation %q", org)
}

const (
	secret  = "a secret of a webhook"
	signing = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// newServer serves the hooks of two organisations from a real trail.
func newServer(t testing.TB) (*httptest.Server, orgs, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trail.db")
	s := storetest.Open(t, path)
	now := func() time.Time { return noon }
	all := orgs{}
	for _, org := range []string{"one", "two"} {
		all[org] = &server.Tenant{
			Org: org, Recorder: recordtest.New(t, s, org, now), Asker: ask.New(s, org, now),
			Pseudonym: func(identity string) string {
				return "p-" + org + strings.NewReplacer(":", "-", "@", "").Replace(identity)
			},
		}
	}
	routes, err := forge.Routes(forge.Options{Tenants: all, Now: now, Hooks: []forge.Hook{
		{Name: "shop", Forge: "github", Org: "one", Secret: secret},
		{Name: "few", Forge: "github", Org: "two", Secret: secret + "2", Repositories: []string{"acme/*", "Other/Shop"}},
		{Name: "shop", Forge: "gitlab", Org: "two", Secret: signing},
		{Name: "old", Forge: "gitlab", Org: "two", Secret: secret},
	}})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server.New(server.Options{Tenants: all, Now: time.Now}, routes...))
	t.Cleanup(h.Close)
	return h, all, path
}

// delivery is a request that a forge makes.
type delivery struct {
	path, event, id, secret string
	body                    []byte
	header                  map[string]string
}

func hexMAC(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func send(t testing.TB, h *httptest.Server, d delivery) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+d.path, strings.NewReader(string(d.body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", d.event)
	r.Header.Set("X-GitHub-Delivery", d.id)
	if d.secret != "" {
		r.Header.Set("X-Hub-Signature-256", "sha256="+hexMAC(d.secret, d.body))
	}
	for name, value := range d.header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(b))
}

func sample(t testing.TB, source, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "ingest", source, "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kinds are the verbs that an organisation's trail holds.
func kinds(t testing.TB, o *server.Tenant) string {
	t.Helper()
	events, err := o.Asker.Events(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range events {
		out = append(out, events[i].What)
	}
	return strings.Join(out, " ")
}

func TestDeliveriesFromGitHub(t *testing.T) {
	t.Parallel()
	h, all, _ := newServer(t)
	opened := sample(t, "github", "pull_request.opened")
	small := `{"action":"opened","repository":{"id":7,"full_name":"%s"},"issue":{"number":1,"created_at":"2026-11-01T08:00:00Z","user":{"id":3,"login":"ada","type":"User"}}}`
	in := func(repository string) []byte { return fmt.Appendf(nil, small, repository) }
	for _, test := range []struct {
		name string
		delivery
		status int
		body   string
	}{
		{"the first", delivery{path: "/webhooks/github/shop", event: "pull_request", id: "d1", secret: secret, body: opened}, 200, `{"recorded":2,"facts":2}`},
		{"the same again", delivery{path: "/webhooks/github/shop", event: "pull_request", id: "d1", secret: secret, body: opened}, 200, `{"recorded":0,"facts":2}`},
		{"an old one with a new id", delivery{path: "/webhooks/github/shop", event: "pull_request", id: "d2", secret: secret, body: opened}, 200, `{"recorded":0,"facts":2}`},
		{"of no interest", delivery{path: "/webhooks/github/shop", event: "star", id: "d3", secret: secret, body: []byte(`{"action":"created"}`)}, 200, `{"recorded":0,"facts":0}`},
		{"not signed", delivery{path: "/webhooks/github/shop", event: "push", id: "d4", body: []byte(`{}`)}, 401, ""},
		{"the secret of another hook", delivery{path: "/webhooks/github/few", event: "issues", id: "d4", secret: secret, body: in("acme/shop")}, 401, ""},
		{"no such hook", delivery{path: "/webhooks/github/none", event: "push", id: "d4", secret: secret, body: []byte(`{}`)}, 401, ""},
		{"a hook of the other forge", delivery{path: "/webhooks/gitlab/few", event: "push", id: "d4", secret: secret, body: []byte(`{}`)}, 401, ""},
		{"no JSON", delivery{path: "/webhooks/github/shop", event: "push", id: "d5", secret: secret, body: []byte(`{`)}, 400, ""},
		{"no id", delivery{path: "/webhooks/github/shop", event: "push", id: "", secret: secret, body: []byte(`{}`)}, 400, ""},
		{"an id with an injection", delivery{path: "/webhooks/github/shop", event: "push", id: "d' OR 1", secret: secret, body: []byte(`{}`)}, 400, ""},
		{"too large", delivery{path: "/webhooks/github/shop", event: "push", id: "d6", secret: secret, body: make([]byte, 26<<20)}, 413, ""},
		{"one of an owner", delivery{path: "/webhooks/github/few", event: "issues", id: "d7", secret: secret + "2", body: in("Acme/shop")}, 200, `{"recorded":2,"facts":2}`},
		{"one by name", delivery{path: "/webhooks/github/few", event: "issues", id: "d7", secret: secret + "2", body: in("other/shop")}, 200, `{"recorded":0,"facts":2}`},
		{"none of its own", delivery{path: "/webhooks/github/few", event: "issues", id: "d7", secret: secret + "2", body: in("acmes/shop")}, 422, ""},
		{"in a form", delivery{path: "/webhooks/github/shop", event: "issues", id: "d8", secret: secret, body: []byte("payload=%7B%22repository%22%3A%7B%22id%22%3A9%2C%22full_name%22%3A%22a%2Fb%22%7D%7D"), header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 200, `{"recorded":1,"facts":1}`},
	} {
		status, body := send(t, h, test.delivery)
		if status != test.status || test.body != "" && body != test.body {
			t.Errorf("%s: %d %s, want %d %s", test.name, status, body, test.status, test.body)
		}
		if strings.Contains(body, secret) {
			t.Errorf("%s: the answer has the secret", test.name)
		}
	}
	if got, want := kinds(t, all["one"]), "forge.hook forge.pr.create forge.hook"; got != want {
		t.Errorf("the first organisation has %q, want %q", got, want)
	}
	if got, want := kinds(t, all["two"]), "forge.hook forge.issue.create"; got != want {
		t.Errorf("the second organisation has %q, want %q", got, want)
	}
}

func TestDeliveriesFromGitLab(t *testing.T) {
	t.Parallel()
	h, all, _ := newServer(t)
	body := sample(t, "gitlab", "pull_request_create")
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signing, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	signed := func(at time.Time) map[string]string {
		stamp := strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("m1." + stamp + "." + string(body)))
		return map[string]string{"webhook-id": "m1", "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), "X-Hub-Signature-256": ""}
	}
	for _, test := range []struct {
		name, path string
		header     map[string]string
		status     int
		body       string
	}{
		{"signed", "/webhooks/gitlab/shop", signed(noon), 200, `{"recorded":2,"facts":2}`},
		{"sent again", "/webhooks/gitlab/shop", signed(noon), 200, `{"recorded":0,"facts":2}`},
		{"sent again much later", "/webhooks/gitlab/shop", signed(noon.Add(-time.Hour)), 401, ""},
		{"the secret as a token", "/webhooks/gitlab/shop", map[string]string{"X-Gitlab-Token": signing}, 401, ""},
		{"by a token", "/webhooks/gitlab/old", map[string]string{"X-Gitlab-Token": secret}, 200, `{"recorded":1,"facts":2}`},
		{"by a wrong token", "/webhooks/gitlab/old", map[string]string{"X-Gitlab-Token": secret + "x"}, 401, ""},
	} {
		status, got := send(t, h, delivery{path: test.path, body: body, header: test.header})
		if status != test.status || test.body != "" && got != test.body {
			t.Errorf("%s: %d %s, want %d %s", test.name, status, got, test.status, test.body)
		}
	}
	if got, want := kinds(t, all["two"]), "forge.hook forge.pr.create forge.hook"; got != want {
		t.Errorf("the organisation has %q, want %q", got, want)
	}
}

// TestForgeConfirms tells a claim and what the forge says of it, in either
// order, through the same doors as in the world.
func TestForgeConfirms(t *testing.T) {
	t.Parallel()
	h, all, _ := newServer(t)
	org := all["one"]
	claim := func(what, target string) {
		t.Helper()
		_, err := org.Recorder.Record(t.Context(), whodid.Event{
			Key: "hook/" + what, Actor: whodid.AgentActor("engineering/issue-solver"), What: what, Target: target, Result: whodid.ResultSuccess,
			At: time.Date(2019, 5, 15, 15, 20, 30, 0, time.UTC), Execution: "exec-abc123", Source: "hook:claude-code",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	claim("pr.create", "Codertocat/Hello-World#2")
	send(t, h, delivery{path: "/webhooks/github/shop", event: "pull_request", id: "d1", secret: secret, body: sample(t, "github", "pull_request.opened")})
	send(t, h, delivery{path: "/webhooks/github/shop", event: "pull_request", id: "d2", secret: secret, body: sample(t, "github", "pull_request.closed_unmerged")})
	claim("pr.merge", "Codertocat/Hello-World#2")
	list, err := org.Asker.Actions(t.Context(), ask.ActionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range list.Actions {
		if a.Confirmation != nil {
			got[a.ActionType] = a.Confirmation.State + " by " + a.Confirmation.Delivery
		}
	}
	if got["pr.create"] != "confirmed by d1" || got["pr.merge"] != "contradicted by d2" {
		t.Errorf("the forge says %v", got)
	}
}

// TestNoContentReachesTheTrail sends secrets and personal data in every text,
// and looks for them in the very bytes of the database.
func TestNoContentReachesTheTrail(t *testing.T) {
	t.Parallel()
	h, all, path := newServer(t)
	var must []string
	for i, c := range canary.All() {
		must = append(must, c.Must...)
		text := strconv.Quote(c.Text)
		body := fmt.Sprintf(`{"action":"opened","repository":{"id":7,"full_name":"acme/shop"},"sender":{"id":1,"login":"ada","email":%[2]s},
			"pull_request":{"number":%[1]d,"title":%[2]s,"body":%[2]s,"created_at":"2026-11-01T08:00:00Z","user":{"id":3,"login":"ada","name":%[2]s},"head":{"ref":"fix","label":%[2]s}}}`, i+1, text)
		if status, answer := send(t, h, delivery{path: "/webhooks/github/shop", event: "pull_request", id: "d1", secret: secret, body: []byte(body)}); status != 200 {
			t.Fatalf("%s: %d %s", c.Kind, status, answer)
		}
	}
	if n := strings.Count(kinds(t, all["one"]), "forge.pr.create"); n != len(canary.All()) {
		t.Errorf("%d pull requests are in the trail", n)
	}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range must {
			if strings.Contains(string(b), m) {
				t.Errorf("the trail holds %q", m)
			}
		}
	}
}

func TestHooksThatAreRefused(t *testing.T) {
	t.Parallel()
	good := forge.Hook{Name: "shop", Forge: "github", Org: "one", Secret: secret}
	for name, change := range map[string]func(*forge.Hook){
		"no name":            func(h *forge.Hook) { h.Name = "" },
		"a name like a path": func(h *forge.Hook) { h.Name = "a/b" },
		"another forge":      func(h *forge.Hook) { h.Forge = "gitea" },
		"no organisation":    func(h *forge.Hook) { h.Org = "" },
		"no secret":          func(h *forge.Hook) { h.Secret = "" },
		"a short secret":     func(h *forge.Hook) { h.Secret = "short" },
		"no agent":           func(h *forge.Hook) { h.Agents = map[string]string{"ada": "solver"} },
	} {
		h := good
		change(&h)
		if _, err := forge.Routes(forge.Options{Hooks: []forge.Hook{h}}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := forge.Routes(forge.Options{Hooks: []forge.Hook{good, good}}); err == nil {
		t.Error("two hooks of one name are no error")
	}
}
