//go:build unix

package repotest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/testenv"
)

// TestNeed runs scripts/need.sh on machines that lack things: its PATH holds only what the test puts there.
func TestNeed(t *testing.T) {
	t.Parallel()
	everything := []string{"git", "ps", "gcc", "node", "ssh-keygen", "curl", "jq", "strace", "npm", "chromium", "openssl", "apt-get", "sudo"}
	tests := []struct {
		name     string
		purposes []string
		lacks    []string
		status   int
		says     string // what it prints, in part; "" means that it prints nothing
		installs string // what the last call of apt-get installs
	}{
		{name: "nothing is missing", purposes: []string{"test", "e2e", "browser"}},
		{name: "npm for the provider of sign-ins", purposes: []string{"test"}, lacks: []string{"npm"}, says: "Installing", installs: "ca-certificates npm"},
		{name: "npm", purposes: []string{"test", "e2e"}, lacks: []string{"npm"}, says: "Installing", installs: "ca-certificates npm"},
		{name: "a browser", purposes: []string{"browser"}, lacks: []string{"chromium"}, says: "Installing", installs: "ca-certificates chromium"},
		{name: "git and a compiler", purposes: []string{"test"}, lacks: []string{"git", "gcc"}, says: "Installing", installs: "ca-certificates git gcc libc6-dev"},
		{name: "another language", purposes: []string{"test"}, lacks: []string{"node"}, says: "Installing", installs: "ca-certificates nodejs"},
		{name: "no apt-get", purposes: []string{"test"}, lacks: []string{"git", "apt-get"}, status: 1, says: "Please install (by Debian's names): git"},
		{name: "a purpose that is none", purposes: []string{"tset"}, status: 2, says: "unknown purpose tset"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bin, log := t.TempDir(), filepath.Join(t.TempDir(), "calls")
			for _, tool := range []string{"sh", "env", "id", "sed", "uname"} {
				path, err := exec.LookPath(tool)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
					t.Fatal(err)
				}
			}
			for _, program := range everything {
				if !strings.Contains(" "+strings.Join(test.lacks, " ")+" ", " "+program+" ") {
					writeProgram(t, filepath.Join(bin, program), "#!/bin/sh\necho \"$0 $*\" >> '"+log+"'\n")
				}
			}
			writeProgram(t, filepath.Join(bin, "sudo"), "#!/bin/sh\nexec \"$@\"\n")
			cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{filepath.Join(root, "scripts", "need.sh")}, test.purposes...)...)
			// A server that is named spares the machine one of its own, wherever this test runs.
			cmd.Env = []string{"PATH=" + bin, "WHODID_TEST_POSTGRES=postgres://example"}
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != test.status {
				t.Errorf("%v, want status %d:\n%s", err, test.status, out)
			}
			if test.says == "" && len(out) > 0 || !strings.Contains(string(out), test.says) {
				t.Errorf("it says %q, want %q", out, test.says)
			}
			if got := installed(t, log); got != test.installs {
				t.Errorf("it installs %q, want %q", got, test.installs)
			}
		})
	}
}

// installed gives the packages of the last call of apt-get that the log has.
func installed(t *testing.T, log string) string {
	t.Helper()
	text, err := os.ReadFile(log)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	_, packages, _ := strings.Cut(lines[len(lines)-1], "--no-install-recommends ")
	return packages
}

func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	if err := testenv.WriteProgram(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
