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

// CopilotVersion is the release of Copilot CLI that the end-to-end tests drive.
const CopilotVersion = "1.0.102"

// Copilot gives the path of the real Copilot CLI, in exactly CopilotVersion. On first use it is installed from the npm registry into a
// per-user cache directory (about 200 MB). The test fails when that is not possible.
func Copilot(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	program, err := installCopilot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func installCopilot(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("couldn't find cache directory: %w", err)
	}
	dir := filepath.Join(cache, "whodid-testenv", "copilot-"+CopilotVersion)
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	program := filepath.Join(dir, "node_modules", "@github", "copilot-"+runtime.GOOS+"-"+arch, "copilot")
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-")
	if err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	defer os.RemoveAll(fresh)
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "@github/copilot@"+CopilotVersion)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("couldn't install Copilot CLI %s: %w\n%s", CopilotVersion, err, tail(out))
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("couldn't remove broken install: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return "", fmt.Errorf("couldn't put Copilot CLI in place: %w", err)
	}
	_, err = os.Stat(program)
	return program, err
}
