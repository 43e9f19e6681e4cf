//go:build e2e && unix

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/internal/testenv/model"
)

// scenarioSecret is what the scenario types in a command; it is made up.
const scenarioSecret = "ghp_F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3F4k3"

// client is the real Claude Code client with whodid's hooks in its settings,
// in a throwaway home and repository.
type client struct {
	*testenv.Workspace
	t       *testing.T
	program string
	whodid  string
	server  *model.Server
	script  model.Script
}

func newClient(t *testing.T) *client {
	t.Helper()
	program := testenv.ClaudeCode(t)
	w, err := testenv.NewWorkspace(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	script, err := model.Scenario(w.Repository)
	if err != nil {
		t.Fatal(err)
	}
	server, err := model.Start(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+"/", "../../cmd/whodid", "../../cmd/whodid-hook").CombinedOutput(); err != nil {
		t.Fatalf("couldn't build the programs: %v\n%s", err, out)
	}
	return &client{Workspace: w, t: t, program: program, whodid: filepath.Join(bin, "whodid"), server: server, script: script}
}

// ask runs whodid in the repository and returns what it prints.
func (c *client) ask(args ...string) []byte {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.whodid, args...)
	cmd.Dir, cmd.Env = c.Repository, c.Env()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("whodid %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out
}

func askFor[T any](c *client, args ...string) T {
	c.t.Helper()
	var v T
	if err := json.Unmarshal(c.ask(args...), &v); err != nil {
		c.t.Fatalf("whodid %s: %v", strings.Join(args, " "), err)
	}
	return v
}

// work lets the client do the scenario, behind the words of a command that is
// to run it.
func (c *client) work(ctx context.Context, before ...string) {
	c.t.Helper()
	cmd := c.Command(ctx, c.program, c.server.URL, c.script)
	if len(before) > 0 {
		cmd.Path, cmd.Args = before[0], append(before, cmd.Args...)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("the client failed: %v\n%s", err, out[max(0, len(out)-4000):])
	}
}

// TestClaudeCodeWithinRun drives the real client within "whodid run": one run
// with all that it did, its two sub-agents below it.
func TestClaudeCodeWithinRun(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.ask("init")
	c.work(t.Context(), c.whodid, "run", "--agent", "engineering/issue-solver", "--why", "issue 42", "--trigger", "event:issues.labeled", "--")

	list := askFor[ask.ExecutionList](c, "exec", "list", "--json")
	run := c.check(list)
	if run.Agent != "engineering/issue-solver" || run.Trigger != "event" || run.TriggerDetail != "issues.labeled" || run.Why != "issue 42" {
		t.Errorf("the run is %+v", run.Execution)
	}
	if run.StatusReason != "exit 0" || run.SessionID == "" {
		t.Errorf("the run ended with %q and has session %q", run.StatusReason, run.SessionID)
	}
	c.ask("init", "--remove")
	if _, err := os.Stat(filepath.Join(c.Home, ".claude", "settings.json")); err == nil {
		t.Error("the settings stayed")
	}
}

// TestClaudeCodeByItself drives the real client as a person starts it: its
// session makes the run.
func TestClaudeCodeByItself(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.ask("init", "--agent", "engineering/reviewer", "--required")
	c.work(t.Context())

	run := c.check(askFor[ask.ExecutionList](c, "exec", "list", "--json"))
	if run.Agent != "engineering/reviewer" || run.StatusReason != "the last turn was completed" {
		t.Errorf("the run is %+v", run.Execution)
	}
}

// check checks what the trail says about the scenario, and returns the run.
func (c *client) check(list ask.ExecutionList) *ask.Show {
	c.t.Helper()
	c.ask("sync")
	var runs, children []string
	for _, x := range list.Executions {
		if x.Status != "success" {
			c.t.Errorf("%s (%s) is %s: %s", x.ExecutionID, x.Subagent, x.Status, x.StatusReason)
		}
		if x.Parent == "" {
			runs = append(runs, x.ExecutionID)
		} else {
			children = append(children, x.ExecutionID)
		}
	}
	if len(runs) != 1 || len(children) != 2 {
		c.t.Fatalf("there are %d runs and %d sub-agents, want 1 and 2", len(runs), len(children))
	}
	run := askFor[ask.Show](c, "exec", "show", "--json", runs[0])
	if !strings.HasPrefix(run.OnBehalfOf, "human:p") {
		c.t.Errorf("nobody stands behind the run: %q", run.OnBehalfOf)
	}
	if len(run.Gaps) > 0 {
		c.t.Errorf("gaps: %+v", run.Gaps)
	}
	var actions []string
	for _, id := range append(runs, children...) {
		for _, a := range askFor[ask.Show](c, "exec", "show", "--json", id).Actions {
			actions = append(actions, strings.TrimSpace(a.ActionType+" "+a.Result+" "+a.Target))
		}
	}
	for _, want := range []string{
		"file.read success README.md",
		"file.write success auth.go",
		"file.edit success auth.go",
		"test.run failed",
		"test.run success",
		"agent.spawn success",
		"file.read success auth.go",
		"file.write success docs/login.md",
		"commit.create success",
		"issue.create success acme/shop#43",
		"pr.create success acme/shop#44",
	} {
		if !slices.ContainsFunc(actions, func(a string) bool { return strings.HasPrefix(a, want) }) {
			c.t.Errorf("nothing is recorded as %q among\n%s", want, strings.Join(actions, "\n"))
		}
	}
	c.checkTokens(run)
	c.checkNoSecret()
	return &run
}

// checkTokens compares the run's tokens by model with those that the model
// server handed out.
func (c *client) checkTokens(run ask.Show) {
	c.t.Helper()
	told := map[string]model.Usage{}
	for _, m := range run.Models {
		if m.TokensIn == nil || m.TokensOut == nil || m.TokensCacheRead == nil || m.TokensCacheWrite == nil {
			c.t.Errorf("tokens of %s are not known", m.Model)
			continue
		}
		told[m.Model] = model.Usage{Input: *m.TokensIn, Output: *m.TokensOut, CacheRead: *m.TokensCacheRead, CacheWrite5m: *m.TokensCacheWrite}
		if m.CostMicros == nil || *m.CostMicros <= 0 {
			c.t.Errorf("%s has no cost", m.Model)
		}
	}
	handed := c.server.ByModel()
	for name, u := range handed {
		u.CacheWrite5m, u.CacheWrite1h = u.CacheWrite5m+u.CacheWrite1h, 0 // the trail sums them up
		handed[name] = u
	}
	if diff := cmp.Diff(handed, told); diff != "" {
		c.t.Errorf("tokens handed out (-) and recorded (+):\n%s", diff)
	}
}

// checkNoSecret looks for the scenario's secret in everything that whodid
// wrote: database, spool, logs, keys.
func (c *client) checkNoSecret() {
	c.t.Helper()
	files := 0
	for _, dir := range []string{".local/share/whodid", ".local/state/whodid"} {
		root := filepath.Join(c.Home, dir)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			b, err := os.ReadFile(path)
			if bytes.Contains(b, []byte(scenarioSecret)) {
				c.t.Errorf("the secret is in %s", filepath.Base(path))
			}
			return err
		})
		if err != nil {
			c.t.Error(err)
		}
	}
	if files < 3 {
		c.t.Errorf("only %d files were looked at", files)
	}
}
