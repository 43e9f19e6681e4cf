package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid/internal/policy"
)

// broken is a commit that violates ORG-001 and a second rule.
func broken(paths, branches []string) *policy.Commit {
	c := commit(strings.Replace(fine, "Model: opus\n", "", 1), nil)
	c.Paths, c.Branches = paths, branches
	return c
}

func twoRules() policy.Policy {
	p := *policy.Default()
	second := p.Rules[0]
	second.ID = "ORG-002"
	p.Rules = []policy.Rule{p.Rules[0], second}
	return p
}

func TestExceptionExpires(t *testing.T) {
	t.Parallel()
	until, err := policy.ParseExpiry("2026-12-31")
	if err != nil {
		t.Fatal(err)
	}
	p := twoRules()
	p.Exceptions = []policy.Exception{{ID: "x", Rule: "ORG-001", Reason: "r", Who: "ada", Until: until, Scope: policy.Scope{Paths: []string{"**"}}}}
	for now, want := range map[string]policy.Outcome{
		"2026-11-01T00:00:00Z": policy.Excepted, "2026-12-31T23:59:59Z": policy.Excepted,
		"2027-01-01T00:00:00Z": policy.Violated, "2030-01-01T00:00:00Z": policy.Violated,
		"2026-12-31T23:59:59-02:00": policy.Violated, // it is tomorrow in UTC
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		v := p.Evaluate(broken([]string{"a"}, nil), policy.Surroundings{Now: at})
		if got := v.Rules[0].Outcome; got != want {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
		if refused := v.Rules[0].Refused; (want == policy.Violated) != (len(refused) == 1) {
			t.Errorf("at %s: the expired exception is shown %d times", now, len(refused))
		}
		if v.Rules[1].Outcome != policy.Violated || v.Outcome != policy.Violated {
			t.Errorf("at %s: an exception from one rule excused another: %+v", now, v)
		}
	}
}

func TestExceptionScope(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope           policy.Scope
		paths, branches []string
		unknown         bool // whether the paths are not known
		want            bool
	}{
		"its path":               {policy.Scope{Paths: []string{"vendor/**"}}, []string{"vendor/a", "vendor/b"}, nil, false, true},
		"a path beside it":       {policy.Scope{Paths: []string{"vendor/**"}}, []string{"vendor/a", "src/b"}, nil, false, false},
		"no path at all":         {policy.Scope{Paths: []string{"**"}}, nil, nil, false, false},
		"paths nobody knows":     {policy.Scope{Paths: []string{"**"}}, []string{"a"}, nil, true, false},
		"its branch":             {policy.Scope{Branches: []string{"wip/*"}}, nil, []string{"wip/a"}, false, true},
		"a branch beside it":     {policy.Scope{Branches: []string{"wip/*"}}, nil, []string{"wip/a", "main"}, false, false},
		"a branch nobody knows":  {policy.Scope{Branches: []string{"**"}}, nil, nil, false, false},
		"its agent":              {policy.Scope{Agents: []string{"engineering/*"}}, nil, nil, false, true},
		"another agent":          {policy.Scope{Agents: []string{"sales/*"}}, nil, nil, false, false},
		"its commit":             {policy.Scope{Commits: []string{thisCommit[:7]}}, nil, nil, false, true},
		"another commit":         {policy.Scope{Commits: []string{firstCommit[:7]}}, nil, nil, false, false},
		"its commit, other path": {policy.Scope{Commits: []string{thisCommit}, Paths: []string{"b"}}, []string{"a"}, nil, false, false},
		"nothing":                {policy.Scope{}, []string{"a"}, []string{"main"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := twoRules()
			p.Exceptions = []policy.Exception{{ID: "x", Rule: "ORG-001", Reason: "r", Who: "ada", Until: noon.Add(time.Hour), Scope: c.scope}}
			commit := broken(c.paths, c.branches)
			commit.PathsKnown = !c.unknown
			v := p.Evaluate(commit, policy.Surroundings{Now: noon})
			if got := v.Rules[0].Outcome == policy.Excepted; got != c.want {
				t.Errorf("excused: %t, want %t", got, c.want)
			}
		})
	}
}

func TestAgentsDoNotExceptThemselves(t *testing.T) {
	t.Parallel()
	p := twoRules()
	around := policy.Surroundings{Now: noon, Exceptions: []policy.Exception{{
		ID: "evt-1", Rule: "ORG-001", Reason: "r", Who: "agent:engineering/issue-solver", Until: noon.Add(time.Hour), Scope: policy.Scope{Paths: []string{"**"}},
	}}}
	v := p.Evaluate(broken([]string{"a"}, nil), around)
	if v.Rules[0].Outcome != policy.Violated || len(v.Rules[0].Refused) != 1 {
		t.Errorf("an agent excused itself: %+v", v.Rules[0])
	}
	p.AgentsMayExcept = true
	if v := p.Evaluate(broken([]string{"a"}, nil), around); v.Rules[0].Outcome != policy.Excepted {
		t.Errorf("the policy lets it, and it did not: %+v", v.Rules[0])
	}
}

