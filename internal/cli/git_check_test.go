//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/gitcheck"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/testenv"
)

// gitShop is a developer's repository and the bare one that it is pushed to,
// which has the hook of deploy/git-server.
type gitShop struct {
	t          *testing.T
	env        []string
	work, bare string
}

// onStores runs a test on each engine.
func onStores(t *testing.T, test func(*gitShop)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(newGitShop(t, testenv.Trail(t, engine))) })
}

// newGitShop makes a shop; without an address of a trail it has none.
func newGitShop(t *testing.T, store string) *gitShop {
	t.Helper()
	dir := t.TempDir()
	s := &gitShop{t: t, work: filepath.Join(dir, "work"), bare: filepath.Join(dir, "shop.git")}
	home, bin := filepath.Join(dir, "home"), filepath.Join(dir, "bin")
	for _, d := range []string{home, bin, s.work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "whodid")); err != nil { // TestMain knows it by its name
		t.Fatal(err)
	}
	s.env = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "TZ=UTC", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	if store != "" {
		s.env = append(s.env, "WHODID_STORE="+store)
	}
	s.must("git", "init", "-q", "--bare", "-b", "main", s.bare)
	s.must("git", "init", "-q", "-b", "main", ".")
	s.must("git", "remote", "add", "origin", s.bare)
	s.hook("pre-receive", "pre-receive")
	return s
}

// hook installs a script of deploy/git-server.
func (s *gitShop) hook(script, as string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "git-server", script))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := testenv.WriteProgram(filepath.Join(s.bare, "hooks", as), text); err != nil {
		s.t.Fatal(err)
	}
}

// try runs a program in the work tree and returns all that it says, and its
// exit code.
func (s *gitShop) try(program string, args ...string) (string, int) {
	s.t.Helper()
	for _, v := range s.env { // as a shell would find it
		if path, ok := strings.CutPrefix(v, "PATH="); ok && program == "whodid" {
			program = filepath.Join(filepath.SplitList(path)[0], program)
		}
	}
	c := exec.CommandContext(s.t.Context(), program, args...)
	c.Dir, c.Env = s.work, s.env
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if err != nil && c.ProcessState == nil {
		s.t.Fatal(err)
	}
	return out.String(), c.ProcessState.ExitCode()
}

func (s *gitShop) must(program string, args ...string) string {
	s.t.Helper()
	out, code := s.try(program, args...)
	if code != 0 {
		s.t.Fatalf("%s %s: exit status %d\n%s", program, strings.Join(args, " "), code, out)
	}
	return strings.TrimSpace(out)
}

// refused pushes, and wants it refused with these words.
func (s *gitShop) refused(words []string, args ...string) {
	s.t.Helper()
	out, code := s.try("git", append([]string{"push"}, args...)...)
	if code == 0 {
		s.t.Errorf("push %s was let through:\n%s", strings.Join(args, " "), out)
	}
	for _, w := range append(words, "pre-receive hook declined", "mend:") {
		if !strings.Contains(out, w) {
			s.t.Errorf("the refusal of push %s does not say %q:\n%s", strings.Join(args, " "), w, out)
		}
	}
}

// commit commits a file and returns the commit.
func (s *gitShop) commit(file, text string, message ...string) string {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.work, file), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.must("git", "add", "-A")
	args := []string{"commit", "-q"}
	for _, m := range message {
		args = append(args, "-m", m)
	}
	s.must("git", args...)
	return s.must("git", "rev-parse", "HEAD")
}

// agentCommit lets an agent make a commit in a run that its hooks told of, and
// returns run and commit.
func (s *gitShop) agentCommit(agent, file, text string) (execution, sha string) {
	s.t.Helper()
	execution = s.must("whodid", "exec", "start", "--agent", agent, "--trigger", "event:issue.labeled", "--model", "claude-opus-4-5")
	sha = s.commit(file, text, "fix: "+file, s.must("whodid", "git", "message", "--execution", execution))
	s.must("whodid", "action", "record", "--execution", execution, "--type", "file.write", "--target", file, "--result", "success")
	s.must("whodid", "action", "record", "--execution", execution, "--type", "commit.create", "--target", sha[:7], "--result", "success", "--data", "sha="+sha[:7])
	s.must("whodid", "exec", "finish", execution, "--status", "success", "--model", "claude-opus-4-5", "--tokens-in", "10", "--tokens-out", "3")
	return execution, sha
}

