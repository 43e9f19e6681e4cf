// Package copilot reads the events that Copilot CLI keeps of its sessions: bytes
// in, events out, with the ids and keys that hooks give the same facts.
//
// Format: session-state/<id>/events.jsonl of versions 1.0.45 and later.
package copilot

import (
	"bytes"
	"cmp"
	"io"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// ReadHead returns the session that a file is about, by its first line; text may
// break off behind it.
func ReadHead(text []byte) (session string) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	loose.Document(line).Members(func(name []byte, v loose.Value) {
		if string(name) != "data" {
			return
		}
		v.Members(func(name []byte, v loose.Value) {
			if string(name) == "sessionId" {
				session = agent.CleanID(v.Text(agent.MaxIDRead))
			}
		})
	})
	return session
}

// events is a file of events while it is read.
type events struct {
	*agent.FileReader
	version string
	turn    string
	usage   bool              // told call by call
	asked   map[string]string // calls for which permission was asked, by request
	denied  map[string]bool   // calls that were not permitted
}

// Session reads a session's events for all that they tell. It fails only if r or
// the taker of events does.
func Session(r io.Reader, f *agent.SessionFile) (agent.SessionReading, error) {
	var s events
	return agent.ReadFile(r, f, func(x *agent.FileReader, v loose.Value) bool {
		s.FileReader = x
		return s.line(v)
	}, nil)
}

func (s *events) line(v loose.Value) bool {
	var kind, id string
	var data loose.Value
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "type":
			kind = v.Text(64)
		case "id":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "timestamp":
			s.At(agent.Clock(v))
		case "data":
			data = v
		}
	})
	if kind == "" {
		return false
	}
	switch kind {
	case "session.start", "session.resume":
		s.start(data)
	case "session.model_change":
		data.Members(func(name []byte, v loose.Value) {
			if string(name) == "newModel" {
				s.Scene.Model = agent.ModelName(v.Text(agent.MaxIDRead))
			}
		})
	case "tool.execution_start":
		s.called(data)
	case "tool.execution_complete":
		s.settled(data)
	case "permission.requested":
		s.permissionAsked(data)
	case "permission.completed":
		s.permissionGiven(data)
	case "assistant.turn_start":
		data.Members(func(name []byte, v loose.Value) {
			if string(name) == "turnId" {
				s.turn = agent.CleanID(v.Text(agent.MaxIDRead))
			}
		})
	case "assistant.turn_end":
		if s.Fresh() {
			s.TurnComplete(s.Scene, s.turn)
		}
	case "assistant.usage":
		s.used(data, id)
	case "session.shutdown":
		s.shutdown(data, id)
	}
	s.Start(s.version)
	return true
}

const maxPath = 4096

func (s *events) start(data loose.Value) {
	data.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "copilotVersion":
			s.version = agent.Identifier(v.Text(agent.MaxIDRead))
		case "selectedModel":
			s.Scene.Model = agent.ModelName(v.Text(agent.MaxIDRead))
		case "context":
			v.Members(func(name []byte, v loose.Value) {
				if string(name) == "cwd" {
					s.Scene.CWD = v.Text(maxPath)
				}
			})
		}
	})
}

// called takes a call that began. The client's hooks don't tell its id, so that
// it is known by what was asked and how often.
func (s *events) called(data loose.Value) {
	var id, tool string
	var arguments loose.Value
	data.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "toolCallId":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "toolName":
			tool = v.Text(agent.MaxIDRead)
		case "arguments":
			arguments = v
		}
	})
	if s.Held(id) == nil {
		s.Called(id, agent.FileCall{Tool: tool, ID: s.Nth(tool, arguments), Input: arguments, Duration: -1})
	}
}

// maxAsked bounds what is remembered of permissions.
const maxAsked = 100_000

// permissionAsked takes for which call a permission is asked.
func (s *events) permissionAsked(data loose.Value) {
	var request, call string
	data.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "requestId":
			request = agent.CleanID(v.Text(agent.MaxIDRead))
		case "permissionRequest":
			call = callOf(v)
		}
	})
	if request != "" && call != "" && len(s.asked) < maxAsked {
		if s.asked == nil {
			s.asked = map[string]string{}
		}
		s.asked[request] = call
	}
}

