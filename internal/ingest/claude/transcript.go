package claude

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

const (
	// maxLine is the longest line that is read as a whole. Answers of models
	// stay far below; results of tools, which are not needed, may be longer.
	maxLine = 8 << 20
	// lineHead is how much of a longer line is looked at to tell what it is.
	lineHead = 64 << 10
	// maxRequests bounds what a transcript can make the reader remember.
	maxRequests = 200_000
)

// Transcript reads a session's or sub-agent's transcript as a stream. It fails
// only if r does, and then returns what it read so far.
//
// The client writes an answer as several lines, one per block, each with the
// usage that was known by then, and repeats lines when it goes on with a
// session. So there is one model.call per message and request id, with the
// usage of the line that has the largest output, and the time of the last
// (see https://docs.anthropic.com/en/api/messages for the fields of usage).
func Transcript(r io.Reader, ref agent.TranscriptRef) (agent.TranscriptReading, error) {
	t := newTranscript(ref)
	lines := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for {
		var long bool
		var err error
		line, long, err = readLine(lines, line[:0])
		if len(line) > 0 {
			t.line(line, long)
		}
		if errors.Is(err, io.EOF) {
			return t.finish(), nil
		}
		if err != nil {
			return t.finish(), fmt.Errorf("couldn't read transcript: %w", err)
		}
	}
}

// readLine appends the next line to buf. Of a line longer than maxLine it
// keeps the beginning, and says so.
func readLine(r *bufio.Reader, buf []byte) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > maxLine {
			long = true
			buf = buf[:min(len(buf), lineHead)]
		}
		if !long || len(buf) < lineHead {
			buf = append(buf, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, long, err
		}
	}
}

// transcript is a transcript while it is read.
type transcript struct {
	ref      agent.TranscriptRef
	actor    string
	reading  agent.TranscriptReading
	requests map[string]*request
	order    []*request
	calls    map[string]bool
	prompt   string  // id of the last prompt
	failure  *record // the last answer of the turn
}

func newTranscript(ref agent.TranscriptRef) *transcript {
	return &transcript{
		ref: ref, actor: agent.Actor(agent.ClaudeCode, ref.Agent),
		requests: map[string]*request{}, calls: map[string]bool{},
	}
}

// line reads one line of the file.
func (t *transcript) line(line []byte, long bool) {
	v := loose.Document(line)
	if len(v) == 0 {
		return
	}
	t.reading.Lines++
	rec := readRecord(v)
	rec.whole = rec.whole && !long
	if !rec.whole {
		// What a broken line was can often still be told; only an answer's is
		// missed.
		if rec.kind == "" || rec.kind == "assistant" {
			t.reading.Unreadable++
		}
		return
	}
	if !rec.at.IsZero() {
		if t.reading.First.IsZero() || rec.at.Before(t.reading.First) {
			t.reading.First = rec.at
		}
		if rec.at.After(t.reading.Last) {
			t.reading.Last = rec.at
		}
	}
	if rec.version != "" {
		t.reading.ClientVersion = rec.version
	}
	switch rec.kind {
	case "user":
		if rec.prompt != "" {
			t.prompt = rec.prompt
		}
	case "assistant":
		t.answer(rec)
	}
}

// answer takes one line of an answer.
func (t *transcript) answer(rec *record) {
	if !rec.sidechain || t.ref.SubagentID != "" {
		// In a session's file a sub-agent's answer, as old clients wrote them,
		// does not end the turn.
		t.reading.Failed = rec.apiError
		t.failure, rec.prompt = rec, t.prompt
	}
	for _, id := range rec.calls {
		if rec.agent != "" && rec.agent != t.ref.SubagentID {
			break // told of another execution
		}
		if len(t.calls) < maxRequests && !t.calls[id] {
			t.calls[id] = true
			t.reading.Calls = append(t.reading.Calls, id)
		}
	}
	if rec.synthetic || rec.apiError && !rec.usage.told {
		return // the client's own words, not a model's
	}
	key := rec.key()
	if key == "" {
		t.reading.Unreadable++
		return
	}
	q := t.requests[key]
	switch {
	case q != nil:
	case len(t.order) == maxRequests:
		t.reading.Unreadable++
		return
	default:
		q = &request{key: key, usage: rec.usage}
		t.requests[key] = q
		t.order = append(t.order, q)
	}
	q.take(rec)
}

