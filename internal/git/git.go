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
	Stderr string // its last words, without users and passwords of URLs
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("git %s: %v: %s", e.command(), e.Err, e.Stderr)
}

// command is git's sub-command: the first argument that is none of git's own.
func (e *Error) command() string {
	for i := 0; i < len(e.Args); i++ {
		if e.Args[i] != "-c" {
			return e.Args[i]
		}
		i++ // its value
	}
	return ""
}

func (e *Error) Unwrap() error { return e.Err }

// ExitCode returns git's exit code, or -1 if it did not run.
func (e *Error) ExitCode() int {
	if exit, ok := errors.AsType[*exec.ExitError](e.Err); ok {
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
		return "", &Error{Args: args, Stderr: withoutUsers(lastLine(stderr.String())), Err: err}
	}
	return stdout.String(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// withoutUsers takes user and password out of URLs: git quotes those of remotes
// as they are.
func withoutUsers(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "://")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("://")
		authority := rest
		if i := strings.IndexAny(rest, "/?# '\"\t"); i >= 0 {
			authority = rest[:i]
		}
		s = rest[strings.LastIndexByte(authority, '@')+1:]
	}
}
