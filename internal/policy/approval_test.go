package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/policy"
)

const approvals = `version = "1"

[approvals]
required = true
wait = "30s"
grant_expires = "10m"
signature = true
four_eyes = true

[[approval]]
id = "OPS-010"
level = "approve"
actions = ["deploy.*", "schema.migrate"]
environments = ["prod*"]

[[approval]]
id = "OPS-011"
level = "confirm"
actions = ["file.*"]
paths = ["infra/**"]

[[approval]]
id = "OPS-012"
level = "notify"
actions = ["**"]
cost_over_usd = 1.5

[[approval]]
id = "OPS-013"
level = "approve"
actions = ["pr.merge"]
count_over = 3
agents = ["ops/*"]
targets = ["acme/shop#*"]

[[approval]]
id = "OPS-014"
level = "auto"
actions = ["deploy.*"]
branches = ["main"]
`

func TestLevelOf(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(approvals), "test")
	if err != nil {
		t.Fatal(err)
	}
	if a := p.Approvals; !a.Required || a.Wait != 30*time.Second || a.GrantTTL != 10*time.Minute || a.RequestTTL != policy.DefaultRequestTTL || !a.Signature || !a.FourEyes {
		t.Errorf("%+v", a)
	}
	cost := func(usd float64) *int64 { n := int64(usd * 1e6); return &n }
	for name, test := range map[string]struct {
		act   policy.Act
		level policy.Level
		rule  string
	}{
		"nothing applies":          {policy.Act{Type: "file.read"}, policy.Auto, ""},
		"an environment":           {policy.Act{Type: "deploy.production", Environment: "production"}, policy.Approve, "OPS-010"},
		"another environment":      {policy.Act{Type: "deploy.production", Environment: "staging"}, policy.Auto, ""},
		"an environment not known": {policy.Act{Type: "deploy.production"}, policy.Auto, ""},
		"the strictest counts":     {policy.Act{Type: "deploy.x", Environment: "prod", Branch: "main"}, policy.Approve, "OPS-010"},
		"a path":                   {policy.Act{Type: "file.write", Path: "infra/a/b.tf"}, policy.Confirm, "OPS-011"},
		"a path elsewhere":         {policy.Act{Type: "file.write", Path: "src/infra/b.tf"}, policy.Auto, ""},
		"a cost":                   {policy.Act{Type: "web.fetch", CostMicros: cost(1.51)}, policy.Notify, "OPS-012"},
		"a cost just allowed":      {policy.Act{Type: "web.fetch", CostMicros: cost(1.5)}, policy.Auto, ""},
		"a cost not known":         {policy.Act{Type: "web.fetch"}, policy.Auto, ""},
		"a count":                  {policy.Act{Type: "pr.merge", Agent: "ops/x", Target: "acme/shop#4", Count: 4}, policy.Approve, "OPS-013"},
		"a count just allowed":     {policy.Act{Type: "pr.merge", Agent: "ops/x", Target: "acme/shop#4", Count: 3}, policy.Auto, ""},
		"another agent":            {policy.Act{Type: "pr.merge", Agent: "eng/x", Target: "acme/shop#4", Count: 4}, policy.Auto, ""},
		"another target":           {policy.Act{Type: "pr.merge", Agent: "ops/x", Target: "acme/bank#4", Count: 4}, policy.Auto, ""},
		"path and cost":            {policy.Act{Type: "file.edit", Path: "infra/x", CostMicros: cost(9)}, policy.Confirm, "OPS-011"},
	} {
		level, rule := p.LevelOf(&test.act)
		id := ""
		if rule != nil {
			id = rule.ID
		}
		if level != test.level || id != test.rule {
			t.Errorf("%s: %s by %q, want %s by %q", name, level, id, test.level, test.rule)
		}
	}
	if p, _ := policy.Parse([]byte("version = \"1\"\n"), "test"); p.MayNeed("pr.merge") || p.Approvals.Required {
		t.Error("a policy without approvals needs some")
	}
	if !p.MayNeed("pr.merge") {
		t.Error("pr.merge may need nothing")
	}
}

func TestApprovalsThatAreWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[approvals]\nwait = \"1h\"":                                                                      "wait",
		"[approvals]\nwait = \"-1s\"":                                                                     "wait",
		"[approvals]\nwiat = \"1s\"":                                                                      `unknown key "approvals.wiat"`,
		"[[approval]]\nlevel = \"approve\"":                                                               "id is missing",
		"[[approval]]\nid = \"OPS-1\"\nactions = [\"a\"]\nlevel = \"maybe\"":                              "none of auto",
		"[[approval]]\nid = \"OPS-1\"\nlevel = \"auto\"":                                                  "actions is missing",
		"[[approval]]\nid = \"OPS-1\"\nlevel = \"auto\"\nactions = [\"[a]\"]":                             "glob",
		"[[approval]]\nid = \"OPS-1\"\nlevel = \"auto\"\nactions = [\"a\"]\ncost_over_usd = -1.0":         "negative",
		"[[approval]]\nid = \"OPS-1\"\nlevel = \"auto\"\nactions = [\"a\"]\ncost_over_usd = nan":          "negative",
		"[[approval]]\nid = \"OPS-1\"\nlevel = \"auto\"\nactions = [\"a\"]\n[[approval]]\nid = \"OPS-1\"": "twice",
	} {
		if _, err := policy.Parse([]byte("version = \"1\"\n"+text+"\n"), "test"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// What is not said of an action does not make it one that may be done: that is
// named, and the path of an action on a file need not be said twice.
func TestExplainWhatWasNotSaid(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(`version = "1"
[[approval]]
id = "OPS-010"
level = "approve"
actions = ["deploy.*"]
environments = ["prod*"]
[[approval]]
id = "OPS-011"
level = "confirm"
actions = ["file.*"]
paths = ["infra/**"]
`), "test")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		act           policy.Act
		level, atMost policy.Level
		meaning       string
	}{
		"the file is the target":   {policy.Act{Type: "file.write", Target: "infra/a.tf"}, policy.Confirm, policy.Confirm, ""},
		"another file":             {policy.Act{Type: "file.write", Target: "src/a.tf"}, policy.Auto, policy.Auto, "no rule asks"},
		"no file is said":          {policy.Act{Type: "file.write"}, policy.Auto, policy.Confirm, "rule OPS-011 asks for confirm if it is path:infra/**, which was not said"},
		"no environment is said":   {policy.Act{Type: "deploy.production", Target: "shop"}, policy.Auto, policy.Approve, "rule OPS-010 asks for approve if it is environment:prod*"},
		"the environment is said":  {policy.Act{Type: "deploy.production", Environment: "production"}, policy.Approve, policy.Approve, ""},
		"another one is said":      {policy.Act{Type: "deploy.production", Environment: "staging"}, policy.Auto, policy.Auto, "no rule asks"},
		"nothing speaks of it all": {policy.Act{Type: "pr.merge"}, policy.Auto, policy.Auto, "no rule asks"},
	} {
		e := p.Explain(&test.act)
		if e.Level != test.level || e.AtMost != test.atMost || !strings.Contains(e.Meaning, test.meaning) || test.meaning == "no rule asks" && strings.Contains(e.Meaning, "not said") {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
