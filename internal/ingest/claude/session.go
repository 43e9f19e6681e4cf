package claude

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// Session reads a transcript for all that it tells: the session or sub-agent,
// its requests to models and what its tools did, with the keys that hooks and
// telemetry give the same facts. It fails only if r or the taker of events does.
func Session(r io.Reader, f *agent.SessionFile) (agent.SessionReading, error) {
	s := &whole{
		file: f, teller: agent.NewTeller(f),
		requests: map[string]*asked{}, threads: map[string]*thread{}, pending: map[string]*pendingCall{},
	}
	lines := loose.NewLines(r)
	defer lines.Release()
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.reading, err
		}
		if !s.line(&line) {
			break
		}
		if err := s.teller.Err(); err != nil {
			return s.reading, err
		}
	}
	s.finish()
	return s.reading, s.teller.Err()
}

// ReadHead returns the session that a transcript is about, by its beginning; text
// may break off.
func ReadHead(text []byte) (session string) {
	for line := range bytes.Lines(text) {
		loose.Document(line).Members(func(name []byte, v loose.Value) {
			if string(name) == "sessionId" && session == "" {
				session = agent.CleanID(v.Text(agent.MaxIDRead))
			}
		})
		if session != "" {
			break
		}
	}
	return session
}

// whole is a transcript while it is read for all that it tells.
type whole struct {
	file     *agent.SessionFile
	teller   *agent.Teller
	reading  agent.SessionReading
	requests map[string]*asked
	order    []*asked
	threads  map[string]*thread
	pending  map[string]*pendingCall
	scene    agent.Scene // of the last line
	version  string
	prompt   string // id of the last prompt
	begun    bool
	end      int64 // of what was read
	torn     int64 // end of a last line that is not whole
	bad      bool  // a line that could not be read was new
}

// asked is a request to a model with where in the file it stands.
type asked struct {
	request
	first, last int64 // where its first line begins and its last ends
	complete    bool  // it says how it stopped
}

// thread is what one agent of the session is at: the session itself, or a
// sub-agent in its file.
type thread struct {
	asked *asked // the last request
	calls []*pendingCall
	last  *record // the last answer
	done  bool    // the answer handed over
}

// pendingCall is a call whose result has not been read yet.
type pendingCall struct {
	scene      agent.Scene
	tool, id   string
	input      []byte
	start, end int64
	over       bool
}

// Kept of a call's arguments until its result is read; more than the trail
// measures of a file that is written.
const maxInput = 4 << 20

// line reads a line; it returns false at one that is still being written.
func (s *whole) line(line *loose.Line) bool {
	v := line.Text
	if len(v) == 0 {
		s.end = line.End
		return true
	}
	rec := readTelling(v)
	if rec == nil {
		s.end = line.End
		s.reading.Lines++
		return true
	}
	if line.Open && !rec.whole {
		s.torn = line.End
		return false
	}
	s.end = line.End
	s.reading.Lines++
	if rec.whole = rec.whole && !line.Cut; !rec.whole {
		if rec.kind == "" || rec.kind == "assistant" {
			s.reading.Unreadable++
			s.bad = s.bad || line.End > s.file.From
		}
		return true
	}
	if rec.kind != "assistant" && rec.kind != "user" {
		return true
	}
	s.reading.Span(rec.at)
	s.version = cmp.Or(rec.version, s.version)
	s.scene = agent.Scene{At: rec.at, CWD: cmp.Or(rec.cwd, s.scene.CWD), AgentID: s.agentOf(rec), Model: rec.model, Mode: rec.mode}
	if !s.begun && !rec.at.IsZero() {
		s.begun = true
		if s.file.From < line.End {
			s.teller.Begin(agent.Scene{At: rec.at, CWD: rec.cwd}, rec.version)
		}
	}
	switch rec.kind {
	case "user":
		s.user(rec, line)
	case "assistant":
		s.answer(rec, line)
	}
	return true
}

