//go:build e2e && unix

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ask"
)

// serve runs the server over the client's own trail, and returns the settings
// by which the client sends its telemetry to it.
func (c *client) serve(protocol string) (settings []string) {
	c.t.Helper()
	var token struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(c.ask("token", "create", "--name", "exporter", "--role", "recorder", "--json"), &token); err != nil || token.Token == "" {
		c.t.Fatal("no token: ", err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	cmd := exec.CommandContext(ctx, c.whodid, "serve", "--listen", "127.0.0.1:0")
	cmd.Dir, cmd.Env = c.Repository, c.Env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		c.t.Fatalf("the server said %q, %v", line, err)
	}
	return []string{
		"CLAUDE_CODE_ENABLE_TELEMETRY=1", "OTEL_LOGS_EXPORTER=otlp", "OTEL_METRICS_EXPORTER=otlp", "OTEL_LOG_TOOL_DETAILS=1",
		"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_EXPORTER_OTLP_ENDPOINT=" + address, "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer " + token.Token,
		"OTEL_RESOURCE_ATTRIBUTES=whodid.agent=engineering/telemetered",
	}
}

// workWith lets the client do the scenario with settings of its own.
func (c *client) workWith(settings []string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := c.Command(ctx, c.program, c.server.URL, c.script)
	cmd.Env = append(cmd.Env, settings...)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("the client failed: %v\n%s", err, out[max(0, len(out)-4000):])
	}
}

// TestClaudeCodeTelemetry drives the real client with no hook installed: its
// telemetry alone tells of the run, with the tokens that were handed out.
func TestClaudeCodeTelemetry(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http/protobuf", "http/json"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			c.workWith(c.serve(protocol))
			list := askFor[ask.ExecutionList](c, "exec", "list", "--json").Executions
			main := slices.IndexFunc(list, func(x ask.Execution) bool { return x.Parent == "" })
			if len(list) != 3 || main < 0 {
				t.Fatalf("%d runs: %+v", len(list), list)
			}
			for i, x := range list {
				if i != main && (x.Parent != list[main].ExecutionID || x.Subagent != "general-purpose" || x.Status != "success" || x.TokensIn == nil) {
					t.Errorf("a sub-agent is %+v", x)
				}
			}
			run := askFor[ask.Show](c, "exec", "show", "--json", list[main].ExecutionID)
			if run.Agent != "engineering/telemetered" {
				t.Errorf("the agent is %s", run.Agent)
			}
			c.checkTokens(run)
			c.checkNoSecret()
			committed := false
			for _, a := range run.Actions {
				committed = committed || a.ActionType == "commit.create" && a.Result == "success" && len(a.Target) == 40
			}
			if !committed {
				t.Error("the commit is not known")
			}
		})
	}
}

// TestClaudeCodeToldThrice drives the real client with hooks and telemetry, and
// its transcript is read as well: what hooks tell is what is shown, each call
// once, and no token is counted twice.
func TestClaudeCodeToldThrice(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.ask("init", "--agent", "engineering/telemetered")
	c.workWith(c.serve("http/protobuf"))
	run := c.check(askFor[ask.ExecutionList](c, "exec", "list", "--json"))
	calls := map[any]bool{}
	for _, a := range run.Actions {
		if part, ok := a.Metadata["part"]; ok && part != 1 {
			continue
		}
		call := a.Metadata["call"]
		if calls[call] {
			t.Errorf("%v is told twice: %s %s %s", call, a.ActionType, a.Result, a.Target)
		}
		calls[call] = true
	}
}
