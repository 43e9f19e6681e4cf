package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// NewEvent is an event as it is sent. Who told it, when the trail took it and
// in which organisation it happened the server says by itself.
type NewEvent struct {
	// Key is the natural key of the fact, made of opaque ids of its source: the
	// same key is the same fact, whoever tells it. It is published, and must not
	// carry personal data. Without one each event is a new fact, unless the
	// request has an Idempotency-Key.
	Key string `json:"key,omitempty"`
	// Actor is who acted: "agent:squad/name", or the person of the credential.
	// Without one it is whom the credential names.
	Actor string `json:"actor,omitempty"`
	// OnBehalfOf is the person who stands behind an agent: "human:pseudonym" as
	// the trail knows them, or "email:address", of which only the pseudonym is
	// kept.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	// What is the verb of the catalogue, such as "file.write".
	What string `json:"what"`
	// Target is what was acted upon: a path, a URL, "acme/shop#44".
	Target string `json:"target,omitempty"`
	// At is when it happened; now unless it is said.
	At *time.Time `json:"at,omitempty"`
	// Why is the trigger, the reasoning or the justification.
	Why string `json:"why,omitempty"`
	// Result is what came of it: success only where that is known.
	Result whodid.Result `json:"result,omitempty"`
	// Execution, Session and Approval are ids that link it.
	Execution string `json:"execution_id,omitempty"`
	Session   string `json:"session_id,omitempty"`
	Approval  string `json:"approval_id,omitempty"`
	// Metadata is what the catalogue allows for the verb: text, whole numbers,
	// booleans and lists of text.
	Metadata whodid.Data `json:"metadata,omitempty"`
}

// RecordedEvent says what became of an event.
type RecordedEvent struct {
	EventID     string `json:"event_id"`
	ExecutionID string `json:"execution_id"`
	// New is false if the trail held it already.
	New bool `json:"new"`
}

// Recorded says what became of a list of events.
type Recorded struct {
	// Events are in the order in which they were sent.
	Events []RecordedEvent `json:"events"`
	// New is how many the trail did not hold yet.
	New int `json:"new"`
}

// MaxEvents is how many events one request records at most.
const MaxEvents = 10_000

// source is who tells what comes over the API.
const source = "api"

func (c *call) recordEvents() error {
	b, err := c.body()
	if err != nil {
		return err
	}
	var sent []NewEvent
	if list := bytes.TrimLeft(b, " \t\r\n"); len(list) > 0 && list[0] == '[' {
		err = decode(b, &sent)
	} else {
		sent = make([]NewEvent, 1)
		err = decode(b, &sent[0])
	}
	switch {
	case err != nil:
		return err
	case len(sent) == 0:
		return wrong(http.StatusUnprocessableEntity, "there is no event in the list")
	case len(sent) > MaxEvents:
		return wrong(http.StatusRequestEntityTooLarge, "the list has %d events, %d are allowed", len(sent), MaxEvents)
	}
	events := make([]whodid.Event, len(sent))
	p := &problem{status: http.StatusUnprocessableEntity}
	for i := range sent {
		err := c.event(&events[i], &sent[i], i)
		if err == nil {
			continue
		}
		var item *problem
		if errors.As(err, &item) && item.status == http.StatusForbidden {
			p.status = item.status
		}
		p.items = append(p.items, ItemProblem{Index: i, Detail: err.Error()})
	}
	if len(p.items) > 0 {
		p.detail = fmt.Sprintf("%d of %d events can't be recorded, so none was: %s", len(p.items), len(sent), p.items[0].Detail)
		p.items = p.items[:min(len(p.items), maxItemProblems)]
		return p
	}
	done, err := c.record(events)
	if err != nil {
		return err
	}
	return c.answer(done)
}

// maxItemProblems bounds how many items of a list are complained about.
const maxItemProblems = 100

// event makes the event of what was sent, and says what is wrong with it.
func (c *call) event(e *whodid.Event, in *NewEvent, index int) error {
	if err := mayTell(in.What); err != nil {
		return err
	}
	*e = whodid.Event{
		Key: in.Key, What: in.What, Target: in.Target, Why: in.Why, Result: in.Result, At: c.at(in.At),
		Execution: in.Execution, Session: in.Session, Approval: in.Approval, Source: source, Data: in.Metadata,
	}
	if e.Key == "" {
		e.Key = c.key("event", strconv.Itoa(index))
	}
	if err := c.sign(e, in.Actor, in.OnBehalfOf); err != nil {
		return err
	}
	return e.Validate()
}

