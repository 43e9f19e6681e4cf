package agent

import (
	"cmp"
	"strconv"
	"strings"
	"time"

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
	stamp      string // the client's time of the event, if it tells one
	status     string // how a turn ended, where a client says
	loop       string // which of several ends of one turn, where a client counts
	cwd        string
	root       string // first of the working trees, where a client names them
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
	tool        string
	id          string
	input       loose.Value
	response    loose.Value
	failure     loose.Value // error: text of a failed call, or kind of a failed turn
	failureType string      // kind of failure, where a client says
	server      loose.Value // of an MCP tool
	duration    int64       // milliseconds, -1 if not told
	// What files of sessions tell and hooks don't:
	exit *int // exit status of a command
	said bool // the client's own word is that the call ended well
}

// marks are what tells the payload of one client from that of another.
type marks struct {
	camelEvent   bool // hookEventName
	snakeResult  bool // tool_result
	camelTool    bool // toolName, toolArgs, toolResult
	camelSession bool // sessionId
	conversation bool // conversation_id, cursor_version, workspace_roots
	turn         bool // turn_id
	stopped      bool // stopReason
	prompt       bool // a prompt was told
}

// read reads the payload of a hook.
func read(raw []byte) *payload {
	p := &payload{raw: raw, call: call{duration: -1}}
	v := loose.Document(raw)
	p.isObject = v.Is('{')
	var conversation string
	p.whole = v.Members(func(name []byte, v loose.Value) {
		if string(name) == "conversation_id" {
			p.marks.conversation = true
			conversation = CleanID(v.Text(MaxIDRead))
			return
		}
		p.member(name, v)
	})
	if conversation != "" {
		p.session = conversation // Cursor names some sessions twice
	}
	if p.event == "" {
		p.unnamed()
	}
	p.cwd = cmp.Or(p.cwd, p.root)
	return p
}

// unnamed tells the event of a payload that does not name it, as Copilot's do
// not where a hook is installed in its own spelling.
func (p *payload) unnamed() {
	switch {
	case p.marks.camelTool && p.call.response != nil:
		p.event = "PostToolUse"
	case p.marks.camelTool && p.call.failure != nil:
		p.event = "PostToolUseFailure"
	case p.marks.camelTool:
		p.event = "PreToolUse"
	case !p.marks.camelSession:
	case p.source != "":
		p.event = "SessionStart"
	case p.marks.stopped:
		p.event = "Stop"
	case p.reason != "":
		p.event = "SessionEnd"
	case p.marks.prompt:
		p.event = "UserPromptSubmit"
	}
}

func (p *payload) member(name []byte, v loose.Value) {
	switch string(name) {
	case "session_id":
		p.session = CleanID(v.Text(MaxIDRead))
	case "sessionId":
		p.session, p.marks.camelSession = CleanID(v.Text(MaxIDRead)), true
	case "cursor_version":
		p.marks.conversation = true
	case "workspace_roots":
		p.marks.conversation = true
		v.Elements(func(root loose.Value) bool {
			p.root = root.Text(maxPath)
			return false
		})
	case "hook_event_name", "hookName":
		p.setEvent(v)
	case "hookEventName":
		p.marks.camelEvent = true
		p.setEvent(v)
	case "timestamp":
		p.stamp = stampOf(v)
	case "turn_id":
		p.marks.turn = true
		p.prompt = cmp.Or(p.prompt, CleanID(v.Text(MaxIDRead)))
	case "generation_id":
		p.prompt = cmp.Or(p.prompt, CleanID(v.Text(MaxIDRead)))
	case "prompt_id":
		p.prompt = CleanID(v.Text(MaxIDRead))
	case "agent_id", "subagent_id", "agentId":
		p.agentID = CleanID(v.Text(MaxIDRead))
	case "agent_type", "subagent_type":
		p.agentType = Identifier(v.Text(MaxIDRead))
	case "permission_mode":
		p.mode = OneOf(v.Text(MaxID), "", "default", "acceptEdits", "bypassPermissions", "plan", "dontAsk", "auto")
	case "cwd":
		p.cwd = v.Text(maxPath)
	case "transcript_path", "transcriptPath":
		p.transcript = pathText(v)
	case "agent_transcript_path":
		p.agentFile = pathText(v)
	case "source":
		p.source = v.Text(MaxID)
	case "reason":
		p.reason = v.Text(MaxID)
	case "stopReason":
		p.marks.stopped = true
	case "prompt":
		p.marks.prompt = true
	case "status":
		p.status = v.Text(MaxID)
	case "loop_count":
		p.loop = countOf(v)
	case "model":
		p.model = ModelName(v.Text(MaxIDRead))
	case "is_interrupt":
		p.interrupt = v.Truth()
	case "tool_calls":
		p.calls = v
	case "toolName", "toolArgs", "toolResult":
		p.marks.camelTool = true
		p.call.member(name, v)
	case "tool_result":
		p.marks.snakeResult = true
		p.call.member(name, v)
	default:
		p.call.member(name, v)
	}
}

// stampOf returns the time that a payload tells, in milliseconds of Unix time:
// one client writes the same time in two ways. What is no time is not kept.
func stampOf(v loose.Value) string {
	text := v.Text(64)
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return countOf(v)
}

// countOf returns a whole number as text; nothing if it is none.
func countOf(v loose.Value) string {
	n, ok := v.Count()
	if !ok {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (c *call) member(name []byte, v loose.Value) {
	switch string(name) {
	case "tool_name", "toolName":
		c.tool = v.Text(MaxIDRead)
	case "tool_use_id", "toolUseId", "tool_call_id", "toolCallId":
		c.id = CleanID(v.Text(MaxIDRead))
	case "tool_input", "toolArgs":
		c.input = v
	case "tool_response", "tool_result", "toolResult", "tool_output":
		c.response = v
	case "error", "error_message":
		c.failure = v
	case "failure_type":
		c.failureType = v.Text(MaxID)
	case "mcp_server", "mcp_context":
		c.server = v
	case "duration_ms", "duration":
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
	case "BeforeAgent", "userPromptSubmitted", "UserPromptSubmitted", "beforeSubmitPrompt":
		p.event = "UserPromptSubmit"
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
	case "BeforeModel", "AfterModel", "BeforeToolSelection", "PreCompress", // Gemini CLI
		"Interrupt",                                                // Codex CLI
		"UserPromptTransformed", "PreMcpToolCall", "ErrorOccurred", // Copilot CLI
		// Cursor tells the same of a tool in general.
		"BeforeShellExecution", "AfterShellExecution", "BeforeMCPExecution", "AfterMCPExecution", "BeforeReadFile",
		"AfterFileEdit", "BeforeTabFileRead", "AfterTabFileEdit", "AfterAgentResponse", "AfterAgentThought",
		"WorkspaceOpen":
		return eventSilent
	default:
		return eventStrange
	}
}
