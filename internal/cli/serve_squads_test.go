package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/store"
)

// squadsWorld is a trail with the work of two squads in it. What may not be seen
// by who may see eng only says "hidden".
func squadsWorld(t *testing.T, p *Program, tr *trail, orgs *tenants) (commit string, approvals map[string]string) {
	t.Helper()
	tenant, err := orgs.Tenant(t.Context(), p.org)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	const shared, others = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	var events []whodid.Event
	for _, squad := range []string{"eng", "hidden"} {
		add := func(what, execution string, data whodid.Data) {
			e := whodid.Event{
				Actor: "agent:" + squad + "/solver", ActorAuth: "token", What: what, Execution: execution, At: now, Source: "hook:claude-code",
				Session: squad + "-session", Target: squad + "-target", Why: squad + " wanted it", Data: data, Key: squad + "/" + what + "/" + execution,
			}
			if what == "file.write" {
				e.Result = whodid.ResultSuccess
			}
			events = append(events, e)
		}
		data := whodid.Data{"trigger": "manual", "client": "claude-code"}
		if squad == "hidden" {
			data["parent"] = "exec-eng"
		}
		add("execution.start", "exec-"+squad, data)
		add("session.start", "exec-"+squad, whodid.Data{"client": "claude-code", "cwd": "~/" + squad})
		other := events[len(events)-1]
		other.Session, other.Key = squad+"-session-2", other.Key+"/2"
		events = append(events, other)
		add("file.write", "exec-"+squad, whodid.Data{})
		events = append(events, whodid.Event{
			Key: "forge/" + squad, Actor: "human:p1", ActorAuth: "forge", What: "forge.pr.merge", Target: squad + "/shop#1", At: now, Source: "webhook:github", Result: whodid.ResultSuccess,
			Data: whodid.Data{"repository": squad + "/shop", "number": int64(1), "executions": []string{"exec-" + squad}, "agents": []string{squad + "/solver"}},
		})
		add("model.call", "exec-"+squad, whodid.Data{"model": squad + "-model", "input_tokens": int64(7), "output_tokens": int64(1)})
	}
	if _, err := tenant.Recorder.Record(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	approvals = map[string]string{}
	for _, squad := range []string{"eng", "hidden"} {
		a, err := approval.New(p.org, tenant.Recorder, tenant.Asker, p.Now).Request(t.Context(), &approval.Request{
			Type: "pr.merge", Target: squad + "-target", Agent: squad + "/solver", Summary: squad + " asks", TTL: time.Millisecond, Level: "approve",
		}, approval.Who{Actor: "agent:" + squad + "/solver", Auth: "token", Source: "api"})
		if err != nil {
			t.Fatal(err)
		}
		approvals[squad] = a.ID
	}
	for _, squad := range []string{"eng", "hidden"} {
		e := whodid.Event{
			Actor: "human:p1", ActorAuth: "oidc", What: "incident.open", Target: "execution:exec-" + squad, Why: squad + " broke it", At: now, Source: "api",
			Key: "incident/" + squad, Data: whodid.Data{"suspects": []string{"exec-" + squad}},
		}
		if _, err := tenant.Recorder.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	eng := store.CommitOrigin{Execution: "exec-eng", Agent: "eng/solver", Squad: "eng"}
	hidden := store.CommitOrigin{Execution: "exec-hidden", Agent: "hidden/solver", Squad: "hidden"}
	for id, runs := range map[string][]store.CommitOrigin{shared: {eng, hidden}, others: {hidden}, others[1:] + "3": {hidden}} {
		c := store.Commit{
			ID: id, Repository: "example.com/a/b", Parents: 1, CommittedAt: now, AuthoredAt: now, Kind: "agent", Evidence: []string{"trailers"},
			Agent: runs[0].Agent, Squad: runs[0].Squad, Origins: runs, Related: []string{},
		}
		if err := tr.store.PutCommits(t.Context(), p.org, []store.Commit{c}); err != nil {
			t.Fatal(err)
		}
	}
	return shared, approvals
}

// TestSquadsAtEveryDoor sends somebody who may see one squad only to every door
// at which something is asked: none tells of another squad, and those that list
// tell of theirs.
func TestSquadsAtEveryDoor(t *testing.T) {
	t.Parallel()
	p, tr, orgs, s, routes := served(t)
	commit, approvals := squadsWorld(t, p, tr, orgs)
	tenant, err := orgs.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{}
	for name, r := range map[string]auth.TokenRequest{
		"eng":      {Name: "eng", Role: auth.RoleReader, Squads: []string{"eng"}},
		"two":      {Name: "two", Role: auth.RoleReader, Squads: []string{"eng", "nobody"}},
		"everyone": {Name: "everyone", Role: auth.RoleReader},
	} {
		_, secrets[name], _, err = auth.NewTokens("acme", tr.store, tenant.Recorder, p.Now).Create(t.Context(), r, auth.By{Actor: "human:p1", Auth: "os-user", Source: "cli"})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func(who, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+secrets[who])
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	// What a door is asked about: theirs, then what is hidden.
	ids := map[string][2]string{
		"/v1/executions/{id}": {"exec-eng", "exec-hidden"}, "/v1/sessions/{id}": {"eng-session", "hidden-session"},
		"/v1/events/{id}":         {eventID(t, tr, "eng"), eventID(t, tr, "hidden")},
		"/v1/commits/{id}/why":    {commit, strings.Repeat("2", 40)},
		"/v1/approvals/{id}":      {approvals["eng"], approvals["hidden"]},
		"/v1/approvals/{id}/wait": {approvals["eng"], approvals["hidden"]},
		"/v1/schemas/{name}":      {"history", "history"},
		"/v1/incidents/{id}":      {whodid.EventID("acme", "incident/eng"), whodid.EventID("acme", "incident/hidden")},
	}
	// With what several ids begin of which they see not one, or not all.
	begins := map[string]string{
		"/v1/executions/{id}": "exec-", "/v1/sessions/{id}": "hidden", "/v1/events/{id}": "evt-", "/v1/commits/{id}/why": "2222222",
		"/v1/approvals/{id}": "appr-", "/v1/approvals/{id}/wait": "appr-", "/v1/incidents/{id}": "evt-",
	}
	// What tells of no squad.
	general := []string{"/v1/catalogue", "/v1/schemas/{name}", "/v1/openapi.json", "/auth/whoami"}
	// What has to be asked for, lest the answer be empty or none.
	year, week := time.Now().UTC().Add(-time.Hour).ISOWeek()
	with := map[string]string{
		"/v1/search": "?q=solver", "/v1/reports/weekly": fmt.Sprintf("?week=%d-W%02d", year, week),
		"/v1/reports/monthly": "?month=" + time.Now().UTC().Add(-time.Hour).Format("2006-01"),
	}
	// What nobody is told who sees some squads only.
	whole := []string{"/v1/reconcile"}
	tried := 0
	for _, route := range routes {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if method != http.MethodGet || route.Needs != auth.Read || route.Stream {
			continue
		}
		tried++
		about, one := ids[path]
		if strings.Contains(path, "{") && !one {
			t.Errorf("%s: name here what it is to be asked about", path)
			continue
		}
		replace := func(id string) string {
			return path[:strings.IndexByte(path+"{", '{')] + id + path[strings.IndexByte(path+"}", '}')+1:]
		}
		for _, who := range []string{"eng", "two"} {
			theirs := path
			if one {
				theirs = replace(about[0])
			}
			w := ask(who, theirs+with[path])
			if slices.Contains(whole, path) {
				if w.Code != http.StatusForbidden {
					t.Errorf("%s as %s: %d %s", theirs, who, w.Code, w.Body)
				}
				continue
			}
			if w.Code != http.StatusOK {
				t.Errorf("%s as %s: %d %s", theirs, who, w.Code, w.Body)
			}
			if slices.Contains(general, path) {
				continue
			}
			if strings.Contains(w.Body.String(), "hidden") || !strings.Contains(w.Body.String(), "eng") {
				t.Errorf("%s as %s: %s", theirs, who, w.Body)
			}
			for _, q := range []string{"agent:hidden/*", "squad:hidden", "hidden", "-squad:eng", "execution:exec-hidden"} {
				if w := ask(who, theirs+"?q="+url.QueryEscape(q)); w.Code == http.StatusOK && strings.Contains(w.Body.String(), "hidden/") {
					t.Errorf("%s as %s for %s: %s", theirs, who, q, w.Body)
				}
			}
			if !one {
				if w := ask("everyone", path+with[path]); !strings.Contains(w.Body.String(), "hidden") {
					t.Errorf("%s shows who may see all nothing that could be hidden: %s", path, w.Body)
				}
				continue
			}
			if w := ask(who, replace(about[1])); w.Code != http.StatusNotFound {
				t.Errorf("%s as %s: %d %s", replace(about[1]), who, w.Code, w.Body)
			}
			if begins[path] == "" {
				t.Errorf("%s: name here with what several ids begin", path)
			}
			if w := ask("everyone", replace(begins[path])); w.Code != http.StatusConflict {
				t.Errorf("%s is no beginning of several: %d %s", replace(begins[path]), w.Code, w.Body)
			}
			// Not there, not theirs and ambiguous read alike.
			said := func(id string) string { return strings.ReplaceAll(ask(who, replace(id)).Body.String(), id, "ID") }
			for _, id := range []string{begins[path], about[1]} {
				if absent := "abcabc1"; said(id) != said(absent) {
					t.Errorf("%s as %s: %s, for what is not there: %s", replace(id), who, said(id), said(absent))
				}
			}
			if w := ask("everyone", replace(about[1])); w.Code != http.StatusOK {
				t.Errorf("%s as everyone: %d %s", replace(about[1]), w.Code, w.Body)
			}
		}
	}
	if tried < 8 {
		t.Errorf("only %d doors were tried", tried)
	}
}

func eventID(t *testing.T, tr *trail, squad string) string {
	t.Helper()
	found, err := tr.store.Events(t.Context(), "acme", store.EventFilter{Agent: squad + "/*", What: "file.write"})
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	return found[0].ID
}
