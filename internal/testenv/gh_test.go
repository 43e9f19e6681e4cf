//go:build unix

package testenv

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestFakeGH(t *testing.T) {
	t.Parallel()
	gh := filepath.Join(FakeGH(t), "gh")
	tests := []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"issue", "create", "--title", "a", "--body", "b"}, 0, "https://github.com/acme/shop/issues/43\n", ""},
		{[]string{"issue", "create", "--title", "a"}, 1, "", "must provide `--title` and `--body`"},
		{[]string{"pr", "create", "-t", "a", "--body=b"}, 0, "https://github.com/acme/shop/pull/44\n", ""},
		{[]string{"pr", "create", "--fill"}, 0, "https://github.com/acme/shop/pull/45\n", ""},
		{[]string{"pr", "create"}, 1, "", "must provide"},
		{[]string{"pr", "merge", "44"}, 0, "", ""},
		{[]string{"nonsense"}, 1, "", `unknown command "nonsense"`},
	}
	for _, test := range tests {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), gh, test.args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // its status is compared below
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != test.status || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("gh %v: %v %q %q, want %d %q %q", test.args, cmd.ProcessState, &stdout, &stderr, test.status, test.stdout, test.stderr)
		}
	}
}

func TestFakeGHNumbersAreNotUsedTwice(t *testing.T) {
	t.Parallel()
	gh := filepath.Join(FakeGH(t), "gh")
	urls := make([]string, 10)
	var callers sync.WaitGroup
	for i := range urls {
		callers.Go(func() {
			out, err := exec.CommandContext(t.Context(), gh, "issue", "create", "-t", "a", "-b", "b").Output()
			if err != nil {
				t.Error(err)
			}
			urls[i] = string(out)
		})
	}
	callers.Wait()
	slices.Sort(urls)
	if distinct := len(slices.Compact(urls)); distinct != 10 {
		t.Errorf("10 issues have %d URLs", distinct)
	}
}
