package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// CcusageVersion is the release of ccusage with which token sums are compared.
const CcusageVersion = "20.0.24"

// Ccusage gives the path of the real ccusage, another program that counts the tokens in what clients keep. On first use its binary (5 MB) is installed from the
// npm registry into a per-user cache directory. The test fails when that is not possible.
func Ccusage(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	program, err := InstallCcusage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// InstallCcusage is [Ccusage] for programs that are no test.
func InstallCcusage(ctx context.Context) (string, error) {
	platform, ok := map[string]string{"linux/amd64": "linux-x64", "linux/arm64": "linux-arm64", "darwin/amd64": "darwin-x64", "darwin/arm64": "darwin-arm64"}[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("there is no ccusage for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("couldn't find cache directory: %w", err)
	}
	dir := filepath.Join(cache, "whodid-testenv", "ccusage-"+CcusageVersion)
	program := filepath.Join(dir, "node_modules", "@ccusage", "ccusage-"+platform, "bin", "ccusage")
	works := func() bool { return exec.CommandContext(ctx, program, "--version").Run() == nil }
	if works() {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if works() {
		return program, nil // another process was faster
	}
	// The platform's own package: npm leaves out those that are optional where it is told to.
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save", "@ccusage/ccusage-"+platform+"@"+CcusageVersion)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("couldn't install ccusage %s: `make e2e` installs the npm that it needs: %w\n%s", CcusageVersion, err, tail(out))
	}
	if err := os.Chmod(program, 0o700); err != nil {
		return "", fmt.Errorf("couldn't install ccusage: %w", err)
	}
	if !works() {
		return "", fmt.Errorf("ccusage %s was installed and does not run", CcusageVersion)
	}
	return program, nil
}
