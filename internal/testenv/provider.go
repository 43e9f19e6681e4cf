package testenv

import (
	"bufio"
	"context"
	_ "embed" // the provider's program
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// providerVersion is the release of panva's oidc-provider that people sign in
// with in tests: a certified OpenID provider that runs anywhere node does.
const providerVersion = "9.13.3"

//go:embed provider.mjs
var providerProgram []byte

// Provider starts a real OpenID Connect provider that knows the client whodid
// (secret made-up-for-tests) and its redirect URI, and returns its issuer. It
// ends with the test. People are who they say: ada (groups platform, everyone),
// bob (payments, everyone), eve (visitors), mallory (platform, no organisation).
func Provider(t testing.TB, redirect string) (issuer string) {
	t.Helper()
	folder, err := installProvider()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "provider.mjs")
	if err := os.WriteFile(program, providerProgram, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", program, folder, redirect)
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if issuer := lines.Text(); strings.HasPrefix(issuer, "http://") {
			return issuer
		}
	}
	t.Fatalf("the provider did not start:\n%s", told.String())
	return ""
}

// installProvider installs the provider into a per-user cache, where later runs
// find it.
func installProvider() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("couldn't find cache directory: %w", err)
	}
	dir := filepath.Join(cache, "whodid-testenv", "oidc-provider-"+providerVersion)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider", "package.json")); err == nil {
		return dir, nil
	}
	// Installed beside its place and then renamed, so that an install which was
	// cut short is never taken for one.
	fresh, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-")
	if err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	defer os.RemoveAll(fresh)
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", fresh, "--no-audit", "--no-fund", "--no-save", "oidc-provider@"+providerVersion)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("couldn't install oidc-provider %s: `scripts/need.sh test` installs the npm that it needs: %w\n%s", providerVersion, err, tail(out))
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("couldn't remove broken install: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return "", fmt.Errorf("couldn't put oidc-provider in place: %w", err)
	}
	return dir, nil
}
