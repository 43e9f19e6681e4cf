package otlp

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// Spans reads spans. Codex and Gemini CLI tell all of it in their log events
// too, with more in them, so that their spans are passed over.
func Spans(spans []Span, s Surroundings) Reading {
	r := &reader{s: s}
	batch := newBatch(spans)
	for i := range spans {
		r.span(&spans[i], batch)
	}
	return r.reading
}

// batch is what one span may have to know of others that came with it.
type batch struct {
	executions map[string]bool  // Claude Code's calls of tools: whether they ended well
	tools      map[[8]byte]bool // spans that are calls of tools
}

func newBatch(spans []Span) *batch {
	b := &batch{executions: map[string]bool{}, tools: map[[8]byte]bool{}}
	for i := range spans {
		s := &spans[i]
		if s.Name == "claude_code.tool.execution" {
			if success, told := s.success(); told {
				b.executions[s.text(fieldCall)] = success
			}
		}
		if s.text(fieldOperation) == "execute_tool" {
			b.tools[s.ID] = true
		}
	}
	return b
}

func (r *reader) span(s *Span, b *batch) {
	client := clientOf(s.Resource, s.Scope, "")
	if client == agent.Codex || client == agent.Gemini {
		return
	}
	end, ok := moment(s.End, s.Start)
	if !ok {
		r.reject("a span's time is out of range")
		return
	}
	a := r.about(s.Resource, &s.Attributes, client, end, s.Trace)
	key := spanKey(&a, s.Trace, s.ID)
	switch operation := s.text(fieldOperation); {
	case client == agent.ClaudeCode:
		r.claudeSpan(&a, s, b)
	case s.text(fieldMethod) == "tools/call" && operation != "execute_tool":
		r.mcpSpan(&a, s, b)
	case operation == "execute_tool":
		r.toolSpan(&a, s, key)
	case operation == "invoke_agent", operation == "invoke_workflow":
		r.agentSpan(&a, s, key)
	case operation == "chat", operation == "text_completion", operation == "generate_content", operation == "embeddings":
		r.inference(&a, key)
	}
}

// spanKey is the key of what a span tells, where it has no id of its own.
func spanKey(a *about, trace [16]byte, span [8]byte) string {
	return agent.Key(a.client, "span", hex.EncodeToString(trace[:]), hex.EncodeToString(span[:]))
}

// claudeSpan reads a span of Claude Code's (beta) tracing. Its log events tell
// the same with the same keys, and more; spans serve who sends nothing else.
func (r *reader) claudeSpan(a *about, s *Span, b *batch) {
	if s.Name == "claude_code.llm_request" || s.Name == "claude_code.tool" {
		r.seeSubagent(a)
	}
	switch s.Name {
	case "claude_code.llm_request":
		request := agent.CleanID(s.text(fieldRequest))
		if request == "" || !s.has(fieldOutput) {
			return // a failed attempt
		}
		e := r.event(a, "model.call", agent.RequestKey(agent.ClaudeCode, request, ""))
		put(e.Data, "model", modelName(&s.Attributes))
		put(e.Data, "provider", identifier(s.text(fieldProvider)))
		put(e.Data, "request", request)
		r.subagent(a, &e)
		usage(e.Data, &s.Attributes, false)
		r.add(e)
	case "claude_code.tool":
		call := agent.CleanID(s.text(fieldCall))
		if call == "" {
			return
		}
		t := agent.ToolCall{Input: claudeInput(&s.Attributes)}
		if success, told := b.executions[s.text(fieldCall)]; told {
			t.Ending, t.Outcome = claudeEnding(success)
		}
		r.tool(a, call, t, nil)
	}
}

// inference tells the call of a model by the conventions: the input includes
// what was read from or written to a cache.
func (r *reader) inference(a *about, key string) {
	if response := agent.CleanID(a.record.text(fieldResponse)); response != "" {
		key = agent.Key(a.client, "response", response)
	}
	if !a.record.has(fieldInput) && !a.record.has(fieldOutput) && a.record.has(fieldErrorType) {
		return // it failed; nothing was used
	}
	e := r.event(a, "model.call", key)
	put(e.Data, "model", modelName(a.record))
	put(e.Data, "provider", identifier(a.record.text(fieldProvider)))
	put(e.Data, "message", agent.CleanID(a.record.text(fieldResponse)))
	usage(e.Data, a.record, true)
	r.add(e)
}

