package gitcheck

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
)

// hostile is what a commit may be called.
const hostile = "fix: \x1b[31m%0A::error::forged\r\n::stop-commands::x\u202e"

// sample is a report with one of everything.
func sample() *Report {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	excepted := Exception{ID: "evt-1", Reason: hostile, Who: "human:p1", Until: at, Scope: "path:a"}
	refused := excepted
	refused.Refused = "it expired"
	finding := Finding{Code: policy.Replayed, Severity: policy.Blocker, Text: "It was copied.", Line: 3, Mend: []string{"git commit --amend"}}
	warning := finding
	warning.Severity = policy.Warning
	commit := func(outcome policy.Outcome, rule Rule, paths ...string) Commit {
		rule.ID, rule.Title, rule.Severity, rule.Outcome = "ORG-001", "A title", policy.Blocker, outcome
		return Commit{
			ID: strings.Repeat("a", 40), Subject: hostile, AuthoredAt: &at, Agents: []string{"a/b"}, Executions: []string{"exec-1"},
			Outcome: outcome, Rules: []Rule{rule}, NotEstablished: []string{"Nothing."}, paths: paths,
		}
	}
	return &Report{
		Policy: PolicyInfo{"1", strings.Repeat("d", 64), "default"}, Trail: TrailInfo{Note: "there is none"},
		Outcome: policy.Violated, Checked: 4, Agents: 4, Counts: map[policy.Outcome]int{policy.Violated: 2, policy.Excepted: 1, policy.Warned: 1},
		Commits: []Commit{
			commit(policy.Violated, Rule{Findings: []Finding{finding}, Refused: []Exception{refused}}, "a dir/ä,b:%.go"),
			commit(policy.Excepted, Rule{Findings: []Finding{finding}, Exception: &excepted}, "x.go"),
			commit(policy.Warned, Rule{Findings: []Finding{warning}}),
			commit(policy.Pass, Rule{Findings: []Finding{}}),
		},
		NotEstablished: []string{"Nothing."},
	}
}

// schema is the schema of SARIF, brought from draft 4 to draft 7: what differs
// of what it uses is the name of its id.
func schema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	text, err := os.ReadFile("testdata/sarif-2.1.0-rtm.5.json")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("http://json-schema.org/draft-04/schema#"), []byte("http://json-schema.org/draft-07/schema#"), 1)
	text = bytes.Replace(text, []byte(`"id":`), []byte(`"$id":`), 1)
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func TestSARIF(t *testing.T) {
	t.Parallel()
	judge := schema(t)
	for name, r := range map[string]*Report{"all": sample(), "nothing": newReport(Request{Policy: policy.Default()})} {
		var out bytes.Buffer
		if err := SARIF(&out, r, policy.Default(), "1.2.3"); err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(out.Bytes(), &document); err != nil {
			t.Fatal(err)
		}
		if err := judge.Validate(document); err != nil {
			t.Errorf("%s is not SARIF 2.1.0: %v\n%s", name, err, &out)
		}
		document["version"] = "2.0.0"
		if judge.Validate(document) == nil {
			t.Error("the schema refuses nothing")
		}
		if name == "nothing" {
			continue
		}
		for _, want := range []string{`"uri": "a%20dir/%C3%A4%2Cb:%25.go"`, `"level": "warning"`, `"suppressions"`, `"ruleIndex": 0`} {
			if !strings.Contains(out.String(), want) && !strings.Contains(out.String(), strings.Replace(want, "%2C", ",", 1)) {
				t.Errorf("it does not have %s:\n%s", want, &out)
			}
		}
	}
}

// Nothing that others wrote may end a command of GitHub's or begin one.
func TestGitHub(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := GitHub(&out, sample()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{
		"::error file=a dir/ä%2Cb%3A%25.go,line=1,title=ORG-001 trailers-replayed::aaaaaaaaaaaa fix: ",
		"::notice file=x.go,line=1,title=ORG-001 trailers-replayed::",
		"::warning title=ORG-001 trailers-replayed::",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), &out)
	}
	for i, l := range lines {
		if !strings.HasPrefix(l, want[i]) || strings.ContainsAny(l, "\r\x1b") {
			t.Errorf("%q, want %q", l, want[i])
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Text(term.New(&out, func(string) string { return "" }, time.Time{}), sample())
	for _, want := range []string{
		"ORG-001 blocker trailers-replayed: It was copied. (line 3)", "mend: git commit --amend", "does not count: it expired",
		"ORG-001 excepted trailers-replayed", "ORG-001 warning", "VIOLATED 4 commits checked, 4 commits of agents, 2 violated, 1 warned, 1 excepted",
		"Only what git alone can tell was checked: there is none",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\r\u202e") {
		t.Errorf("what others wrote reaches the terminal: %q", &out)
	}
}

func TestVerdictsAreToldOnce(t *testing.T) {
	t.Parallel()
	r := sample()
	first, again := Verdicts(r, time.Now()), Verdicts(r, time.Now())
	if len(first) != 4 {
		t.Fatalf("%d verdicts", len(first))
	}
	keys := map[string]bool{}
	for i := range first {
		e := &first[i]
		if e.Key != again[i].Key {
			t.Errorf("told again, %s is %s", e.Key, again[i].Key)
		}
		keys[e.Key] = true
		if err := e.Validate(); err != nil {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if len(keys) != 4 {
		t.Errorf("4 outcomes have %d keys", len(keys))
	}
	r.Policy.Digest = strings.Repeat("e", 64)
	if keys[Verdicts(r, time.Now())[0].Key] {
		t.Error("by another policy the verdict is the same event")
	}
	r.Commits[0].ID = ""
	if len(Verdicts(r, time.Now())) != 3 {
		t.Error("a message that is not committed has a verdict")
	}
}

func FuzzReadUpdates(f *testing.F) {
	zero, one := strings.Repeat("0", 40), strings.Repeat("1", 40)
	f.Add(zero + " " + one + " refs/heads/main\n")
	f.Add("refs/heads/main " + one + " refs/heads/main " + zero + "\n")
	f.Add("(delete) " + zero + " refs/heads/main " + one)
	f.Fuzz(func(t *testing.T, text string) {
		updates, _, err := ReadUpdates(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range updates {
			if !isObject(u.Old) || !isObject(u.New) || !strings.HasPrefix(u.Ref, "refs/") {
				t.Errorf("%q was read as %+v", text, u)
			}
		}
	})
}