// permissionGiven takes the answer. No hook tells of a call that was denied, and
// what the file says of it otherwise looks like a failure.
func (s *events) permissionGiven(data loose.Value) {
	call, kind := callOf(data), ""
	data.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "requestId":
			call = cmp.Or(call, s.asked[agent.CleanID(v.Text(agent.MaxIDRead))])
		case "result":
			v.Members(func(name []byte, v loose.Value) {
				if string(name) == "kind" {
					kind = v.Text(64)
				}
			})
		}
	})
	if call == "" || !strings.HasPrefix(kind, "denied") || len(s.denied) >= maxAsked {
		return
	}
	if s.denied == nil {
		s.denied = map[string]bool{}
	}
	s.denied[call] = true
	s.Settle(call, func(c *agent.FileCall) { c.Ending = agent.EndingDenied })
}

// callOf is the call that a permission is about.
func callOf(v loose.Value) (id string) {
	v.Members(func(name []byte, v loose.Value) {
		if string(name) == "toolCallId" {
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		}
	})
	return id
}

// settled takes what came of a call: by the word for the kind of its result.
func (s *events) settled(data loose.Value) {
	var id, word, success string
	var result loose.Value
	failed := false
	data.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "toolCallId":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "success":
			success = v.Text(8)
		case "error":
			failed = v.Is('{') || v.Is('"')
			v.Members(func(name []byte, v loose.Value) {
				if string(name) == "code" && (v.Text(32) == "denied" || v.Text(32) == "rejected") {
					word = "denied"
				}
			})
		case "result":
			result = v
			v.Members(func(name []byte, v loose.Value) {
				if n := string(name); n == "result_type" || n == "resultType" {
					word = v.Text(32)
				}
			})
		}
	})
	if s.denied[id] {
		word = "denied"
	}
	s.Settle(id, func(c *agent.FileCall) {
		c.Ending, c.Response = ending(word, success, failed), text(result)
	})
}

func ending(word, success string, failed bool) agent.Ending {
	switch {
	case word == "denied" || word == "rejected":
		return agent.EndingDenied
	case word == "failure" || word == "timeout" || success == "false" || failed:
		return agent.EndingFailed
	case word == "success" || success == "true":
		return agent.EndingDone
	default:
		return agent.EndingUnknown
	}
}

// text is what the model was told of a result.
func text(result loose.Value) loose.Value {
	found := loose.Value(nil)
	result.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "text_result_for_llm", "textResultForLlm", "content":
			if v.Is('"') {
				found = v
			}
		}
	})
	return found
}

// counts reads tokens; the service counts what came from a cache among the input.
func counts(data loose.Value) (u *agent.Usage, model string) {
	t := agent.Usage{Input: -1, Output: -1}
	data.Members(func(name []byte, v loose.Value) {
		n, ok := v.Count()
		switch string(name) {
		case "model":
			model = agent.ModelName(v.Text(agent.MaxIDRead))
		case "inputTokens":
			if ok {
				t.Input = n
			}
		case "outputTokens":
			if ok {
				t.Output = n
			}
		case "cacheReadTokens":
			t.CacheRead = n
		case "cacheWriteTokens":
			t.CacheWrite = n
		}
	})
	if t.Input < 0 && t.Output < 0 {
		return nil, model
	}
	if t.Input >= 0 {
		t.Input = max(t.Input-t.CacheRead-t.CacheWrite, 0)
	}
	return &t, model
}

// used tells one call of a model.
func (s *events) used(data loose.Value, id string) {
	u, model := counts(data)
	if u == nil || id == "" {
		return
	}
	s.usage = true
	s.request(model, agent.RequestKey(agent.Copilot, "", id), u, id)
}

func (s *events) request(model, key string, u *agent.Usage, id string) {
	before := s.Scene.Model
	if model != "" {
		s.Scene.Model = model
	}
	s.Requested(key, u, whodid.Data{"message": id})
	s.Scene.Model = before
}

// shutdown tells what each model was used for in all, where no call was told by
// itself.
func (s *events) shutdown(data loose.Value, id string) {
	if s.usage || id == "" {
		return
	}
	data.Members(func(name []byte, v loose.Value) {
		if string(name) != "modelMetrics" {
			return
		}
		v.Members(func(model []byte, v loose.Value) {
			v.Members(func(name []byte, v loose.Value) {
				if string(name) != "usage" {
					return
				}
				u, _ := counts(v)
				m := agent.ModelName(string(model))
				if u != nil && m != "" {
					s.request(m, agent.SessionKey(agent.Copilot, s.File.Ref.Session, "shutdown", id, agent.CleanID(m)), u, id)
				}
			})
		})
	})
}