// toolSpan tells the call of a tool by the conventions: an error is told, and
// what ended without one did what it was called for. A shell's command may have
// failed nevertheless.
func (r *reader) toolSpan(a *about, s *Span, key string) {
	t := agent.ToolCall{Tool: s.text(fieldTool)}
	if args := s.text(fieldArguments); len(args) <= maxArguments {
		t.Input = []byte(args)
	}
	t.Ending = s.ending()
	if t.Ending == agent.EndingDone && member(string(t.Input), "command") != "" {
		t.Ending = agent.EndingUnknown
	}
	r.called(a, s, t, key)
}

// called tells the call of a tool under the client's id of it, or if there is
// none under that of its span.
func (r *reader) called(a *about, s *Span, t agent.ToolCall, key string) {
	if call := agent.CleanID(s.text(fieldCall)); call != "" {
		r.tool(a, call, t, r.took(s))
		return
	}
	n := len(r.reading.Events)
	r.tool(a, "", t, r.took(s))
	for i := range r.reading.Events[n:] {
		e := &r.reading.Events[n+i]
		e.Key = key
		if i > 0 {
			e.Key = key + "/" + strconv.Itoa(i+1)
		}
	}
}

// took sets how long a span lasted.
func (r *reader) took(s *Span) func(*whodid.Event) {
	return func(e *whodid.Event) {
		if _, parted := e.Data["part"]; !parted && s.End >= s.Start && s.Start > 0 {
			e.Data["duration_ms"] = (s.End - s.Start) / int64(time.Millisecond)
		}
	}
}

// mcpSpan tells the call of a tool of an MCP server. Both sides tell it, and
// the agent's own span may tell it too: the server's span is known by the
// client's, which is its parent, and one below the agent's is left out.
func (r *reader) mcpSpan(a *about, s *Span, b *batch) {
	if b.tools[s.Parent] && s.text(fieldCall) == "" {
		return
	}
	id := s.ID
	if s.Server && s.Parent != [8]byte{} {
		id = s.Parent
	}
	server := agentName(a.text(fieldServer))
	if server == "" {
		server = agentName(a.client)
	}
	t := agent.ToolCall{Tool: "mcp__" + server + "__" + identifier(s.text(fieldTool)), Ending: s.ending()}
	r.called(a, s, t, agent.Key("mcp", "span", hex.EncodeToString(s.Trace[:]), hex.EncodeToString(id[:])))
}

func (s *Span) ending() agent.Ending {
	if s.Failed || s.has(fieldErrorType) {
		return agent.EndingFailed
	}
	return agent.EndingDone
}

// agentSpan tells a turn of an agent. One that nothing stands above begins with
// a session's going on and ends the run, until the next.
func (r *reader) agentSpan(a *about, s *Span, key string) {
	failed := s.ending() == agent.EndingFailed
	what := "turn.complete"
	if failed {
		what = "turn.fail"
	}
	e := r.event(a, what, key+"/turn")
	if failed {
		e.Data["error"] = "other"
		put(e.Data, "error", identifier(s.text(fieldErrorType)))
	}
	r.add(e)
	if a.joined || s.Parent != [8]byte{} {
		return
	}
	if begin, ok := moment(s.Start); ok {
		at := *a
		at.at = begin
		r.start(&at, modelName(&s.Attributes))
		e := r.event(&at, "session.start", key+"/start")
		e.Data["client"], e.Data["reason"] = a.client, "resume"
		r.add(e)
	}
	e = r.event(a, "execution.finish", key+"/finish")
	e.Data["reason"] = "agent finished"
	if s.text(fieldErrorType) == "timeout" {
		e.Result = whodid.ResultTimeout
	}
	r.add(e)
}
