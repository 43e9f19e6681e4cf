//go:build e2e && unix

package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/internal/testenv/model"
)

// The real Copilot CLI, hooked by init: each call of a tool is one action with
// its own result, though the client gives it no id, and its session file says
// the same and adds the tokens.
func TestCopilot(t *testing.T) {
	t.Parallel()
	program := testenv.Copilot(t)
	w, err := testenv.NewWorkspace(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.Repository, "new.py")
	use := func(name string, input map[string]any) model.Turn {
		raw, err := json.Marshal(input)
		if err != nil {
			t.Fatal(err)
		}
		return model.Turn{Tools: []model.ToolUse{{Name: name, Input: raw}}, Usage: model.Usage{Input: 10, Output: 7}}
	}
	server, err := model.Start(model.Script{Model: "claude-sonnet-4.5", Main: []model.Turn{
		use("create", map[string]any{"path": file, "file_text": "print(1)\n"}),
		use("bash", map[string]any{"command": "python3 -c 'raise SystemExit(3)'", "description": "CANARY", "initial_wait": 5}),
		use("bash", map[string]any{"command": "pwd", "description": "CANARY", "initial_wait": 5}),
		use("bash", map[string]any{"command": "pwd", "description": "CANARY", "initial_wait": 5}),
		use("nosuch", map[string]any{"x": 1}),
		{Text: "Done.", Usage: model.Usage{Input: 10, Output: 7}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+"/", "../../cmd/whodid", "../../cmd/whodid-hook").CombinedOutput(); err != nil {
		t.Fatalf("couldn't build the programs: %v\n%s", err, out)
	}
	env := w.Env("COPILOT_PROVIDER_BASE_URL="+server.URL, "COPILOT_PROVIDER_TYPE=anthropic", "COPILOT_PROVIDER_API_KEY=dummy",
		"COPILOT_MODEL=claude-sonnet-4.5", "COPILOT_OFFLINE=true", "COPILOT_AUTO_UPDATE=false")
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = w.Repository, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	whodid := filepath.Join(bin, "whodid")
	run(whodid, "init", "--only", "copilot", "--git=false")
	run(program, "-p", "do CANARY", "--allow-all-tools")

	var actions []string
	for line := range strings.Lines(run(whodid, "action", "list")) {
		fields := strings.Split(line, "\t")
		actions = append(actions, strings.Join(fields[1:5], " "))
	}
	slices.Reverse(actions)
	want := []string{
		"local/copilot file.write new.py success",
		"local/copilot shell.run python3 failed",
		"local/copilot shell.run pwd success",
		"local/copilot shell.run pwd success",
		"local/copilot tool.call nosuch failed",
	}
	if !slices.Equal(actions, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(actions, "\n"), strings.Join(want, "\n"))
	}
	var history struct {
		Agents []struct {
			Agent   string `json:"agent"`
			Runs    int    `json:"runs"`
			Success int    `json:"success"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(run(whodid, "history", "--json")), &history); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(history.Agents); got != "[{local/copilot 1 1}]" {
		t.Errorf("history tells %s", got)
	}
	if doctor := run(whodid, "doctor"); !strings.Contains(doctor, "ok\tgaps\t") {
		t.Errorf("something is missing: %s", doctor)
	}
	trails, err := filepath.Glob(filepath.Join(w.Home, ".local", "share", "whodid", "*"))
	if err != nil || len(trails) == 0 {
		t.Fatal(trails, err)
	}
	for _, path := range trails {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "CANARY") {
			t.Errorf("%s holds what was said", path)
		}
	}
}
