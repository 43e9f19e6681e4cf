package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
)

// told is what is sent to a door in the name of ops/other and of a person.
type toldAt struct {
	path, body, file string
	headers          map[string]string
}

// inOthersNames says for each door at which events come in how somebody would try
// to speak for others there.
var inOthersNames = map[string][]toldAt{
	"POST /v1/events": {
		{body: `{"actor":"agent:ops/other","what":"test.run","result":"success"}`},
		{body: `{"actor":"human:p123","what":"test.run","result":"success"}`},
		{body: `{"actor":"human:p123","what":"approval.grant","result":"approved"}`},
		{body: `[{"what":"test.run","result":"success"},{"actor":"human:p123","what":"decision.record"}]`},
	},
	"POST /v1/executions":             {{body: `{"agent":"ops/other"}`}, {body: `{"agent":"human:p123"}`}},
	"POST /v1/executions/{id}/renew":  {{path: "/v1/executions/exec-other/renew", body: `{"lease_seconds":60}`}},
	"POST /v1/executions/{id}/finish": {{path: "/v1/executions/exec-other/finish", body: `{"status":"success"}`}},
	"POST /v1/executions/{id}/tags":   {{path: "/v1/executions/exec-other/tags", body: `{"tags":{"a":"b"}}`}},
	"POST /v1/model-calls":            {{body: `{"execution_id":"exec-other","model":"m"}`}},
	"POST /v1/sync": {
		{body: `{"origin":"whodid/laptop","person":"human:p123","events":[{"index":0,"event":{"key":"k1","actor":"agent:ops/other","what":"test.run","at":"2026-11-01T08:00:00Z","result":"success","source":"cli"}}]}`},
		{body: `{"origin":"whodid/laptop","person":"human:p123","events":[{"index":1,"event":{"key":"k2","actor":"human:p123","what":"test.run","at":"2026-11-01T08:00:00Z","result":"success","source":"cli"}}]}`},
	},
	"POST /v1/approvals": {{body: `{"type":"pr.merge","target":"acme/shop#1","agent":"ops/other","summary":"x"}`}},
	"POST /hooks": {
		{path: "/hooks?agent=ops/other", body: `{"session_id":"s-vouch","transcript_path":"/x/.claude/projects/x/s.jsonl","hook_event_name":"SessionStart","source":"startup","cwd":"/tmp"}`},
		{path: "/hooks", headers: map[string]string{"Whodid-Agent": "ops/other"}, body: `{"session_id":"s-vouch2","transcript_path":"/x/.claude/projects/x/s.jsonl","hook_event_name":"SessionStart","source":"startup","cwd":"/tmp"}`},
	},
	"POST /mcp/record": {{
		headers: map[string]string{"Accept": "application/json, text/event-stream"},
		body:    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memory_record","arguments":{"subject":"x","decided":"y","why":"z","agent":"ops/other","actor":"human:p123"}}}`,
	}},
	"POST /v1/logs":    {{file: "claude-code-2.1.197-001-v1_logs.json.gz"}},
	"POST /v1/metrics": {{file: "claude-code-2.1.197-002-v1_metrics.pb.gz"}},
	"POST /v1/traces":  {{file: "claude-code-2.1.197-006-v1_traces.pb.gz"}},
}

// TestWhomATokenSpeaksFor sends a token that is bound to an agent, and one that
// is not, to every door at which events come in: the first records as its agent
// only, and neither can name a person as who acted.
func TestWhomATokenSpeaksFor(t *testing.T) {
	t.Parallel()
	p, tr, orgs, s, routes := served(t)
	tenant, err := orgs.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{}
	for name, r := range map[string]auth.TokenRequest{
		"bound": {Name: "bound", Role: auth.RoleRecorder, Agent: "eng/solver"}, "recorder": {Name: "recorder", Role: auth.RoleRecorder},
		"squad": {Name: "squad", Role: auth.RoleRecorder, Squads: []string{"eng"}},
	} {
		_, secret, _, err := auth.NewTokens("acme", tr.store, tenant.Recorder, p.Now).Create(t.Context(), r, auth.By{Actor: "human:p1", Auth: "os-user", Source: "cli"})
		if err != nil && name == "squad" {
			continue // only readers can be held to squads
		}
		if err != nil {
			t.Fatal(err)
		}
		secrets[name] = secret
	}
	_, err = tenant.Recorder.Record(t.Context(), whodid.Event{
		Key: "other", Actor: "agent:ops/other", What: "execution.start", Execution: "exec-other", At: time.Now().UTC(), Source: "cli", Data: whodid.Data{"trigger": "manual"},
	})
	if err != nil {
		t.Fatal(err)
	}
	from := uint64(0)
	recorded := func() []store.Row {
		rows, err := tr.store.Events(t.Context(), "acme", store.EventFilter{AfterSeq: from})
		if err != nil {
			t.Fatal(err)
		}
		from += uint64(len(rows))
		return rows
	}
	recorded()
	for _, route := range routes {
		if route.Needs != auth.Record {
			continue
		}
		requests := inOthersNames[route.Pattern]
		if len(requests) == 0 {
			t.Errorf("%s: say here how somebody would try to speak for others", route.Pattern)
		}
		for who, secret := range secrets {
			for i := range requests {
				w := tellAt(t, s, &route, &requests[i], secret)
				if w.Code >= 500 || w.Code == http.StatusUnauthorized || w.Code == http.StatusBadRequest || w.Code == http.StatusUnsupportedMediaType {
					t.Errorf("%s as %s: %d %s", route.Pattern, who, w.Code, w.Body)
				}
				for _, r := range recorded() {
					agent := whodid.AgentOf(r.Actor)
					switch {
					case r.Actor == "human:p123", whodid.IsHuman(r.Actor) && (who != "recorder" || route.Pattern != "POST /v1/sync"):
						t.Errorf("%s as %s records a person's deed: %+v", route.Pattern, who, r.Event)
					case who == "bound" && agent != "" && (agent != "eng/solver" || r.ActorAuth != "token"):
						t.Errorf("%s as %s records what %s did (%s)", route.Pattern, who, r.Actor, r.ActorAuth)
					case who == "squad" && agent != "" && whodid.Squad(agent) != "eng":
						t.Errorf("%s as %s records what %s did", route.Pattern, who, r.Actor)
					case who == "recorder" && agent != "" && r.ActorAuth != "vouched:token":
						t.Errorf("%s as %s: %s is known by %q", route.Pattern, who, r.Actor, r.ActorAuth)
					}
				}
			}
		}
	}
}

func tellAt(t *testing.T, s http.Handler, route *server.Route, told *toldAt, secret string) *httptest.ResponseRecorder {
	t.Helper()
	_, path, _ := strings.Cut(route.Pattern, " ")
	if told.path != "" {
		path = told.path
	}
	body, media := []byte(told.body), "application/json"
	if told.file != "" {
		var err error
		if body, err = os.ReadFile(filepath.Join("..", "door", "otlp", "testdata", told.file)); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(told.file, ".pb.gz") {
			media = "application/x-protobuf"
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+secret)
	if told.file != "" {
		r.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range told.headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
