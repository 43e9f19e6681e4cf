package agent

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/whodid/whodid"
)

const (
	session     = "bd7e51a9-0087-4997-a510-6860251776cc"
	sessionFile = "/home/dev/.claude/projects/-home-dev-shop/" + session + ".jsonl"
)

// claude is a payload of Claude Code with the fields of both maps besides its own.
func claude(event string, fields, more map[string]any) map[string]any {
	p := map[string]any{
		"session_id": session, "transcript_path": sessionFile, "cwd": "/home/dev/shop",
		"prompt_id": "prompt-1", "permission_mode": "default", "hook_event_name": event,
	}
	maps.Copy(p, fields)
	maps.Copy(p, more)
	return p
}

// tool are the fields of a call of a tool.
func tool(name string, input map[string]any) map[string]any {
	return map[string]any{"tool_name": name, "tool_input": input, "tool_use_id": "toolu_1"}
}

func bash(command string) map[string]any {
	return tool("Bash", map[string]any{"command": command, "description": "does it"})
}

func encode(t testing.TB, p any) []byte {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// told reads a payload in the usual surroundings and checks what comes of it.
func told(t testing.TB, p any) Reading {
	t.Helper()
	r := Hook(encode(t, p), surroundings())
	check(t, r.Events)
	return r
}

// only is the one event of a reading.
func only(t testing.TB, r Reading) whodid.Event {
	t.Helper()
	if len(r.Events) != 1 {
		t.Fatalf("got %d events %v, want 1", len(r.Events), summary(r.Events))
	}
	return r.Events[0]
}
