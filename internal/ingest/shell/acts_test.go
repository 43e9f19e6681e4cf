package shell

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// show writes acts as "what target result", one a line.
func show(acts []Act) []string {
	var s []string
	for _, a := range acts {
		s = append(s, a.What+" "+a.Target+" "+a.Result)
	}
	return s
}

func exit(code int, stdout string) *Outcome {
	return &Outcome{Exit: code, ExitKnown: true, Stdout: stdout}
}

func exitErr(code int, stderr string) *Outcome {
	return &Outcome{Exit: code, ExitKnown: true, Stderr: stderr}
}

// unknown is the outcome of a client that doesn't tell exit statuses.
func unknown(stdout string) *Outcome { return &Outcome{Stdout: stdout} }

const (
	summary  = "[main 1a2b3c4] feat: greet\n 1 file changed, 1 insertion(+)\n"
	pullURL  = "https://github.com/acme/shop/pull/44\n"
	pushed44 = "To github.com:acme/shop.git\n   1a2b3c4..5d6e7f8  main -> main\n"
	exists   = "a pull request for branch \"x\" into branch \"main\" already exists:\n" + pullURL
	sha40    = "4537aca1c020a24437510f1edb36a0dd4313f51a"
)

// actsCase is a command line, what was reported of it, and what was done.
type actsCase struct {
	command string
	out     *Outcome
	want    []string
}

func runActs(t *testing.T, repo string, cases []actsCase) {
	t.Helper()
	for _, tt := range cases {
		if diff := cmp.Diff(tt.want, show(Acts(tt.command, tt.out, repo))); diff != "" {
			t.Errorf("Acts(%q) (-want +got):\n%s", tt.command, diff)
		}
	}
}

func TestBeforeItRan(t *testing.T) {
	t.Parallel()
	runActs(t, "acme/shop", []actsCase{
		{"git commit -m x", nil, []string{"commit.create  attempted"}},
		{"git push origin feat/x", nil, []string{"commit.push feat/x attempted"}},
		{"gh pr create --fill", nil, []string{"pr.create acme/shop attempted"}},
		{"gh pr merge 44 --squash", nil, []string{"pr.merge acme/shop#44 attempted"}},
		{"ls -la /etc", nil, []string{"shell.run ls attempted"}},
		{"", nil, []string{"shell.run sh attempted"}},
		{"X=secret", nil, []string{"shell.run sh attempted"}},
	})
}

func TestCaptures(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/captures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		var c struct {
			Source, Command string
			Outcome         Outcome
			Want            []string
		}
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.Want, show(Acts(c.Command, &c.Outcome, ""))); diff != "" {
			t.Errorf("%s: Acts(%q) (-want +got):\n%s", c.Source, c.Command, diff)
		}
	}
	if n < 15 {
		t.Errorf("read %d captures, want 15 or more", n)
	}
}

// The mistake to avoid: an act that never happened, told as done.
func TestOnlyProofCounts(t *testing.T) {
	t.Parallel()
	runActs(t, "acme/shop", []actsCase{
		{"gh pr create --fill", exit(0, ""), []string{"pr.create acme/shop attempted"}},
		{"gh pr create --fill", exitErr(1, exists), []string{"pr.create acme/shop failed"}},
		{"gh pr create --fill || true", exitErr(0, exists), []string{"pr.create acme/shop failed"}},
		{"gh pr create --fill 2>&1 | cat", unknown(exists), []string{"pr.create acme/shop failed"}},
		{"gh pr create --fill || gh pr view --json url -q .url", exit(0, pullURL), []string{"pr.create acme/shop attempted"}},
		{"echo " + strings.TrimSpace(pullURL) + "; gh pr create || true", exit(0, pullURL), []string{"pr.create acme/shop attempted"}},
		{"cat notes; gh pr create || :", exit(0, pullURL), []string{"pr.create acme/shop attempted"}},
		{"echo 'gh pr create'", exit(0, pullURL), []string{"shell.run echo success"}},
		{"gh pr create --dry-run", exit(0, pullURL), []string{"shell.run gh pr create success"}},
		{"gh pr create -R acme/other || true", exit(0, pullURL), []string{"pr.create acme/other attempted"}},
		{"gh pr merge 44 --squash", exit(0, ""), []string{"pr.merge acme/shop#44 attempted"}},
		{"gh pr merge 44 --auto --squash", exit(0, "✓ Pull request #44 will be automatically merged via squash when all requirements are met\n"), []string{"pr.merge acme/shop#44 attempted"}},
		{"git commit -m x || echo '[main 1a2b3c4] x'", exit(0, "[main 1a2b3c4] x\n"), []string{"commit.create  attempted"}},
		{"git commit -m x || true", exit(0, "[INFO cafebabe] linting\nfailed\n"), []string{"commit.create  attempted"}},
		{"git commit -m x | tail -3", exit(0, "nothing to commit, working tree clean\n"), []string{"commit.create  failed"}},
		{"git commit -q -m x", exit(0, ""), []string{"commit.create  attempted"}},
		{"git commit -q -m x; git rev-parse HEAD", exit(0, sha40), []string{"commit.create  attempted"}},
		{"git commit -q -m x || git rev-parse HEAD", exit(0, sha40), []string{"commit.create  attempted"}},
		{"git commit --dry-run", exit(0, summary), []string{"shell.run git commit success"}},
		{"git push --dry-run", exitErr(0, pushed44), []string{"shell.run git push success"}},
		{"git push -n", exitErr(0, pushed44), []string{"shell.run git push success"}},
		{"npm publish --dry-run", exit(0, "+ left-pad@1.3.0"), []string{"shell.run npm publish success"}},
		{"kubectl apply -f x --dry-run=client", exit(0, "deployment.apps/shop configured (dry run)"), []string{"shell.run kubectl apply success"}},
		{"kubectl apply -f x", exit(0, "deployment.apps/shop configured (dry run)"), []string{"infra.change  attempted"}},
		{"git fetch; git push -q | cat", exit(0, "   1a2b3c4..5d6e7f8  main -> main\n"), []string{"commit.push  attempted"}},
	})
}