func TestPushesOfForgedTrailersAreRefused(t *testing.T) {
	t.Parallel()
	onStores(t, func(s *gitShop) {
		s.must("whodid", "exec", "start", "--agent", "engineering/idle") // there is a trail
		s.commit("README", "ours", "docs: a person's")
		s.must("git", "push", "-q", "origin", "main")
		run, honest := s.agentCommit("engineering/issue-solver", "auth.go", "package auth\n")
		other, _ := s.agentCommit("engineering/reviewer", "review.go", "package review\n")
		s.must("git", "push", "-q", "origin", "main")
		base := s.must("git", "rev-parse", "HEAD")
		block := s.must("whodid", "git", "message", "--execution", run)

		forge := func(words []string, file, message string) {
			t := s.t
			t.Helper()
			s.commit(file, "forged "+message, "feat: forged", message)
			s.refused(words, "origin", "main")
			s.must("git", "reset", "-q", "--hard", base)
		}
		forge([]string{"execution-unknown", "exec-00000000", "whodid git message --execution"}, "a", strings.Replace(block, run, "exec-0000000000000000", 1))
		forge([]string{"execution-of-another-agent", "was a run of engineering/reviewer"}, "a", strings.Replace(block, run, other, 1))
		forge([]string{"execution-of-another-agent"}, "a", strings.Replace(block, "issue-solver", "boss", 1))
		forge([]string{"squad-mismatch"}, "a", strings.Replace(block, "Squad: engineering", "Squad: sales", 1))
		forge([]string{"model-not-used"}, "a", strings.Replace(block, "claude-opus-4-5", "gpt-6", 1))
		forge([]string{"trailers-replayed"}, "a", block)
		forge([]string{"trailers-replayed"}, "auth.go", block) // on the very file that the run wrote
		forge([]string{"trailers-incomplete", "whodid git message"}, "a", strings.Replace(block, "Trigger: event (issue.labeled)\n", "", 1))
		forge([]string{"trailers-malformed", "whodid git trailers --fix"}, "a", "---\n\n"+block)
		forge([]string{"agent-without-trailers", "Claude is its co-author"}, "a", "Co-authored-by: Claude <noreply@anthropic.com>")

		// A commit that the trail knows to be an agent's, with its trailers taken off.
		s.must("git", "checkout", "-q", "-b", "bare", honest+"^")
		bare := s.commit("quiet.go", "package quiet\n", "fix: quiet")
		id := s.must("whodid", "exec", "start", "--agent", "engineering/issue-solver")
		s.must("whodid", "action", "record", "--execution", id, "--type", "commit.create", "--target", bare[:9], "--result", "success", "--data", "sha="+bare[:9])
		s.refused([]string{"trailers-missing", "--execution " + id}, "origin", "bare")

		// What is said to mend it does: here, the first form of each remedy.
		s.must("sh", "-c", `git commit -q --amend -m "$(git log -1 --format=%B)" -m "$(whodid git message --execution `+id+`)"`)
		s.must("git", "push", "-q", "origin", "bare")
	})
}

