package policy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/policy"
)

const whole = `# A policy with everything in it.
version = "2026-11-01"
tolerance = "2m"
agents_may_except = true

[[squad]]
name = "engineering"
agents = ["engineering/*", "platform/deployer"]

[[rule]]
id = "ORG-001"
title = "An agent's commit says where it comes from"
severity = "blocker"
checks = ["presence", "form"]
paths = ["src/**"]
branches = ["main", "release/*"]
agents = ["engineering/*"]

[[rule]]
id = "CODE-7"
title = "Subjects"
severity = "warning"
checks = ["subject"]
types = ["feat", "fix"]

[[exception]]
rule = "ORG-001"
reason = "imported with its history"
who = "ada"
expires = 2026-12-31
paths = ["src/vendor/**"]
commits = ["0123456789abcdef"]
`

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := policy.Parse([]byte(whole), "policy.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := &policy.Policy{
		Version: "2026-11-01", Digest: got.Digest, Source: "policy.toml", Tolerance: 2 * time.Minute, AgentsMayExcept: true,
		Squads: []policy.Squad{{Name: "engineering", Agents: []string{"engineering/*", "platform/deployer"}}},
		Rules: []policy.Rule{
			{
				ID: "ORG-001", Title: "An agent's commit says where it comes from", Severity: policy.Blocker,
				Checks: []policy.Check{policy.Presence, policy.Form},
				Scope:  policy.Scope{Paths: []string{"src/**"}, Branches: []string{"main", "release/*"}, Agents: []string{"engineering/*"}},
			},
			{ID: "CODE-7", Title: "Subjects", Severity: policy.Warning, Checks: []policy.Check{policy.Subject}, Types: []string{"feat", "fix"}},
		},
		Exceptions: []policy.Exception{{
			ID: ".whodid/policy.toml:26", Rule: "ORG-001", Reason: "imported with its history", Who: "ada",
			Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
			Scope: policy.Scope{Paths: []string{"src/vendor/**"}, Commits: []string{"0123456789abcdef"}},
		}},
		Approvals: policy.Approvals{RequestTTL: policy.DefaultRequestTTL, GrantTTL: policy.DefaultGrantTTL},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got.Digest) != 64 {
		t.Errorf("the digest is %q", got.Digest)
	}
	other, err := policy.Parse([]byte(whole+"\n"), "policy.toml")
	if err != nil || other.Digest == got.Digest {
		t.Errorf("another text has the same digest (%v)", err)
	}
}

func TestDefaultIsTheFoundingRule(t *testing.T) {
	t.Parallel()
	p := policy.Default()
	rule, ok := p.Rule("ORG-001")
	if !ok || len(p.Rules) != 1 || rule.Severity != policy.Blocker || !rule.Empty() {
		t.Errorf("the default policy is %+v", p)
	}
	for _, c := range policy.Checks() {
		if has := strings.Contains(policy.DefaultText, `"`+string(c)+`"`); has == (c == policy.Subject) {
			t.Errorf("check %s is in the default policy: %t", c, has)
		}
	}
}