func TestWhichCommandTheStatusIsOf(t *testing.T) {
	t.Parallel()
	runActs(t, "", []actsCase{
		{"go test ./...", exit(0, "ok"), []string{"test.run go test success"}},
		{"go test ./...", exit(1, "FAIL"), []string{"test.run go test failed"}},
		{"go test ./...", unknown("ok"), []string{"test.run go test attempted"}},
		{"go build ./... && go test ./...", exit(0, ""), []string{"build.run go build success", "test.run go test success"}},
		{"go build ./... && go test ./...", exit(1, "x"), []string{"build.run go build attempted", "test.run go test attempted"}},
		{"go build ./...; go test ./...", exit(1, "x"), []string{"build.run go build attempted", "test.run go test failed"}},
		{"go test ./... | tail -5", exit(0, "ok"), []string{"test.run go test attempted"}},
		{"set -o pipefail; go test ./... | tail -5", exit(0, "ok"), []string{"test.run go test success"}},
		{"go test ./... || true", exit(0, ""), []string{"test.run go test attempted"}},
		{"go test ./... || exit 1", exit(0, ""), []string{"test.run go test success"}},
		{"go test ./... || exit 1", exit(1, ""), []string{"test.run go test failed"}},
		{"! go test ./...", exit(0, ""), []string{"test.run go test failed"}},
		{"! go test ./...", exit(1, ""), []string{"test.run go test success"}},
		{"go test ./... &", exit(0, ""), []string{"test.run go test attempted"}},
		{"(cd x && go test ./...)", exit(0, ""), []string{"test.run go test success"}},
		{"cd x && go test ./...", exit(1, "FAIL"), []string{"test.run go test failed"}},
		{"cd x && go test ./...", exitErr(1, "bash: line 1: cd: x: No such file or directory"), []string{"test.run go test attempted"}},
		{"cd x && go test ./...", exit(1, ""), []string{"test.run go test attempted"}},
		{"if make build; then make test; fi", exit(0, ""), []string{"build.run make build attempted", "test.run make test attempted"}},
		{"for d in a b; do go test ./$d; done", exit(0, ""), []string{"test.run go test attempted"}},
		{"set -e\ngo build\ngo test", exit(0, ""), []string{"build.run go build success", "test.run go test success"}},
		{"set -e\ngo build\ngo test", exit(1, ""), []string{"build.run go build attempted", "test.run go test attempted"}},
		{"go test; set -e; go build", exit(0, ""), []string{"test.run go test attempted", "build.run go build success"}},
		{"exit 0; go test", exit(0, ""), []string{"test.run go test attempted"}},
		{"go build || exit 2; go test", exit(0, ""), []string{"build.run go build attempted", "test.run go test success"}},
		{"exec go test; go build", exit(0, ""), []string{"test.run go test attempted", "build.run go build attempted"}},
		{"trap 'exit 0' EXIT; go test", exit(0, ""), []string{"test.run go test attempted"}},
		{"go test && git commit -m x && git push", exit(1, summary), []string{"test.run go test success", "commit.create 1a2b3c4 success", "commit.push  failed"}},
		{"timeout 5 go test", &Outcome{Exit: 124, ExitKnown: true}, []string{"test.run go test failed"}},
		{"go test", &Outcome{Interrupted: true}, []string{"test.run go test cancelled"}},
		{"git commit -m x && sleep 99", &Outcome{Interrupted: true, Stdout: summary}, []string{"commit.create 1a2b3c4 success"}},
		{"sleep 99", &Outcome{Interrupted: true}, []string{"shell.run sleep cancelled"}},
		{"X=$(go test)", exit(1, ""), []string{"test.run go test failed"}},
		{"export X=$(go test)", exit(0, ""), []string{"test.run go test attempted"}},
	})
}

