package whodid

import (
	"slices"
	"strings"
	"time"
)

// Event is the one atom of the trail. Each field answers a part of the
// question: who did what, when, why, and with what result?
type Event struct {
	// Org is the organisation whose log holds the event.
	Org string `json:"org,omitempty"`
	// ID identifies the fact. It is derived from Key, so that the same fact
	// told twice is one event; see [EventID].
	ID string `json:"id,omitempty"`
	// Key is the natural key of the fact, made of opaque ids of its source
	// (session and tool-use id, request id, delivery id). It is published in
	// the leaf and must not carry personal data.
	Key string `json:"key"`

	// Actor is who acted: "agent:squad/name", "human:<pseudonym>" or
	// "system:whodid".
	Actor string `json:"actor"`
	// ActorAuth says how the actor was authenticated, such as "os-user",
	// "hook" or "token"; empty when it was not.
	ActorAuth string `json:"actor_auth,omitempty"`
	// OnBehalfOf is the person who stands behind an agent, as an actor.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	// OnBehalfAuth says how that person was authenticated.
	OnBehalfAuth string `json:"on_behalf_auth,omitempty"`

	// What is the dotted verb of the catalogue, such as "file.write".
	What string `json:"what"`
	// Target is what was acted upon: a path, a URL, "acme/shop#44", an id.
	Target string `json:"target,omitempty"`
	// At is when it happened by its source's clock, in UTC microseconds.
	At time.Time `json:"at"`
	// RecordedAt is when the trail took it, by the trail's clock.
	RecordedAt time.Time `json:"recorded_at,omitzero"`
	// Why is the trigger, the reasoning or the justification.
	Why string `json:"why,omitempty"`
	// Result is what came of it; empty where the catalogue expects none.
	Result Result `json:"result,omitempty"`

	// Execution, Session and Approval link the event to a run, to a client's
	// session and to the approval it was done under.
	Execution string `json:"execution,omitempty"`
	Session   string `json:"session,omitempty"`
	Approval  string `json:"approval,omitempty"`

	// Source says who told it: "hook:claude-code", "cli", "import:claude-code".
	Source string `json:"source"`
	// Data is metadata; the catalogue lists the allowed fields for What.
	Data Data `json:"data,omitempty"`
}

// Result is what came of an action.
type Result string

// The results an event can have. An action is a success only when its own
// result proves it; one that was seen to begin and whose end is not proved is
// attempted.
const (
	ResultNone      Result = ""
	ResultSuccess   Result = "success"
	ResultFailed    Result = "failed"
	ResultApproved  Result = "approved"
	ResultRejected  Result = "rejected"
	ResultBlocked   Result = "blocked"
	ResultCancelled Result = "cancelled"
	ResultTimeout   Result = "timeout"
	ResultAttempted Result = "attempted"
)

// Results lists every result that an event can have, the empty one excepted.
func Results() []Result {
	return []Result{
		ResultSuccess, ResultFailed, ResultApproved, ResultRejected,
		ResultBlocked, ResultCancelled, ResultTimeout, ResultAttempted,
	}
}

// Valid reports whether r is a known result or empty.
func (r Result) Valid() bool {
	if r == ResultNone {
		return true
	}
	return slices.Contains(Results(), r)
}

// ErasedPerson is the actor of a person whose pseudonym was erased.
const ErasedPerson = "human:erased"

// System is the actor of what the product does by itself.
const System = "system:whodid"

// AgentActor is the actor of an agent named "squad/name".
func AgentActor(agent string) string { return "agent:" + agent }

// HumanActor is the actor of a person known by a pseudonym.
func HumanActor(pseudonym string) string { return "human:" + pseudonym }

// IsHuman reports whether an actor is a person. A person's actor is personal
// data: the published leaf holds a commitment to it instead.
func IsHuman(actor string) bool { return strings.HasPrefix(actor, "human:") }

// AgentOf returns the "squad/name" of an agent's actor, or "".
func AgentOf(actor string) string {
	name, ok := strings.CutPrefix(actor, "agent:")
	if !ok {
		return ""
	}
	return name
}

// Micros is t as microseconds since 1970 in UTC: the resolution and the form
// in which the trail keeps every time.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the time of that many microseconds since 1970, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// TimeFormat is how the trail writes a time: RFC 3339 in UTC with exactly six
// digits of the second's fraction, so that times sort as text.
const TimeFormat = "2006-01-02T15:04:05.000000Z"

// FormatTime writes t in [TimeFormat].
func FormatTime(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.Format(TimeFormat)
	}
	// By hand, for every leaf has two of them.
	hour, minute, second := t.Clock()
	b := []byte(TimeFormat)
	digits := func(from, to, n int) {
		for i := to - 1; i >= from; i-- {
			b[i] = byte('0' + n%10)
			n /= 10
		}
	}
	digits(0, 4, year)
	digits(5, 7, int(month))
	digits(8, 10, day)
	digits(11, 13, hour)
	digits(14, 16, minute)
	digits(17, 19, second)
	digits(20, 26, t.Nanosecond()/1000)
	return string(b)
}
