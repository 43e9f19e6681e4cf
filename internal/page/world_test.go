package page_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
)

// world is a server that shows pages of a real trail.
type world struct {
	*apitest.World
	handler http.Handler
	pages   *page.Pages
	tenant  *server.Tenant
	// as is who asks where a request does not say it.
	as string
}

// Authenticate takes the name of an identity for its token; a browser sends it as
// a cookie, which this world does not hold to TLS.
func (w *world) Authenticate(r *http.Request) (auth.Identity, error) {
	name, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie("as"); err == nil {
		name = c.Value
	}
	if name == "" {
		name = w.as
	}
	id, ok := w.Identities[name]
	if !ok {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return auth.Identity{}, fmt.Errorf("%w: %w", auth.ErrForbidden, err)
	}
	return id, nil
}

type tenants map[string]*server.Tenant

func (m tenants) Tenant(_ context.Context, org string) (*server.Tenant, error) { return m[org], nil }

func newWorld(t testing.TB, change func(*page.Options)) *world {
	t.Helper()
	w := &world{World: apitest.New(t, filepath.Join(t.TempDir(), "trail.db"))}
	w.tenant = w.Tenants[apitest.Org]
	o := page.Options{Now: time.Now, Version: "test", Authenticator: w, Views: w.Store, Bundle: bundle, Tokens: func(context.Context, *server.Tenant) ([]auth.Token, error) {
		return []auth.Token{{ID: "tok-1", Name: "ci", Role: auth.RoleRecorder, State: auth.TokenActive, CreatedAt: time.Now(), CreatedBy: "human:padmin"}}, nil
	}}
	if change != nil {
		change(&o)
	}
	w.pages = page.New(o)
	a := api.New(api.Options{Now: time.Now, Poll: 20 * time.Millisecond})
	w.handler = server.New(server.Options{
		Tenants: tenants(w.Tenants), Authenticator: w, Now: time.Now, Refuse: w.pages.Refuse,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}, append(w.pages.Routes(), a.Routes()...)...)
	return w
}

func (w *world) record(t testing.TB, events ...whodid.Event) {
	t.Helper()
	if _, err := w.tenant.Recorder.Record(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

// bundle stands for the bundler of the command line, which has a test of its own.
func bundle(ctx context.Context, t *server.Tenant, id string, who *whodid.Event) ([]byte, error) {
	_, err := t.Recorder.Record(ctx, *who)
	return []byte("PK bundle of " + id), err
}

// get asks for a page as somebody.
func (w *world) get(t testing.TB, as, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+as)
	}
	r.Header.Set("Accept", "text/html")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	return a
}

// madeRun are the choices of a made-up run.
type madeRun struct {
	n               int
	agent           string
	began           time.Time
	trigger, detail string
	why, model      string
	end             whodid.Result // empty: it goes on
	took            time.Duration
	actions         int
	parent, sub     string
	cost            bool
	gap             bool
}

func runID(n int) string { return whodid.DeriveID(whodid.PrefixExecution, "page", fmt.Sprint(n)) }

var work = []struct{ what, target string }{
	{"file.search", "internal/shop"},
	{"file.read", "internal/shop/cart.go"},
	{"file.read", "internal/shop/cart_test.go"},
	{"file.read", "docs/architecture.md"},
	{"test.run", "go test ./internal/shop"},
	{"file.edit", "internal/shop/cart.go"},
	{"file.edit", "internal/shop/cart_test.go"},
	{"test.run", "go test ./internal/shop"},
	{"web.fetch", "https://pkg.go.dev/errors"},
	{"file.write", "docs/cart.md"},
	{"shell.run", "gofmt"},
	{"commit.create", "acme/shop"},
	{"commit.push", "acme/shop"},
	{"pr.create", "acme/shop#44"},
	{"issue.comment", "acme/shop#43"},
}

