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
	program := func(dir string) string {
		return filepath.Join(dir, "node_modules", "@ccusage", "ccusage-"+platform, "bin", "ccusage")
	}
	// The platform's own package: npm leaves out those that are optional where it is told to.
	p := npmPackage{name: "ccusage", version: CcusageVersion, spec: "@ccusage/ccusage-" + platform, works: func(ctx context.Context, dir string) error {
		if err := os.Chmod(program(dir), 0o700); err != nil {
			return fmt.Errorf("couldn't find ccusage: %w", err)
		}
		return exec.CommandContext(ctx, program(dir), "--version").Run()
	}}
	dir, err := p.install(ctx)
	return program(dir), err
}
