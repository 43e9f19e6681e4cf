// Package gemini reads the chats that Gemini CLI keeps of its sessions: bytes in,
// events out, with the ids and keys that hooks give the same facts.
//
// A chat is a file of lines: a header, messages that are written again under the
// same id as they grow, and patches ({"$set": …}). Older versions kept one JSON
// document instead. Both are read.
//
// A command succeeded or failed only by the client's own lines behind its output;
// that the client says "success" means that it ran.
package gemini

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// ReadHead returns the session that a chat is about, by its beginning; text may
// break off.
func ReadHead(text []byte) (session string) {
	loose.Document(text).Members(func(name []byte, v loose.Value) {
		if string(name) == "sessionId" && session == "" {
			session = agent.CleanID(v.Text(agent.MaxIDRead))
		}
	})
	return session
}

// chat is a chat while it is read.
type chat struct {
	*agent.FileReader
	told  map[string]bool // calls whose end was read
	ids   map[string]string
	asked map[string]*request
	order []*request
	last  *request
}

// request is an answer of a model, by its message.
type request struct {
	id          string
	scene       agent.Scene
	usage       *agent.Usage
	counts      [5]int64 // input, cached, output, thoughts, tool, as the client counts
	first, last int64
}

// maxKept bounds what a chat can make the reader remember.
const maxKept = 200_000

// Session reads a chat of lines for all that it tells. It fails only if r or the
// taker of events does.
func Session(r io.Reader, f *agent.SessionFile) (agent.SessionReading, error) {
	s := chat{told: map[string]bool{}, ids: map[string]string{}, asked: map[string]*request{}}
	return agent.ReadFile(r, f, func(x *agent.FileReader, v loose.Value) bool {
		s.FileReader = x
		return s.line(v)
	}, func(x *agent.FileReader) {
		s.FileReader = x
		s.finish()
	})
}

// maxDocument is the largest document that is read.
const maxDocument = 64 << 20

// Document reads a chat of an old version: one JSON document, which must be read
// as a whole.
func Document(r io.Reader, f *agent.SessionFile) (agent.SessionReading, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return agent.SessionReading{}, fmt.Errorf("couldn't read a chat: %w", err)
	}
	var flat bytes.Buffer
	flat.Grow(len(text))
	if len(text) <= maxDocument {
		// As one line, it is a header with messages.
		loose.Document(text).Compact(func(part []byte) { flat.Write(part) })
	}
	flat.WriteByte('\n')
	anew := *f
	anew.From = 0 // it is written anew each time
	reading, err := Session(&flat, &anew)
	reading.Next = int64(len(text))
	if flat.Len() == 1 {
		reading.Unreadable++
	}
	return reading, err
}

func (s *chat) line(v loose.Value) bool {
	kind := ""
	known := false
	var messages loose.Value
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "type":
			kind = v.Text(32)
		case "startTime", "lastUpdated":
			known = true
			if s.Scene.At.IsZero() {
				s.At(agent.Clock(v))
			}
		case "messages":
			messages = v
		case "$set":
			known = true
			v.Members(func(name []byte, v loose.Value) {
				if string(name) == "messages" {
					messages = v
				}
			})
		case "sessionId":
			known = true
		}
		known = known || len(name) > 0 && name[0] == '$'
	})
	if len(messages) > 0 {
		known = true
		s.Start("")
		messages.Elements(func(v loose.Value) bool {
			s.message(v)
			return true
		})
	}
	if kind != "" {
		s.message(v)
	}
	s.Start("")
	return known || kind != ""
}

// message reads a message as it stands by now.
func (s *chat) message(v loose.Value) {
	var kind, id string
	var tokens, calls loose.Value
	model := ""
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "type":
			kind = v.Text(32)
		case "id":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "timestamp":
			s.At(agent.Clock(v))
		case "model":
			model = agent.ModelName(v.Text(agent.MaxIDRead))
		case "tokens":
			tokens = v
		case "toolCalls":
			calls = v
		}
	})
	if kind != "gemini" {
		return
	}
	s.Start("")
	if model != "" {
		s.Scene.Model = model
	}
	s.request(id, tokens)
	calls.Elements(func(v loose.Value) bool {
		s.call(v)
		return true
	})
}

func (s *chat) request(id string, tokens loose.Value) {
	if id == "" {
		return
	}
	q := s.asked[id]
	if q == nil {
		if len(s.order) == maxKept {
			s.Reading.Unreadable++
			return
		}
		q = &request{id: id, first: s.Line.Start}
		s.asked[id] = q
		s.order = append(s.order, q)
		s.last = q
	}
	q.scene, q.last = s.Scene, s.Line.End
	if u, counts := usage(tokens); u != nil {
		q.usage, q.counts = u, counts // those of the last writing stay
	}
}

