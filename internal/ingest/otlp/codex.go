package otlp

import (
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/shell"
)

// codexLog reads one event of Codex CLI, as version 0.169.0 sends them.
func (r *reader) codexLog(a *about, event string) {
	if a.session == "" {
		return
	}
	switch event {
	case "codex.conversation_starts":
		r.start(a, modelName(a.record))
	case "codex.sse_event", "codex.websocket_event":
		if a.record.has(fieldInput) && a.record.text(fieldKind) == "response.completed" {
			r.codexResponse(a)
		}
	case "codex.tool_decision":
		if call := agent.CleanID(a.record.text(fieldCall)); call != "" {
			decision := strings.ToLower(a.record.text(fieldDecision))
			r.decision(a, call, strings.HasPrefix(decision, "approved"),
				agent.OneOf(strings.ToLower(a.record.text(fieldDecider)), "other", "config", "user"))
		}
	case "codex.tool_result":
		r.codexResult(a)
	}
}

// codexResponse tells the call of a model. The event has no id of it, so that
// its key is what it used: within a conversation no two calls read and write
// just as much, for each reads what the last one wrote.
func (r *reader) codexResponse(a *about) {
	e := r.event(a, "model.call", agent.UsageKey(agent.Codex, a.session,
		countsOf(a.record, fieldInput, fieldCacheRead, fieldCacheWrite, fieldOutput, fieldReasoning)...))
	put(e.Data, "model", modelName(a.record))
	e.Data["provider"] = "openai"
	usage(e.Data, a.record, true)
	r.add(e)
}

// countsOf are what a call used, as the client counts: the input includes what was
// read from a cache, and the output does or does not include the reasoning.
func countsOf(a *Attributes, fields ...Field) []int64 {
	counts := make([]int64, len(fields))
	for i, f := range fields {
		counts[i], _ = a.count(f)
	}
	return counts
}

// codexResult tells what a call of a tool did. That it was a success means that
// the tool could do its work, which for a command that it ran is no more than
// to have run it: the exit status stands in the output's head.
func (r *reader) codexResult(a *about) {
	call := agent.CleanID(a.record.text(fieldCall))
	if call == "" {
		return
	}
	tool := a.record.text(fieldTool)
	if server := identifier(a.record.text(fieldServer)); server != "" && !strings.HasPrefix(tool, "mcp__") {
		tool = "mcp__" + server + "__" + tool
	}
	t := agent.ToolCall{Tool: tool}
	command := codexCommand(a.record.text(fieldArguments))
	success, told := a.record.success()
	switch {
	case command != "":
		t.Tool, t.Input = "Bash", object("command", command) // as its hooks call it
		code, output, known := codexExit(a.record.text(fieldOutputText))
		switch {
		case known && code == 0:
			t.Ending = agent.EndingDone
		case known, told && !success:
			t.Ending = agent.EndingFailed
		}
		if t.Ending != agent.EndingUnknown {
			t.Outcome = &shell.Outcome{Exit: code, ExitKnown: known, Stdout: output}
		}
	case told && success:
		t.Ending = agent.EndingDone
	case told:
		t.Ending = agent.EndingFailed
	}
	r.tool(a, call, t, func(e *whodid.Event) { delete(e.Data, "permission_mode") })
}

// codexCommand is the command of exec_command, or of the older tool shell.
func codexCommand(arguments string) string {
	if command := member(arguments, "cmd"); command != "" {
		return command
	}
	if command := member(arguments, "command"); command != "" {
		return command
	}
	words := memberList(arguments, "command")
	if len(words) == 3 && (words[1] == "-lc" || words[1] == "-c") {
		return words[2]
	}
	return strings.Join(words, " ")
}

// codexExit reads the head of a command's output, up to the line "Output:": what
// follows is the command's own to write.
func codexExit(text string) (code int, output string, known bool) {
	const head = 1024
	start := text[:min(len(text), head)]
	before, _, found := strings.Cut(start, "\nOutput:\n")
	if !found {
		return 0, "", false
	}
	output = text[len(before)+len("\nOutput:\n"):]
	for line := range strings.SplitSeq(before, "\n") {
		if digits, ok := strings.CutPrefix(line, "Process exited with code "); ok {
			n, err := strconv.Atoi(digits)
			return n, output, err == nil
		}
	}
	return 0, output, false
}
