// Package codex reads the rollouts that Codex leaves of its sessions: bytes in,
// events out, with the ids and keys that hooks and telemetry give the same facts.
//
// What came of a command is told by the client's own item with its exit status,
// or by the head that the client puts before a command's output; never by what
// the command printed, and never by a word like "completed".
//
// Formats: rollouts of versions 0.30 to 0.169, as the client wrote them.
package codex

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// Head is what the beginning of a rollout says of it.
type Head struct {
	Session string
	// Thread is the id of a sub-agent's thread; empty for a session's own.
	Thread string
	Kind   string // of sub-agent
}

// ReadHead reads the first line of a rollout; text may break off behind it.
func ReadHead(text []byte) Head {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	var h Head
	var id string
	loose.Document(line).Members(func(name []byte, v loose.Value) {
		if string(name) != "payload" {
			return
		}
		v.Members(func(name []byte, v loose.Value) {
			switch string(name) {
			case "id":
				id = agent.CleanID(v.Text(agent.MaxIDRead))
			case "session_id":
				h.Session = agent.CleanID(v.Text(agent.MaxIDRead))
			case "agent_role", "agent_nickname":
				if kind := agent.Identifier(v.Text(agent.MaxIDRead)); kind != "" {
					h.Kind = kind
				}
			}
		})
	})
	switch {
	case h.Session == "":
		h.Session = id
	case id != "" && id != h.Session:
		h.Thread = id
	}
	return h
}

// rollout is a rollout while it is read.
type rollout struct {
	*agent.FileReader
	turn     string
	version  string
	records  bool // usage is told by request
	total    int64
	hasTotal bool
}

// Session reads a rollout for all that it tells. It fails only if r or the taker
// of events does.
func Session(r io.Reader, f *agent.SessionFile) (agent.SessionReading, error) {
	var s rollout
	return agent.ReadFile(r, f, func(x *agent.FileReader, v loose.Value) bool {
		s.FileReader = x
		return s.line(v)
	}, nil)
}

func (s *rollout) line(v loose.Value) bool {
	var kind string
	var payload loose.Value
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "timestamp":
			s.At(agent.Clock(v))
		case "type":
			kind = v.Text(64)
		case "payload":
			payload = v
		}
	})
	switch kind {
	case "session_meta":
		s.meta(payload)
	case "turn_context":
		s.context(payload)
	case "response_item":
		s.item(payload)
	case "event_msg":
		s.event(payload)
	case "token_usage_record":
		s.usageRecord(payload)
	case "":
		return false
	}
	s.Start(s.version)
	return true
}

func (s *rollout) meta(v loose.Value) {
	if s.version != "" {
		return // of the thread that this one was forked from
	}
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "cwd":
			s.Scene.CWD = v.Text(maxPath)
		case "cli_version":
			s.version = agent.Identifier(v.Text(agent.MaxIDRead))
		}
	})
}

func (s *rollout) context(v loose.Value) {
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "cwd":
			s.Scene.CWD = v.Text(maxPath)
		case "model":
			s.Scene.Model = agent.ModelName(v.Text(agent.MaxIDRead))
		case "turn_id":
			s.turn = agent.CleanID(v.Text(agent.MaxIDRead))
		}
	})
}

// maxPath is how much of a path is read, maxText of a text that holds JSON.
const (
	maxPath = 4096
	maxText = 4 << 20
)

// item reads what went to the model and came from it: calls of tools and what
// they gave back.
func (s *rollout) item(v loose.Value) {
	var kind, name, id string
	var arguments, output loose.Value
	v.Members(func(field []byte, v loose.Value) {
		switch string(field) {
		case "type":
			kind = v.Text(64)
		case "name":
			name = v.Text(agent.MaxIDRead)
		case "call_id":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "arguments", "input", "action":
			arguments = v
		case "output":
			output = v
		}
	})
	switch kind {
	case "function_call", "custom_tool_call", "local_shell_call":
		s.Called(id, call(name, kind, id, arguments))
	case "function_call_output", "custom_tool_call_output":
		s.output(id, output)
	}
}

