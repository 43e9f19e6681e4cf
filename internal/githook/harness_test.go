package githook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/trailer"
)

// TestMain cuts the tests off from the configuration of the machine. Called as
// whodid, as the hooks do, it is the program "whodid git hook".
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "git" && os.Args[2] == "hook" {
		os.Exit(hookProgram(os.Args[3:]))
	}
	home, err := os.MkdirTemp("", "githook-home-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		for _, prefix := range []string{"WHODID_", "CLAUDE", "CODEX_", "GEMINI_", "GIT_"} {
			if strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
		"GIT_EDITOR": "true", "LC_ALL": "C", "GIT_AUTHOR_NAME": "Ada Byron", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Ada Byron", "GIT_COMMITTER_EMAIL": "ada@example.com",
	} {
		_ = os.Setenv(name, value)
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}

func hookProgram(args []string) int {
	if len(args) > 1 && args[0] == "--store" {
		args = args[2:]
	}
	dir, err := os.Getwd()
	if err != nil {
		return 1
	}
	c := Call{Name: args[0], Args: args[1:], Dir: dir, Stdin: os.Stdin, Stderr: os.Stderr, Source: Source{
		Env: place.Env(os.Getenv), Process: Self(), Spool: filepath.Join(place.Home(os.Getenv), "spool"),
	}}
	err = c.Run(context.Background())
	if errors.Is(err, ErrRefused) {
		return refused
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "whodid:", err)
	}
	return 0
}

// repo is a git repository in a temporary folder, with a home of its own.
type repo struct {
	t         *testing.T
	dir, home string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	r := bareWorld(t)
	r.git("init", "-q", "-b", "main")
	r.git("config", "gc.auto", "0")
	r.commit("chore: begin")
	return r
}

// bareWorld is a repo in which nothing was done yet.
func bareWorld(t *testing.T) *repo {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &repo{t: t, dir: filepath.Join(base, "shop"), home: filepath.Join(base, "home")}
	for _, dir := range []string{r.dir, r.home} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// atHome lets this process run git with the repo's home too. Tests that call it
// are not parallel.
func (r *repo) atHome() {
	r.t.Setenv("HOME", r.home)
	r.t.Setenv("XDG_CONFIG_HOME", filepath.Join(r.home, ".config"))
}

func (r *repo) options() Options {
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	return Options{
		Dir: r.dir, Home: r.home, Program: self,
		GlobalDir: filepath.Join(r.home, ".local", "state", "whodid", "git"), GlobalConfig: filepath.Join(r.home, ".gitconfig"),
	}
}

func (r *repo) install() Report {
	r.t.Helper()
	return r.do(Install, r.options())
}

func (r *repo) uninstall() Report {
	r.t.Helper()
	return r.do(Uninstall, r.options())
}

func (r *repo) do(what func(context.Context, Options) ([]Report, error), o Options) Report {
	r.t.Helper()
	reports, err := what(r.t.Context(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	return reports[0]
}

// agentEnv is the environment of an execution.
func agentEnv(id string) []string {
	return []string{"WHODID_EXECUTION=" + id, "WHODID_AGENT=eng/solver", "WHODID_TRIGGER=event:issue.labeled", "WHODID_MODEL=opus"}
}

// origin is what the trailers of that execution say.
func origin(id string) trailer.Origin {
	return trailer.Origin{Agent: "eng/solver", Squad: "eng", Trigger: "event (issue.labeled)", Execution: id, Model: "opus"}
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	return r.gitAs(nil, args...)
}

// gitAs runs git with more of an environment and returns what it printed.
func (r *repo) gitAs(env []string, args ...string) string {
	r.t.Helper()
	out, err := r.try(env, "", args...)
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (r *repo) try(env []string, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(append(os.Environ(), "HOME="+r.home, "XDG_CONFIG_HOME="+filepath.Join(r.home, ".config")), env...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// commit makes a commit with a new file of its own.
func (r *repo) commit(message string, env ...string) string {
	r.t.Helper()
	r.write(fmt.Sprintf("file-%d", time.Now().UnixNano()), message)
	r.git("add", "-A")
	r.gitAs(env, "commit", "-q", "-m", message)
	return r.head()
}

func (r *repo) head() string {
	r.t.Helper()
	return strings.TrimSpace(r.git("rev-parse", "HEAD"))
}

func (r *repo) message(rev string) string {
	r.t.Helper()
	return r.git("log", "-1", "--format=%B", rev)
}

// write writes a file below the work tree; a script if it begins like one.
func (r *repo) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

// expect checks that git itself reads exactly these executions from a commit,
// each with all of its trailers.
func (r *repo) expect(rev string, ids ...string) {
	r.t.Helper()
	read := strings.Fields(r.git("log", "-1", "--format=%(trailers:key=Execution,valueonly,unfold)", rev))
	if diff := cmp.Diff(append([]string{}, ids...), append([]string{}, read...)); diff != "" {
		r.t.Errorf("%s: git reads (-want +got)\n%s%s", rev, diff, r.message(rev))
	}
	if msg := r.message(rev); len(ids) > 0 {
		for _, p := range trailer.Check(msg) {
			r.t.Errorf("%s: %+v in\n%s", rev, p, msg)
		}
	}
}

// snapshot returns every file of the world by name, with its mode and content,
// but for what git itself changes with every command.
func (r *repo) snapshot() map[string]string {
	r.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Dir(r.dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case d.Name() == "index":
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " " + target
		case d.Type().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(b)
		}
		files[path] = text
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return files
}

// shell runs a program of the work tree with input.
func (r *repo) shell(stdin, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(r.t.Context(), program, args...)
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "HOME="+r.home)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