// agentOf is the sub-agent of a line, where it is another than the file's.
func (s *whole) agentOf(rec *record) string {
	if rec.agent == s.file.Ref.SubagentID {
		return ""
	}
	return rec.agent
}

// thread is the agent that a line belongs to.
func (s *whole) thread(rec *record) *thread {
	key := s.agentOf(rec)
	if key == "" && rec.sidechain && s.file.Ref.SubagentID == "" {
		key = "sidechain" // of an old client, which did not tell whose it is
	}
	t := s.threads[key]
	if t == nil {
		t = &thread{}
		if len(s.threads) < maxRequests {
			s.threads[key] = t
		}
	}
	return t
}

// answer takes one line of an answer.
func (s *whole) answer(rec *record, line *loose.Line) {
	t := s.thread(rec)
	rec.prompt = s.prompt
	t.last = rec
	t.done = rec.stop == "end_turn" || rec.stop == "stop_sequence" || rec.stop == "" && len(rec.blocks) == 0
	if rec.stop == "end_turn" && line.End > s.file.From && !rec.apiError {
		s.teller.TurnComplete(s.scene, s.prompt)
	}
	key := rec.key()
	if !(rec.synthetic || rec.apiError && !rec.usage.told) && key != "" {
		s.request(t, key, rec, line)
	}
	for _, b := range rec.blocks {
		if s.pending[b.id] != nil || len(s.pending) >= maxRequests {
			continue
		}
		c := &pendingCall{scene: s.scene, tool: b.tool, id: b.id, input: bytes.Clone(b.input[:min(len(b.input), maxInput)]), start: line.Start, end: line.End}
		s.pending[b.id] = c
		t.calls = append(t.calls, c)
	}
}

func (s *whole) request(t *thread, key string, rec *record, line *loose.Line) {
	q := s.requests[key]
	if q == nil {
		if len(s.order) == maxRequests {
			s.reading.Unreadable++
			return
		}
		q = &asked{request: request{key: key, usage: rec.usage}, first: line.Start}
		s.requests[key] = q
		s.order = append(s.order, q)
	}
	if t.asked != q {
		s.giveUp(t) // the next request has the results of all calls before it
		t.asked = q
	}
	q.take(rec)
	q.cwd = cmp.Or(rec.cwd, q.cwd)
	q.last, q.complete = line.End, rec.stop != ""
}

// giveUp tells the calls of a thread whose result did not come.
func (s *whole) giveUp(t *thread) {
	for _, c := range t.calls {
		if !c.over {
			s.tell(c, &agent.FileCall{Ending: agent.EndingUnknown}, c.end)
		}
		delete(s.pending, c.id)
	}
	t.calls = t.calls[:0]
}

// tell tells what became of a call, if that is new.
func (s *whole) tell(c *pendingCall, result *agent.FileCall, end int64) {
	c.over = true
	if end > s.file.From {
		result.Tool, result.ID, result.Input, result.Duration = c.tool, c.id, loose.Value(c.input), -1
		s.teller.Call(c.scene, result)
		s.reading.Calls++
	}
	c.input = nil
}

// user takes a line of the user's: a prompt, or results of calls.
func (s *whole) user(rec *record, line *loose.Line) {
	s.prompt = cmp.Or(rec.prompt, s.prompt)
	for i := range rec.results {
		res := &rec.results[i]
		c := s.pending[res.id]
		if c == nil || c.over {
			continue
		}
		c.scene.At = rec.at
		response := rec.toolResult
		if len(rec.results) > 1 || len(response) == 0 {
			response = res.content
		}
		s.tell(c, &agent.FileCall{Ending: res.ending(rec, c.tool), Said: res.told && !res.isError, Response: response, Failure: res.failure()}, line.End)
	}
}