// call brings a call into the form in which the client's hooks tell it: a
// command is a call of Bash.
func call(name, kind, id string, arguments loose.Value) agent.FileCall {
	c := agent.FileCall{Tool: name, ID: id, Input: arguments, Duration: -1}
	switch {
	case kind == "custom_tool_call" && arguments.Is('"'):
		c.Input = loose.Value(`{"command":` + string(arguments) + `}`) // a patch
	case arguments.Is('"'):
		c.Input = loose.Document([]byte(arguments.Text(maxText)))
	}
	if kind != "local_shell_call" {
		switch name {
		case "exec_command", "shell_command", "shell", "container.exec", "unified_exec":
		default:
			return c
		}
	}
	c.Tool = "Bash"
	var command loose.Value
	c.Input.Members(func(field []byte, v loose.Value) {
		if f := string(field); f == "cmd" || f == "command" {
			command = v
		}
	})
	c.Input = bash(command)
	return c
}

// bash is the input of a call of Bash, by a command that is a string or a list
// of words.
func bash(command loose.Value) loose.Value {
	text := command
	if command.Is('[') {
		var words []loose.Value
		command.Elements(func(v loose.Value) bool {
			words = append(words, v)
			return len(words) < maxWords
		})
		switch {
		case len(words) == 3 && isShell(words[0].Text(64)) && strings.HasPrefix(words[1].Text(8), "-"):
			text = words[2]
		default:
			var line strings.Builder
			for i, w := range words {
				if i > 0 {
					line.WriteByte(' ')
				}
				line.WriteString(quoted(w.Text(maxText)))
			}
			text = whodid.AppendJSONString(nil, line.String())
		}
	}
	if !text.Is('"') {
		return loose.Value(`{}`)
	}
	return loose.Value(`{"command":` + string(text) + `}`)
}

const maxWords = 1000

func isShell(program string) bool {
	base := program[strings.LastIndexByte(program, '/')+1:]
	return base == "bash" || base == "sh" || base == "zsh"
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:=,@%+-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// output takes what the model was told of a call that no item told of.
func (s *rollout) output(id string, output loose.Value) {
	held := s.Held(id)
	if held == nil {
		return
	}
	shell := held.Tool == "Bash"
	s.Settle(id, func(c *agent.FileCall) {
		text, exit, running := readOutput(output)
		c.Response = whodid.AppendJSONString(nil, text)
		switch {
		case running || exit == nil && shell:
			c.Ending = agent.EndingUnknown
		case exit == nil:
			// The client does not say how a tool of its own ended.
			c.Ending = agent.EndingUnknown
		case *exit == 0:
			c.Ending, c.Exit = agent.EndingDone, exit
		default:
			c.Ending, c.Exit = agent.EndingFailed, exit
		}
	})
}

// readOutput reads an output: what the command printed, and its exit status by
// the head that the client puts before it, or by the metadata beside it.
func readOutput(v loose.Value) (text string, exit *int, running bool) {
	if v.Is('{') {
		return readOutputObject(v)
	}
	text = v.Ends(1<<20, 128<<10)
	if strings.HasPrefix(text, `{"output":`) {
		return readOutputObject(loose.Document([]byte(v.Text(maxText))))
	}
	head, rest, found := strings.Cut(text, "\nOutput:\n")
	if !found {
		head, found = strings.CutSuffix(text, "\nOutput:")
		rest = ""
	}
	if !found {
		return text, nil, false
	}
	for line := range strings.Lines(head) {
		line = strings.TrimSpace(line)
		code, told := strings.CutPrefix(line, "Process exited with code ")
		if !told {
			code, told = strings.CutPrefix(line, "Exit code: ")
		}
		if n, err := strconv.Atoi(code); told && err == nil {
			exit = &n
		}
		running = running || strings.HasPrefix(line, "Process running with session ID")
	}
	return rest, exit, running
}

func readOutputObject(v loose.Value) (text string, exit *int, running bool) {
	v.Members(func(field []byte, v loose.Value) {
		switch string(field) {
		case "output", "content":
			text = v.Ends(1<<20, 128<<10)
		case "metadata":
			v.Members(func(field []byte, v loose.Value) {
				if n, ok := status(v); ok && string(field) == "exit_code" {
					exit = &n
				}
			})
		}
	})
	return text, exit, false
}

// status reads an exit status, which may be negative.
func status(v loose.Value) (int, bool) {
	n, err := strconv.Atoi(v.Text(16))
	return n, err == nil
}