func (m *madeRun) events() []whodid.Event {
	id := runID(m.n)
	base := whodid.Event{
		Actor: whodid.AgentActor(m.agent), ActorAuth: "hook", OnBehalfOf: whodid.HumanActor("p3f9a7c1d02b4e688"), OnBehalfAuth: "os-user",
		Execution: id, Session: fmt.Sprintf("5e55-%08d", m.n), Source: "hook:claude-code",
	}
	var out []whodid.Event
	add := func(what, part, target string, result whodid.Result, after time.Duration, d whodid.Data) *whodid.Event {
		e := base
		e.Key, e.What, e.Target, e.Result, e.Data, e.At = fmt.Sprintf("page/%d/%s", m.n, part), what, target, result, d, m.began.Add(after)
		out = append(out, e)
		return &out[len(out)-1]
	}
	start := whodid.Data{"trigger": m.trigger, "client": "claude-code"}
	if m.model != "" {
		start["model"] = m.model
	}
	if m.detail != "" {
		start["trigger_detail"] = m.detail
	}
	if m.parent != "" {
		start["parent"] = m.parent
	}
	if m.sub != "" {
		start["agent_id"], start["agent_type"] = "sub-1", m.sub
	}
	add("execution.start", "start", "", "", 0, start).Why = m.why
	for i := range m.actions {
		a := work[i%len(work)]
		if m.actions > 1000 && strings.Contains(a.target, "#") {
			a.target = fmt.Sprintf("acme/shop#%d", i) // no run works so long on one pull request
		}
		result := whodid.ResultSuccess
		if a.what == "test.run" && i%15 == 4 || m.end == whodid.ResultFailed && i > m.actions-3 {
			result = whodid.ResultFailed
		}
		d := whodid.Data{"call": fmt.Sprintf("toolu_%06d%05d", m.n, i), "tool": "Bash", "duration_ms": int64(40 + (i*7919)%9000), "permission_mode": "default"}
		if a.what == "file.edit" || a.what == "file.write" {
			d["lines_added"], d["lines_removed"] = int64(3+i%17), int64(i%5)
		}
		add(a.what, fmt.Sprintf("call/%d", i), a.target, result, m.took*time.Duration(i+1)/time.Duration(m.actions+1), d)
	}
	if m.gap {
		add("record.gap", "gap", "", "", m.took/2, whodid.Data{"reason": "tool calls that the transcript knows and no hook told of", "count": int64(3)}).Actor = whodid.System
	}
	usage := whodid.Data{"model": m.model, "provider": "anthropic", "input_tokens": int64(4000 + m.n%977), "output_tokens": int64(900 + m.n%301), "request": fmt.Sprintf("req_%d", m.n)}
	if m.cost {
		usage["cost_micros"] = int64(120000 + (m.n*7919)%900001)
	}
	if m.model != "" {
		add("model.call", "request", "", "", m.took*9/10, usage)
	}
	if m.end != "" {
		add("execution.finish", "finish", "", m.end, m.took, whodid.Data{"reason": "exit"})
	}
	return out
}

// fill records runs of a few squads, the last of which go on, and what hangs on
// them.
func (w *world) fill(t testing.TB, runs int) {
	t.Helper()
	now := time.Now()
	agents := []string{"eng/issue-solver", "eng/reviewer", "growth/seo-writer", "ops/deployer", "ops/on-call", "data/pipeline-fixer", "eng/refactorer"}
	models := []string{"claude-opus-4", "claude-sonnet-4", "gpt-5.2", ""}
	triggers := [][2]string{{"manual", ""}, {"scheduled", "nightly"}, {"event", "issues.labeled"}, {"smart", ""}}
	whys := []string{"fix the rounding of discounts in the cart", "", "the issue got the label agent", "review what came in over night"}
	for n := range runs {
		// More by day than by night, and more of late.
		share := float64(n) / float64(runs)
		back := time.Duration(share * share * float64(7*24*time.Hour))
		m := &madeRun{
			n: n, agent: agents[(n*5+n/3)%len(agents)], began: now.Add(-back - time.Duration(n%13)*7*time.Minute - 10*time.Minute), trigger: triggers[n%4][0], detail: triggers[n%4][1],
			why: whys[n%4], model: models[(n/2)%4], end: whodid.ResultSuccess, took: time.Duration(2+n%19) * time.Minute / 2, actions: 6 + n%24, cost: n%5 != 0,
		}
		switch {
		case n < 2:
			m.end = ""
		case n%9 == 4:
			m.end = whodid.ResultFailed
		case n%17 == 6:
			m.end = whodid.ResultCancelled
		}
		if n == 3 {
			m.gap, m.actions, m.took = true, 42, 14*time.Minute
		}
		w.record(t, m.events()...)
	}
	if runs < 4 {
		return
	}
	for i := range 3 {
		c := &madeRun{
			n: 1_000_000 + i, agent: "eng/reviewer", began: now.Add(-10*time.Minute - time.Duration(3-i)*2*time.Minute), trigger: "event", detail: "agent.spawn", model: "claude-haiku-4",
			end: whodid.ResultSuccess, took: 3 * time.Minute, actions: 9, parent: runID(3), sub: []string{"explore", "plan", "verify"}[i], cost: true,
		}
		w.record(t, c.events()...)
	}
	w.decide(t)
	w.commit(t)
	w.record(t, whodid.Event{
		Key: "page/reconcile", What: "reconcile.result", Actor: whodid.System, At: time.Now(), Source: "system",
		Data: whodid.Data{"coverage": "98.41", "unexplained": int64(1), "sources": []string{"log=3200/3200", "commits=62/63"}, "unchecked": []string{"usage"}},
	})
	found, err := (&ask.Git{Trail: w.tenant.Asker}).Investigate(t.Context(), &ask.IncidentOptions{At: runID(3)})
	if err != nil {
		t.Fatal(err)
	}
	who := whodid.Event{Org: apitest.Org, Actor: "human:papprover", ActorAuth: "oidc", At: time.Now(), Source: "api"}
	w.record(t, ask.OpenIncident(found, &who, "page/incident", ask.Opening{Title: "discounts lose a cent", Severity: "high"})...)
}

