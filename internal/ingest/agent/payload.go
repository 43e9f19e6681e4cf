package agent

import (
	"strings"

	"github.com/whodid/whodid/internal/ingest/loose"
)

// payload is what a hook's payload says of itself, foreign ids already in the
// form in which they may be kept. The parts that depend on the tool stay
// encoded.
type payload struct {
	raw      []byte
	isObject bool
	whole    bool // false if it breaks off or is malformed

	event      string // in Claude Code's spelling
	rawEvent   string // as the client spelled it
	session    string
	prompt     string // id of the prompt, not its text
	agentID    string
	agentType  string
	mode       string // permission mode
	cwd        string
	transcript string
	agentFile  string // transcript of the sub-agent
	source     string
	reason     string
	model      string

	call      call
	calls     loose.Value // of PostToolBatch
	interrupt bool

	marks marks
}

// call is a call of a tool.
type call struct {
	tool     string
	id       string
	input    loose.Value
	response loose.Value
	failure  loose.Value // error: text of a failed call, or kind of a failed turn
	server   loose.Value // of an MCP tool
	duration int64       // milliseconds, -1 if not told
}

// marks are what tells the payload of one client from that of another.
type marks struct {
	camelEvent   bool // hookEventName
	camelTool    bool // toolName, toolArgs, toolResult
	camelSession bool // sessionId
	conversation bool // conversation_id, cursor_version, workspace_roots
	turn         bool // turn_id
	timestamp    bool
}

// read reads the payload of a hook.
func read(raw []byte) *payload {
	p := &payload{raw: raw, call: call{duration: -1}}
	v := loose.Document(raw)
	p.isObject = v.Is('{')
	p.whole = v.Members(p.member)
	if p.event == "" && p.marks.camelTool {
		// Copilot does not name the event; what it says of the tool does.
		p.event = "PreToolUse"
		if p.call.response != nil {
			p.event = "PostToolUse"
		}
	}
	return p
}

func (p *payload) member(name []byte, v loose.Value) {
	switch string(name) {
	case "session_id":
		p.session = CleanID(v.Text(MaxIDRead))
	case "sessionId":
		p.session, p.marks.camelSession = CleanID(v.Text(MaxIDRead)), true
	case "conversation_id":
		p.marks.conversation = true
		if p.session == "" {
			p.session = CleanID(v.Text(MaxIDRead))
		}
	case "cursor_version", "workspace_roots":
		p.marks.conversation = true
	case "hook_event_name":
		p.setEvent(v)
	case "hookEventName":
		p.marks.camelEvent = true
		p.setEvent(v)
	case "timestamp":
		p.marks.timestamp = true
	case "turn_id":
		p.marks.turn = true
		if p.prompt == "" {
			p.prompt = CleanID(v.Text(MaxIDRead))
		}
	case "prompt_id":
		p.prompt = CleanID(v.Text(MaxIDRead))
	case "agent_id":
		p.agentID = CleanID(v.Text(MaxIDRead))
	case "agent_type":
		p.agentType = Identifier(v.Text(MaxIDRead))
	case "permission_mode":
		p.mode = OneOf(v.Text(MaxID), "", "default", "acceptEdits", "bypassPermissions", "plan", "dontAsk", "auto")
	case "cwd":
		p.cwd = v.Text(maxPath)
	case "transcript_path":
		p.transcript = pathText(v)
	case "agent_transcript_path":
		p.agentFile = pathText(v)
	case "source":
		p.source = v.Text(MaxID)
	case "reason":
		p.reason = v.Text(MaxID)
	case "model":
		p.model = ModelName(v.Text(MaxIDRead))
	case "is_interrupt":
		p.interrupt = v.Truth()
	case "tool_calls":
		p.calls = v
	case "toolName", "toolArgs", "toolResult":
		p.marks.camelTool = true
		p.call.member(name, v)
	default:
		p.call.member(name, v)
	}
}

func (c *call) member(name []byte, v loose.Value) {
	switch string(name) {
	case "tool_name", "toolName":
		c.tool = v.Text(MaxIDRead)
	case "tool_use_id", "toolUseId":
		c.id = CleanID(v.Text(MaxIDRead))
	case "tool_input", "toolArgs":
		c.input = v
	case "tool_response", "toolResult":
		c.response = v
	case "error":
		c.failure = v
	case "mcp_server":
		c.server = v
	case "duration_ms":
		if n, ok := v.Count(); ok {
			c.duration = n
		}
	}
}

// setEvent keeps the event's name as it is told and as Claude Code spells it:
// others write preToolUse, or have another word for the same.
func (p *payload) setEvent(v loose.Value) {
	p.rawEvent = Identifier(v.Text(MaxID))
	switch p.rawEvent {
	case "":
		p.event = ""
	case "BeforeTool":
		p.event = "PreToolUse"
	case "AfterTool":
		p.event = "PostToolUse"
	case "AfterAgent", "agentStop":
		p.event = "Stop"
	default:
		p.event = strings.ToUpper(p.rawEvent[:1]) + p.rawEvent[1:]
	}
}

// pathText returns the path of a file that is to be read later: one that is cut
// or damaged would be another file, so it is kept whole or not at all.
func pathText(v loose.Value) string {
	s := v.Text(maxPath + 1)
	if len(s) > maxPath || strings.ContainsAny(s, "\x00\uFFFD") {
		return ""
	}
	return s
}

// eventKind says what becomes of an event.
type eventKind int

const (
	eventStrange eventKind = iota // not known: a gap
	eventSilent                   // known, and tells nothing for the trail
	eventTold                     // makes events
)

// kindOfEvent knows the 33 events of Claude Code 2.1.330 and those of other
// clients that were seen. What a silent one carries is content, or told by
// another: PermissionRequest, for one, names no call and is followed by what
// became of it.
func kindOfEvent(name string) eventKind {
	switch name {
	case "SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure",
		"PermissionDenied", "PostToolBatch", "Stop", "StopFailure", "SubagentStart", "SubagentStop":
		return eventTold
	case "Setup", "UserPromptExpansion", "PermissionRequest", "PreCompact", "PostCompact", "PreModelSwitch",
		"PostModelSwitch", "Notification", "TaskCreated", "TaskCompleted", "TeammateIdle", "ConfigChange",
		"InstructionsLoaded", "CwdChanged", "DirectoryAdded", "FileChanged", "WorktreeCreate", "WorktreeRemove",
		"Elicitation", "ElicitationResult", "MessageDisplay":
		return eventSilent
	case "BeforeAgent", "BeforeModel", "AfterModel", "BeforeToolSelection", "PreCompress", // Gemini CLI
		"Interrupt",                                    // Codex CLI
		"UserPromptSubmitted", "UserPromptTransformed", // Copilot CLI
		"BeforeSubmitPrompt", "AfterAgentResponse", "AfterAgentThought": // Cursor
		return eventSilent
	default:
		return eventStrange
	}
}
