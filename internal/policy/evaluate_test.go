package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/trailer"
)

var (
	noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ada  = policy.Signature{Name: "Ada", Email: "ada@example.com", At: noon}
)

const (
	thisCommit  = "1111111111111111111111111111111111111111"
	firstCommit = "2222222222222222222222222222222222222222"
)

// run is a run of the agent that the trailers below name.
func run() *policy.Run {
	return &policy.Run{
		ID: "exec-abc123", Agent: "engineering/issue-solver", Squad: "engineering", Trigger: "event",
		Started: noon.Add(-time.Hour), Ended: noon.Add(time.Minute),
		Models: []string{"claude-opus-4-5-20251101"}, ModelsSettled: true,
		Commits: []policy.Made{{ID: thisCommit[:7], At: noon}},
	}
}

const fine = `fix: keep the session

Agent: engineering/issue-solver
Squad: engineering
Trigger: event (issue.labeled)
Execution: exec-abc123
Model: opus
`

// commit is an honest commit of the run, changed by edit.
func commit(message string, edit func(*policy.Commit, *policy.Run)) *policy.Commit {
	c := &policy.Commit{
		ID: thisCommit, Parents: 1, Author: ada, Committer: ada, Paths: []string{"auth.go"}, PathsKnown: true,
		Branches: []string{"main"}, Message: policy.ReadMessage(message),
	}
	r := run()
	if edit != nil {
		edit(c, r)
	}
	for i := range c.Claims {
		if c.Claims[i].Execution == r.ID {
			c.Claims[i].Run = r
		}
	}
	return c
}