// TestExceptionsNeverWiden tries what no exception may do: make a verdict worse,
// touch another rule, change what was found, or, narrowed further, excuse more.
func TestExceptionsNeverWiden(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		globs := rapid.SliceOfN(rapid.SampledFrom([]string{"**", "a", "a/*", "a/**", "b", "?", "main", "wip/*", "engineering/*", "sales/*"}), 0, 3)
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a/x", "a/x/y", "b", "c"}), 0, 4)
		exception := func(label string) policy.Exception {
			return policy.Exception{
				ID: label, Rule: rapid.SampledFrom([]string{"ORG-001", "ORG-002", "ORG-003"}).Draw(t, label+" rule"), Reason: "r",
				Who:   rapid.SampledFrom([]string{"ada", "human:p1", "agent:a/b"}).Draw(t, label+" who"),
				Until: noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, label+" until")) * time.Hour),
				Scope: policy.Scope{
					Paths: globs.Draw(t, label+" paths"), Branches: globs.Draw(t, label+" branches"), Agents: globs.Draw(t, label+" agents"),
				},
			}
		}
		p := twoRules()
		c := broken(names.Draw(t, "paths"), rapid.SliceOfN(rapid.SampledFrom([]string{"main", "wip/a"}), 0, 2).Draw(t, "branches"))
		c.PathsKnown = rapid.Bool().Draw(t, "known")
		around := policy.Surroundings{Now: noon}
		plain := p.Evaluate(c, around)

		x := exception("x")
		if rapid.Bool().Draw(t, "in the trail") {
			around.Exceptions = []policy.Exception{x}
		} else {
			p.Exceptions = []policy.Exception{x}
		}
		with := p.Evaluate(c, around)
		if with.Outcome.Worse(plain.Outcome) != plain.Outcome {
			t.Fatalf("an exception made it worse: %s, without %s", with.Outcome, plain.Outcome)
		}
		for i := range plain.Rules {
			if diff := cmp.Diff(plain.Rules[i].Findings, with.Rules[i].Findings); diff != "" {
				t.Fatalf("an exception changed what was found:\n%s", diff)
			}
			excused := with.Rules[i].Outcome == policy.Excepted
			if excused && (x.Rule != plain.Rules[i].Rule.ID || x.Expired(noon) || x.Empty() || x.ByAgent()) {
				t.Fatalf("%+v excused %s", x, plain.Rules[i].Rule.ID)
			}
			if !excused && with.Rules[i].Outcome != plain.Rules[i].Outcome {
				t.Fatalf("%s became %s", plain.Rules[i].Outcome, with.Rules[i].Outcome)
			}
			if !excused {
				continue
			}
			if len(x.Paths) > 0 && slices.ContainsFunc(c.Paths, func(n string) bool {
				return !slices.ContainsFunc(x.Paths, func(g string) bool { return policy.Match(g, n) })
			}) {
				t.Fatalf("%v excused a commit of %v", x.Paths, c.Paths)
			}
		}
		narrower := x
		narrower.Commits = []string{firstCommit}
		p.Exceptions, around.Exceptions = []policy.Exception{narrower}, nil
		for _, r := range p.Evaluate(c, around).Rules {
			if r.Outcome == policy.Excepted {
				t.Fatal("narrowed to another commit, it excuses this one")
			}
		}
	})
}

// FuzzEvaluate judges any message: it must answer, and answer the same twice.
func FuzzEvaluate(f *testing.F) {
	f.Add(fine, true)
	f.Add("a\n\n---\nAgent: a/b\nExecution: exec-1\n\nCo-authored-by: Claude <noreply@anthropic.com>\n", false)
	f.Fuzz(func(t *testing.T, message string, trail bool) {
		around := policy.Surroundings{Trail: trail, Now: noon}
		v := policy.Default().Evaluate(commit(message, nil), around)
		if diff := cmp.Diff(v, policy.Default().Evaluate(commit(message, nil), around)); diff != "" {
			t.Fatalf("it judges twice, and otherwise:\n%s", diff)
		}
		for _, r := range v.Rules {
			if (len(r.Findings) == 0) != (r.Outcome == policy.Pass) {
				t.Fatalf("%s with %d findings", r.Outcome, len(r.Findings))
			}
			for _, finding := range r.Findings {
				if finding.Text == "" || !slices.Contains(policy.Codes(), finding.Code) || finding.Severity == "" {
					t.Fatalf("%+v", finding)
				}
			}
		}
	})
}
