package codex

import (
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// event reads what the client told its own screen.
func (s *rollout) event(v loose.Value) {
	var kind string
	v.Members(func(field []byte, v loose.Value) {
		switch string(field) {
		case "type":
			kind = v.Text(64)
		case "turn_id":
			s.turn = agent.CleanID(v.Text(agent.MaxIDRead))
		}
	})
	switch kind {
	case "item_completed":
		v.Members(func(field []byte, v loose.Value) {
			if string(field) == "item" {
				s.completed(v)
			}
		})
	case "exec_command_end", "patch_apply_end", "mcp_tool_call_end":
		s.completed(v)
	case "task_complete":
		if s.Fresh() {
			s.TurnComplete(s.Scene, s.turn)
		}
	case "token_count":
		s.tokenCount(v)
	}
}

// completed reads an item that ended.
func (s *rollout) completed(v loose.Value) {
	var kind, id, word string
	var command, output, changes, result loose.Value
	var exit *int
	duration := int64(-1)
	v.Members(func(field []byte, v loose.Value) {
		switch string(field) {
		case "type":
			kind = v.Text(64)
		case "id", "call_id":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "status", "success":
			word = v.Text(32)
		case "command":
			command = v
		case "aggregated_output", "stdout":
			if len(output) == 0 {
				output = v
			}
		case "changes":
			changes = v
		case "result":
			result = v
		case "exit_code":
			if n, ok := status(v); ok {
				exit = &n
			}
		case "duration":
			duration = milliseconds(v)
		}
	})
	switch kind {
	case "CommandExecution", "exec_command_end":
		s.command(id, command, output, exit, duration)
	case "FileChange", "patch_apply_end":
		s.changed(id, changes, word)
	case "McpToolCall", "mcp_tool_call_end":
		s.Settle(id, func(c *agent.FileCall) {
			c.Ending, c.Duration = endingOf(word), duration
			result.Members(func(field []byte, v loose.Value) {
				switch string(field) {
				case "Ok":
					c.Ending, c.Response = agent.EndingDone, v
				case "Err":
					c.Ending = agent.EndingFailed
				}
			})
		})
	}
}

// endingOf is what the client's word for the end of an item proves.
func endingOf(word string) agent.Ending {
	switch word {
	case "completed", "true":
		return agent.EndingDone
	case "failed", "false":
		return agent.EndingFailed
	case "declined":
		return agent.EndingDenied
	default:
		return agent.EndingUnknown
	}
}

// command tells a command that ended, by its exit status alone.
func (s *rollout) command(id string, command, output loose.Value, exit *int, duration int64) {
	if s.Held(id) == nil {
		s.Called(id, agent.FileCall{Tool: "Bash", ID: id, Input: bash(command), Duration: -1})
	}
	s.Settle(id, func(c *agent.FileCall) {
		c.Response, c.Exit, c.Duration = output, exit, duration
		switch {
		case exit == nil:
			c.Ending = agent.EndingUnknown
		case *exit == 0:
			c.Ending = agent.EndingDone
		default:
			c.Ending = agent.EndingFailed
		}
	})
}

// changed tells a patch: each of its files is a part of the call. What the call
// asked for names them in the order in which hooks do.
func (s *rollout) changed(id string, changes loose.Value, word string) {
	ending := endingOf(word)
	if held := s.Held(id); held != nil && patched(held) {
		s.Settle(id, func(c *agent.FileCall) { c.Ending, c.Said = ending, true })
		return
	}
	var acts []agent.FileAct
	changes.Entries(maxPath, func(path string, v loose.Value) {
		if len(acts) < maxFiles {
			acts = append(acts, change(path, v))
		}
	})
	s.Drop(id)
	if len(acts) == 0 || !s.Fresh() {
		return
	}
	for i := range acts {
		a := &acts[i]
		a.Tool, a.ID, a.Part, a.Parts, a.Ending = "apply_patch", id, i, len(acts), ending
		s.Act(s.Scene, a)
	}
	s.Reading.Calls++
}

// patched tells whether the call itself says which files it changes.
func patched(c *agent.FileCall) bool {
	found := false
	c.Input.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "command", "cmd", "input", "patch":
			found = found || len(agent.Patch(v.Text(maxText))) > 0
		}
	})
	return found
}

