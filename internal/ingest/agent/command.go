package agent

import (
	"maps"
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/shell"
)

// shellActions tells what a shell command did, or would do. Its parts follow
// from the command's text alone, so that an attempt and its result have the
// same ones; the output only decides what came of each.
func (h *hook) shellActions(c *call, in arguments, at stage) []action {
	out, claim := h.shellOutcome(c, in, at)
	acts := h.memo.Acts(in.command, out, h.repository())
	actions := make([]action, len(acts))
	for i, act := range acts {
		a := action{what: act.What, target: act.Target, data: whodid.Data{}}
		maps.Copy(a.data, act.Data)
		switch a.result = whodid.Result(act.Result); {
		case at == stageDenied:
			a.result = at.result()
			a.data["reason"] = at.reason()
		case claim != stageOpen && a.result == whodid.ResultAttempted && a.what == "shell.run":
			a.result = claim.result()
			Put(a.data, "reason", claim.reason())
		}
		actions[i] = a
	}
	return actions
}

// shellOutcome is what the client reports of a command; nil while it has not
// ended. Where no exit status is known, the client's word for how the call
// ended is the claim, and settles a line in which nothing but "a command ran"
// was recognised; otherwise the claim is that of stageOpen.
func (h *hook) shellOutcome(c *call, in arguments, at stage) (out *shell.Outcome, claim stage) {
	if h.outcome != nil {
		return h.outcome, at
	}
	if c.exit != nil && (at == stageDone || at == stageFailed) {
		return &shell.Outcome{Stdout: c.ending(h.client).stdout, Exit: *c.exit, ExitKnown: true}, at
	}
	switch at {
	case stageDone:
		e := c.ending(h.client)
		if e.running || in.background {
			return nil, stageOpen
		}
		out = &shell.Outcome{
			Stdout: e.stdout, Stderr: e.stderr, Interrupted: e.interrupted,
			Exit: e.exit, ExitKnown: e.known,
		}
		if e.good || c.said {
			return out, stageDone
		}
		return out, stageOpen
	case stageFailed, stageCancelled, stageTimeout:
		out = &shell.Outcome{Interrupted: at != stageFailed}
		out.Exit, out.Stdout, out.ExitKnown = exitCode(output(c.failure))
		out.ExitKnown = out.ExitKnown && h.p.whole
		return out, at
	default:
		return nil, stageOpen
	}
}

// exitCode reads the text of a failed command: "Exit code 3", and behind it what
// the command printed. A failure with status zero would be none, so that a zero
// is not known.
func exitCode(text string) (code int, rest string, known bool) {
	after, ok := strings.CutPrefix(text, "Exit code ")
	if !ok {
		return 0, text, false
	}
	digits, rest, _ := strings.Cut(after, "\n")
	code, err := strconv.Atoi(digits)
	return code, rest, err == nil && code != 0
}
