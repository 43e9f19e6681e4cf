package agent

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

type object = map[string]any

func TestTools(t *testing.T) {
	t.Parallel()
	patch := []any{object{"lines": []any{" a", "-b", "+c", "+d", "\\ No newline at end of file"}}, object{"lines": []any{"+e"}}}
	tests := []struct {
		name     string
		tool     string
		input    object
		response any
		what     string
		target   string
		result   whodid.Result
		data     whodid.Data // beside tool, call, permission_mode, duration_ms
	}{
		{
			name: "read", tool: "Read", input: object{"file_path": "/home/dev/shop/a/b.go"}, response: object{"type": "text", "file": object{"numLines": 7, "content": "x"}},
			what: "file.read", target: "a/b.go", result: "success", data: whodid.Data{"lines": int64(7)},
		},
		{name: "read outside", tool: "Read", input: object{"file_path": "/home/dev/.ssh/config"}, what: "file.read", target: "~/.ssh/config", result: "success"},
		{name: "read by ..", tool: "Read", input: object{"file_path": "/home/dev/shop/../../../etc/passwd"}, what: "file.read", target: "/etc/passwd", result: "success"},
		{name: "memory", tool: "Read", input: object{"file_path": "/home/dev/shop/CLAUDE.md"}, what: "file.read", target: "CLAUDE.md", result: "success"},
		{name: "lines as text", tool: "Read", input: object{"file_path": "x"}, response: object{"file": object{"numLines": "12"}}, what: "file.read", target: "x", result: "success", data: whodid.Data{"lines": int64(12)}},
		{
			name: "create", tool: "Write", input: object{"file_path": "/home/dev/shop/n.txt", "content": "é\nz"}, response: object{"type": "create", "structuredPatch": []any{}},
			what: "file.write", target: "n.txt", result: "success", data: whodid.Data{"bytes": int64(4), "lines_added": int64(2)},
		},
		{
			name: "overwrite", tool: "Write", input: object{"file_path": "/home/dev/shop/n.txt", "content": "z\n"}, response: object{"type": "update", "structuredPatch": patch},
			what: "file.write", target: "n.txt", result: "success", data: whodid.Data{"bytes": int64(2), "lines_added": int64(3), "lines_removed": int64(1)},
		},
		{
			name: "edit", tool: "Edit", input: object{"file_path": "/home/dev/shop/n.txt", "old_string": "b", "new_string": "c"}, response: object{"structuredPatch": patch},
			what: "file.edit", target: "n.txt", result: "success", data: whodid.Data{"lines_added": int64(3), "lines_removed": int64(1)},
		},
		{name: "edit without patch", tool: "MultiEdit", input: object{"file_path": "/home/dev/shop/n.txt"}, response: "ok", what: "file.edit", target: "n.txt", result: "success"},
		{
			name: "notebook error", tool: "NotebookEdit", input: object{"notebook_path": "/home/dev/shop/n.ipynb"}, response: object{"error": "no such cell"},
			what: "file.edit", target: "n.ipynb", result: "failed", data: whodid.Data{"reason": reasonFailed},
		},
		{name: "notebook", tool: "NotebookEdit", input: object{"notebook_path": "/home/dev/shop/n.ipynb"}, response: object{"error": ""}, what: "file.edit", target: "n.ipynb", result: "success"},
		{
			name: "grep", tool: "Grep", input: object{"pattern": "password", "path": "/home/dev/shop/src"}, response: object{"numFiles": 3, "filenames": []any{"a"}},
			what: "file.search", target: "src", result: "success", data: whodid.Data{"count": int64(3)},
		},
		{name: "glob here", tool: "Glob", input: object{"pattern": "**/*.go"}, what: "file.search", target: ".", result: "success"},
		{
			name: "fetch", tool: "WebFetch", input: object{"url": "https://u:p@example.com/a%20b?token=x#y", "prompt": "p"}, response: object{"bytes": 9, "code": 200},
			what: "web.fetch", target: "https://example.com/a%20b", result: "success", data: whodid.Data{"bytes": int64(9)},
		},
		{
			name: "fetch nothing", tool: "WebFetch", input: object{"url": "https://example.com/"}, response: object{"code": 404},
			what: "web.fetch", target: "https://example.com/", result: "failed", data: whodid.Data{"reason": reasonWeb},
		},
		{name: "no page", tool: "WebFetch", input: object{"url": "javascript:alert(1)"}, what: "web.fetch", result: "success"},
		{name: "search", tool: "WebSearch", input: object{"query": "who"}, what: "web.search", result: "success"},
		{
			name: "agent", tool: "Task", input: object{"subagent_type": "Explore", "prompt": "p"}, response: object{"status": "completed", "agentId": "a1"},
			what: "agent.spawn", target: "Explore", result: "success", data: whodid.Data{"child": Subagent(ClaudeCode, session, "a1")},
		},
		{name: "mcp", tool: "mcp__github__create_issue", input: object{}, response: []any{object{"type": "text"}}, what: "mcp.call", target: "github/create_issue", result: "success", data: whodid.Data{"server": "github"}},
		{name: "mcp error", tool: "mcp__github__get", response: object{"isError": true}, what: "mcp.call", target: "github/get", result: "failed", data: whodid.Data{"server": "github", "reason": reasonFailed}},
		{name: "mcp field", tool: "mcp__github__get", response: object{"error": "a column of that name"}, what: "mcp.call", target: "github/get", result: "success", data: whodid.Data{"server": "github"}},
		{name: "todo", tool: "TodoWrite", input: object{"todos": []any{object{"content": "x"}}}, what: "tool.call", target: "TodoWrite", result: "success"},
		{name: "strange", tool: "do what I mean", what: "tool.call", result: "success"},
		{name: "arrays in wrong places", tool: "Read", input: object{"file_path": []any{"a"}}, response: []any{1}, what: "file.read", result: "success"},
		{name: "command as a list", tool: "Bash", input: object{"command": []any{"ls"}}, response: object{}, what: "shell.run", result: "success"},
		{
			name: "grep finds nothing", tool: "Bash", input: object{"command": "grep x y"}, response: object{"stdout": "", "returnCodeInterpretation": "No matches found"},
			what: "shell.run", target: "grep", result: "success", data: whodid.Data{"program": "grep"},
		},
		{
			name: "push proves nothing", tool: "Bash", input: object{"command": "git push"}, response: object{"stdout": "", "returnCodeInterpretation": "odd"},
			what: "commit.push", result: "attempted", data: whodid.Data{"program": "git", "subcommand": "push"},
		},
		{
			name: "background", tool: "Bash", input: object{"command": "make test"}, response: object{"stdout": "", "backgroundTaskId": "b1"},
			what: "test.run", target: "make test", result: "attempted", data: whodid.Data{"program": "make", "subcommand": "test"},
		},
		{
			name: "asked for the background", tool: "Bash", input: object{"command": "sleep 9", "run_in_background": "true"}, response: object{"stdout": ""},
			what: "shell.run", target: "sleep", result: "attempted", data: whodid.Data{"program": "sleep"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fields := tool(tt.tool, tt.input)
			e := only(t, told(t, claude("PostToolUse", fields, object{"tool_response": tt.response, "duration_ms": "5.7"})))
			if e.What != tt.what || e.Target != tt.target || e.Result != tt.result {
				t.Errorf("got %q %q %q, want %q %q %q", e.What, e.Target, e.Result, tt.what, tt.target, tt.result)
			}
			want := whodid.Data{"call": "toolu_1", "permission_mode": "default", "duration_ms": int64(5)}
			Put(want, "tool", Identifier(tt.tool))
			maps.Copy(want, tt.data)
			if diff := cmp.Diff(want, e.Data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			before := only(t, told(t, claude("PreToolUse", fields, nil)))
			if before.Key != e.Key || before.What != e.What || before.Target != e.Target || before.Result != whodid.ResultAttempted {
				t.Errorf("the attempt is %q %q %q with key %q", before.What, before.Target, before.Result, before.Key)
			}
		})
	}
}

func TestCallsThatDidNotSucceed(t *testing.T) {
	t.Parallel()
	write := tool("Write", object{"file_path": "/home/dev/shop/x", "content": "y"})
	tests := []struct {
		name   string
		event  string
		call   object
		more   object
		result whodid.Result
		reason string
		code   int64 // 0: not known
	}{
		{"failed", "PostToolUseFailure", write, object{"error": "ENOSPC"}, "failed", reasonFailed, 0},
		{"interrupted", "PostToolUseFailure", write, object{"error": "x", "is_interrupt": true}, "cancelled", "", 0},
		{"interrupted, told as text", "PostToolUseFailure", write, object{"is_interrupt": "true"}, "cancelled", "", 0},
		{"denied", "PermissionDenied", write, object{"reason": "too dangerous"}, "blocked", reasonDenied, 0},
		{"command failed", "PostToolUseFailure", bash("false"), object{"error": "Exit code 3\nout"}, "failed", "", 3},
		{"command timed out", "PostToolUseFailure", bash("sleep 99"), object{"error": "Command timed out after 2m"}, "failed", reasonFailed, 0},
		{"command failed with 0", "PostToolUseFailure", bash("ls"), object{"error": "Exit code 0"}, "failed", reasonFailed, 0},
		{"push of unknown end", "PostToolUseFailure", bash("git push"), object{"error": "Command timed out"}, "attempted", "", 0},
		{"command interrupted", "PostToolUseFailure", bash("sleep 9"), object{"error": "", "is_interrupt": true}, "cancelled", "", 0},
		{"command denied", "PermissionDenied", bash("git push"), nil, "blocked", reasonDenied, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := only(t, told(t, claude(tt.event, tt.call, tt.more)))
			code, _ := e.Data.Int("exit_code")
			if e.Result != tt.result || e.Data.String("reason") != tt.reason || code != tt.code {
				t.Errorf("got %q %q exit code %d, want %q %q %d", e.Result, e.Data.String("reason"), code, tt.result, tt.reason, tt.code)
			}
		})
	}
}

