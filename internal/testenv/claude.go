package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ClaudeCodeVersion is the release of Claude Code that the end-to-end tests drive. It is pinned, because its payloads change between releases.
const ClaudeCodeVersion = "2.1.330"

// ClaudeCode gives the path of the real Claude Code client, in exactly ClaudeCodeVersion. On first use it is installed from the npm registry
// into a per-user cache directory (about 370 MB), where later runs find it. The test fails when that is not possible.
func ClaudeCode(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	program, err := InstallClaudeCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// InstallClaudeCode is ClaudeCode for programs that are no test.
func InstallClaudeCode(ctx context.Context) (string, error) {
	p := npmPackage{name: "claude-code", version: ClaudeCodeVersion, spec: "@anthropic-ai/claude-code", works: func(ctx context.Context, dir string) error {
		_, err := installedClaudeCode(ctx, dir)
		return err
	}}
	dir, err := p.install(ctx)
	if err != nil {
		return "", err
	}
	return installedClaudeCode(ctx, dir)
}

// FindClaudeCode gives the path of a Claude Code client that is on this machine already, of whatever version: the one in PATH, or the
// one that the end-to-end tests have installed. It downloads nothing.
func FindClaudeCode(ctx context.Context) (program string, found bool) {
	if program, err := exec.LookPath("claude"); err == nil {
		return program, true
	}
	dir, err := claudeCodeDir()
	if err != nil {
		return "", false
	}
	program, err = installedClaudeCode(ctx, dir)
	return program, err == nil
}

func claudeCodeDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("couldn't find cache directory: %w", err)
	}
	return filepath.Join(cache, "whodid-testenv", "claude-code-"+ClaudeCodeVersion), nil
}

// installedClaudeCode finds the program in an npm prefix and asks it for its version. The native program comes in a package of its own; npm
// links it into place only where install scripts may run, so both places are tried.
func installedClaudeCode(ctx context.Context, dir string) (string, error) {
	var answers []error
	for _, program := range claudeCodePrograms(dir) {
		version, err := versionOf(ctx, program)
		switch {
		case err != nil:
			answers = append(answers, err)
		case version != ClaudeCodeVersion:
			answers = append(answers, fmt.Errorf("%s is version %q", program, version))
		default:
			return program, nil
		}
	}
	return "", fmt.Errorf("couldn't find Claude Code %s: %w", ClaudeCodeVersion, errors.Join(answers...))
}

// versionOf gives the first word that a program prints when it is asked for its version.
func versionOf(ctx context.Context, program string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("couldn't ask %s for its version: %w", program, err)
	}
	version, _, _ := strings.Cut(string(out), " ")
	return version, nil
}

func claudeCodePrograms(dir string) []string {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	system, name := runtime.GOOS, "claude"
	if system == "windows" {
		system, name = "win32", "claude.exe"
	}
	scope := filepath.Join(dir, "node_modules", "@anthropic-ai")
	return []string{
		filepath.Join(scope, "claude-code", "bin", "claude.exe"), // on every system, in spite of its name
		filepath.Join(scope, "claude-code-"+system+"-"+arch, name),
		filepath.Join(scope, "claude-code-"+system+"-"+arch+"-musl", name),
	}
}
