package hooks_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/door/hooks"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/server"
)

// An http hook is answered by the organisation's rules, and what was refused is
// recorded as that.
func TestDecisions(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte("version = \"1\"\n[approvals]\nrequired = true\n[[approval]]\nid = \"OPS-010\"\nlevel = \"approve\"\nactions = [\"deploy.*\"]\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		command string
		said    hook.Answer
		err     error
		want    string // in the answer; empty is none
		result  string
	}{
		"nothing asks":            {"ls", hook.Answer{}, nil, "", "attempted"},
		"approved":                {"fly deploy -a shop", hook.Answer{Allow: true, Approval: "appr-7k2m9q4tz8w1c3ab"}, nil, `"allow"`, "attempted"},
		"not approved":            {"fly deploy -a shop", hook.Answer{Reason: "ask a person"}, nil, `"deny"`, "blocked"},
		"the trail can't be read": {"fly deploy -a shop", hook.Answer{}, errors.New("down"), `"deny"`, "blocked"},
	} {
		d := newDoor(t)
		d.Server = server.New(server.Options{Tenants: d.tenants, Authenticator: d, Now: d.clock}, hooks.Routes(hooks.Options{
			Now: d.clock, Rules: func(string) hook.Rules { return hook.Rules{Policy: p, Required: true} },
			Gate: func(context.Context, *server.Tenant) hook.Gate {
				return func(*hook.Request) (hook.Answer, error) { return test.said, test.err }
			},
		})...)
		w := d.post(t, "?agent=ops/deployer", strings.NewReader(`{"session_id":"`+session+`","transcript_path":"/home/dev/.claude/projects/p/`+session+
			`.jsonl","cwd":"/srv/shop","permission_mode":"default","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"toolu_1","tool_input":{"command":"`+test.command+`"}}`))
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || (got == "{}") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
		rows := d.rows(t)
		if last := rows[len(rows)-1]; string(last.Result) != test.result || last.Approval != test.said.Approval {
			t.Errorf("%s: recorded %+v", name, last.Event)
		}
	}
}
