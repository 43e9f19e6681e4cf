package otlp

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/shell"
)

// Log is one log record.
type Log struct {
	Resource *Attributes // shared by all records of the resource
	Attributes
	Scope          string
	Event          string // name of the event, where the record has one of its own
	At, ObservedAt int64  // nanoseconds since 1970; 0 is unknown
	Trace          [16]byte
	Span           [8]byte
}

// Span is one span that ended.
type Span struct {
	Resource *Attributes
	Attributes
	Scope, Name string
	Start, End  int64 // nanoseconds since 1970
	Trace       [16]byte
	ID, Parent  [8]byte
	Failed      bool // its status is an error
	Server      bool // it is the side that was asked
}

// Surroundings are what a door knows beside the records.
type Surroundings struct {
	// Agent is the "squad/agent" that whoever sent the records may only be, and
	// AgentAuth how that was established; empty if it may be any.
	Agent, AgentAuth string
	// Pseudonym is the name by which the trail knows a person, by an identity
	// such as "email:…". May be nil: then no person is told.
	Pseudonym func(identity string) string
	// Lease is how long a run may be silent before it counts as lost.
	Lease time.Duration
	// ReceivedAt is the receiver's clock, for records that bear no time.
	ReceivedAt time.Time
}

// Reading is what records told.
type Reading struct {
	// Events are ready for the recorder; Org, ID and RecordedAt are its.
	Events []whodid.Event
	// Rejected counts the records that should have been read and could not be,
	// and Reason says why of one of them.
	Rejected int
	Reason   string
}

// reader makes events of one batch.
type reader struct {
	s         Surroundings
	reading   Reading
	seen      map[stream]*numbers
	streams   []stream
	subagents map[string]bool // whose runs are told of already
	commands  shell.Memo
}

// about is what is known of a record before its own facts are read.
type about struct {
	record, resource *Attributes
	client           string
	session          string // the client's id of it, in a form that may be kept; may be empty
	execution        string // of who acts; may be empty
	run              string // of the session; the same, unless a sub-agent acts
	subagent         string // the client's id of it
	joined           bool   // the session's execution is told by somebody else
	at               time.Time
}

// text is the record's attribute or else the resource's.
func (a *about) text(f Field) string {
	if s := a.record.text(f); s != "" {
		return s
	}
	return a.resource.text(f)
}

// about finds out whose a record is.
func (r *reader) about(resource, record *Attributes, client string, at time.Time, trace [16]byte) about {
	a := about{record: record, resource: resource, client: client, at: at}
	a.session = agent.CleanID(a.text(fieldSession))
	switch run := a.text(fieldExecution); {
	case whodid.ValidID(run) && strings.HasPrefix(run, whodid.PrefixExecution+"-"):
		a.execution, a.joined = run, true
	case a.session != "":
		a.execution = agent.Execution(client, a.session)
	case trace != [16]byte{}:
		a.execution = whodid.DeriveID(whodid.PrefixExecution, client, "trace", hex.EncodeToString(trace[:]))
	}
	a.run = a.execution
	if id := agent.CleanID(record.text(fieldSubagent)); id != "" && a.session != "" && client == agent.ClaudeCode {
		a.subagent, a.execution = id, agent.Subagent(client, a.session, id)
	}
	return a
}

// event starts an event of the run that a record is about.
func (r *reader) event(a *about, what, key string) whodid.Event {
	e := whodid.Event{
		Key: key, What: what, At: a.at, Execution: a.execution, Session: a.session,
		Source: "otlp:" + a.client, Data: whodid.Data{},
	}
	e.Actor, e.ActorAuth = r.actor(a)
	return e
}

func (r *reader) add(e whodid.Event) { r.reading.Events = append(r.reading.Events, e) }

func (r *reader) reject(reason string) {
	r.reading.Rejected++
	if r.reading.Reason == "" {
		r.reading.Reason = reason
	}
}

// key is the natural key of a fact of the session that a record is about.
func (a *about) key(parts ...string) string {
	return agent.Key(a.client, append([]string{a.scope()}, parts...)...)
}

// actingKey is that of a fact about the sub-agent that acts, or the session.
func (a *about) actingKey(parts ...string) string {
	if a.subagent != "" {
		parts = append([]string{"agent", a.subagent}, parts...)
	}
	return a.key(parts...)
}

// scope is the session, or what stands for it where none is told.
func (a *about) scope() string {
	if a.session != "" {
		return a.session
	}
	return a.execution
}

// The times that a record may have: see [whodid.Event.Validate].
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// moment is the first of the times that is one.
func moment(nanos ...int64) (time.Time, bool) {
	for _, n := range nanos {
		if n <= 0 {
			continue
		}
		at := time.Unix(0, n).UTC().Truncate(time.Microsecond)
		if at.After(earliest) && at.Before(latest) {
			return at, true
		}
	}
	return time.Time{}, false
}

// put sets a text that is not empty.
func put(d whodid.Data, name, text string) {
	if text != "" {
		d[name] = text
	}
}

// number sets a count that was told.
func number(d whodid.Data, name string, a *Attributes, f Field) {
	if n, ok := a.count(f); ok {
		d[name] = n
	}
}
