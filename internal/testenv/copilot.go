package testenv

import (
	"context"
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
	program := []string{"@github", "copilot-" + runtime.GOOS + "-" + map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH], "copilot"}
	p := npmPackage{name: "copilot", version: CopilotVersion, spec: "@github/copilot", flags: []string{"--ignore-scripts"}, works: has(program...)}
	dir, err := p.install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{dir, "node_modules"}, program...)...)
}
