package agent

import (
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// sessionStart tells that a session began or went on.
//
// "startup" and "clear" and "fork" give a session a new id, and so make a new
// execution; a client that kept the id would only repeat its key. "resume" goes
// on with an id whose start was told, unless the hooks came later than the
// session: its start is told as inferred, which a told one beats. "compact" is
// a pause within a session.
func (h *hook) sessionStart() {
	p := h.p
	reason := OneOf(p.source, "other", "startup", "resume", "clear", "compact", "fork")
	if p.source == "new" || p.source == "" { // Copilot and VS Code; Cursor
		reason = "startup"
	}
	if !h.joined {
		switch reason {
		case "resume":
			h.supposeStart()
		case "compact":
		default:
			h.add(h.executionStart("execution.start"))
		}
	}
	key := h.key("session.start")
	if reason != "startup" {
		key = h.momentKey("session.start")
	}
	e := h.event("session.start", key)
	e.Data = whodid.Data{"client": h.client, "reason": reason}
	Put(e.Data, "cwd", h.place().short(p.cwd))
	Put(e.Data, "model", p.model)
	Put(e.Data, "agent_type", p.agentType)
	h.add(e)
}

// supposeStart tells the start of an execution that is known to run.
func (h *hook) supposeStart() {
	e := h.executionStart("execution.start/inferred")
	e.Data["inferred"] = true
	h.add(e)
}

// executionStart is the start of the execution that acts, on behalf of the
// person behind the session.
func (h *hook) executionStart(key string) whodid.Event {
	e := h.event("execution.start", h.key(key))
	if whodid.IsHuman(h.s.Person) && len(h.s.Person) <= MaxID {
		e.OnBehalfOf, e.OnBehalfAuth = h.s.Person, Identifier(h.s.PersonAuth)
	}
	e.Data = whodid.Data{"client": h.client}
	Put(e.Data, "model", h.p.model)
	Put(e.Data, "cwd", h.place().short(h.p.cwd))
	Put(e.Data, "repository", h.repository())
	if seconds := int64(h.s.Lease / time.Second); seconds > 0 {
		e.Data["lease_seconds"] = seconds
	}
	if h.acting != h.session {
		return e
	}
	if kind, _, err := whodid.ParseTrigger(h.s.Trigger); err == nil && kind == h.s.Trigger {
		e.Data["trigger"] = kind
		Put(e.Data, "trigger_detail", h.s.TriggerDetail)
	}
	return e
}

// sessionEnd tells that a session ended. Whether its execution succeeded
// follows from its last turn. A session that is resumed ends again, so the time
// belongs to the fact.
func (h *hook) sessionEnd() {
	reason := OneOf(h.p.reason, "other", "clear", "resume", "logout", "prompt_input_exit",
		"bypass_permissions_disabled", "exit",
		"complete", "error", "abort", "timeout", "user_exit", // Copilot CLI
		"completed", "aborted", "window_close", "user_close") // Cursor
	e := h.event("session.end", h.momentKey("session.end"))
	e.Data = whodid.Data{"reason": reason}
	h.add(e)
	if !h.joined {
		h.finish(reason)
	}
	if path := h.transcriptPath(); path != "" && h.p.session != "" {
		h.reading.Transcript = h.transcript(path)
		h.reading.Transcript.Subagents = h.client == ClaudeCode
	}
}

// transcriptPath is where the client keeps the session's transcript; empty if
// there is none that could be read.
func (h *hook) transcriptPath() string {
	switch h.client {
	case ClaudeCode, Codex, Gemini:
		return h.p.transcript
	case Copilot:
		// The hook at the end does not tell it.
		home := ""
		if h.s.Env != nil {
			home = h.s.Env("COPILOT_HOME")
		}
		if home == "" && h.s.Home != "" {
			home = h.s.Home + "/.copilot"
		}
		if home != "" && h.p.transcript == "" {
			return home + "/session-state/" + h.p.session + "/events.jsonl"
		}
		return h.p.transcript
	default:
		return ""
	}
}

// finish tells the end of the execution that acts.
func (h *hook) finish(reason string) {
	e := h.event("execution.finish", h.momentKey("execution.finish"))
	e.Data = whodid.Data{"reason": reason}
	h.add(e)
}

// renew keeps the session's lease: somebody asked for something. What was asked
// is not kept.
func (h *hook) renew() {
	if h.s.Remote && !h.joined {
		h.supposeStart()
	}
	seconds := int64(h.s.Lease / time.Second)
	if h.joined || seconds <= 0 {
		return
	}
	e := h.event("execution.renew", h.key("execution.renew", PromptPart(h.p.prompt, h.s.At)))
	e.Data = whodid.Data{"lease_seconds": seconds}
	h.add(e)
}

// stop tells the end of a turn. VS Code tells no end of a session: what stops
// there is over, until it goes on.
func (h *hook) stop() {
	switch h.p.status {
	case "error":
		h.turnFail()
	case "aborted":
		// Somebody stopped it: it neither succeeded nor failed.
	default:
		h.turnComplete()
	}
	if h.client == VSCode && !h.joined {
		h.finish("stop")
	}
}

// turnComplete tells that the agent handed over. One prompt may see several of
// it, where a hook refused the stop or a background task woke the agent, and
// the last decides: so the time belongs to the fact, or the client's count.
func (h *hook) turnComplete() {
	key := h.momentKey("turn.complete")
	if h.p.prompt != "" && h.p.loop != "" {
		key = h.key("turn.complete", h.p.prompt, h.p.loop)
	}
	e := h.event("turn.complete", key)
	e.Data = whodid.Data{}
	Put(e.Data, "prompt", h.p.prompt)
	h.add(e)
}

// turnFail tells that a turn ended in an error of the service. The transcript
// tells the same with the same key.
func (h *hook) turnFail() {
	e := h.event("turn.fail", h.key("turn.fail", PromptPart(h.p.prompt, h.s.At)))
	e.Data = whodid.Data{"error": ErrorKind(h.p.call.failure.Text(MaxID))}
	Put(e.Data, "prompt", h.p.prompt)
	h.add(e)
}

// subagentStart tells the start of a sub-agent's execution. The payload does
// not tell which agent started it, so one that a sub-agent started hangs below
// the session too.
func (h *hook) subagentStart() {
	if h.p.agentID == "" || h.p.session == "" {
		h.gap(gapNoSubagent)
		return
	}
	e := h.executionStart("execution.start")
	e.Data["agent_id"] = h.p.agentID
	Put(e.Data, "parent", h.session)
	Put(e.Data, "agent_type", h.p.agentType)
	h.add(e)
}

// subagentStop tells that a sub-agent is done, for now: it may be asked to go
// on, and then stops again. Older clients name only its transcript.
func (h *hook) subagentStop() {
	p := h.p
	if id, ok := SubagentID(p.agentFile); ok && p.agentID == "" && p.session != "" {
		p.agentID = id
		h.acting = Subagent(h.client, p.session, id)
	}
	if p.agentID == "" || p.session == "" {
		h.gap(gapNoSubagent)
		return
	}
	h.turnComplete()
	h.finish("stop")
	if (h.client == ClaudeCode || h.client == Codex) && p.agentFile != "" {
		ref := h.transcript("")
		child := ref.Subagent(p.agentFile, p.agentID)
		h.reading.Transcript = &child
	}
}

func (h *hook) transcript(path string) *TranscriptRef {
	return &TranscriptRef{
		Client: h.client, Execution: h.session, Session: h.p.session, Agent: strings.TrimPrefix(h.actor, "agent:"),
		Path: path, At: h.s.At,
	}
}