// usage reads tokens: what came from the cache is counted among the input, what
// was thought beside the output, and what tools gave beside the input.
func usage(v loose.Value) (u *agent.Usage, counts [5]int64) {
	var input, output, cached, thoughts, tool int64
	told := false
	v.Members(func(name []byte, v loose.Value) {
		n, ok := v.Count()
		if !ok {
			return
		}
		switch string(name) {
		case "input":
			input, told = n, true
		case "output":
			output = n
		case "cached":
			cached = n
		case "thoughts":
			thoughts = n
		case "tool":
			tool = n
		}
	})
	if !told {
		return nil, counts
	}
	return &agent.Usage{Input: max(input-cached, 0) + tool, Output: output + thoughts, CacheRead: cached},
		[5]int64{input, cached, output, thoughts, tool}
}

// call reads a call of a tool as it stands by now.
func (s *chat) call(v loose.Value) {
	var id, tool, status string
	var arguments, response, display loose.Value
	at := s.Scene.At
	v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "id":
			id = agent.CleanID(v.Text(agent.MaxIDRead))
		case "name":
			tool = v.Text(agent.MaxIDRead)
		case "status":
			status = v.Text(32)
		case "args":
			arguments = v
		case "result":
			response = answer(v)
		case "resultDisplay":
			display = v
		case "timestamp":
			if t := agent.Clock(v); !t.IsZero() {
				at = t
			}
		}
	})
	if id == "" || tool == "" || s.told[id] || len(s.told) >= maxKept {
		return
	}
	key, known := s.ids[id]
	if !known {
		key = s.Nth(tool, arguments) // the client's hooks don't tell its id
		s.ids[id] = key
	}
	if s.Held(id) == nil {
		s.Called(id, agent.FileCall{Tool: tool, ID: key, Input: arguments, Duration: -1})
	}
	ending := endingOf(status)
	if ending == agent.EndingUnknown {
		return
	}
	s.told[id] = true
	scene := s.Scene
	s.Scene.At = at
	s.Settle(id, func(c *agent.FileCall) {
		c.Ending, c.Response = ending, patchOf(response, display)
		if tool != "run_shell_command" || ending != agent.EndingDone {
			return
		}
		c.Response = response // its last lines tell the exit status
	})
	s.Scene = scene
}

// endingOf is what the client's word proves: for a command, that it ran.
func endingOf(status string) agent.Ending {
	switch status {
	case "success":
		return agent.EndingDone
	case "error":
		return agent.EndingFailed
	case "cancelled":
		return agent.EndingCancelled
	default:
		return agent.EndingUnknown
	}
}

// answer is the text that the model was given.
func answer(v loose.Value) loose.Value {
	found := loose.Value(nil)
	v.Elements(func(part loose.Value) bool {
		part.Members(func(name []byte, v loose.Value) {
			if string(name) != "functionResponse" {
				return
			}
			v.Members(func(name []byte, v loose.Value) {
				if string(name) != "response" {
					return
				}
				v.Members(func(name []byte, v loose.Value) {
					if n := string(name); n == "output" || n == "error" {
						found = v
					}
				})
			})
		})
		return len(found) == 0
	})
	return found
}

// patchOf makes of what the client shows of a file the form in which lines are
// counted: how many were added and removed, of a new file or of an old one.
func patchOf(response, display loose.Value) loose.Value {
	if !display.Is('{') {
		return response
	}
	var created bool
	added, removed := int64(-1), int64(-1)
	display.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "isNewFile":
			created = v.Truth()
		case "diffStat":
			v.Members(func(name []byte, v loose.Value) {
				n, ok := v.Count()
				switch {
				case !ok || n > maxDiff:
				case string(name) == "model_added_lines":
					added = n
				case string(name) == "model_removed_lines":
					removed = n
				}
			})
		}
	})
	if created {
		return loose.Value(`{"type":"create"}`)
	}
	if added < 0 || removed < 0 {
		return response
	}
	lines := strings.Repeat(`"+",`, int(added)) + strings.Repeat(`"-",`, int(removed))
	return loose.Value(`{"structuredPatch":[{"lines":[` + strings.TrimSuffix(lines, ",") + `]}]}`)
}

// maxDiff is the largest change whose lines are counted.
const maxDiff = 1 << 20

// finish tells the requests, the last one only if it will not grow.
func (s *chat) finish() {
	quiet := s.File.Quiet(s.Reading.Last)
	for _, q := range s.order {
		if q == s.last && !quiet && q.usage == nil {
			s.Hold(q.first)
			continue
		}
		if q.last <= s.File.From {
			continue
		}
		// Telemetry does not know the message's id. A message without tokens has
		// nothing else.
		key := agent.RequestKey(agent.Gemini, "", q.id)
		if q.usage != nil {
			key = agent.UsageKey(agent.Gemini, s.File.Ref.Session, q.counts[:]...)
		}
		s.Request(q.scene, key, q.usage, whodid.Data{"message": q.id})
		s.Reading.Requests++
	}
	if s.last != nil && s.last == s.order[len(s.order)-1] && quiet && len(s.order) > 0 && s.File.Silent(s.Reading.Last) {
		s.TurnComplete(s.last.scene, "")
	}
}
