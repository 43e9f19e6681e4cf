package install

import (
	"path/filepath"
	"slices"
)

// Client is an agent's client, and where and how hooks are put into its
// settings.
type Client struct {
	// Name is that of the client in events.
	Name string
	// Title is its name for people.
	Title string
	// Program is what is looked for in PATH, Folder what in the home directory,
	// to tell whether the client is on a machine.
	Program, Folder string
	// Home is the variable that names another folder than Folder; may be empty.
	Home string
	// Settings is the file in that folder, Project that in a project.
	Settings, Project string
	// Fresh is the text of a file that is made, before hooks come into it.
	Fresh string

	shape  shape
	events []event
}

type event struct {
	name    string
	tools   bool // it is about tools, which a matcher selects
	decides bool // it may refuse what the agent is about to do
}

// shape is how a client writes a hook down.
type shape int

const (
	grouped shape = iota // groups of handlers under a matcher, as Claude Code
	grouped1000
	copilot
	cursor
)

// all is the matcher of all tools.
func (s shape) all() string {
	if s == grouped1000 {
		return ".*"
	}
	return "*"
}

// Clients are the clients that can be hooked, the most common first. VS Code is
// not among them: it runs the hooks of Claude Code's settings and of Copilot's
// folder, and needs none of its own.
func Clients() []Client {
	const versioned = "{\n  \"version\": 1\n}\n"
	return []Client{
		{
			Name: "claude-code", Title: "Claude Code", Program: "claude", Folder: ".claude", Home: "CLAUDE_CONFIG_DIR",
			Settings: "settings.json", Project: ".claude/settings.json", Fresh: fresh,
			events: []event{
				{name: "SessionStart"},
				{name: "SessionEnd"},
				{name: "UserPromptSubmit"},
				{"PreToolUse", true, true},
				{name: "PostToolUse", tools: true},
				{name: "PostToolUseFailure", tools: true},
				{name: "PermissionDenied", tools: true},
				{name: "PostToolBatch"},
				{name: "Stop"},
				{name: "StopFailure"},
				{name: "SubagentStart"},
				{name: "SubagentStop"},
			},
		},
		{
			Name: "codex", Title: "Codex", Program: "codex", Folder: ".codex", Home: "CODEX_HOME",
			Settings: "hooks.json", Project: ".codex/hooks.json", Fresh: fresh,
			events: []event{
				{name: "SessionStart"},
				{name: "SessionEnd"},
				{name: "UserPromptSubmit"},
				{"PreToolUse", true, true},
				{name: "PostToolUse", tools: true},
				{name: "Stop"},
				{name: "SubagentStart"},
				{name: "SubagentStop"},
			},
		},
		{
			Name: "gemini", Title: "Gemini CLI", Program: "gemini", Folder: ".gemini",
			Settings: "settings.json", Project: ".gemini/settings.json", Fresh: fresh, shape: grouped1000,
			events: []event{
				{name: "SessionStart"},
				{name: "SessionEnd"},
				{name: "BeforeAgent"},
				{name: "AfterAgent"},
				{"BeforeTool", true, true},
				{name: "AfterTool", tools: true},
			},
		},
		{
			// In Claude Code's spelling, in which a payload names its event.
			Name: "copilot", Title: "Copilot CLI", Program: "copilot", Folder: ".copilot", Home: "COPILOT_HOME",
			Settings: "hooks/whodid.json", Project: ".github/hooks/whodid.json", Fresh: versioned, shape: copilot,
			events: []event{
				{name: "SessionStart"},
				{name: "SessionEnd"},
				{name: "UserPromptSubmit"},
				{name: "PreToolUse", decides: true},
				{name: "PostToolUse"},
				{name: "PostToolUseFailure"},
				{name: "Stop"},
				{name: "SubagentStart"},
				{name: "SubagentStop"},
			},
		},
		{
			Name: "cursor", Title: "Cursor", Program: "cursor-agent", Folder: ".cursor",
			Settings: "hooks.json", Project: ".cursor/hooks.json", Fresh: versioned, shape: cursor,
			events: []event{
				{name: "sessionStart"},
				{name: "sessionEnd"},
				{name: "beforeSubmitPrompt"},
				{name: "preToolUse", decides: true},
				{name: "postToolUse"},
				{name: "postToolUseFailure"},
				{name: "stop"},
				{name: "subagentStart"},
				{name: "subagentStop"},
			},
		},
	}
}

// ClientNamed returns the client with the name.
func ClientNamed(name string) (Client, bool) {
	all := Clients()
	i := slices.IndexFunc(all, func(c Client) bool { return c.Name == name })
	if i < 0 {
		return Client{}, false
	}
	return all[i], true
}

// Dir is the folder of the user's settings of the client.
func (c *Client) Dir(home string, env func(string) string) string {
	if c.Home != "" {
		if dir := env(c.Home); dir != "" {
			return dir
		}
	}
	return filepath.Join(home, c.Folder)
}

// Path is the file of settings in the folder.
func (c *Client) Path(dir string) string { return filepath.Join(dir, filepath.FromSlash(c.Settings)) }

// Timeout is after how many seconds a client goes on without the hook, which
// takes a few milliseconds unless a disk or a network hangs.
const Timeout = 10

// AskTimeout is that of the hook before a tool, which waits for a person where a
// policy says so: longer than any policy may let it.
const AskTimeout = 630

// Hooks are the hooks of everything that the adapter understands, each calling
// the command. Each waits for its answer: one that ran beside the client could
// tell of a result before the attempt, and would be cut off by the client's
// end. Only what comes before a tool may refuse: refused the end of a turn, an
// agent would go on for ever.
func (c *Client) Hooks(command string, required bool) []Handler {
	return c.handlers(func(e event, h *Handler) bool {
		h.Command = command
		if required && e.decides {
			h.Command += " --required"
		}
		return true
	})
}

// HTTPHooks are those of Claude Code that post to the address instead. The token
// and what a run told come from the environment that the client was started
// with, each variable under the header's name. The client has no such hook for
// the start of a session, which the server supposes.
func (c *Client) HTTPHooks(url string, headers map[string]string, required bool) []Handler {
	return c.handlers(func(e event, h *Handler) bool {
		h.URL, h.Headers = url, headers
		h.Block = required && e.decides
		return e.name != "SessionStart"
	})
}

func (c *Client) handlers(fill func(event, *Handler) bool) []Handler {
	var all []Handler
	for _, e := range c.events {
		h := Handler{Event: e.name, Timeout: Timeout, shape: c.shape}
		if e.decides {
			h.Timeout = AskTimeout
		}
		if e.tools {
			h.Matcher = c.shape.all()
		}
		if fill(e, &h) {
			all = append(all, h)
		}
	}
	return all
}
