package agent

import "strings"

// clientIn tells which client called a hook: "claude-code", "codex", "gemini",
// "copilot", "cursor", "vscode", or "unknown". The payload's shape decides; the
// environment, read through env, only where the shape does not tell, because
// one agent may run inside another and inherits its variables. env may be nil.
func (p *payload) clientIn(env func(string) string) string {
	if client := p.client(); client != Unknown || env == nil {
		return client
	}
	return clientByEnvironment(env)
}

// client tells the client by marks that all payloads of a session carry, so
// that its events are not split between two.
func (p *payload) client() string {
	dirs := "/" + strings.ReplaceAll(p.transcript, `\`, "/")
	file := base(p.transcript)
	switch {
	case p.marks.conversation || strings.Contains(dirs, "/.cursor/"):
		return Cursor
	case p.marks.camelEvent || strings.Contains(dirs, "/GitHub.copilot-chat/") || strings.Contains(dirs, "/workspaceStorage/"):
		return VSCode
	case p.marks.camelTool || p.marks.camelSession || p.marks.snakeResult || strings.Contains(dirs, "/.copilot/"):
		return Copilot
	case strings.Contains(dirs, "/.gemini/") || geminiEvent(p.rawEvent):
		return Gemini
	case strings.HasPrefix(file, "rollout-") || p.marks.turn:
		return Codex
	case strings.Contains(dirs, "/.claude/") || strings.Contains(dirs, "/projects/"),
		file != "" && file == p.session+".jsonl":
		return ClaudeCode
	case p.stamp != "" && p.transcript == "" && p.call.id == "" && p.rawEvent != "":
		// Of those that take Claude Code's spelling, only Copilot tells a time
		// and neither a transcript nor a call.
		return Copilot
	default:
		return Unknown
	}
}

func geminiEvent(name string) bool {
	switch name {
	case "BeforeTool", "AfterTool", "BeforeAgent", "AfterAgent", "BeforeModel", "AfterModel", "BeforeToolSelection", "PreCompress":
		return true
	default:
		return false
	}
}

// clientByEnvironment knows variables that clients set for their hooks and
// children. Gemini CLI, Copilot CLI and Cursor set CLAUDE_PROJECT_DIR too, for
// hooks that were written for Claude Code, so they are asked for first.
func clientByEnvironment(env func(string) string) string {
	for _, known := range [...]struct{ variable, client string }{
		{"CURSOR_VERSION", Cursor},
		{"CURSOR_PROJECT_DIR", Cursor},
		{"COPILOT_HOOK_DIR", Copilot},
		{"COPILOT_PROJECT_DIR", Copilot},
		{"GEMINI_SESSION_ID", Gemini},
		{"GEMINI_PROJECT_DIR", Gemini},
		{"CODEX_THREAD_ID", Codex},
		{"CLAUDE_PROJECT_DIR", ClaudeCode},
		{"CLAUDECODE", ClaudeCode},
		{"CLAUDE_CODE_ENTRYPOINT", ClaudeCode},
	} {
		if env(known.variable) != "" {
			return known.client
		}
	}
	return Unknown
}

func knownClient(name string) bool {
	switch name {
	case ClaudeCode, Codex, Gemini, Copilot, Cursor, VSCode:
		return true
	default:
		return false
	}
}
