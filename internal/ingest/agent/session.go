package agent

import (
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// SessionFile says how to read what a client keeps of a session, or of a
// sub-agent, in a file, for the sake of all that it tells and not of usage alone.
type SessionFile struct {
	// Ref says whose it is. At is the time of what has none of its own.
	Ref TranscriptRef
	// Surroundings are those of the reader: the home directory, the
	// repositories, the person behind the session. The clock is not asked.
	Surroundings Surroundings
	// Kind is the client's name for the kind of sub-agent, and CWD where the
	// session works, as far as something beside the file tells.
	Kind, CWD string
	// Own tells that nobody else told of the session's executions: the file
	// tells their beginnings and ends too.
	Own bool
	// From is up to where the file was read before; what was told by then is
	// not told again.
	From int64
	// Now is the reader's clock. What stands at the end of a file that was
	// written to a moment ago is left for the next time: an answer that is still
	// coming, a call that still runs.
	Now time.Time
	// Tell takes the events, one by one, in no order that matters.
	Tell func(whodid.Event) error
}

// How long nobody has written to a file that is taken to be complete for now,
// and to one whose session is taken to be over.
const (
	quiet  = time.Minute
	silent = time.Hour
)

// Quiet tells whether a file whose last time is last is complete for now.
func (f *SessionFile) Quiet(last time.Time) bool { return f.since(last) > quiet }

// Silent tells whether the session of such a file is over: nobody says so, but
// nothing has been heard of it for long.
func (f *SessionFile) Silent(last time.Time) bool { return f.since(last) > silent }

// since is how long ago a file was last written to.
func (f *SessionFile) since(last time.Time) time.Duration {
	if last.IsZero() {
		last = f.Ref.At // it says nothing yet
	}
	return f.Now.Sub(last)
}

// SessionReading is what came of reading a file.
type SessionReading struct {
	// Next is from where on to tell next time. Held tells that something before
	// the end was left for then, Over that the session is.
	Next       int64
	Held, Over bool
	// Lines counts the lines, Unreadable those that should have been read and
	// could not be.
	Lines, Unreadable int
	// Requests and Calls count what was told.
	Requests, Calls int
	// First and Last are the first and last time in it; zero if there is none.
	First, Last time.Time
}

// Span widens the time that the file is about.
func (r *SessionReading) Span(at time.Time) {
	if at.IsZero() {
		return
	}
	if r.First.IsZero() || at.Before(r.First) {
		r.First = at
	}
	if at.After(r.Last) {
		r.Last = at
	}
}

// Teller tells what a session did as the hooks of its client would have told
// it: with the same ids, keys, words and results. Readers of what clients keep
// hand it the facts.
type Teller struct {
	file *SessionFile
	err  error
	n    map[string]int // how many such calls there were, by fingerprint
}

// NewTeller makes the teller of a file.
func NewTeller(f *SessionFile) *Teller { return &Teller{file: f, n: map[string]int{}} }

// Err is the first error of those that take the events.
func (t *Teller) Err() error { return t.err }

// tell hands over an event.
func (t *Teller) tell(e whodid.Event) {
	if t.err == nil {
		t.err = t.file.Tell(e)
	}
}

// Scene is when and where something happened, and who of the session did it.
type Scene struct {
	At  time.Time
	CWD string
	// AgentID is the sub-agent's, where it is another than the file's.
	AgentID string
	Model   string
	Mode    string // the client's permission mode
}

// hook is the hook that the client would have called.
func (t *Teller) hook(s Scene) *hook {
	ref := &t.file.Ref
	at := s.At
	if at.IsZero() {
		at = ref.At
	}
	h := &hook{
		s: t.file.Surroundings, client: ref.Client, session: ref.Execution, acting: ref.Execution,
		actor: Actor(ref.Client, ref.Agent, t.file.Surroundings.Agent, t.file.Surroundings.DefaultAgent),
		p:     &payload{session: ref.Session, agentID: ref.SubagentID, cwd: s.CWD, model: s.Model, mode: permissionMode(s.Mode), whole: true, call: call{duration: -1}},
	}
	h.s.At = at
	if h.s.Home == "" {
		h.s.Home = homeOf(ref.Path)
	}
	if ref.SubagentID != "" {
		h.session = ref.Parent
	} else if s.AgentID != "" && ref.Session != "" {
		h.p.agentID, h.acting = s.AgentID, Subagent(ref.Client, ref.Session, s.AgentID)
	}
	return h
}

// permissionMode is the client's permission mode, if it is a known one.
func permissionMode(s string) string {
	return OneOf(s, "", "default", "acceptEdits", "bypassPermissions", "plan", "dontAsk", "auto")
}

// tellAll hands over what the hook would have told.
func (t *Teller) tellAll(h *hook) {
	for _, e := range h.reading.Events {
		e.Source, e.ActorAuth = "import:"+h.client, ""
		t.tell(e)
	}
}

// Begin tells that the session, or the sub-agent, began. version is that of the
// client.
func (t *Teller) Begin(s Scene, version string) {
	if !t.file.Own {
		return
	}
	h := t.hook(s)
	e := h.executionStart("execution.start")
	Put(e.Data, "client_version", Identifier(version))
	if h.p.agentID != "" {
		e.Data["agent_id"] = h.p.agentID
		Put(e.Data, "parent", h.session)
		// A sub-agent of a kind that nobody told is one all the same.
		e.Data["agent_type"] = "agent"
		Put(e.Data, "agent_type", Identifier(t.file.Kind))
		h.add(e)
		t.tellAll(h)
		return
	}
	h.add(e)
	started := h.event("session.start", h.key("session.start"))
	started.Data = whodid.Data{"client": h.client}
	Put(started.Data, "cwd", h.place().short(h.p.cwd))
	Put(started.Data, "model", h.p.model)
	Put(started.Data, "client_version", Identifier(version))
	h.add(started)
	t.tellAll(h)
}

// TurnComplete tells that the agent handed over.
func (t *Teller) TurnComplete(s Scene, prompt string) {
	if !t.file.Own {
		return
	}
	h := t.hook(s)
	h.p.prompt = prompt
	h.turnComplete()
	t.tellAll(h)
}

// TurnFail tells that a turn ended in an error of the service.
func (t *Teller) TurnFail(s Scene, prompt, kind string) {
	h := t.hook(s)
	e := h.event("turn.fail", h.key("turn.fail", PromptPart(prompt, h.s.At)))
	e.Data = whodid.Data{"error": ErrorKind(kind)}
	Put(e.Data, "prompt", prompt)
	h.add(e)
	t.tellAll(h)
}

// End tells that the session, or the sub-agent, is over: nobody told so, but it
// has been silent since.
func (t *Teller) End(s Scene) {
	if !t.file.Own || s.At.IsZero() {
		return
	}
	h := t.hook(s)
	if h.p.agentID == "" {
		e := h.event("session.end", h.momentKey("session.end"))
		e.Data = whodid.Data{"reason": "silent"}
		h.add(e)
	}
	h.finish("silent")
	t.tellAll(h)
}

// FileCall is a call of a tool, as a client's file of a session tells of it.
type FileCall struct {
	Tool string
	// ID is the client's id of the call. One that its hooks don't tell has no
	// place here: see [Teller.Nth].
	ID string
	// Input are the arguments, Response is what the tool gave back, Failure the
	// text of its failure.
	Input, Response, Failure loose.Value
	Ending                   Ending
	// Exit is the exit status of a command; nil if it is not known.
	Exit *int
	// Said tells that the client itself says that it ended as Ending has it, even
	// where no exit status is known.
	Said bool
	// Duration is in milliseconds, negative if it is not known.
	Duration int64
}

// Nth is the id of a call of a client whose hooks tell none: see [CallID]. Each
// use counts one such call.
func (t *Teller) Nth(tool string, input loose.Value) string {
	kind := Fingerprint(t.file.Ref.Client, tool, input)
	before := t.n[kind]
	if len(t.n) < maxKinds {
		t.n[kind]++
	}
	return nth(kind, before)
}

// maxKinds bounds what a file can make the teller remember.
const maxKinds = 200_000

// Call tells what a call of a tool did.
func (t *Teller) Call(s Scene, c *FileCall) {
	h := t.hook(s)
	at := c.Ending.stage()
	if c.Ending == EndingUnknown && len(c.Response) == 0 {
		at = stageBefore
	}
	h.p.raw = c.Input
	h.tool(call{tool: c.Tool, id: CleanID(c.ID), input: c.Input, response: c.Response, failure: c.Failure, duration: c.Duration, exit: c.Exit, said: c.Said && c.Ending == EndingDone}, at)
	t.tellAll(h)
}

// Usage is what a request to a model used; Input excludes what was read from or
// written to a cache. Of a cache that its client does not tell of, the counts
// are negative.
type Usage struct {
	Input, Output, CacheRead, CacheWrite, CacheWrite1h int64
}

// Request tells a call of a model. key is what all sources of it agree upon.
func (t *Teller) Request(s Scene, key string, u *Usage, data whodid.Data) {
	h := t.hook(s)
	e := h.event("model.call", key)
	e.Data = data
	Put(e.Data, "model", s.Model)
	if h.p.agentID != "" {
		e.Data["agent_id"] = h.p.agentID
		Put(e.Data, "run", h.session) // a sub-agent's calls are its session's too
	}
	if u != nil {
		number(e.Data, "input_tokens", u.Input, u.Input >= 0)
		number(e.Data, "output_tokens", u.Output, u.Output >= 0)
		number(e.Data, "cache_read_tokens", u.CacheRead, u.CacheRead >= 0)
		number(e.Data, "cache_write_tokens", u.CacheWrite, u.CacheWrite >= 0)
		number(e.Data, "cache_write_1h_tokens", u.CacheWrite1h, u.CacheWrite1h > 0)
	}
	h.add(e)
	t.tellAll(h)
}

// Gap tells that lines of the file could not be read.
func (t *Teller) Gap(s Scene, lines int) {
	ref := &t.file.Ref
	h := t.hook(s)
	e := h.event("record.gap", Key(h.client, "gap", Digest(ref.Session, ref.SubagentID, ref.Path, decimal(int64(lines)))))
	e.Actor = whodid.System
	e.Data = whodid.Data{"reason": "lines of a transcript could not be read", "count": int64(lines)}
	h.add(e)
	t.tellAll(h)
}
