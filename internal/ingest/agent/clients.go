package agent

import (
	"strings"

	"github.com/whodid/whodid/internal/ingest/loose"
)

// The clients' tools, as they name them in hooks and transcripts. A name that
// is not known is a tool.call with that name.

// toolKind is the verb for a client's tool, and whether the tool is known.
func toolKind(client, tool string) (what string, known bool) {
	if _, _, ok := mcpName(client, tool); ok {
		return "mcp.call", true
	}
	switch client {
	case Codex:
		what = codexTool(tool)
	case Gemini:
		what = geminiTool(tool)
	case Copilot:
		what = copilotTool(tool)
	case VSCode:
		what = vscodeTool(tool)
	case Cursor:
		what = cursorTool(tool)
	}
	if what == "" {
		what = claudeTool(tool)
	}
	if what == "" {
		return "tool.call", false
	}
	return what, true
}

// claudeTool knows the tools of Claude Code, whose names others use as well,
// where they run hooks that were written for it.
func claudeTool(tool string) string {
	switch tool {
	case "Read", "NotebookRead":
		return "file.read"
	case "Write":
		return "file.write"
	case "Edit", "MultiEdit", "NotebookEdit":
		return "file.edit"
	case "Glob", "Grep", "LS":
		return "file.search"
	case "Bash":
		return "shell.run"
	case "WebFetch":
		return "web.fetch"
	case "WebSearch":
		return "web.search"
	case "Task", "Agent":
		return "agent.spawn"
	default:
		return ""
	}
}

// codexTool knows the tools of Codex CLI. Its hooks call a shell Bash; rollouts
// and telemetry use the other names.
func codexTool(tool string) string {
	switch tool {
	case "shell", "local_shell", "shell_command", "exec_command", "unified_exec", "container.exec":
		return "shell.run"
	case "apply_patch":
		return "file.edit"
	case "view_image", "read_file":
		return "file.read"
	case "list_dir", "grep_files":
		return "file.search"
	case "web_search":
		return "web.search"
	case "spawn_agent":
		return "agent.spawn"
	default:
		return ""
	}
}

func geminiTool(tool string) string {
	switch tool {
	case "read_file", "read_many_files":
		return "file.read"
	case "write_file":
		return "file.write"
	case "replace":
		return "file.edit"
	case "glob", "grep_search", "search_file_content", "list_directory":
		return "file.search"
	case "run_shell_command":
		return "shell.run"
	case "web_fetch":
		return "web.fetch"
	case "google_web_search":
		return "web.search"
	case "invoke_agent", "delegate_to_agent":
		return "agent.spawn"
	default:
		return ""
	}
}

func copilotTool(tool string) string {
	switch tool {
	case "view":
		return "file.read"
	case "create":
		return "file.write"
	case "edit", "str_replace", "str_replace_editor", "apply_patch":
		return "file.edit"
	case "grep", "glob":
		return "file.search"
	case "bash", "powershell":
		return "shell.run"
	case "web_fetch", "fetch":
		return "web.fetch"
	case "web_search":
		return "web.search"
	case "task":
		return "agent.spawn"
	default:
		return ""
	}
}

// vscodeTool knows the tools of VS Code's own agent by the names that its
// documentation and its requests use.
func vscodeTool(tool string) string {
	switch tool {
	case "read_file", "readFile":
		return "file.read"
	case "create_file", "createFile":
		return "file.write"
	case "editFiles", "replace_string_in_file", "multi_replace_string_in_file", "insert_edit_into_file", "apply_patch",
		"edit_notebook_file":
		return "file.edit"
	case "file_search", "grep_search", "list_dir", "semantic_search", "listDirectory", "fileSearch", "textSearch", "codebase":
		return "file.search"
	case "run_in_terminal", "runInTerminal", "runCommands", "run_task":
		return "shell.run"
	case "fetch_webpage", "fetch":
		return "web.fetch"
	case "runSubagent":
		return "agent.spawn"
	default:
		return ""
	}
}

func cursorTool(tool string) string {
	switch tool {
	case "Shell":
		return "shell.run"
	case "StrReplace", "ApplyPatch", "EditNotebook":
		return "file.edit"
	case "Delete":
		return "file.delete"
	case "SemanticSearch":
		return "file.search"
	default:
		return ""
	}
}

// mcpName splits the name that a client gives to a tool of an MCP server. Where
// the name does not tell the server, the payload may; see [call.mcp].
func mcpName(client, name string) (server, tool string, ok bool) {
	if rest, ok := strings.CutPrefix(name, "mcp__"); ok {
		server, tool, _ = strings.Cut(rest, "__")
		return server, tool, true
	}
	switch client {
	case Gemini, VSCode:
		if rest, ok := strings.CutPrefix(name, "mcp_"); ok {
			server, tool, _ = strings.Cut(rest, "_")
			return server, tool, true
		}
	case Cursor:
		if rest, ok := strings.CutPrefix(name, "MCP:"); ok {
			return "", rest, true
		}
	}
	return "", "", false
}

// mcp tells the server and the tool of a call of an MCP server's tool.
func (c *call) mcp(client string) (server, tool string) {
	server, tool, _ = mcpName(client, c.tool)
	server, tool = Identifier(server), Identifier(tool)
	c.server.Members(func(name []byte, v loose.Value) {
		s := Identifier(v.Text(MaxID))
		switch {
		case s == "":
		case string(name) == "name", string(name) == "server_name":
			server = s
		case string(name) == "tool_name":
			tool = s
		}
	})
	return server, tool
}

// nameless reports whether the client's hooks give a tool call no id, so that
// it has a [CallID].
func nameless(client string) bool { return client == Gemini || client == Copilot }