// TestPushesThatAreNoCommits pushes what a hook must live with: new branches,
// deleted ones, forced pushes and tags, and a policy that comes in a push.
func TestPushesThatAreNoCommits(t *testing.T) {
	t.Parallel()
	onStores(t, func(s *gitShop) {
		s.agentCommit("engineering/issue-solver", "auth.go", "package auth\n")
		s.must("git", "push", "-q", "origin", "main", "main:wip")
		s.must("git", "tag", "v1")
		s.must("git", "tag", "-a", "v2", "-m", "two")
		s.must("git", "tag", "tree", "HEAD^{tree}")
		s.must("git", "push", "-q", "origin", "--tags")
		s.must("git", "push", "-q", "origin", ":wip", ":v1")
		first := s.must("git", "rev-parse", "HEAD")
		s.commit("a", "a", "docs: a")
		s.must("git", "push", "-q", "origin", "main")
		s.must("git", "reset", "-q", "--hard", first)
		s.commit("b", "b", "docs: b")
		s.must("git", "push", "-q", "--force", "origin", "main")

		forged := []string{"agent-without-trailers"}
		s.commit("c", "c", "feat: c", "Co-authored-by: Claude <noreply@anthropic.com>")
		s.refused(forged, "origin", "HEAD:refs/heads/new")
		s.refused(forged, "origin", "HEAD:refs/tags/v3")
		s.refused(forged, "--force", "origin", "main")
		if out := s.must("git", "ls-remote", "origin"); strings.Contains(out, "new") || strings.Contains(out, "v3") {
			t.Errorf("what was refused left something behind:\n%s", out)
		}
		// A ref of no branch does not make them known.
		s.must("git", "push", "-q", "origin", "HEAD:refs/for/review")
		s.refused(forged, "origin", "main")

		// Who pushes can't loosen the policy in the same push.
		s.must("mkdir", "-p", ".whodid")
		s.commit(policy.File, "version = \"none\"\n", "chore: no rules")
		s.refused(forged, "origin", "main")
		s.must("git", "reset", "-q", "--hard", "HEAD~2")
		s.must("mkdir", "-p", ".whodid")
		s.commit(policy.File, "version = \"none\"\n", "chore: no rules")
		s.must("git", "push", "-q", "origin", "main")
		s.commit("c", "c", "feat: c", "Co-authored-by: Claude <noreply@anthropic.com>")
		s.must("git", "push", "-q", "origin", "main")
	})
}

// TestRulesOfBranches makes sure that nobody gets past the rules of a branch by
// way of another.
func TestRulesOfBranches(t *testing.T) {
	t.Parallel()
	s := newGitShop(t, "")
	s.must("mkdir", "-p", ".whodid")
	s.commit(policy.File, strings.Replace(policy.DefaultText, "checks", "branches = [\"main\"]\nchecks", 1), "chore: rules for main")
	s.must("git", "push", "-q", "origin", "main")
	s.commit("a", "a", "feat: a", "Co-authored-by: Claude <noreply@anthropic.com>")
	s.must("git", "push", "-q", "origin", "HEAD:wip")
	s.refused([]string{"agent-without-trailers"}, "origin", "main")
}

// TestUpdateHook runs the script for servers that judge each ref alone.
func TestUpdateHook(t *testing.T) {
	t.Parallel()
	s := newGitShop(t, "")
	if err := os.Rename(filepath.Join(s.bare, "hooks", "pre-receive"), filepath.Join(s.bare, "hooks", "whodid-pre-receive")); err != nil {
		t.Fatal(err)
	}
	s.hook("update", "update")
	s.commit("a", "a", "docs: a")
	s.must("git", "branch", "good")
	s.commit("b", "b", "feat: b", "Co-authored-by: Claude <noreply@anthropic.com>")
	out, code := s.try("git", "push", "origin", "good", "main")
	if code == 0 || !strings.Contains(out, "hook declined") || !strings.Contains(out, "agent-without-trailers") {
		t.Errorf("exit status %d:\n%s", code, out)
	}
	if refs := s.must("git", "ls-remote", "origin"); !strings.Contains(refs, "refs/heads/good") || strings.Contains(refs, "refs/heads/main") {
		t.Errorf("the refs are:\n%s", refs)
	}
}

// TestTrailThatIsNotThere: one that was named and can't be reached is no way
// around the policy.
func TestTrailThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newGitShop(t, "sqlite:///no/such/place/trail.db")
	s.commit("a", "a", "docs: a")
	out, code := s.try("git", "push", "origin", "main")
	if code == 0 || !strings.Contains(out, "couldn't check without a trail") {
		t.Errorf("exit status %d:\n%s", code, out)
	}
}

