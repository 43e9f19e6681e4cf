package spool

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// appendRecord appends a record as encoding/json would write it, but for HTML,
// which it leaves alone. Events are written by hand: a hook writes one and
// ends, and asking the type for its fields takes a twentieth of its life.
func appendRecord(b []byte, r *Record) ([]byte, error) {
	b = append(b, '{')
	for i := range r.Events {
		if i == 0 {
			b = append(b, `"events":[`...)
		} else {
			b = append(b, ',')
		}
		var err error
		if b, err = appendEvent(b, &r.Events[i]); err != nil {
			return nil, fmt.Errorf("event %s: %w", r.Events[i].Key, err)
		}
	}
	if len(r.Events) > 0 {
		b = append(b, ']')
	}
	if len(r.Redacted) > 0 { // most events hold nothing that must not be kept
		list, err := json.Marshal(r.Redacted)
		if err != nil {
			return nil, err
		}
		b = append(appendName(b, "redacted"), list...)
	}
	if len(r.Transcripts) > 0 { // only at the end of a session
		list, err := json.Marshal(r.Transcripts)
		if err != nil {
			return nil, err
		}
		b = append(appendName(b, "transcripts"), list...)
	}
	return append(b, '}'), nil
}

func appendEvent(b []byte, e *whodid.Event) ([]byte, error) {
	b = append(b, '{')
	for _, m := range [...]struct{ name, text string }{
		{"org", e.Org},
		{"id", e.ID},
		{"key", e.Key},
		{"actor", e.Actor},
		{"actor_auth", e.ActorAuth},
		{"on_behalf_of", e.OnBehalfOf},
		{"on_behalf_auth", e.OnBehalfAuth},
		{"what", e.What},
		{"target", e.Target},
		{"why", e.Why},
		{"result", string(e.Result)},
		{"execution", e.Execution},
		{"session", e.Session},
		{"approval", e.Approval},
		{"source", e.Source},
	} {
		if m.text != "" {
			b = whodid.AppendJSONString(appendName(b, m.name), m.text)
		}
	}
	for _, m := range [...]struct {
		name string
		time time.Time
	}{{"at", e.At}, {"recorded_at", e.RecordedAt}} {
		if m.time.IsZero() {
			continue
		}
		var err error
		if b, err = m.time.AppendText(append(appendName(b, m.name), '"')); err != nil {
			return nil, err
		}
		b = append(b, '"')
	}
	if len(e.Data) > 0 {
		b = append(appendName(b, "data"), e.Data.Canonical()...)
	}
	return append(b, '}'), nil
}

// appendName begins the next member of an object.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), name...)
	return append(b, `":`...)
}
