package otlp

import (
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// Logs reads log records. What it does not know tells nothing for the trail
// and is passed over; that is no error of the sender's.
func Logs(records []Log, s Surroundings) Reading {
	r := &reader{s: s}
	for i := range records {
		r.log(&records[i])
	}
	r.numbers()
	return r.reading
}

func (r *reader) log(l *Log) {
	event := l.text(fieldEvent)
	if event == "" {
		event = l.Event
	}
	client := clientOf(l.Resource, l.Scope, event)
	at, ok := r.logTime(l)
	if !ok {
		r.reject("a record's time is out of range")
		return
	}
	a := r.about(l.Resource, &l.Attributes, client, at, l.Trace)
	switch {
	case client == agent.ClaudeCode:
		r.claudeLog(&a, event)
	case client == agent.Codex:
		r.codexLog(&a, event)
	case client == agent.Gemini && strings.HasPrefix(event, "gemini_cli."):
		r.geminiLog(&a, event)
	case client == agent.Gemini:
		// It tells of a call twice, once in its own words.
	case event == "gen_ai.client.inference.operation.details":
		r.inference(&a, spanKey(&a, l.Trace, l.Span))
	}
}

// logTime is when a record's event happened: some clients leave the field for
// it empty.
func (r *reader) logTime(l *Log) (time.Time, bool) {
	if at, ok := moment(l.At); ok {
		return at, true
	}
	if at, err := time.Parse(time.RFC3339Nano, l.text(fieldEventTime)); err == nil && at.After(earliest) && at.Before(latest) {
		return at.UTC().Truncate(time.Microsecond), true
	}
	if at, ok := moment(l.ObservedAt); ok {
		return at, true
	}
	if l.At == 0 && l.ObservedAt == 0 {
		return r.s.ReceivedAt.UTC().Truncate(time.Microsecond), true
	}
	return time.Time{}, false
}

// start tells that a run began. A hook, or who started it, tells it better, with
// what they know of the place, so that this start is an inferred one, which yields.
func (r *reader) start(a *about, model string) {
	if a.execution == "" {
		return
	}
	e := r.event(a, "execution.start", a.key("execution.start", "telemetry"))
	e.Data["inferred"] = true
	e.Data["client"] = a.client
	put(e.Data, "client_version", identifier(a.text(fieldServiceVersion)))
	put(e.Data, "model", model)
	if seconds := int64(r.s.Lease / time.Second); seconds > 0 {
		e.Data["lease_seconds"] = seconds
	}
	if kind, detail, err := whodid.ParseTrigger(a.text(fieldTrigger)); err == nil {
		e.Data["trigger"] = kind
		put(e.Data, "trigger_detail", detail)
	}
	if person := r.person(a); person != "" {
		e.OnBehalfOf, e.OnBehalfAuth = person, "telemetry"
	}
	r.add(e)
}

// usage sets the tokens of a call. Of those whose count of the input includes
// what was read from or written to a cache, that is taken out.
func usage(d whodid.Data, a *Attributes, includesCache bool) {
	in, hasIn := a.count(fieldInput)
	read, hasRead := a.count(fieldCacheRead)
	written, hasWritten := a.count(fieldCacheWrite)
	if includesCache && hasIn && read+written <= in {
		in -= read + written
	}
	set := func(name string, n int64, told bool) {
		if told {
			d[name] = n
		}
	}
	set("input_tokens", in, hasIn)
	set("cache_read_tokens", read, hasRead)
	set("cache_write_tokens", written, hasWritten)
	number(d, "output_tokens", a, fieldOutput)
}