func TestThroughWrappers(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"git push origin main", "sudo git push origin main", "sudo -u me -E git push origin main", "env A=b -u C git push origin main",
		"A=b git push origin main", "timeout -k 5 30s git push origin main", "nice -n 5 nohup git push origin main", "time git push origin main",
		"command git push origin main", "exec git push origin main", "/usr/bin/git push origin main", `\git push origin main`, `"git" 'push' origin main`,
		"git -C ../x -c user.name=y push origin main", "git --no-pager push origin main", "bash -c 'git push origin main'", `sh -lc "git push origin main"`,
		"bash -euo pipefail -c 'git push origin main'", `bash -c "bash -c 'git push origin main'"`, "bash <<'E'\ngit push origin main\nE", "eval git push origin main",
		"(git push origin main)", "{ git push origin main; }", "cd /x && git push origin main", "true; git push origin main", "if true; then git push origin main; fi",
		"for i in 1 2; do git push origin main; done", "while ! git push origin main; do sleep 1; done", "case $x in a) git push origin main;; esac",
		"echo $(git push origin main)", "echo `git push origin main`", "X=$(git push origin main)", "git push origin main &", "git push origin main 2>&1 | tail -1",
		"echo x | xargs git push origin main", "p() { git push origin main; }; p", "[[ -n x ]] && git push origin main", "git push origin main # later",
		"git push origin \\\n  main", "git push origin main\r\n", "cat <(git push origin main)", "flock /tmp/l -c 'git push origin main'",
	} {
		acts := Acts(command, nil, "")
		if diff := cmp.Diff([]string{"commit.push main attempted"}, show(acts)); diff != "" {
			t.Errorf("Acts(%q) (-want +got):\n%s", command, diff)
		}
		if got, want := acts[0].Data["sudo"] == true, strings.HasPrefix(command, "sudo"); got != want {
			t.Errorf("Acts(%q): sudo = %v, want %v", command, got, want)
		}
	}
	// What only speaks of it, defines it or comments on it doesn't do it.
	for _, command := range []string{
		"echo git push origin main", "grep 'git push' x", "# git push origin main\nls", "p() { git push origin main; }; ls", "cat <<E\ngit push origin main\nE",
		"git commit -m 'git push origin main' --dry-run", "command -v git push", "ssh host git push", "man git push", "git help push", "git push --help",
	} {
		if acts := Acts(command, nil, ""); len(acts) != 1 || acts[0].What != "shell.run" {
			t.Errorf("Acts(%q) = %v, want one shell.run", command, show(acts))
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	runActs(t, "", []actsCase{
		{"ls -la /etc/secret", exit(0, ""), []string{"shell.run ls success"}},
		{"ls; cat x", exit(0, ""), []string{"shell.run ls attempted"}},
		{"ls; cat x", exit(1, ""), []string{"shell.run ls failed"}},
		{"cd /x && npm install left-pad", exit(0, ""), []string{"shell.run npm install success"}},
		{"git status && git diff", exit(0, ""), []string{"shell.run git status success"}},
		{"git frobnicate", exit(1, ""), []string{"shell.run git failed"}},
		{"./deploy.sh prod", exit(0, ""), []string{"shell.run deploy.sh success"}},
		{"$CMD x", exit(0, ""), []string{"shell.run sh success"}},
		{"git commit -m \"it's", exit(2, ""), []string{"shell.run git failed"}},
		{"ls\n)", exit(0, ""), []string{"shell.run ls attempted"}},
	})
	acts := Acts("cd x && ls -l && cat y | wc", exit(0, ""), "")
	want := []Act{{What: "shell.run", Target: "ls", Result: Success, Data: map[string]any{"program": "ls", "count": 4, "exit_code": 0}}}
	if diff := cmp.Diff(want, acts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