// mayTell refuses what only the product itself records: that a person approved
// something, say, is no recorder's to tell.
func mayTell(what string) error {
	kind, ok := whodid.KindOf(what)
	if !ok || kind.Action {
		return nil // an unknown verb is refused with all else that is wrong
	}
	noun, _, _ := strings.Cut(what, ".")
	if slices.Contains([]string{"execution", "session", "turn", "model"}, noun) && what != "execution.lost" || what == "record.gap" {
		return nil
	}
	return wrong(http.StatusForbidden, "not allowed: %s is recorded by the product itself", what)
}

// at is the time that was sent, or now.
func (c *call) at(t *time.Time) time.Time {
	if t == nil || t.IsZero() {
		return c.api.options.Now()
	}
	return *t
}

// sign says who acted, and how that is known: by the rules of [vouch].
// A person who is signed in and tells of an agent stands behind it.
func (c *call) sign(e *whodid.Event, actor, onBehalfOf string) error {
	if strings.HasPrefix(actor, "system:") && actor != c.id.Actor {
		return wrong(http.StatusForbidden, "not allowed: this credential speaks for %s, not for %q", c.id.Actor, actor)
	}
	e.Actor = actor
	switch identity, isAddress := strings.CutPrefix(onBehalfOf, "email:"); {
	case isAddress:
		// An address has no place in the trail; the pseudonym that it has here has.
		e.OnBehalfOf = whodid.HumanActor(c.tenant.Pseudonym("email:" + strings.ToLower(identity)))
	case onBehalfOf == "" && whodid.IsHuman(c.id.Actor) && whodid.AgentOf(actor) != "":
		e.OnBehalfOf = c.id.Actor
	default:
		e.OnBehalfOf = onBehalfOf
	}
	if err := c.id.Vouch(e); err != nil {
		return wrong(http.StatusForbidden, "%v", err)
	}
	return nil
}

// maxIdempotencyKey bounds the header, in bytes.
const maxIdempotencyKey = 255

// key is the key of a fact that was sent without one: the same for the same
// Idempotency-Key of the same credential, else a new one.
func (c *call) key(kind string, parts ...string) string {
	given := c.r.Header.Get("Idempotency-Key")
	if given == "" {
		return source + "/" + kind + "/" + strings.TrimPrefix(whodid.NewID(whodid.PrefixEvent), whodid.PrefixEvent+"-")
	}
	return digestKey(kind, append([]string{c.id.Credential, given, c.r.URL.Path}, parts...)...)
}

// digestKey is a key made of what a fact consists of. The parts become a
// digest, for a key is published and they may say anything.
func digestKey(kind string, parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return source + "/" + kind + "/" + hex.EncodeToString(h.Sum(nil)[:16])
}

// checkIdempotency refuses a key that is none.
func (c *call) checkIdempotency() error {
	if len(c.r.Header.Get("Idempotency-Key")) > maxIdempotencyKey {
		return wrong(http.StatusBadRequest, "the Idempotency-Key is longer than %d bytes", maxIdempotencyKey)
	}
	return nil
}

// record takes the events in, all or none.
func (c *call) record(events []whodid.Event) (*Recorded, error) {
	if err := c.checkIdempotency(); err != nil {
		return nil, err
	}
	rows, err := c.tenant.Recorder.Record(c.ctx, events...)
	if err != nil {
		return nil, err
	}
	added := make(map[string]bool, len(rows))
	for _, r := range rows {
		added[r.ID] = true
	}
	done := &Recorded{Events: make([]RecordedEvent, len(events))}
	for i := range events {
		e := &events[i]
		done.Events[i] = RecordedEvent{EventID: e.ID, ExecutionID: e.Execution, New: added[e.ID]}
		if added[e.ID] {
			done.New++
			delete(added, e.ID) // told twice in one list, it is new once
		}
	}
	return done, nil
}

// recordOne takes one event in and answers with it.
func (c *call) recordOne(e *whodid.Event) error {
	done, err := c.record([]whodid.Event{*e})
	if err != nil {
		return err
	}
	return c.answer(done.Events[0])
}
