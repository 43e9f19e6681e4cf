package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Request is a request to erase as it is kept, in the trail and apart from it:
// enough to carry it out again on an older copy of the trail, and nothing of
// what was erased.
type Request struct {
	V int `json:"v"`
	// Origin is the log whose events are meant.
	Origin string `json:"origin"`
	// ID and Key are those of the event of the request, At is its time.
	ID  string    `json:"id"`
	Key string    `json:"key"`
	At  time.Time `json:"at"`
	// Data is that event's metadata.
	Data whodid.Data `json:"data"`
	// Places are what is taken, by fields.
	Places []Places `json:"places"`
	// Authors and Files are rows of the index of git, Tokens ids of tokens.
	Authors []store.CommitRef `json:"authors,omitempty"`
	Files   []store.CommitRef `json:"files,omitempty"`
	Tokens  []string          `json:"tokens,omitempty"`
	// People are SHA-256 of the person's pseudonyms, which are keyed themselves:
	// whoever has the key of pseudonyms can compare, and nobody else.
	People []string `json:"people,omitempty"`
	// Logs are the executions whose logs go.
	Logs []string `json:"logs,omitempty"`
}

// Places are events that lose the same fields.
type Places struct {
	Fields []string `json:"fields"`
	// Nobody leaves no actor at all: the decision did not count.
	Nobody bool     `json:"nobody,omitempty"`
	Events []string `json:"events"`
}

// personDigest stands for a pseudonym in the list of requests.
func personDigest(pseudonym string) string {
	sum := sha256.Sum256([]byte("whodid erasure v1\x00" + pseudonym))
	return hex.EncodeToString(sum[:])
}

// newRequest makes the request that carries a plan out.
func newRequest(p *Plan, origin string, at time.Time) *Request {
	r := &Request{
		V: 1, Origin: origin, Key: "erase/" + strings.TrimPrefix(whodid.NewID(whodid.PrefixEvent), whodid.PrefixEvent+"-"),
		At: at.UTC().Truncate(time.Microsecond), Authors: p.authors, Files: p.files, Tokens: p.tokens, Logs: p.Executions,
	}
	for _, pseudonym := range p.Selector.Pseudonyms {
		if p.personHeld {
			break
		}
		r.People = append(r.People, personDigest(pseudonym))
	}
	for i := range p.events {
		t := &p.events[i]
		at := slices.IndexFunc(r.Places, func(x Places) bool { return x.Nobody == t.Nobody && slices.Equal(x.Fields, t.Fields) })
		if at < 0 {
			at = len(r.Places)
			r.Places = append(r.Places, Places{Fields: t.Fields, Nobody: t.Nobody})
		}
		r.Places[at].Events = append(r.Places[at].Events, t.Event)
	}
	c := &p.Counts
	r.Data = whodid.Data{
		"selector": string(p.Selector.Kind), "event_count": int64(c.Events), "fields": int64(c.Fields), "run_count": int64(c.Executions),
		"commits": int64(c.Commits), "tokens": int64(c.Tokens), "names": int64(c.Names), "logs": int64(c.Logs), "held": int64(c.Held),
		"size": int64(p.Size), "root": hex.EncodeToString(p.Root[:]), "places": r.placesDigest(),
	}
	if kinds := kindList(c.Kinds); len(kinds) > 0 {
		r.Data["kinds"] = kinds
	}
	return r
}

// placesDigest binds the event of the request to the list of what was erased.
func (r *Request) placesDigest() string {
	b, _ := json.Marshal(r.Places) // strings always marshal
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// parseRequest reads a request and refuses what none of this program's can be.
func parseRequest(line []byte) (*Request, error) {
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("a request to erase can't be read: %w", err)
	}
	switch {
	case r.V != 1:
		return nil, fmt.Errorf("a request to erase is of version %d; this program knows version 1", r.V)
	case r.ID == "" || r.Origin == "" || r.Key == "":
		return nil, fmt.Errorf("a request to erase has no id")
	case r.Data.String("places") != r.placesDigest():
		return nil, fmt.Errorf("the request to erase %s was changed", r.ID)
	}
	for _, p := range r.Places {
		for _, field := range p.Fields {
			if !slices.Contains(proof.Fields(), field) {
				return nil, fmt.Errorf("the request to erase %s names a field %q", r.ID, field)
			}
		}
	}
	return &r, nil
}

// erasure is the request as the store carries it out. people are the actors whom
// it is about, if that is known.
func (r *Request) erasure(people []string) (*store.Erasure, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("couldn't write the request to erase: %w", err)
	}
	e := &store.Erasure{ID: r.ID, At: r.At, Request: text, Authors: r.Authors, Files: r.Files, Tokens: r.Tokens, People: people}
	for _, p := range r.Places {
		for _, id := range p.Events {
			e.Events = append(e.Events, store.Taking{Event: id, Fields: p.Fields, Nobody: p.Nobody})
		}
	}
	return e, nil
}

// Events is how many events the request names.
func (r *Request) Events() (n int) {
	for _, p := range r.Places {
		n += len(p.Events)
	}
	return n
}