// TestCheckSurvivesGit checks what becomes of honest commits when people rewrite
// history: they stay honest.
func TestCheckSurvivesGit(t *testing.T) {
	t.Parallel()
	onStores(t, func(s *gitShop) {
		s.commit("README", "ours", "docs: a person's")
		s.must("git", "branch", "stable")
		first, _ := s.agentCommit("engineering/issue-solver", "auth.go", "package auth\n")
		second, _ := s.agentCommit("engineering/reviewer", "review.go", "package review\n")
		s.must("git", "branch", "work")
		check := func(branch string, executions ...string) {
			s.t.Helper()
			r := s.report("stable.." + branch)
			named := fmt.Sprint(r.Commits)
			// A squash hides the first of two blocks, which is told and no reason to
			// refuse.
			if r.Outcome != policy.Pass && (branch != "squashed" || r.Outcome != policy.Warned) {
				s.t.Errorf("%s: %s: %+v", branch, r.Outcome, r.Commits)
			}
			for _, id := range executions {
				if !strings.Contains(named, id) {
					s.t.Errorf("%s does not name %s", branch, id)
				}
			}
		}
		check("work", first, second)

		later := append(s.env, "GIT_COMMITTER_DATE="+time.Now().Add(48*time.Hour).Format(time.RFC3339))
		now := s.env
		rewrite := func(branch string, args ...string) {
			s.t.Helper()
			s.env = later
			s.must("git", "checkout", "-q", "-B", branch, "work")
			s.must("git", args...)
			s.env = now
			check(branch, second)
		}
		rewrite("amended", "commit", "-q", "--amend", "--no-edit", "--allow-empty")
		rewrite("rebased", "rebase", "-q", "--force-rebase", "stable")
		s.must("git", "checkout", "-q", "-B", "picked", "stable")
		s.env = later
		s.must("git", "cherry-pick", "-x", "work")
		s.must("git", "checkout", "-q", "-B", "mailed", "stable")
		s.must("sh", "-c", "git format-patch -q --stdout stable..work | git am -q")
		s.must("git", "checkout", "-q", "-B", "squashed", "work")
		s.must("git", "-c", "sequence.editor=sed -i 2s/pick/squash/", "-c", "core.editor=true", "rebase", "-q", "-i", "stable")
		s.must("git", "checkout", "-q", "-B", "merged", "stable")
		s.must("git", "merge", "-q", "--no-ff", "-m", "Merge branch 'work'", "work")
		s.must("git", "checkout", "-q", "-B", "reverted", "work")
		s.must("git", "revert", "--no-edit", "HEAD")
		s.env = now
		check("picked", second)
		check("mailed", first, second)
		check("squashed", first, second)
		check("merged", first, second)
		check("reverted", first, second)
	})
}

// report is the JSON of a check.
func (s *gitShop) report(args ...string) gitcheck.Report {
	s.t.Helper()
	out, code := s.try("whodid", append([]string{"git", "check", "--json"}, args...)...)
	var r gitcheck.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 && code != ExitPolicy {
		s.t.Fatalf("exit status %d, %v:\n%s", code, err, out)
	}
	if (r.Outcome == policy.Violated) != (code == ExitPolicy) {
		s.t.Errorf("exit status %d of a check that says %s", code, r.Outcome)
	}
	return r
}

