package trailer_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repo is a git repository in a temporary directory, cut off from the
// configuration of the machine.
type repo struct {
	t   *testing.T
	dir string
	env []string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	r := &repo{t: t, dir: dir, env: append(os.Environ(),
		"HOME="+dir, "XDG_CONFIG_HOME="+dir,
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=true", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada Byron", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada Byron", "GIT_COMMITTER_EMAIL=ada@example.com",
	)}
	r.git("init", "-q", "-b", "main")
	r.git("config", "gc.auto", "0")
	return r
}

// git runs one command and returns what it printed.
func (r *repo) git(args ...string) string {
	r.t.Helper()
	return r.gitWith("", nil, args...)
}

// gitWith is git with standard input and additional environment.
func (r *repo) gitWith(stdin string, env []string, args ...string) string {
	r.t.Helper()
	out, err := r.try(stdin, env, args...)
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (r *repo) try(stdin string, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, append(r.env, env...), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String() + errs.String(), err
	}
	return out.String(), nil
}

// commit makes a commit of one file and returns its hash.
func (r *repo) commit(file, message string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, file)
	if err := os.WriteFile(path, []byte(message), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", file)
	r.gitWith(message, nil, "commit", "-q", "-F", "-")
	return strings.TrimSpace(r.git("rev-parse", "HEAD"))
}

// message returns the message of a commit, byte for byte.
func (r *repo) message(rev string) string {
	r.t.Helper()
	object := r.git("cat-file", "commit", rev)
	_, msg, _ := strings.Cut(object, "\n\n")
	return msg
}

// logTrailers stores each message as a commit and returns what
// %(trailers:only,unfold) says of it, with git configured by args ("-c", …).
func (r *repo) logTrailers(messages []string, args ...string) []string {
	r.t.Helper()
	var in bytes.Buffer
	for i, m := range messages {
		fmt.Fprintf(&in, "commit refs/heads/corpus\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n",
			i+1, 1_700_000_000+i, len(m), m)
	}
	in.WriteString("done\n")
	r.gitWith(in.String(), nil, "fast-import", "--quiet", "--force", "--done")
	out := r.git(append(args, "log", "-z", "--reverse", "--topo-order",
		"--format=%(trailers:only,unfold,key_value_separator=%x1e)", "corpus")...)
	records := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	if len(records) != len(messages) {
		r.t.Fatalf("git log gave %d records for %d commits", len(records), len(messages))
	}
	for i, rec := range records {
		records[i] = strings.TrimSuffix(rec, "\n")
	}
	return records
}
