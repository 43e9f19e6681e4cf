package agent

import (
	"strconv"
	"strings"

	"github.com/whodid/whodid"
)

// stage is how far a tool call has come.
type stage int

const (
	stageBefore    stage = iota // about to begin
	stageOpen                   // it ran, and what came of it is not known
	stageDone                   // it ended well
	stageFailed                 // it ended badly
	stageCancelled              // it was interrupted
	stageTimeout                // it took too long, and the client ended it
	stageDenied                 // it was not allowed to begin
	stageRefused                // the client would not even ask: no such tool, unusable arguments
)

// The reasons that an action may carry.
const (
	reasonFailed  = "the tool reported an error"
	reasonDenied  = "permission was denied"
	reasonRefused = "the client refused the call"
	reasonWeb     = "the server answered with an error"
)

func (s stage) result() whodid.Result {
	switch s {
	case stageDone:
		return whodid.ResultSuccess
	case stageFailed, stageRefused:
		return whodid.ResultFailed
	case stageCancelled:
		return whodid.ResultCancelled
	case stageTimeout:
		return whodid.ResultTimeout
	case stageDenied:
		return whodid.ResultBlocked
	default:
		return whodid.ResultAttempted
	}
}

func (s stage) reason() string {
	switch s {
	case stageFailed:
		return reasonFailed
	case stageDenied:
		return reasonDenied
	case stageRefused:
		return reasonRefused
	default:
		return ""
	}
}

// resultStage is what PostToolUse proves: nothing, if what it says of the
// result broke off.
func (h *hook) resultStage() stage {
	if !h.p.whole {
		return stageOpen
	}
	return stageDone
}

func (h *hook) failureStage() stage {
	switch {
	case h.p.interrupt:
		return stageCancelled
	case h.p.call.failureType == "permission_denied":
		return stageDenied
	case h.p.call.failureType == "timeout":
		return stageTimeout
	default:
		return stageFailed
	}
}

// action is one thing that a call did or tried to do.
type action struct {
	what, target string
	result       whodid.Result
	data         whodid.Data
}

// tool tells the actions of a call. The first has the call's own key, further
// ones their number behind it, so that attempt and result meet part by part.
func (h *hook) tool(c call, at stage) {
	told := h.name(&c, at)
	if h.p.event == "PreToolUse" {
		h.reading.Asked = &Asked{
			Tool: Identifier(c.tool), Call: c.id, Dir: h.p.cwd, Mode: h.p.mode, client: h.client, input: c.input,
		}
	}
	if !told {
		return
	}
	actions := h.actions(&c, at)
	for i, a := range actions {
		e := h.event(a.what, h.callKey(&c, i))
		e.Target, e.Result, e.Data = a.target, a.result, a.data
		Put(e.Data, "tool", Identifier(c.tool))
		Put(e.Data, "call", c.id)
		Put(e.Data, "permission_mode", h.p.mode)
		Put(e.Data, "agent_id", h.p.agentID)
		if len(actions) > 1 {
			e.Data["part"] = int64(i + 1)
		} else if c.duration >= 0 {
			// Of several parts, none is known to have taken that long.
			e.Data["duration_ms"] = c.duration
		}
		if at == stageDenied {
			e.Data["decision"] = "deny"
		}
		h.add(e)
	}
}

// name gives a call an id whose client gives it none, and reports whether the
// call is to be told. Where nobody numbers the calls of a session, an attempt
// has nothing by which its result could find it: it would stand beside it as a
// second action for ever, and is left out.
func (h *hook) name(c *call, at stage) bool {
	if c.id != "" || h.p.session == "" || !nameless(h.client) {
		return true
	}
	f := h.fingerprint(c)
	if h.s.Order != nil {
		before, err := h.s.Order(Nameless{
			Client: h.client, Session: h.p.session, Fingerprint: f, Stamp: h.p.stamp, Ended: at != stageBefore,
		})
		if err == nil {
			c.id = nth(f, before)
			return true
		}
	}
	if h.p.stamp != "" {
		c.id = "at-" + f + "-" + h.p.stamp
	}
	return at != stageBefore
}

