package hook_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// gemini is a payload about a call, of which Gemini CLI tells no id.
func gemini(event, command, at string) *strings.Reader {
	response := ""
	if event == "AfterTool" {
		response = `,"tool_response":{"llmContent":"Output: (empty)\nProcess Group PGID: 4"}`
	}
	return strings.NewReader(fmt.Sprintf(`{"session_id":"s","hook_event_name":%q,"timestamp":%q,"cwd":"/w","tool_name":"run_shell_command","tool_input":{"command":%q}%s}`, event, at, command, response))
}

// Each hook is a process of its own: the result of a call finds its attempt, and
// the same call made again is another.
func TestCallsWithoutIDs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	steps := []struct {
		event, command string
		nth            int
	}{
		{"BeforeTool", "ls", 1},
		{"AfterTool", "ls", 1},
		{"BeforeTool", "ls", 2}, // never ends
		{"BeforeTool", "ls", 3},
		{"AfterTool", "ls", 3}, // the last that began ends
		{"BeforeTool", "pwd", 1},
		{"BeforeTool", "ls", 4},
		{"AfterTool", "pwd", 1},
		{"AfterTool", "ls", 4},
		{"AfterTool", "ls", 2},     // ended after all
		{"AfterTool", "whoami", 1}, // began before the hooks were there
		{"BeforeTool", "whoami", 2},
	}
	for i, step := range steps {
		at := fmt.Sprintf("2026-11-23T10:00:%02dZ", i)
		for range 2 { // installed twice, or sent twice
			if code, said := d.call(gemini(step.event, step.command, at)); code != 0 || said != "" {
				t.Fatalf("exit %d: %s", code, said)
			}
			events := d.told(t)
			if len(events) != 1 {
				t.Fatalf("step %d tells %d events", i, len(events))
			}
			id := agent.CallID(agent.Gemini, "run_shell_command", fmt.Appendf(nil, `{"command":%q}`, step.command), step.nth-1)
			if want := agent.CallKey(agent.Gemini, "s", id, 0); events[0].Key != want {
				t.Errorf("step %d (%s %s) has the key %s, want %s", i, step.event, step.command, events[0].Key, want)
			}
		}
	}
}

// Hooks that run at once never take two calls for one.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	const n = 24
	d := newDesk(t)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if code, said := d.call(gemini("BeforeTool", "ls", fmt.Sprintf("2026-11-23T10:00:%02dZ", i))); code != 0 || said != "" {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
	wg.Wait()
	keys := map[string]bool{}
	for _, e := range d.told(t) {
		keys[e.Key] = true
	}
	if len(keys) != n {
		t.Errorf("%d calls are %d facts", n, len(keys))
	}
}

// What can't be remembered is recorded all the same, and breaks nobody.
func TestCallsThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := os.MkdirAll(filepath.Join(d.home, "trail"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.home, "trail", "trail.calls"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"BeforeTool", "AfterTool"} {
		if code, said := d.call(gemini(event, "ls", "2026-11-23T10:00:00Z")); code != 0 || said != "" {
			t.Errorf("exit %d: %s", code, said)
		}
	}
	events := d.told(t)
	if len(events) != 1 || events[0].Result != whodid.ResultSuccess {
		t.Errorf("told %+v", events)
	}
}

// The files of the calls hold nothing of them, and old ones go.
func TestCallsAreForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.call(gemini("BeforeTool", "ls /srv/CANARY", "2026-11-23T10:00:00Z"))
	dir := filepath.Join(d.home, "trail", "trail.calls")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil || bytes.Contains(text, []byte("CANARY")) || bytes.Contains(text, []byte("ls")) {
		t.Errorf("the file says %q, %v", text, err)
	}
	end := strings.NewReader(`{"session_id":"s","hook_event_name":"SessionEnd","transcript_path":"/x/.gemini/tmp/p/chats/s.jsonl","reason":"exit"}`)
	d.call(end, func(c *hook.Call) {
		c.Now = func() time.Time { return time.Now().Add(61 * 24 * time.Hour) }
	})
	if entries, err = os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}