// absurd records a run, and what hangs on it, whose every name is far too long.
func (w *world) absurd(t testing.TB) {
	t.Helper()
	long := strings.Repeat("an-unreasonably-long-", 3)
	text := strings.Repeat("a sentence that somebody who was paid by the word has written into a field, ", 8)
	word := strings.Repeat("Donaudampfschifffahrtsgesellschaft", 9)
	for i := range 3 {
		m := &madeRun{
			n: 4_000_000 + i, agent: "squad-" + long[:40] + "/agent-" + long[:50], began: time.Now().Add(-time.Duration(i+2) * time.Minute), trigger: "event", detail: word[:100],
			why: []string{text, word, "x"}[i], model: "model-" + long + long, end: whodid.ResultFailed, took: time.Minute, actions: 16, cost: true,
		}
		events := m.events()
		for j := range events {
			if e := &events[j]; e.Target != "" {
				e.Target = []string{word, text, "a/" + strings.Repeat("deep/", 60) + "file.go"}[j%3]
			}
		}
		w.record(t, events...)
	}
	w.record(t, whodid.Event{
		Key: "absurd/decision", What: "decision.record", Target: word, Why: text, Actor: "agent:squad-" + long[:40] + "/x", ActorAuth: "hook", At: time.Now(), Source: "cli", Data: whodid.Data{"decided": text + word},
	})
	for _, name := range []string{strings.Repeat("W", 60), "a view of some length about what went wrong"} {
		if err := w.Store.SaveView(t.Context(), apitest.Org, &whodid.SavedView{Owner: "human:padmin", Name: name, Query: "q=" + word[:200], Shared: true, SavedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	s := approval.New(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now)
	_, err := s.Request(t.Context(), &approval.Request{Type: "deploy.production", Target: word, Agent: "squad-" + long[:40] + "/agent", Summary: text, Why: text, TTL: time.Hour, Level: "approve", Rule: "OPS-010"},
		approval.Who{Actor: whodid.AgentActor("squad-" + long[:40] + "/agent"), Auth: "hook", OnBehalfOf: "human:p3f9a7c1d02b4e688", OnBehalfAuth: "os-user", Execution: runID(4_000_000), Source: "hook:claude-code"})
	if err != nil {
		t.Fatal(err)
	}
	found, err := (&ask.Git{Trail: w.tenant.Asker}).Investigate(t.Context(), &ask.IncidentOptions{At: runID(4_000_000)})
	if err != nil {
		t.Fatal(err)
	}
	who := whodid.Event{Org: apitest.Org, Actor: "human:papprover", ActorAuth: "oidc", At: time.Now(), Source: "api"}
	w.record(t, ask.OpenIncident(found, &who, "absurd/incident", ask.Opening{Title: text[:200], Severity: "critical"})...)
}

// crowd records a week of many short runs.
func (w *world) crowd(t testing.TB, runs int) {
	t.Helper()
	now := time.Now()
	var batch []whodid.Event
	for n := range runs {
		m := &madeRun{
			n: 2_000_000 + n, agent: fmt.Sprintf("%s/%s-%d", []string{"eng", "ops", "growth", "data"}[n%4], []string{"issue-solver", "reviewer", "deployer"}[n%3], n%17),
			began: now.Add(-time.Duration(float64(n) / float64(runs) * float64(7*24*time.Hour))), trigger: []string{"manual", "scheduled", "event", "smart"}[n%4], model: []string{"claude-opus-4", "claude-sonnet-4", "gpt-5.2"}[n%3],
			end: []whodid.Result{whodid.ResultSuccess, whodid.ResultSuccess, whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultSuccess}[n%5], took: time.Minute, cost: n%3 != 0, actions: n % 2,
		}
		batch = append(batch, m.events()...)
		if len(batch) > 2000 || n == runs-1 {
			w.record(t, batch...)
			batch = batch[:0]
		}
	}
}

// commit puts commits into the index: of an agent, with its help, and of people.
func (w *world) commit(t testing.TB) {
	t.Helper()
	for i, kind := range []string{"agent", "human", "agent", "assisted", "human"} {
		c := store.Commit{
			ID: fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i)}))[:40], Repository: "git.example.com/acme/shop", Parents: 1, AuthoredAt: time.Now().Add(-time.Duration(i*9+1) * time.Hour),
			CommittedAt: time.Now().Add(-time.Duration(i*9) * time.Hour), Kind: kind, Author: "p3f9a7c1d02b4e688", Related: []string{},
			Files: []store.CommitFile{{Path: "docs/cart.md", Added: 40 - 7*i, Removed: 3 * i}, {Path: "docs/cart.png", Added: -1, Removed: -1}},
		}
		switch kind {
		case "agent":
			c.Evidence, c.Agent, c.Squad = []string{"trailers"}, "eng/issue-solver", "eng"
			c.Origins = []store.CommitOrigin{{Agent: c.Agent, Squad: c.Squad, Trigger: "manual", Execution: runID(3), Model: "claude-opus-4"}}
		case "assisted":
			c.Evidence, c.Credits = []string{"co-author"}, []string{"Claude"}
		}
		if err := w.Store.PutCommits(t.Context(), apitest.Org, []store.Commit{c}); err != nil {
			t.Fatal(err)
		}
	}
}

