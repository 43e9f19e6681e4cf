package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
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
		d.tenants.one.Policies = func() policy.Rules { return policy.Together(p) }
		d.Server = server.New(server.Options{Tenants: d.tenants, Authenticator: d, Now: time.Now}, hooks.Routes(hooks.Options{
			Now: d.clock,
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

// What goes beyond a hard budget is refused before anybody is asked, and told of.
func TestBudgets(t *testing.T) {
	t.Parallel()
	const rules = "version = \"1\"\n[approvals]\nrequired = %v\n[[approval]]\nid = \"OPS-010\"\nlevel = \"approve\"\nactions = [\"secret.*\"]\n" +
		"[[budget]]\nid = \"BUD-001\"\nscope = \"squad\"\nper = \"month\"\ncost_usd = 1.0\nhard = %v\n[[budget]]\nid = \"BUD-002\"\nscope = \"run\"\nloops = 3\nhard = %[2]v\n"
	exceeded := func(b *policy.Budget) []hook.Exceeded {
		return []hook.Exceeded{{Key: b.Key("ops", "2026-11"), Budget: b.ID, Subject: "ops", Limited: "$2.00 of $1.00"}}
	}
	for name, test := range map[string]struct {
		required, hard bool
		exceeded       bool
		err            error
		failures       int64
		want           string // in the answer; empty is none
		result         string
		told           bool
	}{
		"within":                            {hard: true, result: "attempted"},
		"exceeded":                          {hard: true, exceeded: true, want: "the budget BUD-001 of ops is exceeded: $2.00 of $1.00", result: "blocked"},
		"exceeded, and soft":                {exceeded: true, result: "attempted"},
		"in circles":                        {hard: true, failures: 3, want: "has failed 3 times in a row", result: "blocked", told: true},
		"in circles, and soft":              {failures: 3, result: "attempted", told: true},
		"not known":                         {hard: true, err: errors.New("down"), result: "attempted"},
		"not known, and all must be known":  {hard: true, required: true, err: errors.New("down"), want: "can't be found out: down", result: "blocked"},
		"not known, and it would only tell": {required: true, err: errors.New("down"), result: "attempted"},
	} {
		p, err := policy.Parse(fmt.Appendf(nil, rules, test.required, test.hard), "test")
		if err != nil {
			t.Fatal(err)
		}
		d := newDoor(t)
		d.tenants.one.Policies = func() policy.Rules { return policy.Together(p) }
		d.Server = server.New(server.Options{Tenants: d.tenants, Authenticator: d, Now: time.Now}, hooks.Routes(hooks.Options{
			Now: d.clock,
			Gate: func(context.Context, *server.Tenant) hook.Gate {
				return func(*hook.Request) (hook.Answer, error) {
					t.Errorf("%s: somebody was asked", name)
					return hook.Answer{}, nil
				}
			},
			Spent: func(context.Context, *server.Tenant) *hook.Spent {
				return &hook.Spent{
					Exceeded: func() ([]hook.Exceeded, error) {
						if !test.exceeded {
							return nil, test.err
						}
						return exceeded(&p.Budgets[0]), test.err
					},
					Failing: func(*whodid.Event) (int64, error) { return test.failures, nil },
				}
			},
		})...)
		w := d.post(t, "?agent=ops/deployer", strings.NewReader(`{"session_id":"`+session+`","transcript_path":"/home/dev/.claude/projects/p/`+session+
			`.jsonl","cwd":"/srv/shop","permission_mode":"default","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"toolu_1","tool_input":{"command":"fly deploy -a shop"}}`))
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || (got == "{}") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
		told, result := false, ""
		for _, r := range d.rows(t) {
			if r.What == "budget.exceed" {
				told = true
			}
			if r.What == "deploy.production" {
				result = string(r.Result)
			}
		}
		if told != test.told || result != test.result {
			t.Errorf("%s: told %v, the deployment is %q", name, told, result)
		}
	}
}