func codes(v policy.Verdict) []policy.Code {
	var all []policy.Code
	for _, r := range v.Rules {
		for _, f := range r.Findings {
			all = append(all, f.Code)
		}
	}
	return all
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	replace := func(old, replacement string) string {
		return replaceOnce(t, fine, old, replacement)
	}
	const human = "docs: a word\n\nFixes #12\n"
	later := func(c *policy.Commit, by time.Duration) { c.Author.At, c.Committer.At = noon.Add(by), noon.Add(by) }
	for name, c := range map[string]struct {
		message string
		edit    func(*policy.Commit, *policy.Run)
		alone   bool // without a trail
		want    []policy.Code
		outcome policy.Outcome
	}{
		"an honest agent":         {message: fine, outcome: policy.Pass},
		"without a trail":         {message: fine, alone: true, outcome: policy.Pass},
		"a person":                {message: human, outcome: policy.Untouched},
		"a person who quotes":     {message: "docs: how\n\n> Agent: a/b\n> Squad: a\n> Execution: exec-1\n> Model: m\n", outcome: policy.Untouched},
		"an agent's name":         {message: human, edit: func(c *policy.Commit, _ *policy.Run) { c.Author.Email = "noreply@anthropic.com" }, want: []policy.Code{policy.Unattributed}, outcome: policy.Violated},
		"an agent who committed":  {message: human, edit: func(c *policy.Commit, _ *policy.Run) { c.Committer.Email = "codex@openai.com" }, want: []policy.Code{policy.Unattributed}, outcome: policy.Violated},
		"an agent as co-author":   {message: human + "\nCo-authored-by: Claude <noreply@anthropic.com>\n", want: []policy.Code{policy.Unattributed}, outcome: policy.Violated},
		"a person as co-author":   {message: human + "\nCo-authored-by: Bob <bob@example.com>\n", outcome: policy.Untouched},
		"an agent that helped":    {message: human + "\nAssisted-by: Claude:opus\n", outcome: policy.Untouched},
		"the trail knows better":  {message: human, edit: func(c *policy.Commit, r *policy.Run) { c.MadeBy = []*policy.Run{r} }, want: []policy.Code{policy.Missing}, outcome: policy.Violated},
		"incomplete":              {message: replace("Model: opus\n", ""), want: []policy.Code{policy.Incomplete}, outcome: policy.Violated},
		"malformed":               {message: replace("event (issue", "because (issue"), want: []policy.Code{policy.Malformed}, outcome: policy.Violated},
		"below a divider":         {message: replace("session\n\n", "session\n\n---\n\n"), want: []policy.Code{policy.Malformed}, outcome: policy.Violated},
		"another squad":           {message: replace("Squad: engineering", "Squad: sales"), want: []policy.Code{policy.SquadMismatch}, outcome: policy.Violated},
		"an unknown run":          {message: replace("exec-abc123", "exec-zzz"), want: []policy.Code{policy.UnknownExecution}, outcome: policy.Violated},
		"another agent":           {message: replace("Agent: engineering/issue-solver", "Agent: engineering/boss"), want: []policy.Code{policy.OtherAgent}, outcome: policy.Violated},
		"another trigger":         {message: replace("event (issue.labeled)", "manual"), want: []policy.Code{policy.OtherTrigger}, outcome: policy.Violated},
		"another model":           {message: replace("Model: opus", "Model: gpt-6"), want: []policy.Code{policy.UnusedModel}, outcome: policy.Violated},
		"a model not known":       {message: replace("Model: opus", "Model: unknown"), outcome: policy.Pass},
		"another model, at work":  {message: replace("Model: opus", "Model: gpt-6"), edit: func(_ *policy.Commit, r *policy.Run) { r.ModelsSettled = false }, outcome: policy.Pass},
		"the long name":           {message: replace("Model: opus", "Model: claude-opus-4-5-20251101"), outcome: policy.Pass},
		"after the run":           {message: fine, edit: func(c *policy.Commit, _ *policy.Run) { later(c, time.Hour) }, want: []policy.Code{policy.OutOfTime}, outcome: policy.Violated},
		"before the run":          {message: fine, edit: func(c *policy.Commit, _ *policy.Run) { later(c, -2*time.Hour) }, want: []policy.Code{policy.OutOfTime}, outcome: policy.Violated},
		"clocks that differ":      {message: fine, edit: func(c *policy.Commit, _ *policy.Run) { later(c, 5*time.Minute) }, outcome: policy.Pass},
		"while it runs":           {message: fine, edit: func(c *policy.Commit, r *policy.Run) { r.Ended, r.Running = time.Time{}, true }, outcome: policy.Pass},
		"a start that nobody saw": {message: fine, edit: func(c *policy.Commit, r *policy.Run) { r.Started = time.Time{} }, outcome: policy.Pass},
		"rebased": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			c.Committer.At = noon.Add(48 * time.Hour)
			r.Commits = []policy.Made{{ID: firstCommit, Here: true, Authored: noon, Author: "Ada@example.com"}}
		}, outcome: policy.Pass},
		"rebased, the first form gone": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			c.Committer.At = noon.Add(48 * time.Hour)
			r.Commits = []policy.Made{{ID: firstCommit}}
		}, outcome: policy.Pass},
		"picked": {message: "fix: keep the session\n\n(cherry picked from commit " + firstCommit + ")\n" + fine[len("fix: keep the session\n\n"):], edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits = []policy.Made{{ID: firstCommit, Here: true}}
		}, outcome: policy.Pass},
		"copied": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits = []policy.Made{{ID: firstCommit, Here: true, Authored: noon.Add(-time.Minute), Author: ada.Email}}
		}, want: []policy.Code{policy.Replayed}, outcome: policy.Violated},
		"copied onto its own": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits = []policy.Made{{ID: firstCommit, Here: true, Authored: noon, Author: ada.Email}}
			c.Ancestors = []string{firstCommit}
		}, want: []policy.Code{policy.Replayed}, outcome: policy.Violated},
		"copied onto another's files": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits, r.Wrote = nil, []string{"billing.go", "/home/x/shop/util.go"}
		}, want: []policy.Code{policy.Replayed}, outcome: policy.Violated},
		"its files by another path": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits, r.Wrote = nil, []string{"~/shop/auth.go"}
		}, outcome: policy.Pass},
		"copied onto another run's commit": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits = nil
			c.MadeBy = []*policy.Run{{ID: "exec-other", Agent: "engineering/issue-solver"}}
		}, want: []policy.Code{policy.Replayed}, outcome: policy.Violated},
		"a sub-agent's": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits = nil
			c.MadeBy = []*policy.Run{{ID: "exec-child", Parent: r.ID, Agent: "engineering/issue-solver"}}
		}, outcome: policy.Pass},
		"within the call that pushes": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Ended, r.Running, r.LastAct, r.Commits, r.Wrote = time.Time{}, true, noon.Add(-time.Second), nil, []string{"other.go"}
		}, outcome: policy.Pass},
		"by a script of the run": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits = []policy.Made{{ID: firstCommit, Here: true}}
			r.Wrote, r.Opaque = []string{"auth.go"}, []time.Time{noon.Add(time.Second)}
		}, outcome: policy.Pass},
		"a commit that was not proved": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			r.Commits, r.Wrote, r.Attempts = nil, []string{"other.go"}, []time.Time{noon.Add(time.Second)}
		}, outcome: policy.Pass},
		"a forge's squash": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			later(c, 48*time.Hour)
			c.Committer.Email = "noreply@github.com"
			r.Commits, r.Wrote = []policy.Made{{ID: firstCommit, Here: true}}, []string{"auth.go"}
		}, outcome: policy.Pass},
		"a forge's squash of other files": {message: fine, edit: func(c *policy.Commit, r *policy.Run) {
			later(c, 48*time.Hour)
			c.Committer.Email = "noreply@github.com"
			r.Wrote, r.Commits = []string{"other.go"}, nil
		}, want: []policy.Code{policy.OutOfTime, policy.Replayed}, outcome: policy.Violated},
		"a squash that buries": {message: fine + "\nCo-authored-by: Bob <bob@example.com>\n", edit: func(c *policy.Commit, _ *policy.Run) {
			c.Committer.Email = "noreply@github.com"
		}, want: []policy.Code{policy.Malformed}, outcome: policy.Warned},
		"git alone sees a rival": {message: fine, alone: true, edit: func(c *policy.Commit, _ *policy.Run) {
			c.Claims[0].Rival = firstCommit
		}, want: []policy.Code{policy.OtherAgent}, outcome: policy.Violated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := policy.Default().Evaluate(commit(c.message, c.edit), policy.Surroundings{Trail: !c.alone, Now: noon.Add(time.Hour)})
			if diff := cmp.Diff(c.want, codes(v)); diff != "" || v.Outcome != c.outcome {
				t.Errorf("%s, want %s; findings (-want +got):\n%s%+v", v.Outcome, c.outcome, diff, v.Rules)
			}
			if c.alone && len(v.Open) == 0 {
				t.Error("it does not say what could not be established")
			}
		})
	}
}

