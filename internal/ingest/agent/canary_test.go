package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact/canary"
)

// locates reports whether a field tells where something is: paths are what the
// trail is for.
func locates(path string) bool {
	switch path[strings.LastIndexByte(path, '.')+1:] {
	case "hook_event_name", "cwd", "transcript_path", "agent_transcript_path", "file_path", "notebook_path", "path", "filePath":
		return true
	default:
		return false
	}
}

// Nothing of what a payload says may come through but where things are.
func TestNoContentComesThrough(t *testing.T) {
	t.Parallel()
	for _, payload := range append(hookCaptures(t), samples(t)...) {
		var v any
		if err := json.Unmarshal(payload, &v); err != nil {
			t.Fatal(err)
		}
		for name, keep := range map[string]func(string) bool{
			"everything": locates,
			// With the tool and the ids intact, what the tool was given and
			// answered is read as it is meant to be.
			"arguments": func(path string) bool {
				return locates(path) || !strings.Contains(path, "tool_input") && !strings.Contains(path, "tool_response") &&
					!strings.Contains(path, "prompt") && !strings.Contains(path, "message") && path != ".error" && path != ".reason"
			},
		} {
			planted := encode(t, canary.Plant(v, "", keep))
			r := Hook(planted, surroundings())
			check(t, r.Events)
			if found := canary.Leaked(r.Transcript, r.Events); found != "" {
				t.Errorf("%s planted: %s\nfrom %s", name, found, planted)
			}
		}
	}
}

// What is quoted, redirected or piped in a command is content as well.
func TestNoArgumentComesThrough(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"echo '%s'", "git commit -m '%s'", "gh pr create --title '%s' --body '%s'", "curl -H 'Authorization: %s' https://example.com",
		"cat <<'EOF' > f\n%s\nEOF", "export TOKEN='%s'; deploy", "x '%s'", "psql -c '%s'", "# %s", "echo \"%s",
	} {
		command = strings.ReplaceAll(command, "%s", canary.Words)
		for _, p := range []any{
			claude("PreToolUse", bash(command), nil),
			claude("PostToolUse", bash(command), object{"tool_response": object{"stdout": canary.Words + "\n" + canary.Words, "stderr": canary.Words}}),
			claude("PostToolUseFailure", bash(command), object{"error": "Exit code 1\n" + canary.Words}),
		} {
			r := told(t, p)
			if found := canary.Leaked(r.Transcript, r.Events); found != "" {
				t.Errorf("%q: %s", command, found)
			}
		}
	}
}

// samples are payloads of events and tools that the captures lack.
func samples(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range []string{"WebFetch", "WebSearch", "Glob", "Grep", "LS", "MultiEdit", "NotebookEdit", "TodoWrite", "ExitPlanMode", "Skill", "mcp__a__b"} {
		call := tool(name, object{
			"file_path": "/home/dev/shop/x", "url": "https://example.com/", "prompt": "p", "query": "q", "pattern": "p", "plan": "p",
			"todos": []any{object{"content": "c"}}, "edits": []any{object{"old_string": "o", "new_string": "n"}}, "skill": "s", "args": "a",
		})
		all = append(all,
			encode(t, claude("PreToolUse", call, nil)),
			encode(t, claude("PostToolUse", call, object{"mcp_server": object{"name": "n"}, "tool_response": object{"result": "r", "error": "e", "status": "s", "agentId": "a", "type": "t"}})),
			encode(t, claude("PermissionDenied", call, object{"reason": "r"})),
			encode(t, claude("PostToolBatch", object{"tool_calls": []any{object{"tool_name": name, "tool_input": object{"x": "y"}, "tool_use_id": "t", "tool_response": "<tool_use_error>x"}}}, nil)),
		)
	}
	for _, event := range []string{"Notification", "MessageDisplay", "UserPromptExpansion", "PermissionRequest", "Elicitation", "StopFailure", "SessionStart"} {
		all = append(all, encode(t, claude(event, object{
			"message": "m", "title": "t", "delta": "d", "command_args": "c", "error": "e", "error_details": "e",
			"source": "s", "model": "m", "agent_type": "a", "agent_id": "a", "session_title": "t", "prompt": "p", "last_assistant_message": "l",
		}, nil)))
	}
	return all
}