// request is one request to a model, gathered from the lines of its answer.
type request struct {
	key     string
	message string
	id      string
	model   string
	agent   string // sub-agent that asked
	cwd     string
	at      time.Time
	usage   usage
}

func (q *request) take(rec *record) {
	if rec.at.After(q.at) {
		q.at = rec.at
	}
	if rec.usage.told && (!q.usage.told || rec.usage.output >= q.usage.output) {
		q.usage = rec.usage
	}
	q.message, q.id = rec.message, rec.request
	q.model = cmp.Or(rec.model, q.model)
	q.agent = cmp.Or(rec.agent, q.agent)
}

// finish makes the events. Where neither a line nor the caller tells a time,
// there is none to tell.
func (t *transcript) finish() agent.TranscriptReading {
	if t.reading.Last.IsZero() && t.ref.At.IsZero() {
		t.reading.Unreadable += len(t.order)
		return t.reading
	}
	for _, q := range t.order {
		t.reading.Events = append(t.reading.Events, t.modelCall(q))
	}
	if t.reading.Failed {
		t.reading.Events = append(t.reading.Events, t.turnFail(t.failure))
	}
	if n := t.reading.Unreadable; n > 0 {
		e := t.event("record.gap", agent.Key(agent.ClaudeCode, "gap", agent.Digest(t.ref.Session, t.ref.SubagentID, t.ref.Path, strconv.Itoa(n))), time.Time{})
		e.Actor = whodid.System
		e.Data = whodid.Data{"reason": "lines of a transcript could not be read", "count": int64(n)}
		t.reading.Events = append(t.reading.Events, e)
	}
	return t.reading
}

func (t *transcript) event(what, key string, at time.Time) whodid.Event {
	if at.IsZero() {
		at = t.reading.Last
	}
	if at.IsZero() {
		at = t.ref.At
	}
	return whodid.Event{
		Key: key, What: what, At: at, Actor: t.actor,
		Execution: t.ref.Execution, Session: t.ref.Session,
		Source: "import:" + agent.ClaudeCode,
	}
}

func (t *transcript) modelCall(q *request) whodid.Event {
	e := t.event("model.call", q.key, q.at)
	e.Data = whodid.Data{}
	agent.Put(e.Data, "model", q.model)
	agent.Put(e.Data, "request", q.id)
	agent.Put(e.Data, "message", q.message)
	if id := cmp.Or(q.agent, t.ref.SubagentID); id != "" {
		agent.Put(e.Data, "agent_id", id)
		run := t.ref.Parent
		if t.ref.Session != "" && id != t.ref.SubagentID {
			// A sub-agent's line in a session's file, as old clients wrote.
			e.Execution = agent.Subagent(agent.ClaudeCode, t.ref.Session, id)
			run = t.ref.Execution
		}
		agent.Put(e.Data, "run", run) // a sub-agent's calls are its session's too
	}
	if u := q.usage; u.told {
		e.Data["input_tokens"] = u.input
		e.Data["output_tokens"] = u.output
		e.Data["cache_read_tokens"] = u.cacheRead
		e.Data["cache_write_tokens"] = u.cacheWrite
		e.Data["cache_write_1h_tokens"] = u.cacheWrite1h
	}
	return e
}

// turnFail tells of the error that the session ended with. A hook tells the
// same with the same key, unless it fired for another prompt.
func (t *transcript) turnFail(rec *record) whodid.Event {
	parts := []string{t.ref.Session, "turn.fail", agent.PromptPart(rec.prompt, rec.at)}
	if t.ref.SubagentID != "" {
		parts = []string{t.ref.Session, "agent", t.ref.SubagentID, "turn.fail", agent.PromptPart(rec.prompt, rec.at)}
	}
	e := t.event("turn.fail", agent.Key(agent.ClaudeCode, parts...), rec.at)
	e.Data = whodid.Data{"error": agent.ErrorKind(rec.errorKind)}
	agent.Put(e.Data, "prompt", rec.prompt)
	return e
}
