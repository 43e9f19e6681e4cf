package agent

import (
	"strings"

	"github.com/whodid/whodid/internal/ingest/loose"
)

// maxBatch is how many calls of one batch are looked at.
const maxBatch = 1000

// batch looks in PostToolBatch, which repeats all calls of a step with what the
// model was told of them, for the calls that no other hook reports: those that
// the client refused before it asked any hook, because there is no such tool or
// its arguments are unusable. The model is told so between <tool_use_error>
// tags.
//
// Their events have the key of the call's result: should another hook have told
// it after all, the two are one fact and what came first stays. All other calls
// of the batch were told before.
//
// A shell command's output is the agent's own to write, tags included, and must
// not pass for a refusal: it could turn a push that is only attempted, because
// nothing proves it yet, into one that failed. So a refused shell command is
// told as attempted, which is the same event that PreToolUse told if it did run.
func (h *hook) batch() {
	seen := 0
	h.p.calls.Elements(func(v loose.Value) bool {
		if seen++; seen > maxBatch {
			h.gap(gapCalls)
			return false
		}
		c := call{duration: -1}
		v.Members(c.member)
		if c.tool == "" || !refused(c.response) {
			return true
		}
		at := stageRefused
		if kind, _ := toolKind(h.client, c.tool); kind == "shell.run" {
			at = stageBefore
		}
		h.tool(c, at)
		return true
	})
}

// refused reports whether what the model was told of a call is the client's
// refusal. It is a string, or a list of blocks with a text each.
func refused(response loose.Value) bool {
	told := response.Text(64)
	response.Elements(func(block loose.Value) bool {
		block.Members(func(name []byte, v loose.Value) {
			if string(name) == "text" {
				told = v.Text(64)
			}
		})
		return false // the first block tells
	})
	return strings.HasPrefix(strings.TrimSpace(told), "<tool_use_error>")
}
