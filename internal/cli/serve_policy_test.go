package cli

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
)

const strictPolicy = `version = "strict-1"
[approvals]
four_eyes = true
[[approval]]
id = "OPS-010"
level = "approve"
actions = ["deploy.*"]
[[budget]]
id = "BUD-001"
scope = "run"
tokens = 10
[privacy]
four_eyes = true
`

// TestPolicyOfOrganisation gives one organisation of a server a policy: by it, and by
// it alone, its hooks are answered, its requests made, its reports judged and its
// budgets watched, and its log says from when on. The policy of the server's working
// directory is nobody's.
func TestPolicyOfOrganisation(t *testing.T) {
	t.Parallel()
	p, tr, orgs, handler, _ := served(t)
	p.policies = filepath.Join(p.Dir, "policies")
	strict := filepath.Join(p.policies, "org-acme.toml")
	writeFile(t, strict, strictPolicy)
	writeFile(t, filepath.Join(p.Dir, ".whodid", "policy.toml"), strings.ReplaceAll(strictPolicy, "strict", "of-the-directory"))
	work := newChores(p, tr, orgs, server.NewMetrics("1"), slog.New(slog.DiscardHandler), nil, &config.Notify{})
	for _, org := range []string{"acme", "other"} {
		tenant, err := orgs.tenant(t.Context(), org)
		if err != nil {
			t.Fatal(err)
		}
		secrets := map[auth.Role]string{}
		for _, role := range []auth.Role{auth.RoleRecorder, auth.RoleReader} {
			secrets[role] = p.madeToken(t, orgs, tr, org, role)
		}
		ask := func(role auth.Role, method, path, body string) string {
			r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+secrets[role])
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w.Body.String()
		}
		const deploy = `{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"t","cwd":"/srv","tool_input":{"command":"fly deploy -a shop"}}`
		const run = "exec-0000000000000001"
		events := []whodid.Event{
			{Key: "s", What: "execution.start", Execution: run, Actor: "agent:ops/deployer", At: p.Now(), Source: "cli", Data: whodid.Data{"trigger": "manual"}},
			{Key: "m", What: "model.call", Execution: run, Actor: "agent:ops/deployer", At: p.Now(), Source: "cli", Data: whodid.Data{"model": "m", "input_tokens": int64(99), "output_tokens": int64(1)}},
		}
		if _, err := tenant.Recorder.Record(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
		work.round(t.Context())
		work.round(t.Context())
		for name, got := range map[string]string{
			"its hooks are answered":  ask(auth.RoleRecorder, http.MethodPost, "/hooks?agent=ops/deployer", deploy),
			"its requests are made":   ask(auth.RoleRecorder, http.MethodPost, "/v1/approvals", `{"type":"deploy.production","target":"shop","agent":"ops/deployer"}`),
			"its reports are judged":  ask(auth.RoleReader, http.MethodGet, "/v1/reports/weekly", ""),
			"its runs are judged":     ask(auth.RoleReader, http.MethodGet, "/v1/executions/"+run, ""),
			"its budgets are watched": said(t, tr, org, "budget.exceed"),
			"its log says from when":  said(t, tr, org, "policy.change"),
		} {
			want := map[string]string{
				"its hooks are answered": "OPS-010", "its requests are made": `"rule":"OPS-010"`, "its reports are judged": `"policy":"strict-1"`,
				"its runs are judged":     `"unapproved":{"policy":"strict-1","looked":0,`,
				"its budgets are watched": "BUD-001", "its log says from when": "strict-1",
			}[name]
			if has := strings.Contains(got, want); has != (org == "acme") || strings.Contains(got, "of-the-directory") {
				t.Errorf("%s: %s by its policy: %s", org, name, got)
			}
		}
	}
	// Another version, and none any more, are told each once.
	writeFile(t, strict, strings.ReplaceAll(strictPolicy, "strict-1", "strict-2"))
	work.round(t.Context())
	if err := os.Remove(strict); err != nil {
		t.Fatal(err)
	}
	work.round(t.Context())
	work.round(t.Context())
	if got := said(t, tr, "acme", "policy.change"); strings.Count(got, "strict-1") != 1 || strings.Count(got, "strict-2") != 1 || !strings.HasSuffix(got, "{}\n") {
		t.Errorf("the log says of policies: %s", got)
	}
	// One that can't be read is not taken for none: what needs a judgement gets none.
	writeFile(t, strict, "version = \"x\"\n[[approval]]\nnonsense = 1\n")
	if rules := p.rules("acme"); rules.Broken == nil {
		t.Error("a policy that can't be read is taken for none")
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// said is the metadata of an organisation's events of a kind.
func said(t *testing.T, tr *trail, org, what string) string {
	t.Helper()
	rows, err := tr.store.Events(t.Context(), org, store.EventFilter{What: what})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range rows {
		text.Write(rows[i].DataText)
		text.WriteByte('\n')
	}
	return text.String()
}