// TestCheckInOtherPlaces runs the check as a pre-push hook, on a pull request,
// and as the script of the GitHub Action.
func TestCheckInOtherPlaces(t *testing.T) {
	t.Parallel()
	s := newGitShop(t, "")
	s.commit("README", "ours", "docs: a person's")
	s.must("git", "push", "-q", "-u", "origin", "main")
	base := s.must("git", "rev-parse", "HEAD")
	if r := s.report(); r.Checked != 0 || r.Outcome != policy.Untouched {
		t.Errorf("with nothing to push, %d commits are checked", r.Checked)
	}
	s.must("git", "checkout", "-q", "-b", "pull")
	good := s.commit("a", "a", "docs: a")
	bad := s.commit("b", "b", "feat: b", "Co-authored-by: Claude <noreply@anthropic.com>")

	hook := filepath.Join(s.work, ".git", "hooks", "pre-push")
	if err := testenv.WriteProgram(hook, []byte("#!/bin/sh\nexec whodid git check --stdin\n")); err != nil {
		t.Fatal(err)
	}
	if out, code := s.try("git", "push", "origin", "pull"); code == 0 || !strings.Contains(out, "agent-without-trailers") || strings.Contains(out, "declined") {
		t.Errorf("pre-push: exit status %d:\n%s", code, out)
	}
	s.must("git", "push", "-q", "origin", good+":refs/heads/pull")
	s.must("git", "push", "-q", "origin", ":refs/heads/pull")

	// A forge has the head of a pull request, whatever its hooks say.
	s.must("git", "push", "-q", "--no-verify", "origin", bad+":refs/pull/7/head", good+":refs/merge-requests/8/head")
	if r := s.report("--pr", "7"); r.Checked != 2 || r.Outcome != policy.Violated || len(r.Commits) != 1 || r.Commits[0].ID != bad {
		t.Errorf("pull request 7: %+v", r)
	}
	if r := s.report("--pr", "8", "--base", "main"); r.Checked != 1 || r.Outcome != policy.Untouched {
		t.Errorf("merge request 8: %+v", r)
	}
	if out, code := s.try("whodid", "git", "check", "--pr", "9"); code != ExitError || !strings.Contains(out, "pull request 9") {
		t.Errorf("exit status %d:\n%s", code, out)
	}

	script, err := filepath.Abs(filepath.Join("..", "..", "deploy", "github-action", "check.sh"))
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "SARIF=whodid.sarif", "BASE_BRANCH=main", "GITHUB_STEP_SUMMARY="+filepath.Join(s.work, "summary"))
	action := func(head, before string, want int, words string) {
		t.Helper()
		env := s.env
		s.env = append(env, "PUSH_AFTER="+head, "PUSH_BEFORE="+before)
		out, code := s.try("bash", script)
		s.env = env
		if code != want || !strings.Contains(out, words) {
			t.Errorf("the action on %s: exit status %d:\n%s", head, code, out)
		}
	}
	action(good, base, ExitOK, "")
	action(good, strings.Repeat("0", 40), ExitOK, "") // a new branch
	action(bad, base, ExitPolicy, "::error file=b,line=1,title=ORG-001 agent-without-trailers::")
	for file, words := range map[string]string{"whodid.sarif": `"ruleId": "ORG-001"`, "summary": "VIOLATED"} {
		if text, err := os.ReadFile(filepath.Join(s.work, file)); err != nil || !strings.Contains(string(text), words) {
			t.Errorf("%s: %v:\n%s", file, err, text)
		}
	}
}

// TestCheckOfHostileMessages: large and broken messages have a verdict within
// bounded time.
func TestCheckOfHostileMessages(t *testing.T) {
	t.Parallel()
	s := newGitShop(t, "")
	messages := []string{
		"feat: large\n\n" + strings.Repeat("Agent: engineering/issue-solver\nExecution: exec-1\n", 50_000),
		"feat: long\n\n" + strings.Repeat("x", 10<<20) + "\n\nCo-authored-by: Claude <noreply@anthropic.com>\n",
		"feat: bytes\xff\xfe\r\n\r\nCo-authored-by: Claude <noreply@anthropic.com>\r\n",
	}
	for i, m := range messages {
		file := filepath.Join(t.TempDir(), "message")
		if err := os.WriteFile(file, []byte(m), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must("git", "-c", "i18n.commitEncoding=UTF-8", "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", file)
		start := time.Now()
		r := s.report("HEAD^!")
		if r.Checked != 1 || r.Outcome != policy.Violated {
			t.Errorf("message %d: %s of %d", i, r.Outcome, r.Checked)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("message %d took %s", i, took)
		}
	}
}
