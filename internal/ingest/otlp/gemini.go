package otlp

import (
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// geminiLog reads one event of Gemini CLI, as version 0.61.0 sends them. Its
// events name no call, neither of a model nor of a tool: what tells one from
// another is its time.
func (r *reader) geminiLog(a *about, event string) {
	if a.session == "" {
		return
	}
	switch strings.TrimPrefix(event, "gemini_cli.") {
	case "config":
		r.start(a, modelName(a.record))
	case "user_prompt":
		r.renew(a)
	case "api_response":
		r.geminiResponse(a)
	case "tool_call":
		r.geminiTool(a)
	case "conversation_finished":
		e := r.event(a, "turn.complete", a.key("turn.complete", micros(a)))
		r.add(e)
	}
}

// geminiResponse tells the call of a model. Thoughts are output, and billed as
// such, but are counted apart.
func (r *reader) geminiResponse(a *about) {
	e := r.event(a, "model.call", agent.UsageKey(agent.Gemini, a.session,
		countsOf(a.record, fieldInput, fieldCacheRead, fieldOutput, fieldReasoning, fieldToolTokens)...))
	put(e.Data, "model", modelName(a.record))
	e.Data["provider"] = "google"
	usage(e.Data, a.record, true)
	if out, ok := a.record.count(fieldOutput); ok {
		thoughts, _ := a.record.count(fieldReasoning)
		e.Data["output_tokens"] = out + thoughts
	}
	// What tools gave is counted beside the input, and billed as such.
	if in, ok := e.Data.Int("input_tokens"); ok {
		fromTools, _ := a.record.count(fieldToolTokens)
		e.Data["input_tokens"] = in + fromTools
	}
	r.add(e)
}

// geminiTool tells the call of a tool. Its success does not mean that a command
// succeeded: that it exited with 3 stands in its output only.
func (r *reader) geminiTool(a *about) {
	tool := a.record.text(fieldTool)
	success, told := a.record.success()
	t := agent.ToolCall{Tool: tool}
	if args := a.record.text(fieldArguments); len(args) <= maxArguments {
		t.Input = []byte(args)
	}
	switch shell := tool == "run_shell_command"; {
	case strings.EqualFold(a.record.text(fieldDecision), "reject"):
		t.Ending = agent.EndingDenied
	case told && !success:
		t.Ending = agent.EndingFailed
	case told && !shell:
		t.Ending = agent.EndingDone
	}
	made := "at-" + micros(a) + "-" + identifier(tool)
	r.tool(a, made, t, func(e *whodid.Event) { delete(e.Data, "call") })
}

func micros(a *about) string { return strconv.FormatInt(whodid.Micros(a.at), 10) }
