package testenv

import (
	"bufio"
	"context"
	_ "embed" // the provider's program
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
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	p := npmPackage{name: "oidc-provider", version: providerVersion, works: has("oidc-provider", "package.json")}
	folder, err := p.install(ctx)
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