func TestBatchTellsOnlyWhatTheClientRefused(t *testing.T) {
	t.Parallel()
	refusal := "<tool_use_error>Error: No such tool available: X</tool_use_error>"
	entry := func(id, name string, input object, response any) object {
		return object{"tool_name": name, "tool_input": input, "tool_use_id": id, "tool_response": response}
	}
	r := told(t, claude("PostToolBatch", object{"tool_calls": []any{
		entry("t1", "Read", object{"file_path": "/home/dev/shop/a"}, "1\t<tool_use_error>in the file</tool_use_error>"),
		entry("t2", "WebFetch", object{"url": "https://example.com"}, refusal),
		entry("t3", "Edit", object{"file_path": "/home/dev/shop/a"}, []any{object{"type": "text", "text": refusal}}),
		entry("t4", "Bash", object{"command": "git push; printf '<tool_use_error>'"}, refusal),
		entry("t5", "Bash", object{"command": "false"}, "Exit code 1"),
		"no object", 7,
	}}, nil))
	want := []string{"web.fetch https://example.com failed", "file.edit a failed", "commit.push attempted"}
	if diff := cmp.Diff(want, summary(r.Events)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, e := range r.Events[:2] {
		if e.Data.String("reason") != reasonRefused {
			t.Errorf("%s has reason %q", e.What, e.Data.String("reason"))
		}
	}
	// What PreToolUse told of the same push is the same event.
	pre := only(t, told(t, claude("PreToolUse", object{"tool_use_id": "t4"}, object{"tool_name": "Bash", "tool_input": object{"command": "git push; printf '<tool_use_error>'"}})))
	if pre.Key != r.Events[2].Key || pre.Result != r.Events[2].Result {
		t.Errorf("the batch's attempt is not that of PreToolUse: %s %s", pre.Key, r.Events[2].Key)
	}
}

func TestHugeBatchLeavesAGap(t *testing.T) {
	t.Parallel()
	calls := make([]any, maxBatch+5)
	for i := range calls {
		calls[i] = object{"tool_name": "X", "tool_use_id": decimal(int64(i)), "tool_response": "<tool_use_error>no"}
	}
	r := told(t, claude("PostToolBatch", object{"tool_calls": calls}, nil))
	if len(r.Events) != maxBatch+1 || r.Gap != gapCalls {
		t.Errorf("%d events, gap %q", len(r.Events), r.Gap)
	}
}

// A call without an id is told by each of its payloads, and none swallows
// another.
func TestCallsWithoutAnID(t *testing.T) {
	t.Parallel()
	p := claude("PostToolUse", object{"tool_name": "Bash", "tool_input": object{"command": "git push; git push --tags"}}, nil)
	first := Hook(encode(t, p), surroundings()).Events
	check(t, first)
	s := surroundings()
	s.At = s.At.Add(1000)
	second := Hook(encode(t, p), s).Events
	if got := len(settled(append(first, second...))); got != 4 {
		t.Errorf("%d events of two times two pushes", got)
	}
}
