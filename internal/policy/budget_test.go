package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/policy"
)

func TestBudgets(t *testing.T) {
	t.Parallel()
	const head = "version = \"1\"\n"
	for _, test := range []struct{ text, err string }{
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\ncost_usd = 0.5\nloops = 3\n", ""},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"org\"\nper = \"month\"\ntokens = 5\nhard = true\n", ""},
		{"[review]\nevery = \"14d\"\n", ""},
		{"[review]\nevery = \"99999999999d\"\n", `every "99999999999d" is no length of time`},
		{"[review]\nevery = \"1m\"\n", "is no length of time"},
		{"[review]\never = \"7d\"\n", `unknown key "review.ever"`},
		{"[[budget]]\nscope = \"run\"\ntokens = 1\n", "id is missing"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"team\"\ntokens = 1\n", `scope "team" is none of run, agent, squad, org`},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\nper = \"day\"\ntokens = 1\n", "a run has a budget per run"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"agent\"\ntokens = 1\n", `per "" is none of day, month`},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"agent\"\nper = \"day\"\nloops = 1\n", "loops means something for the scope run only"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\n", "limits nothing"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\nactions = -1\n", "actions -1 is no limit"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\ncost_usd = nan\n", "no sum of money"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\ncost_usd = 1e-9\n", "no sum of money"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\ntokens = 1\n[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\ntokens = 1\n", "policy:6: rule BUD-001 stands twice"},
		{"[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\ntokens = 1\nagents = [\"a[\"]\n", "a glob has no more than"},
	} {
		p, err := policy.Parse([]byte(head+test.text), "policy")
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%q: %v", test.text, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: %v, want %q", test.text, err, test.err)
		case err == nil && p.ReviewEvery != 0 && p.ReviewEvery < time.Hour:
			t.Errorf("%q: reviews every %s", test.text, p.ReviewEvery)
		}
	}
}

func TestBudgetKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 23, 59, 0, 0, time.FixedZone("", -3600)) // in UTC it is December
	b := policy.Budget{ID: "BUD-001", Scope: policy.ScopeSquad, Per: policy.PerMonth}
	period, from, until := b.Period(now)
	if period != "2026-12" || !from.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) || !until.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("period %s from %s until %s", period, from, until)
	}
	seen := map[string]bool{}
	for _, key := range []string{b.Key("a", "2026-12"), b.Key("a", "2026-11"), b.Key("b", "2026-12"), b.Key("a2026", "-12"), (&policy.Budget{ID: "BUD-002", Scope: policy.ScopeSquad}).Key("a", "2026-12")} {
		if seen[key] || strings.Contains(key, "2026") {
			t.Errorf("the key %s is no digest of its own", key)
		}
		seen[key] = true
	}
	for scope, want := range map[string]string{policy.ScopeRun: "exec-1", policy.ScopeAgent: "shop/solver", policy.ScopeSquad: "shop", policy.ScopeOrg: "org"} {
		if got := (&policy.Budget{Scope: scope}).Subject("exec-1", "shop/solver"); got != want {
			t.Errorf("of the scope %s it is %s's", scope, got)
		}
	}
}