// fingerprint is that of a call's tool and arguments.
func (h *hook) fingerprint(c *call) string { return Fingerprint(h.client, c.tool, c.input) }

// callKey is the key of a part of a call. A call without an id has nothing
// that its attempt and its result would share but their text, which another
// call may repeat; its key is that of this very payload.
func (h *hook) callKey(c *call, part int) string {
	if c.id != "" {
		return CallKey(h.client, h.p.session, c.id, part)
	}
	parts := []string{"payload", h.digest()}
	if h.p.event == "PostToolBatch" {
		parts = append(parts, Digest(string(c.input)))
	}
	if part > 0 {
		parts = append(parts, strconv.Itoa(part+1))
	}
	return Key(h.client, parts...)
}

// actions makes the actions of a call, with what its arguments and its response
// tell of them.
func (h *hook) actions(c *call, at stage) []action {
	in := c.arguments()
	kind, known := toolKind(h.client, c.tool)
	if patched := h.patchActions(c, in, kind, at); len(patched) > 0 {
		return patched
	}
	if kind == "shell.run" && in.hasCommand {
		return h.shellActions(c, in, at)
	}
	a := action{what: kind, result: at.result(), data: whodid.Data{}}
	Put(a.data, "reason", at.reason())
	var out outcome
	if at == stageDone || at == stageOpen {
		out = c.outcome()
		a.settle(out, kind == "mcp.call")
	}
	switch {
	case kind == "mcp.call":
		server, tool := c.mcp(h.client)
		Put(a.data, "server", server)
		if server != "" && tool != "" {
			a.target = server + "/" + tool
		}
	case !known:
		a.target = Identifier(c.tool)
	case strings.HasPrefix(kind, "file."):
		h.file(&a, in, out)
	case kind == "web.fetch":
		a.target = page(in.url)
		number(a.data, "bytes", out.bytes, out.hasBytes)
		if out.code >= 400 && a.result == whodid.ResultSuccess {
			a.result = whodid.ResultFailed
			a.data["reason"] = reasonWeb
		}
	case kind == "agent.spawn":
		a.target = in.agentType
		if out.agentID != "" && h.p.session != "" {
			a.data["child"] = Subagent(h.client, h.p.session, out.agentID)
		}
	case kind == "tool.call":
		a.target = Identifier(c.tool)
	}
	return []action{a}
}

// settle takes back a success that the response itself denies. An MCP server
// may name a field "error" as it likes; for it only the protocol's isError
// counts.
func (a *action) settle(out outcome, mcp bool) {
	if a.result != whodid.ResultSuccess {
		return
	}
	switch {
	case out.isError, out.failure && !mcp:
		a.result = whodid.ResultFailed
		a.data["reason"] = reasonFailed
	case out.denied:
		a.result = whodid.ResultBlocked
		a.data["reason"] = reasonDenied
	}
}

// file tells what was done to a file and how much of it. Sizes of what is
// about to be written are told with the attempt, lines once they were.
func (h *hook) file(a *action, in arguments, out outcome) {
	if in.path == "" && a.what == "file.search" {
		in.path = h.p.cwd
	}
	a.target = h.place().target(in.path)
	switch a.what {
	case "file.read":
		number(a.data, "lines", out.lines, out.hasLines)
	case "file.search":
		number(a.data, "count", out.files, out.hasFiles)
	case "file.write":
		number(a.data, "bytes", in.size, in.hasContent)
		switch {
		case a.result != whodid.ResultSuccess:
		case out.created:
			number(a.data, "lines_added", in.lines, in.hasContent)
		case out.patched:
			number(a.data, "lines_added", out.added, true)
			number(a.data, "lines_removed", out.removed, true)
		}
	case "file.edit":
		number(a.data, "lines_added", out.added, out.patched)
		number(a.data, "lines_removed", out.removed, out.patched)
	}
}

// number sets a number that is known.
func number(d whodid.Data, name string, n int64, known bool) {
	if known {
		d[name] = n
	}
}