// Each file is wrong in one way, and the error says where.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	edit := func(old, replacement string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("the policy has no %q", old)
		}
		return strings.Replace(whole, old, replacement, 1)
	}
	for name, c := range map[string]struct {
		text string
		line int
		want string
	}{
		"no version":           {edit(`version = "2026-11-01"`, ""), 0, "version is missing"},
		"syntax":               {edit(`name = "engineering"`, `name = engineering`), 7, ""},
		"unknown key":          {edit(`severity = "warning"`, "severity = \"warning\"\nseverty = \"blocker\""), 23, `unknown key "rule.severty"`},
		"unknown key at top":   {edit(`tolerance`, `tolerances`), 3, `unknown key "tolerances"`},
		"unknown table":        {whole + "[approvers]\nx = 1\n", 33, "unknown"},
		"wrong type":           {edit(`agents_may_except = true`, `agents_may_except = "yes"`), 4, ""},
		"severity":             {edit(`"blocker"`, `"fatal"`), 10, `severity "fatal" is none of blocker, warning`},
		"check":                {edit(`"presence", "form"`, `"presences"`), 10, `check "presences" is none of`},
		"check twice":          {edit(`"presence", "form"`, `"form", "form"`), 10, "stands twice"},
		"no checks":            {edit(`checks = ["subject"]`, ""), 19, "checks is missing"},
		"types without a use":  {edit(`checks = ["subject"]`, `checks = ["form"]`), 19, "types means nothing"},
		"id":                   {edit(`"CODE-7"`, `"code 7"`), 19, "id is missing or is none"},
		"id twice":             {edit(`"CODE-7"`, `"ORG-001"`), 19, "stands twice"},
		"no title":             {edit(`title = "Subjects"`, ""), 19, "title is missing"},
		"squad without agents": {edit(`agents = ["engineering/*", "platform/deployer"]`, ""), 6, "owns no agents"},
		"glob":                 {edit(`"src/**"`, `"/src/[a-z]"`), 10, "paths"},
		"exception from what":  {edit(`rule = "ORG-001"`, `rule = "ORG-2"`), 26, `no rule "ORG-2"`},
		"no reason":            {edit(`reason = "imported with its history"`, ""), 26, "reason is missing"},
		"no who":               {edit(`who = "ada"`, ""), 26, "who granted it is missing"},
		"no expiry":            {edit(`expires = 2026-12-31`, ""), 26, "expires is missing"},
		"expiry":               {edit(`2026-12-31`, `"new year"`), 0, "no date"},
		"a time of no day":     {edit(`2026-12-31`, `12:00:00`), 0, "without a day"},
		"no scope":             {edit("paths = [\"src/vendor/**\"]\ncommits = [\"0123456789abcdef\"]", ""), 26, "scope is missing"},
		"commit":               {edit(`"0123456789abcdef"`, `"HEAD"`), 26, "is no commit"},
		"tolerance":            {edit(`"2m"`, `"a while"`), 0, "tolerance"},
		"not text":             {"version = \"a\xff\"", 0, "not UTF-8"},
		"NUL":                  {"version = \"a\x00\"", 0, "not UTF-8"},
		"deep":                 {"x = " + strings.Repeat("[", 1000), 1, "brackets"},
		"large":                {strings.Repeat("#", policy.MaxBytes+1), 0, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Parse([]byte(c.text), "policy.toml")
			var wrong *policy.Error
			if !errors.As(err, &wrong) {
				t.Fatalf("it was read as %+v (%v)", p, err)
			}
			if c.line != 0 && wrong.Line != c.line || !strings.Contains(wrong.Text, c.want) {
				t.Errorf("%v; want line %d and %q", err, c.line, c.want)
			}
			if !strings.HasPrefix(err.Error(), "policy.toml") {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}

func TestParseExpiry(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-12-31":                "2027-01-01T00:00:00Z",
		"2028-02-28":                "2028-02-29T00:00:00Z",
		"2026-12-31T18:00:00Z":      "2026-12-31T18:00:00Z",
		"2026-12-31T18:00:00+02:00": "2026-12-31T16:00:00Z",
	} {
		got, err := policy.ParseExpiry(in)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s holds until %s (%v), want %s", in, got.Format(time.RFC3339), err, want)
		}
		if !strings.Contains(in, "+") { // TOML's own dates mean the same
			p, err := policy.Parse([]byte(strings.Replace(whole, "2026-12-31", in, 1)), "x")
			if err != nil || !p.Exceptions[0].Until.Equal(got) {
				t.Errorf("%s as a TOML date: %v", in, err)
			}
		}
	}
	for _, in := range []string{"", "never", "2026-13-01", "31.12.2026", "2026-12-31T18:00:00"} {
		if got, err := policy.ParseExpiry(in); err == nil {
			t.Errorf("%q was read as %s", in, got)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"main", "main", true},
		{"main", "maine", false},
		{"release/*", "release/1.2", true},
		{"release/*", "release/1/2", false},
		{"release/*", "release", false},
		{"**", "a/b/c", true},
		{"**", "", true},
		{"src/**", "src/a/b.go", true},
		{"src/**", "src", true},
		{"src/**", "srcs/a", false},
		{"**/*.go", "a.go", true},
		{"**/*.go", "a/b/c.go", true},
		{"**/*.go", "a/b/c.got", false},
		{"a/**/z", "a/z", true},
		{"a/**/z", "a/b/c/z", true},
		{"a/**/z", "a/bz", false},
		{"*", "a/b", false},
		{"?.md", "ä.md", true},
		{"?.md", "/.md", false},
		{"engineering/*", "engineering/issue-solver", true},
		{"*solver", "engineering/issue-solver", false},
		{"*a*b*", "xxaxxbxx", true},
		{"", "", true},
		{"", "a", false},
	} {
		if got := policy.Match(c.glob, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %t", c.glob, c.name, got)
		}
	}
	// The worst that a glob may be takes no time to speak of.
	start := time.Now()
	policy.Match(strings.Repeat("*a", 127)+"b", strings.Repeat("a", 4096))
	if took := time.Since(start); took > time.Second {
		t.Errorf("a hostile glob took %s", took)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(policy.DefaultText)
	f.Add("version = 'x'\nrule = [{id = 'ORG-1', title = 't', severity = 'warning', checks = ['form']}]\n[[exception]]\nexpires = 2026-01-01T00:00:00\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := policy.Parse([]byte(text), "f")
		if err != nil {
			var wrong *policy.Error
			if !errors.As(err, &wrong) || wrong.Text == "" || wrong.Line < 0 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		for i := range p.Exceptions {
			if err := p.Exceptions[i].Validate(); err != nil {
				t.Errorf("%q: an exception that is none: %v", text, err)
			}
		}
		for _, r := range p.Rules {
			if !policy.ValidRuleID(r.ID) || len(r.Checks) == 0 {
				t.Errorf("%q: a rule that is none: %+v", text, r)
			}
		}
	})
}
