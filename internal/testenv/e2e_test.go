//go:build e2e && unix

package testenv

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/testenv/model"
)

// hookEvent is the part of a hook's payload that the test looks at.
type hookEvent struct {
	Name    string `json:"hook_event_name"`
	Tool    string `json:"tool_name"`
	ToolUse string `json:"tool_use_id"`
	Agent   string `json:"agent_id"`
	Error   string `json:"error"`
	Session string `json:"session_id"`
}

// TestClaudeCodePlaysTheScenario proves that these surroundings hold: the real client, driven by the scripted model, does what the script
// says, calls the hooks, and writes transcripts whose tokens are those that the model handed out.
func TestClaudeCodePlaysTheScenario(t *testing.T) {
	client := ClaudeCode(t)
	w, err := NewWorkspace(t.Context(), t.TempDir())
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
	log := filepath.Join(w.Home, "hooks.jsonl")
	if err := w.Hook("{ cat; echo; } >> '" + log + "'"); err != nil {
		t.Fatal(err)
	}
	out, err := w.Command(t.Context(), client, server.URL, script).CombinedOutput()
	if err != nil {
		t.Fatalf("the client failed: %v\n%s", err, tail(out))
	}

	t.Run("does what the script says", func(t *testing.T) {
		subject, err := w.Git(t.Context(), "log", "-1", "--format=%s", "oauth2")
		if err != nil || subject != "feat(auth): add OAuth2 login" {
			t.Errorf("the last commit is %q, %v", subject, err)
		}
		for _, url := range []string{"https://github.com/acme/shop/issues/43", "https://github.com/acme/shop/pull/44"} {
			if !bytes.Contains(out, []byte(url)) {
				t.Errorf("the client doesn't tell of %s", url)
			}
		}
		if len(server.Unscripted()) > 0 {
			t.Errorf("the client asked for what the server doesn't know: %v", server.Unscripted())
		}
		for _, c := range server.Calls() {
			if c.Conversation != model.Side && c.Turn < 0 {
				t.Errorf("%s went on after its script: %+v", c.Conversation, c)
			}
			// Else the client's own sums of cost, which others compare theirs with, are of no model that answered.
			if c.Requested != c.Model {
				t.Errorf("the client asked for %s and %s answers in the script", c.Requested, c.Model)
			}
		}
	})
	t.Run("calls the hooks", func(t *testing.T) { checkHooks(t, log, script) })
	t.Run("writes transcripts", func(t *testing.T) { checkTranscripts(t, w, server) })
}

func checkHooks(t *testing.T, log string, script model.Script) {
	events := map[string]int{}
	ended := map[string]string{} // tool use → how it ended
	agents := map[string]int{}   // sub-agent → events
	for _, e := range readLines[hookEvent](t, log) {
		events[e.Name]++
		if e.Session == "" {
			t.Errorf("%s without a session", e.Name)
		}
		if e.Agent != "" {
			agents[e.Agent]++
		}
		if e.Name == "PostToolUse" || e.Name == "PostToolUseFailure" {
			ended[e.ToolUse] = e.Name
		}
		if e.Name == "PostToolUseFailure" && !strings.HasPrefix(e.Error, "Exit code ") {
			t.Errorf("the failed command ends with %q", e.Error)
		}
	}
	tools, batches := 0, 0
	for _, turns := range [][]model.Turn{script.Main, script.Agents[0].Turns, script.Agents[1].Turns} {
		for _, turn := range turns {
			tools += len(turn.Tools)
			if len(turn.Tools) > 0 {
				batches++
			}
		}
	}
	want := map[string]int{
		"SessionStart": 1, "UserPromptSubmit": 1, "Stop": 1, "SessionEnd": 1, "SubagentStart": 2, "SubagentStop": 2,
		"PreToolUse": tools, "PostToolUse": tools - 1, "PostToolUseFailure": 1, "PostToolBatch": batches,
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("hook events (-want +got):\n%s", diff)
	}
	if len(ended) != tools {
		t.Errorf("%d of %d tool uses ended", len(ended), tools)
	}
	if len(agents) != len(script.Agents) {
		t.Errorf("events of %d sub-agents, want %d", len(agents), len(script.Agents))
	}
}

func checkTranscripts(t *testing.T, w *Workspace, server *model.Server) {
	sessions, agents, err := w.Transcripts()
	if err != nil {
		t.Fatal(err)
	}
	if len(sessions) != 1 || len(agents) != 2 {
		t.Fatalf("%d transcripts of sessions and %d of sub-agents, want 1 and 2", len(sessions), len(agents))
	}
	type line struct {
		Request string `json:"requestId"`
		Message struct {
			Model string `json:"model"`
			Usage struct {
				Input      int64 `json:"input_tokens"`
				Output     int64 `json:"output_tokens"`
				CacheRead  int64 `json:"cache_read_input_tokens"`
				CacheWrite struct {
					FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
					OneHour     int64 `json:"ephemeral_1h_input_tokens"`
				} `json:"cache_creation"`
			} `json:"usage"`
		} `json:"message"`
	}
	requests := map[string]line{} // a request has one line for each block of its answer, each with the whole usage
	for _, path := range append(sessions, agents...) {
		for _, l := range readLines[line](t, path) {
			if l.Request != "" {
				requests[l.Request] = l
			}
		}
	}
	told := map[string]model.Usage{}
	for _, l := range requests {
		u := l.Message.Usage
		told[l.Message.Model] = told[l.Message.Model].Add(model.Usage{
			Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite5m: u.CacheWrite.FiveMinutes, CacheWrite1h: u.CacheWrite.OneHour,
		})
	}
	if diff := cmp.Diff(server.ByModel(), told); diff != "" {
		t.Errorf("tokens handed out (-) and told by the transcripts (+):\n%s", diff)
	}
}

func readLines[T any](t *testing.T, path string) []T {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("couldn't parse a line of %s: %v", filepath.Base(path), err)
		}
		all = append(all, v)
	}
	return all
}
