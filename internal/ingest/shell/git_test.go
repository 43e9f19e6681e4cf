package shell

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A sandbox is a repository with a bare remote, in which command lines are run
// for real, so that the proofs come from git itself.
type sandbox struct {
	t   *testing.T
	dir string
	env []string
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	for _, tool := range []string{"git", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: %v", tool, err)
		}
	}
	root := t.TempDir()
	s := &sandbox{t: t, dir: filepath.Join(root, "repo"), env: append(os.Environ(),
		"HOME="+root, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "LC_ALL=C",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.run("git init -q -b main . && git init -q --bare ../origin.git && git remote add origin ../origin.git")
	return s
}

// run runs a command line and returns what a tool would report of it.
func (s *sandbox) run(command string) *Outcome {
	s.t.Helper()
	cmd := exec.Command("bash", "-c", command)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return &Outcome{Exit: cmd.ProcessState.ExitCode(), ExitKnown: true, Stdout: stdout.String(), Stderr: stderr.String()}
}

func (s *sandbox) head() string {
	s.t.Helper()
	return strings.TrimSpace(s.run("git rev-parse HEAD").Stdout)
}

func TestRealGit(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	// Each line is run in the repository that the lines before it left. In want,
	// SHA stands for the id of HEAD afterwards, or the start of it.
	for _, tt := range []struct {
		command string
		want    string
	}{
		{"echo 1 > a && git add a && git commit -m 'feat: one'", "commit.create SHA success"},
		{"git commit -m 'feat: nothing'", "commit.create  failed"},
		{"git commit -m 'feat: nothing' || true", "commit.create  failed"},
		{"echo 2 > a; git commit -am 'feat: two' | tail -5; ls", "commit.create SHA success"},
		{"git commit --amend -m 'feat: two, better'; true", "commit.create SHA success"},
		{"git commit -q --allow-empty -m x && git rev-parse HEAD", "commit.create SHA success"},
		{"git commit -q --allow-empty -m x && git log -1 --format=%h", "commit.create SHA success"},
		{"git commit --allow-empty -m x; true", "commit.create SHA success"},
		{"git commit -q --allow-empty -m x", "commit.create  attempted"},
		{"git push -u origin main", "commit.push main success"},
		{"git push", "commit.push  success"}, // everything up to date
		{"git commit -q --allow-empty -m x; git push origin main 2>&1 | tail -1", "commit.create  attempted, commit.push main success"},
		{"git checkout -b feat/x", "branch.create feat/x success"},
		{"git checkout -b feat/x; true", "branch.create feat/x failed"},
		{"git switch -c feat/y; true", "branch.create feat/y success"},
		{"git branch feat/z", "branch.create feat/z success"},
		{"git branch -d feat/z", "shell.run git branch success"},
		{"echo 3 > b; git add b; git commit -m 'feat: three' && git push -u origin HEAD", "commit.create SHA success, commit.push feat/y success"},
		{"git tag v1.0.0 && git push origin v1.0.0", "tag.create v1.0.0 success, commit.push v1.0.0 success"},
		{"git tag", "shell.run git tag success"},
		{"git checkout -q main && git merge --no-ff feat/y", "branch.merge feat/y success"},
		{"git merge feat/y; true", "branch.merge feat/y success"},
		{"git push origin main; git reset -q --hard HEAD~1", "commit.push main success"},
		{"git commit --allow-empty -m other && git push origin main", "commit.create SHA success, commit.push main failed"},
		{"git push origin main || echo rejected", "commit.push main failed"},
		{"git push --force origin main; true", "commit.push main success"},
		{"git push origin --delete feat/y; true", "commit.push feat/y success"},
		{"git push origin nowhere; true", "commit.push nowhere failed"},
		{"git checkout -q --detach && git commit --allow-empty -m detached", "commit.create SHA success"},
		{"cat a > c && git add c && git commit -F a && git commit --allow-empty -F a", "commit.create SHA~1 success, commit.create SHA success"},
	} {
		out := s.run(tt.command)
		got := strings.Join(show(Acts(tt.command, out, "")), ", ")
		head := s.head()
		parent := strings.TrimSpace(s.run("git rev-parse -q --verify HEAD~1").Stdout)
		got = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`).ReplaceAllStringFunc(got, func(id string) string {
			switch {
			case strings.HasPrefix(head, id):
				return "SHA"
			case parent != "" && strings.HasPrefix(parent, id):
				return "SHA~1"
			}
			return id
		})
		if got != tt.want {
			t.Errorf("Acts(%q) = %s, want %s\nreported: %+v", tt.command, got, tt.want, *out)
		}
	}
}

func TestRealGitData(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	check := func(command, key string, want any) {
		t.Helper()
		acts := Acts(command, s.run(command), "")
		if got := acts[len(acts)-1].Data[key]; got != want {
			t.Errorf("Acts(%q): %s = %v, want %v", command, key, got, want)
		}
	}
	check("git commit --allow-empty -m root", "branch", "main") // (root-commit)
	check("git commit --allow-empty --amend -m root2", "amend", true)
	check("git push origin main", "count", 1)
	check("git push origin main", "count", 0)
	check("git commit -q --allow-empty -m x && git push -f origin +main", "force", true)
	check("git checkout -q --detach && git commit --allow-empty -m x", "branch", nil)
	check("git commit --allow-empty -m x && git push origin HEAD:refs/heads/side", "branch", "side")
}

func TestPushTarget(t *testing.T) {
	t.Parallel()
	ref := "\n   1a2b3c4..5d6e7f8  main -> main\n"
	for to, want := range map[string]string{
		"To github.com:acme/shop.git":                    "acme/shop@main",
		"To git@github.com:acme/shop.git":                "acme/shop@main",
		"To https://github.com/acme/shop":                "acme/shop@main",
		"To https://user:FAKE@gitlab.com/g/sub/p.git":    "g/sub/p@main",
		"To ssh://git@example.com:2222/acme/shop.git":    "acme/shop@main",
		"To /srv/git/shop.git":                           "main",
		"To file:///srv/git/shop.git":                    "main",
		"To ../shop.git":                                 "main",
		"remote: \nTo github.com:acme/shop.git":          "acme/shop@main",
		"To github.com:acme/$(x).git":                    "main",
		"warning: x\nFrom github.com:acme/shop\nx\nTo y": "main",
	} {
		if acts := Acts("git push", exitErr(0, to+ref), ""); acts[0].Target != want || acts[0].Result != Success {
			t.Errorf("after %q: %v, want target %s", to, show(acts), want)
		}
	}
}
