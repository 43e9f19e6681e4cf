//go:build unix

package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// npm stands in for the real one: it counts its calls and installs a client that says it is of some version.
const npm = `#!/bin/sh
echo call >> %q
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/@anthropic-ai/claude-code/bin"
printf '#!/bin/sh\necho "%s (Claude Code)"\n' > "$2/node_modules/@anthropic-ai/claude-code/bin/claude.exe"
chmod +x "$2/node_modules/@anthropic-ai/claude-code/bin/claude.exe"
`

// install gives the calls of a stand-in for npm whose client claims a version, with an empty cache directory of this test's own.
func install(t *testing.T, version string) (calls func() int) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	log, bin := filepath.Join(home, "calls"), filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteProgram(filepath.Join(bin, "npm"), fmt.Appendf(nil, npm, log, version)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	return func() int {
		text, err := os.ReadFile(log)
		if err != nil {
			return 0
		}
		return strings.Count(string(text), "call")
	}
}

func TestInstallClaudeCodeOnce(t *testing.T) {
	calls := install(t, ClaudeCodeVersion)
	if program, found := FindClaudeCode(t.Context()); found {
		t.Fatalf("found %s before it was installed", program)
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			if _, err := InstallClaudeCode(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if calls() != 1 {
		t.Errorf("npm was called %d times, want once", calls())
	}
	program, found := FindClaudeCode(t.Context())
	if !found {
		t.Fatal("not found after it was installed")
	}
	// A broken install is replaced.
	if err := WriteProgram(program, []byte("#!/bin/sh\nexit 1\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := InstallClaudeCode(t.Context()); err != nil || calls() != 2 {
		t.Errorf("repair: %v after %d calls of npm, want 2", err, calls())
	}
}

func TestInstallClaudeCodeRefusesAnotherVersion(t *testing.T) {
	install(t, "9.9.9")
	if _, err := InstallClaudeCode(t.Context()); err == nil || !strings.Contains(err.Error(), `is version "9.9.9"`) {
		t.Errorf("got %v, want an error that names the version", err)
	}
	if program, found := FindClaudeCode(t.Context()); found {
		t.Errorf("%s was kept", program)
	}
}

func TestInstallClaudeCodeWithoutNPM(t *testing.T) {
	install(t, ClaudeCodeVersion)
	t.Setenv("PATH", t.TempDir())
	if _, err := InstallClaudeCode(t.Context()); err == nil || !strings.Contains(err.Error(), "`scripts/need.sh test e2e` installs") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); err == nil {
		t.Fatal("two hold the lock")
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatalf("the lock was not given back: %v", err)
	}
	again()
}