func replaceOnce(t *testing.T, s, old, replacement string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not there", old)
	}
	return strings.Replace(s, old, replacement, 1)
}

func TestSquadsOwnAgents(t *testing.T) {
	t.Parallel()
	p := *policy.Default()
	p.Squads = []policy.Squad{
		{Name: "engineering", Agents: []string{"engineering/*"}},
		{Name: "platform", Agents: []string{"engineering/deployer", "ops/**"}},
	}
	for message, want := range map[string]bool{
		fine: true,
		replaceOnce(t, replaceOnce(t, fine, "Squad: engineering", "Squad: platform"), "issue-solver", "deployer"): true,
		replaceOnce(t, fine, "Squad: engineering", "Squad: platform"):                                             false,
		replaceOnce(t, fine, "Agent: engineering/issue-solver", "Agent: sales/caller"):                            false,
	} {
		v := p.Evaluate(commit(message, nil), policy.Surroundings{Now: noon})
		if got := !slices.Contains(codes(v), policy.SquadMismatch); got != want {
			t.Errorf("%s\nthe squad owns the agent: %t, want %t", message, got, want)
		}
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	p := policy.Policy{Rules: []policy.Rule{{ID: "CODE-1", Severity: policy.Warning, Checks: []policy.Check{policy.Subject}, Types: []string{"feat"}}}}
	for message, want := range map[string]policy.Outcome{
		"feat: a": policy.Pass, "fix: a": policy.Warned, "a": policy.Warned, "": policy.Warned, `Revert "feat: a"`: policy.Pass,
	} {
		if v := p.Evaluate(commit(message, nil), policy.Surroundings{}); v.Outcome != want {
			t.Errorf("%q: %s, want %s", message, v.Outcome, want)
		}
	}
}

func TestReadMessage(t *testing.T) {
	t.Parallel()
	m := policy.ReadMessage("\n\n  subject  \r\n\nThis reverts commit " + firstCommit + ".\n")
	if m.Subject != "subject" || len(m.Claims) != 0 || len(m.References) != 1 || m.References[0].Relation != trailer.Reverts {
		t.Errorf("%+v", m)
	}
	if m := policy.ReadMessage(fine + "\n" + replaceOnce(t, fine[23:], "exec-abc123", "exec-def456")); len(m.Claims) != 2 {
		t.Errorf("a squash of two runs claims %d", len(m.Claims))
	}
}

// TestNoNumberOfWarningsHidesABlocker: a message may have any number of lines.
func TestNoNumberOfWarningsHidesABlocker(t *testing.T) {
	t.Parallel()
	message := "fix: a\n\n" + strings.Repeat(fine[len("fix: keep the session\n\n"):]+"\n", 500) + replaceOnce(t, fine[len("fix: keep the session\n\n"):], "exec-abc123", "exec-forged")
	v := policy.Default().Evaluate(commit(message, nil), policy.Surroundings{Trail: true, Now: noon})
	if all := codes(v); v.Outcome != policy.Violated || !slices.Contains(all, policy.UnknownExecution) || len(all) > 500 {
		t.Errorf("%s with %d findings", v.Outcome, len(all))
	}
	many := "fix: a\n"
	for i := range 1500 {
		many += "\n" + replaceOnce(t, fine[len("fix: keep the session\n\n"):], "exec-abc123", fmt.Sprintf("exec-%d", i))
	}
	if m := policy.ReadMessage(many); len(m.Claims) != 1000 || policy.Default().Evaluate(commit(many, nil), policy.Surroundings{}).Outcome != policy.Violated {
		t.Errorf("%d claims of a message of 1500 are looked at", len(m.Claims))
	}
}