// decide records what people and agents decided.
func (w *world) decide(t testing.TB) {
	t.Helper()
	s := approval.New(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now)
	request := func(kind, target, agent, summary string, args whodid.Data) whodid.Approval {
		a, err := s.Request(t.Context(), &approval.Request{
			Type: kind, Target: target, Agent: agent, Summary: summary, Why: "the fix is reviewed and the tests pass", TTL: 4 * time.Hour, Arguments: args, Level: "approve", Rule: "OPS-010",
		}, approval.Who{Actor: whodid.AgentActor(agent), Auth: "hook", OnBehalfOf: "human:p3f9a7c1d02b4e688", OnBehalfAuth: "os-user", Execution: runID(3), Source: "hook:claude-code"})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	request("deploy.production", "shop", "ops/deployer", "deploy version 1.4.2 of the shop to production", whodid.Data{"version": "1.4.2", "environment": "production"})
	request("pr.merge", "acme/shop#44", "eng/issue-solver", "merge pull request 44 of acme/shop", nil)
	done := request("release.publish", "shop 1.4.1", "ops/deployer", "publish release 1.4.1", nil)
	if _, err := s.Decide(t.Context(), done.ID, &approval.Decision{Approve: true, Reason: "reviewed with the team", TTL: time.Hour},
		approval.Who{Actor: "human:papprover", Auth: "oidc", Source: "api"}); err != nil {
		t.Fatal(err)
	}
	for i, d := range [][3]string{
		{"rounding of money", "amounts are whole cents everywhere; floats are for charts", "a discount of a third lost a cent on every second order"},
		{"retries of the payment provider", "three tries with a growing pause, then a person", "more tries made their outage worse"},
		{"language of the docs", "plain English, short sentences", ""},
	} {
		w.record(t, whodid.Event{
			Key: fmt.Sprintf("page/decision/%d", i), What: "decision.record", Target: d[0], Why: d[2], Actor: "agent:eng/issue-solver", ActorAuth: "hook", Execution: runID(3),
			At: time.Now().Add(-time.Duration(i+1) * time.Hour), Source: "cli", Data: whodid.Data{"decided": d[1], "alternatives": []string{"decide it case by case"}, "expected": "no complaint about it for a month"},
		})
	}
}

// first is where the first link of a page leads that begins so; empty for nowhere.
func (w *world) first(t *testing.T, list, prefix string) string {
	t.Helper()
	_, link, _ := strings.Cut(w.get(t, "admin", list).Body.String(), `href="`+prefix)
	rest, _, found := strings.Cut(link, `"`)
	if !found {
		return ""
	}
	return prefix + rest
}

// everyPath are the addresses of every page, and of one of each thing that has a page
// of its own.
func (w *world) everyPath(t *testing.T) []string {
	t.Helper()
	out := slices.Collect(maps.Keys(everyPage()))
	for list, prefix := range map[string]string{"/incidents": "/incidents/evt-", "/memory": "/memory/evt-", "/approvals": "/approvals/appr-", "/approvals?state=approved": "/approvals/appr-"} {
		one := w.first(t, list, prefix)
		if one == "" {
			t.Fatalf("%s leads to none", list)
		}
		out = append(out, one)
	}
	return out
}
