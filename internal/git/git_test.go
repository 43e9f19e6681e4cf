package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes a repository with a hook that would leave a trace.
func repository(t testing.TB) (Repository, string) {
	t.Helper()
	dir := t.TempDir()
	r := In(dir)
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"config", "user.name", "Dev Example"}, {"config", "user.email", "dev@example.com"}} {
		if _, err := r.Run(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	hook := filepath.Join(dir, ".git", "hooks", "pre-commit")
	if err := os.MkdirAll(filepath.Dir(hook), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntouch "+filepath.Join(dir, "the-hook-ran")+"\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func TestRun(t *testing.T) {
	t.Parallel()
	r, dir := repository(t)
	blob, err := r.RunWith(t.Context(), []byte("hello\n"), "hash-object", "-w", "--stdin")
	if err != nil || strings.TrimSpace(blob) != "ce013625030ba8dba906f756967f9e9ca394464a" {
		t.Errorf("the blob is %q, %v", blob, err)
	}
	if _, err := r.RunDated(t.Context(), "1790000000 +0000", "commit", "-q", "--allow-empty", "-m", "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "the-hook-ran")); err == nil {
		t.Error("the repository's hook ran")
	}
	dates, err := r.Run(t.Context(), "log", "-1", "--format=%at %ct")
	if err != nil || dates != "1790000000 1790000000\n" {
		t.Errorf("the dates are %q, %v", dates, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	r, _ := repository(t)
	_, err := r.Run(t.Context(), "rev-parse", "--verify", "--quiet", "refs/none")
	var failed *Error
	if !errors.As(err, &failed) || failed.ExitCode() != 1 {
		t.Errorf("a ref that is not there: %v", err)
	}
	_, err = r.Run(t.Context(), "-c", "user.name=x", "no-such-command")
	if err == nil || !strings.HasPrefix(err.Error(), "git no-such-command: ") {
		t.Errorf("a command that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Run(ctx, "status"); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	_, err = In(filepath.Join(t.TempDir(), "none")).Run(t.Context(), "status")
	if !errors.As(err, &failed) || failed.ExitCode() != -1 {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// A remote's password is in nothing that is shown.
func TestErrorsHidePasswords(t *testing.T) {
	t.Parallel()
	r, dir := repository(t)
	const secret = "hunter2-fake"
	for _, remote := range []string{
		"file://u:" + secret + "@/" + dir + "/none",
		"no-such-protocol://u:" + secret + "@host.example/a/b",
		"https://" + secret + "@127.0.0.1:1/a/b",
	} {
		_, err := r.Run(t.Context(), "ls-remote", remote)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", remote, err)
		}
	}
}

func TestWithoutUsers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":           "",
		"plain text": "plain text",
		"fatal: 'https://u:p@h/x' and https://t@h, dev@example.com": "fatal: 'https://h/x' and https://h, dev@example.com",
		"https://u:p@ss@h/x@y": "https://h/x@y",
		"ssh://git@h:22/a":     "ssh://h:22/a",
		"://":                  "://",
		"https://h/a?mail=x@y": "https://h/a?mail=x@y",
		"https://u:p@h":        "https://h",
		"https://u:p://q@h/x":  "https://u:p://h/x",
	} {
		if got := withoutUsers(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzWithoutUsers(f *testing.F) {
	f.Add("fatal: 'https://u:p@h/x'")
	f.Add("https://a://b@c://")
	f.Fuzz(func(t *testing.T, s string) {
		got := withoutUsers(s)
		if len(got) > len(s) || strings.Count(got, "://") > strings.Count(s, "://") {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}