// maxFiles bounds the files of one patch.
const maxFiles = 1000

// change is one file of a patch.
func change(path string, v loose.Value) agent.FileAct {
	a := agent.FileAct{What: "file.edit", Path: path, Added: -1, Removed: -1}
	v.Members(func(field []byte, v loose.Value) {
		switch string(field) {
		case "type":
			switch v.Text(16) {
			case "add":
				a.What = "file.write"
			case "delete":
				a.What = "file.delete"
			}
		case "content":
			_, lines := v.Measure()
			if a.What == "file.delete" {
				a.Added, a.Removed = 0, lines
			} else {
				a.Added, a.Removed = lines, 0
			}
		case "unified_diff":
			a.Added, a.Removed = diffLines(v.Text(maxText))
		case "move_path":
			if v.Is('"') {
				a.What = "file.move"
			}
		}
	})
	return a
}

// diffLines counts the lines that a unified diff adds and removes.
func diffLines(diff string) (added, removed int64) {
	inside := false
	for line := range strings.Lines(diff) {
		switch {
		case strings.HasPrefix(line, "@@"):
			inside = true
		case !inside:
		case line[0] == '+':
			added++
		case line[0] == '-':
			removed++
		}
	}
	return added, removed
}

// milliseconds reads a duration as an object of seconds and nanoseconds.
func milliseconds(v loose.Value) int64 {
	if !v.Is('{') {
		return -1
	}
	var ms int64
	v.Members(func(field []byte, v loose.Value) {
		n, ok := v.Count()
		switch {
		case !ok || n > 1<<40:
		case string(field) == "secs":
			ms += n * 1000
		case string(field) == "nanos":
			ms += n / 1_000_000
		}
	})
	return ms
}

// tokens are the counts of one request, or of all so far.
type tokens struct {
	input, cached, written, output, reasoning, total int64
	told                                             bool
}

func readTokens(v loose.Value) tokens {
	var t tokens
	v.Members(func(field []byte, v loose.Value) {
		n, ok := v.Count()
		if !ok {
			return
		}
		switch string(field) {
		case "input_tokens":
			t.input, t.told = n, true
		case "cached_input_tokens":
			t.cached = n
		case "cache_write_input_tokens":
			t.written = n
		case "output_tokens":
			t.output = n
		case "reasoning_output_tokens":
			t.reasoning = n
		case "total_tokens":
			t.total = n
		}
	})
	return t
}

// usage takes off the input what is counted apart: the service counts it in.
func (t *tokens) usage() *agent.Usage {
	if !t.told {
		return nil
	}
	return &agent.Usage{Input: max(t.input-t.cached-t.written, 0), Output: t.output, CacheRead: t.cached, CacheWrite: t.written}
}

// usageRecord reads what one request used.
func (s *rollout) usageRecord(v loose.Value) {
	var response string
	var t tokens
	v.Members(func(field []byte, v loose.Value) {
		switch string(field) {
		case "response_id":
			response = agent.CleanID(v.Text(agent.MaxIDRead))
		case "usage":
			t = readTokens(v)
		}
	})
	s.records = true
	if response == "" || !t.told {
		return
	}
	// Its telemetry does not know the response's id.
	key := agent.UsageKey(agent.Codex, s.File.Ref.Session, t.input, t.cached, t.written, t.output, t.reasoning)
	s.Requested(key, t.usage(), whodid.Data{"message": response})
}

// tokenCount reads the running total that the client showed, of versions that
// kept nothing better. A total that did not change is the same one shown again.
func (s *rollout) tokenCount(v loose.Value) {
	if s.records {
		return
	}
	var all, last tokens
	v.Members(func(field []byte, v loose.Value) {
		if string(field) != "info" {
			return
		}
		v.Members(func(field []byte, v loose.Value) {
			switch string(field) {
			case "total_token_usage":
				all = readTokens(v)
			case "last_token_usage":
				last = readTokens(v)
			}
		})
	})
	if !last.told || !all.told || s.hasTotal && all.total == s.total {
		return
	}
	s.total, s.hasTotal = all.total, true
	ref := &s.File.Ref
	key := agent.SessionKey(ref.Client, ref.Session, "usage", ref.SubagentID, strconv.FormatInt(all.total, 10))
	s.Requested(key, last.usage(), whodid.Data{})
}
