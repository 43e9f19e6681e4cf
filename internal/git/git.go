// Package git runs git. It is the real program with a quiet environment: it
// never asks for a password, never runs a repository's hooks, and speaks
// English so that its errors can be quoted.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Repository is a git repository, or a directory inside one.
type Repository struct{ dir string }

// In names the repository that holds a directory. It touches nothing.
func In(dir string) Repository { return Repository{dir: dir} }

// Error is a git command that failed.
type Error struct {
	Args   []string
	Stderr string // its last words
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("git %s: %v: %s", e.Args[0], e.Err, e.Stderr)
}

func (e *Error) Unwrap() error { return e.Err }

// ExitCode returns git's exit code, or -1 if it did not run.
func (e *Error) ExitCode() int {
	var exit *exec.ExitError
	if errors.As(e.Err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// Run runs a git command and returns its standard output.
func (r Repository) Run(ctx context.Context, args ...string) (string, error) {
	return r.RunWith(ctx, nil, args...)
}

// RunWith runs a git command with input.
func (r Repository) RunWith(ctx context.Context, stdin []byte, args ...string) (string, error) {
	return r.run(ctx, stdin, nil, args)
}

// RunDated runs a git command that makes a commit, with that date for author
// and committer.
func (r Repository) RunDated(ctx context.Context, date string, args ...string) (string, error) {
	return r.run(ctx, nil, []string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date}, args)
}

func (r Repository) run(ctx context.Context, stdin []byte, env, args []string) (string, error) {
	full := append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "core.quotePath=false"}, args...)
	c := exec.CommandContext(ctx, "git", full...)
	c.Dir = r.dir
	c.Env = append(append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"), env...)
	c.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return "", &Error{Args: args, Stderr: lastLine(stderr.String()), Err: err}
	}
	return stdout.String(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