// finish tells what is left once the file is read, and where to go on next time.
func (s *whole) finish() {
	quiet := s.file.Quiet(s.reading.Last)
	if s.torn > 0 && quiet {
		s.reading.Lines++
		s.reading.Unreadable++
		s.bad = s.bad || s.torn > s.file.From
		s.end = s.torn
	}
	s.reading.Next = s.end
	hold := func(from int64) {
		s.reading.Next, s.reading.Held = min(s.reading.Next, from), true
	}
	held := map[*asked]bool{}
	for _, t := range s.threads {
		if quiet {
			s.giveUp(t)
			continue
		}
		if t.asked != nil && !t.asked.complete {
			held[t.asked] = true
			hold(t.asked.first)
		}
		for _, c := range t.calls {
			if !c.over {
				hold(c.start)
			}
		}
	}
	for _, q := range s.order {
		if q.last > s.file.From && !held[q] {
			s.tellRequest(q)
		}
	}
	if n := s.reading.Unreadable; n > 0 && s.bad {
		s.teller.Gap(agent.Scene{At: s.reading.Last}, n)
	}
	if s.begun && s.file.Silent(s.reading.Last) {
		s.close()
	}
}

func (s *whole) tellRequest(q *asked) {
	data := whodid.Data{}
	agent.Put(data, "request", q.id)
	agent.Put(data, "message", q.message)
	var u *agent.Usage
	if q.usage.told {
		u = &agent.Usage{Input: q.usage.input, Output: q.usage.output, CacheRead: q.usage.cacheRead, CacheWrite: q.usage.cacheWrite, CacheWrite1h: q.usage.cacheWrite1h}
	}
	at := q.at
	if at.IsZero() {
		at = s.reading.Last
	}
	id := q.agent
	if id == s.file.Ref.SubagentID {
		id = ""
	}
	s.teller.Request(agent.Scene{At: at, CWD: q.cwd, AgentID: id, Model: q.model}, q.key, u, data)
	s.reading.Requests++
}

// close tells how the session ended: nobody has heard of it since.
func (s *whole) close() {
	s.reading.Over = true
	if t := s.threads[""]; t != nil && t.last != nil {
		scene := agent.Scene{At: t.last.at, CWD: t.last.cwd}
		switch {
		case t.last.apiError:
			s.teller.TurnFail(scene, t.last.prompt, t.last.errorKind)
		case t.done && t.last.stop != "end_turn":
			s.teller.TurnComplete(scene, t.last.prompt)
		}
	}
	s.teller.End(agent.Scene{At: s.reading.Last, CWD: s.scene.CWD})
}

// block is a call of a tool in an answer.
type block struct {
	tool, id string
	input    loose.Value
}

// callResult is what the model was told of a call.
type callResult struct {
	id      string
	content loose.Value
	isError bool
	told    bool // isError is
}

// text is the beginning of what the model was told: a string, or the first of a
// list of blocks with a text each.
func (c *callResult) text(limit int) string { return textOf(c.content).Text(limit) }

func (c *callResult) failure() loose.Value {
	if !c.isError {
		return nil
	}
	return textOf(c.content)
}

func textOf(content loose.Value) loose.Value {
	found := content
	content.Elements(func(b loose.Value) bool {
		b.Members(func(name []byte, v loose.Value) {
			if string(name) == "text" {
				found = v
			}
		})
		return false
	})
	return found
}

// ending is how a call ended. The client marks as an error what failed, what it
// refused and what the user did not allow; the words behind it are the client's.
func (c *callResult) ending(rec *record, tool string) agent.Ending {
	text := strings.TrimSpace(c.text(256))
	switch {
	case rec.decision == "reject" || rec.decision == "deny":
		return agent.EndingDenied
	case !c.isError:
		return agent.EndingDone
	case strings.HasPrefix(text, "<tool_use_error>"):
		if tool == "Bash" {
			return agent.EndingUnknown // as of a hook: the tags are anybody's to write
		}
		return agent.EndingRefused
	case strings.HasPrefix(text, "The user doesn't want to proceed with this tool use"), strings.HasPrefix(text, "Permission to use "):
		return agent.EndingDenied
	case strings.HasPrefix(text, "[Request interrupted by user"):
		return agent.EndingCancelled
	default:
		return agent.EndingFailed
	}
}
