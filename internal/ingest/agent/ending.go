package agent

import (
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/ingest/loose"
)

// ending is what a client's response tells of how a shell command ended.
type ending struct {
	stdout, stderr string
	exit           int
	known          bool // exit is told, or follows from what is told
	good           bool // the client takes it for good, whatever the status was
	running        bool // it goes on in the background
	interrupted    bool
}

// ending reads the response of a shell tool. Only what a client is known to
// write proves an exit status; of any other, as of Codex, which tells the
// output and nothing else, also of a command that failed, it is not known.
func (c *call) ending(client string) ending {
	switch client {
	case ClaudeCode:
		return c.claudeEnding()
	case Gemini:
		return geminiEnding(c.text("llmContent"))
	case Copilot:
		return copilotEnding(c.text("textResultForLlm", "text_result_for_llm"))
	case Cursor:
		return c.cursorEnding()
	default:
		e := c.claudeEnding()
		e.known, e.good = false, false
		return e
	}
}

// text is the response as text: a string, or a member of it.
func (c *call) text(names ...string) string {
	if c.response.Is('"') {
		return output(c.response)
	}
	var text string
	c.response.Members(func(name []byte, v loose.Value) {
		for _, want := range names {
			if string(name) == want {
				text = output(v)
			}
		}
	})
	return text
}

// claudeEnding reads what Claude Code answers. That PostToolUse fires at all
// means exit status zero, or one that the client takes for an answer rather
// than an error (grep that finds nothing).
func (c *call) claudeEnding() ending {
	var e ending
	if c.response.Is('"') {
		e.stdout = output(c.response)
		return e
	}
	interpreted := false
	c.response.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "stdout":
			e.stdout, e.good = output(v), true
		case "stderr":
			e.stderr = output(v)
		case "interrupted":
			e.interrupted = v.Truth()
		case "backgroundTaskId":
			e.running = e.running || v.Text(1) != ""
		case "returnCodeInterpretation":
			interpreted = v.Text(1) != ""
		}
	})
	e.good = e.good && !e.interrupted
	e.known = e.good && !interpreted
	return e
}

// geminiEnding reads what Gemini CLI tells its model: the output, and behind it
// lines of its own. It leaves out an exit status of zero, and ends with the
// process group whenever a process ran to its end. As the lines stand behind
// the output, a command can't write a status away.
func geminiEnding(text string) ending {
	body, ok := strings.CutPrefix(strings.TrimSpace(text), "<untrusted_context>\n")
	if ok {
		body = strings.TrimSuffix(body, "\n</untrusted_context>")
	}
	body, ok = strings.CutPrefix(body, "Output: ")
	if !ok {
		return ending{stdout: text, running: strings.HasPrefix(body, "Command moved to background")}
	}
	var e ending
	group, failed := false, false
	for {
		rest, line := lastLine(body)
		name, value, found := strings.Cut(line, ": ")
		switch {
		case found && name == "Process Group PGID" && !group:
			group = true
		case found && name == "Background PIDs":
		case found && name == "Signal", found && name == "Error":
			failed = true
		case found && name == "Exit Code":
			if code, err := strconv.Atoi(value); err == nil && code != 0 {
				e.exit, e.known = code, true
			}
			failed = true
		default:
			e.stdout = body
			e.known = e.known || group && !failed
			return e
		}
		if rest == body {
			return e
		}
		body = rest
	}
}

// lastLine splits the last line off.
func lastLine(text string) (rest, line string) {
	i := strings.LastIndexByte(text, '\n')
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i+1:]
}

// tooLarge is how Copilot CLI begins an answer of which it tells a part only,
// so that the last line is the command's own.
const tooLarge = "Output too large"

// copilotEnding reads what Copilot CLI tells its model: the output, and in the
// last line how the shell ended.
func copilotEnding(text string) ending {
	e := ending{stdout: text}
	rest, line := lastLine("\n" + strings.TrimRight(text, "\n"))
	shell, status, ok := strings.Cut(line, " completed with exit code ")
	if !ok || !strings.HasPrefix(shell, "<shellId: ") || strings.HasPrefix(text, tooLarge) {
		return e
	}
	if code, err := strconv.Atoi(strings.TrimSuffix(status, ">")); err == nil {
		e = ending{stdout: strings.TrimPrefix(rest, "\n"), exit: code, known: true}
	}
	return e
}

// cursorEnding reads what Cursor answers: JSON, in a string.
func (c *call) cursorEnding() ending {
	v := c.response
	if v.Is('"') {
		v = loose.Document([]byte(output(v)))
	}
	var e ending
	whole := v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "stdout", "output":
			e.stdout = output(v)
		case "exitCode", "exit_code":
			n, ok := v.Count()
			e.exit, e.known = int(n), ok && n <= 255
		}
	})
	e.known = e.known && whole
	return e
}
