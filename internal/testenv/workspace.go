package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/testenv/model"
)

// Workspace is a throwaway home and a throwaway repository for one run of the real Claude Code client: nothing of the user's own
// settings reaches the client, and nothing that the client writes stays.
type Workspace struct {
	// Home is the client's HOME; its transcripts end up below Home/.claude/projects.
	Home string
	// Repository is a git repository, acme/shop, with one commit on its branch main. Its remote is never contacted.
	Repository string
	// Programs is a directory that comes first in the client's PATH; a stand-in for gh is in it.
	Programs string
}

// HookEvents are the events of Claude Code that NewWorkspace and the tests install hooks for: those of a run without a person.
var HookEvents = []string{
	"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch",
	"SubagentStart", "SubagentStop", "Stop", "StopFailure", "Notification", "PreCompact",
}

// shopFiles is what the repository holds at first: enough for the scenario's test run to fail until the agent has edited its file.
var shopFiles = map[string]string{
	"README.md": "# shop\n\nA small shop. See `make test`.\n",
	"Makefile":  "test:\n\t@if grep -n 'return nil' auth.go; then echo 'auth.go: Login does nothing' >&2; exit 1; fi\n\t@echo ok\n",
	"deploy.sh": "#!/bin/sh\necho 'preview skipped: no cluster is configured'\n",
}

// NewWorkspace makes a workspace below a directory that exists and that the caller removes.
func NewWorkspace(ctx context.Context, dir string) (*Workspace, error) {
	dir, err := filepath.EvalSymlinks(dir) // the client reports real paths, and macOS has its temporary files behind a link
	if err != nil {
		return nil, fmt.Errorf("couldn't resolve workspace directory: %w", err)
	}
	w := &Workspace{Home: filepath.Join(dir, "home"), Repository: filepath.Join(dir, "shop"), Programs: filepath.Join(dir, "bin")}
	for _, d := range []string{filepath.Join(w.Home, ".claude"), w.Repository, w.Programs} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("couldn't make workspace: %w", err)
		}
	}
	if err := WriteFakeGH(w.Programs); err != nil {
		return nil, err
	}
	for name, text := range shopFiles {
		if err := os.WriteFile(filepath.Join(w.Repository, name), []byte(text), 0o755); err != nil { // deploy.sh is run
			return nil, fmt.Errorf("couldn't fill repository: %w", err)
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"config", "user.name", "Dev Example"},
		{"config", "user.email", "dev@example.com"},
		{"config", "commit.gpgsign", "false"},
		{"remote", "add", "origin", "https://github.com/acme/shop.git"},
		{"add", "-A"},
		{"commit", "-q", "-m", "chore: open the shop"},
	} {
		if _, err := w.Git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Git runs git in the repository, in the workspace's own surroundings, and gives what it prints, trimmed.
func (w *Workspace) Git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = w.Repository
	cmd.Env = w.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("couldn't run git %s: %w\n%s", args[0], err, tail(out))
	}
	return string(bytes.TrimSpace(out)), nil
}

// Env gives the environment of programs that run in the workspace: of the caller's only what finding programs and temporary files
// needs, so that no setting and no credential of the user comes along.
func (w *Workspace) Env(more ...string) []string {
	env := []string{
		"HOME=" + w.Home,
		"PATH=" + w.Programs + string(os.PathListSeparator) + os.Getenv("PATH"),
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"LANG=C.UTF-8",
		"TZ=UTC",
	}
	for _, name := range []string{"TMPDIR", "SystemRoot", "SSL_CERT_FILE"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// Hook lets the client run a shell command at each of HookEvents, with the event as JSON on its standard input. It replaces the
// settings that the workspace's home has.
func (w *Workspace) Hook(command string) error {
	type handler struct {
		Type    string `json:"type"`
		Command string `json:"command"`
	}
	type matcher struct {
		Hooks []handler `json:"hooks"`
	}
	hooks := map[string][]matcher{}
	for _, event := range HookEvents {
		hooks[event] = []matcher{{Hooks: []handler{{Type: "command", Command: command}}}}
	}
	text, err := json.MarshalIndent(map[string]any{"hooks": hooks}, "", "  ")
	if err != nil {
		return fmt.Errorf("couldn't encode settings: %w", err)
	}
	if err := os.WriteFile(filepath.Join(w.Home, ".claude", "settings.json"), text, 0o600); err != nil {
		return fmt.Errorf("couldn't write settings: %w", err)
	}
	return nil
}

// Command gives the command that runs the client on a script's prompt, without a person, against the model server at modelURL, and
// prints stream-json. It is not started; the caller may wrap its arguments in another command's and add to its environment.
func (w *Workspace) Command(ctx context.Context, client, modelURL string, script model.Script) *exec.Cmd {
	// The client prices by the model that it asked for, so it must ask for the one that the script answers with.
	cmd := exec.CommandContext(ctx, client, "-p", script.Prompt, "--model", script.Model, "--permission-mode", "bypassPermissions", "--output-format", "stream-json", "--verbose")
	cmd.Dir = w.Repository
	cmd.Env = w.Env(
		"ANTHROPIC_BASE_URL="+modelURL,
		"ANTHROPIC_API_KEY=dummy",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"DISABLE_AUTOUPDATER=1",
		"IS_SANDBOX=1", // the client refuses to go unasked as root elsewhere
	)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// Transcripts gives the client's transcripts: those of sessions, and those of the sub-agents that they sent out.
func (w *Workspace) Transcripts() (sessions, agents []string, err error) {
	root := filepath.Join(w.Home, ".claude", "projects")
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".jsonl" {
			return err
		}
		if slices.Contains(strings.Split(filepath.ToSlash(path), "/"), "subagents") {
			agents = append(agents, path)
		} else {
			sessions = append(sessions, path)
		}
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("couldn't look for transcripts: %w", err)
	}
	return sessions, agents, nil
}
