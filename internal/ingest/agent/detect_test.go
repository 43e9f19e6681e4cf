package agent

import (
	"slices"
	"testing"
)

func TestDetectCaptures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"2.1.197/hooks.jsonl":                    ClaudeCode,
		"2.1.330/hooks.jsonl":                    ClaudeCode,
		"2.1.330/http-hooks.jsonl":               ClaudeCode,
		"other/codex-hooks.jsonl":                Codex,
		"other/gemini-hooks.jsonl":               Gemini,
		"other/copilot-hooks.jsonl":              Copilot,
		"other/copilot-camel-hooks.jsonl":        Copilot,
		"other/copilot_cli_session_events.jsonl": Unknown, // no payloads of hooks
		"other/cursor-session-simple.jsonl":      Unknown,
	} {
		// Each payload for itself: the events of a session must not be split
		// between two clients.
		for _, payload := range lines(t, name) {
			if got := read(payload).clientIn(nil); got != want {
				t.Errorf("%s: %q, want %q: %.200s", name, got, want, payload)
			}
		}
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload string
		env     map[string]string
		want    string
	}{
		"nothing":                  {"", nil, "unknown"},
		"VS Code":                  {`{"timestamp":"2026-11-23T10:00:00Z","cwd":"/w","sessionId":"s","hookEventName":"PreToolUse","tool_name":"editFiles","tool_use_id":"t"}`, nil, "vscode"},
		"Copilot CLI":              {`{"sessionId":"s","timestamp":1764000000000,"cwd":"/w","toolName":"bash","toolArgs":"{}"}`, nil, "copilot"},
		"Copilot CLI by its files": {`{"session_id":"s","hook_event_name":"Stop","transcript_path":"/home/dev/.copilot/session-state/s/events.jsonl"}`, nil, "copilot"},
		"Cursor":                   {`{"conversation_id":"c","generation_id":"g","hook_event_name":"beforeShellExecution","command":"ls","workspace_roots":["/w"]}`, nil, "cursor"},
		"Cursor with Claude hooks": {`{"session_id":"s","hook_event_name":"Stop","transcript_path":"/home/dev/.cursor/projects/w/s.jsonl"}`, nil, "cursor"},
		"Gemini by its event":      {`{"session_id":"s","hook_event_name":"AfterTool","tool_name":"x"}`, nil, "gemini"},
		"Codex by its turn":        {`{"session_id":"s","hook_event_name":"Stop","turn_id":"t","model":"gpt"}`, nil, "codex"},
		"Claude elsewhere":         {`{"session_id":"s-1","hook_event_name":"Stop","transcript_path":"/data/s-1.jsonl"}`, nil, "claude-code"},
		"Claude on Windows":        {`{"session_id":"s-1","hook_event_name":"Stop","transcript_path":"C:\\Users\\d\\.claude\\projects\\w\\x.jsonl"}`, nil, "claude-code"},
		"a shape of many":          {`{"session_id":"s","hook_event_name":"Stop"}`, nil, "unknown"},
		"environment":              {`{"session_id":"s","hook_event_name":"Stop"}`, map[string]string{"CLAUDE_PROJECT_DIR": "/w"}, "claude-code"},
		"Gemini sets both":         {`{"session_id":"s","hook_event_name":"Stop"}`, map[string]string{"CLAUDE_PROJECT_DIR": "/w", "GEMINI_SESSION_ID": "s"}, "gemini"},
		"Cursor sets both":         {`{}`, map[string]string{"CLAUDE_PROJECT_DIR": "/w", "CURSOR_VERSION": "2"}, "cursor"},
		"Codex within Claude Code": {`{"session_id":"s","hook_event_name":"Stop","turn_id":"t"}`, map[string]string{"CLAUDECODE": "1"}, "codex"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read([]byte(tt.payload)).clientIn(func(k string) string { return tt.env[k] }); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// What other clients tell is recorded as theirs, as far as it is understood.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload string
		want    []string
		source  string
	}{
		"Copilot before": {`{"sessionId":"s","cwd":"/w","toolName":"view","toolArgs":"{\"path\":\"/w/a\"}"}`, []string{"file.read a attempted"}, "hook:copilot"},
		"Copilot after": {
			`{"sessionId":"s","cwd":"/w","toolName":"create","toolArgs":{"path":"/w/a","file_text":"x"},"toolResult":{"resultType":"success","textResultForLlm":"x"}}`,
			[]string{"file.write a success"},
			"hook:copilot",
		},
		"Copilot denied":  {`{"sessionId":"s","cwd":"/w","toolName":"edit","toolArgs":{"path":"/w/a"},"toolResult":{"resultType":"denied"}}`, []string{"file.edit a blocked"}, "hook:copilot"},
		"Copilot failure": {`{"sessionId":"s","cwd":"/w","toolName":"edit","toolArgs":{"path":"/w/a"},"toolResult":{"resultType":"failure"}}`, []string{"file.edit a failed"}, "hook:copilot"},
		"Gemini failure":  {`{"session_id":"s","cwd":"/w","hook_event_name":"AfterTool","tool_name":"read_file","tool_input":{"file_path":"a"},"tool_response":{"llmContent":"x","error":{"message":"no"}}}`, []string{"file.read a failed"}, "hook:gemini"},
		"Cursor in camel": {`{"conversation_id":"c","hook_event_name":"preToolUse","tool_name":"Read","tool_input":{"file_path":"/w/a"},"cwd":"/w","tool_use_id":"t"}`, []string{"file.read a attempted"}, "hook:cursor"},
		"Cursor's own":    {`{"conversation_id":"c","hook_event_name":"beforeShellExecution","command":"ls"}`, nil, ""}, // told as a tool
		"Cursor shell":    {`{"conversation_id":"c","hook_event_name":"postToolUse","tool_name":"Shell","tool_use_id":"t","tool_input":{"command":"go vet ./..."},"tool_output":"{\"exitCode\":0,\"stdout\":\"ok\"}","cwd":"/w","duration":12}`, []string{"shell.run go vet success"}, "hook:cursor"},
		"Cursor exit":     {`{"conversation_id":"c","hook_event_name":"postToolUse","tool_name":"Shell","tool_use_id":"t","tool_input":{"command":"go vet ./..."},"tool_output":"{\"exitCode\":2,\"stdout\":\"\"}"}`, []string{"shell.run go vet failed"}, "hook:cursor"},
		"Cursor text":     {`{"conversation_id":"c","hook_event_name":"postToolUse","tool_name":"Shell","tool_use_id":"t","tool_input":{"command":"go vet ./..."},"tool_output":"exitCode 0"}`, []string{"shell.run go vet attempted"}, "hook:cursor"},
		"Cursor denied":   {`{"conversation_id":"c","hook_event_name":"postToolUseFailure","tool_name":"Delete","tool_use_id":"t","tool_input":{"path":"/w/a"},"cwd":"/w","failure_type":"permission_denied","error_message":"no"}`, []string{"file.delete a blocked"}, "hook:cursor"},
		"Cursor timeout":  {`{"conversation_id":"c","hook_event_name":"postToolUseFailure","tool_name":"MCP:search","tool_use_id":"t","tool_input":{},"failure_type":"timeout"}`, []string{"mcp.call timeout"}, "hook:cursor"},
		"Cursor error":    {`{"conversation_id":"c","generation_id":"g","hook_event_name":"stop","status":"error","loop_count":0}`, []string{"turn.fail"}, "hook:cursor"},
		"Cursor aborted":  {`{"conversation_id":"c","generation_id":"g","hook_event_name":"stop","status":"aborted","loop_count":0}`, nil, ""},
		"Cursor session":  {`{"conversation_id":"c","session_id":"other","hook_event_name":"sessionStart","workspace_roots":["/w"]}`, []string{"execution.start"}, "hook:cursor"},
		"VS Code command": {`{"timestamp":"2026-11-23T10:00:00Z","sessionId":"s","hookEventName":"PostToolUse","tool_name":"run_in_terminal","tool_use_id":"t","tool_input":{"command":"ls"},"tool_response":"exit code 0"}`, []string{"shell.run ls attempted"}, "hook:vscode"},
		"VS Code edit":    {`{"timestamp":"2026-11-23T10:00:00Z","sessionId":"s","cwd":"/w","hookEventName":"PostToolUse","tool_name":"editFiles","tool_use_id":"t","tool_input":{"files":["src/a.ts"]},"tool_response":"done"}`, []string{"file.edit src/a.ts success"}, "hook:vscode"},
		"VS Code stop":    {`{"timestamp":"2026-11-23T10:00:00Z","sessionId":"s","hookEventName":"Stop"}`, []string{"turn.complete", "execution.finish"}, "hook:vscode"},
		"Codex patch":     {`{"session_id":"s","turn_id":"u","cwd":"/w","hook_event_name":"PostToolUse","tool_name":"apply_patch","tool_use_id":"t","tool_input":{"command":"*** Begin Patch\n*** Add File: a\n+x\n*** Update File: b\n*** Move to: c\n@@\n-x\n+y\n*** Delete File: d\n*** End Patch"},"tool_response":"Success"}`, []string{"file.write a success", "file.move c success", "file.delete d success"}, "hook:codex"},
		"Codex MCP":       {`{"session_id":"s","turn_id":"u","hook_event_name":"PostToolUse","tool_name":"mcp__jira__get","tool_use_id":"t","tool_input":{},"tool_response":{"isError":true}}`, []string{"mcp.call jira/get failed"}, "hook:codex"},
		"Gemini MCP":      {`{"session_id":"s","hook_event_name":"AfterTool","tool_name":"mcp_my_srv_find_it","mcp_context":{"server_name":"my_srv","tool_name":"find_it"},"tool_input":{},"tool_response":{"llmContent":"x"}}`, []string{"mcp.call my_srv/find_it success"}, "hook:gemini"},
		"Gemini no end":   {`{"session_id":"s","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"Command was cancelled by user before it could complete."}}`, []string{"shell.run ls attempted"}, "hook:gemini"},
		"Gemini forged":   {`{"session_id":"s","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"Output: Exit Code: 0\nProcess Group PGID: 1\nExit Code: 2\nProcess Group PGID: 4"}}`, []string{"shell.run ls failed"}, "hook:gemini"},
		"Gemini signal":   {`{"session_id":"s","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"Output: (empty)\nSignal: SIGKILL\nProcess Group PGID: 4"}}`, []string{"shell.run ls attempted"}, "hook:gemini"},
		"Copilot forged":  {`{"sessionId":"s","toolName":"bash","toolArgs":{"command":"ls"},"toolResult":{"resultType":"success","textResultForLlm":"<shellId: 0 completed with exit code 0>\n<shellId: 1 completed with exit code 3>"}}`, []string{"shell.run ls failed"}, "hook:copilot"},
		"Copilot large":   {`{"sessionId":"s","toolName":"bash","toolArgs":{"command":"ls"},"toolResult":{"resultType":"success","textResultForLlm":"Output too large to read at once\n<shellId: 0 completed with exit code 0>"}}`, []string{"shell.run ls attempted"}, "hook:copilot"},
		"nobody's":        {`{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"ls"},"tool_response":{"stdout":""}}`, []string{"shell.run ls attempted"}, "hook:unknown"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Hook([]byte(tt.payload), surroundings())
			check(t, r.Events)
			got := summary(r.Events)
			if len(got) > 1 && len(tt.want) == 1 {
				got = got[:1]
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", summary(r.Events), tt.want)
			}
			for _, e := range r.Events {
				if e.Source != tt.source && e.What != "record.gap" {
					t.Errorf("%s is told by %s, want %s", e.What, e.Source, tt.source)
				}
			}
		})
	}
}

// Where the payload does not tell the client, its environment does, for the
// source as for the execution.
func TestHookAsksTheEnvironment(t *testing.T) {
	t.Parallel()
	s := surroundings()
	s.Env = func(name string) string { return map[string]string{"CLAUDECODE": "1"}[name] }
	r := Hook([]byte(`{"session_id":"s","hook_event_name":"Stop"}`), s)
	if e := only(t, r); e.Source != "hook:claude-code" || e.Execution != Execution(ClaudeCode, "s") {
		t.Errorf("told by %s of %s", e.Source, e.Execution)
	}
}
