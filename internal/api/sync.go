package api

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/proof"
)

// SyncBatch is a part of another trail, on its way into this one.
type SyncBatch struct {
	// Origin is the name of the other trail's log.
	Origin string `json:"origin"`
	// Person is the pseudonym, as an actor, that the other trail has of its own
	// user; the person of the credential takes their place.
	Person string `json:"person,omitempty"`
	// Seen is the size of this log when its sender last saw it.
	Seen uint64 `json:"seen,omitempty"`
	// Events are in the order of the other log.
	Events []SyncEvent `json:"events"`
}

// SyncEvent is an event of another trail.
type SyncEvent struct {
	// Index is its place in the other log.
	Index uint64       `json:"index"`
	Event whodid.Event `json:"event"`
}

// SyncAnswer proves to who sent a part of a trail what became of it.
type SyncAnswer struct {
	Receipt ask.SyncReceipt `json:"receipt"`
	// Entries say where the events are here, in the order in which they were
	// sent; those that were refused are left out.
	Entries []SyncEntry `json:"entries"`
	// Refused are the events that could not be taken in, each of which is a gap
	// of this trail now.
	Refused []SyncRefusal `json:"refused"`
}

// SyncEntry says where an event of another trail is here.
type SyncEntry struct {
	// Index is its place there, Seq its place here.
	Index uint64 `json:"index"`
	Seq   uint64 `json:"seq"`
	// New is false if this trail held the fact already, told by whomever.
	New bool `json:"new"`
	// Salt opens the commitments of a new event's leaf, so that its sender can
	// check that it was recorded as it was sent; hexadecimal.
	Salt string `json:"salt,omitempty"`
}

// SyncRefusal says why an event was not taken in.
type SyncRefusal struct {
	Index  uint64 `json:"index"`
	Detail string `json:"detail"`
}

// MaxSync is how many events one part of a trail has at most.
const MaxSync = 2000

func (c *call) sync() error {
	var in SyncBatch
	b, err := c.body()
	if err != nil {
		return err
	}
	// Members that this server does not know are of a newer sender: they are left
	// out, as what its catalogue does not list is.
	if err := json.Unmarshal(b, &in); err != nil {
		return wrong(http.StatusBadRequest, "the JSON can't be read: %s", jsonError(err))
	}
	switch {
	case in.Origin == "" || len(in.Origin) > 128 || len(in.Events) == 0:
		return wrong(http.StatusUnprocessableEntity, "origin and events are needed")
	case len(in.Events) > MaxSync:
		return wrong(http.StatusRequestEntityTooLarge, "there are %d events, %d are allowed", len(in.Events), MaxSync)
	case in.Person != "" && !whodid.IsHuman(in.Person):
		return wrong(http.StatusUnprocessableEntity, "person %q is no pseudonym of a person", in.Person)
	}
	answer := &SyncAnswer{Entries: make([]SyncEntry, 0, len(in.Events)), Refused: []SyncRefusal{}}
	events := make([]whodid.Event, 0, len(in.Events)+1)
	indexes := make([]uint64, 0, len(in.Events))
	for i := range in.Events {
		e := in.Events[i].Event
		err := c.adopt(&e, &in)
		if err != nil {
			answer.Refused = append(answer.Refused, SyncRefusal{Index: in.Events[i].Index, Detail: err.Error()})
			e = c.refusal(&in, i)
		}
		events = append(events, e)
		indexes = append(indexes, in.Events[i].Index)
	}
	events = append(events, c.syncEvent(&in, len(answer.Refused)))
	rows, err := c.tenant.Recorder.Record(c.ctx, events...)
	if err != nil {
		return err
	}
	salts := make(map[string]*proof.Salt, len(rows))
	for _, r := range rows {
		salts[r.ID] = r.Salt
	}
	ids := make([]string, len(indexes))
	for i := range indexes {
		ids[i] = events[i].ID
	}
	receipt, err := c.tenant.Asker.Receipt(c.ctx, ids, in.Seen)
	if err != nil {
		return err
	}
	answer.Receipt = *receipt
	for i, index := range indexes {
		if slices.ContainsFunc(answer.Refused, func(r SyncRefusal) bool { return r.Index == index }) {
			continue
		}
		entry := SyncEntry{Index: index, Seq: receipt.Seq[ids[i]]}
		if salt := salts[ids[i]]; salt != nil {
			entry.New, entry.Salt = true, hex.EncodeToString(salt[:])
		}
		answer.Entries = append(answer.Entries, entry)
	}
	return c.answer(answer)
}

// adopt makes an event of another trail one of this: the organisation, the
// pseudonyms and who vouches for it are of here, all else is as it was told. The
// key stays, so that the fact is one whoever else tells it.
func (c *call) adopt(e *whodid.Event, in *SyncBatch) error {
	if _, known := whodid.KindOf(e.What); known && !whodid.Travels(e.What) {
		return fmt.Errorf("%w: %s is told by its own trail only", auth.ErrForbidden, e.What)
	}
	e.Org, e.ID = "", ""
	if err := e.Data.Normalize(); err != nil {
		return err
	}
	e.Trim(true)
	actor := c.person(e.Actor, in)
	e.OnBehalfOf = c.person(e.OnBehalfOf, in)
	switch {
	case actor == c.id.Actor || !whodid.IsHuman(actor):
		e.Actor = actor
		if err := c.id.Vouch(e); err != nil {
			return err
		}
	case whodid.AgentOf(c.id.Actor) != "" || len(c.id.Squads) > 0:
		return fmt.Errorf("%w: this token records what its agents did, and nobody else", auth.ErrForbidden)
	default:
		// Somebody whom only the other trail knows, under a name of their own.
		e.Actor, e.ActorAuth = actor, c.id.Vouched()
		if e.OnBehalfOf != "" {
			e.OnBehalfAuth = c.id.Vouched()
		}
	}
	return e.Validate()
}

// person is under which name a person of another trail is known here: its own
// user is the person of the credential, and everybody else, and everybody where
// the credential is of no person, gets a name that is made of the other trail's
// name and pseudonym. That they are the same whom other sources tell of can't be
// known, for pseudonyms are made under keys that don't leave their trails.
func (c *call) person(actor string, in *SyncBatch) string {
	switch {
	case !whodid.IsHuman(actor):
		return actor
	case actor == in.Person && whodid.IsHuman(c.id.Actor):
		return c.id.Actor
	default:
		return whodid.HumanActor(c.tenant.Pseudonym("trail:" + in.Origin + ":" + actor))
	}
}

// refusal is the gap in the place of an event that can't be taken in.
func (c *call) refusal(in *SyncBatch, i int) whodid.Event {
	gap := record.Gap("an event of another trail that could not be taken in", "sync", nil, c.api.options.Now())
	gap.Key = digestKey("gap", in.Origin, in.Events[i].Event.Key)
	return gap
}

// syncEvent says which part of which trail the events before it are: by it an
// auditor goes from an event here to the other trail's leaf of the same key.
func (c *call) syncEvent(in *SyncBatch, refused int) whodid.Event {
	first, last := in.Events[0].Index, in.Events[len(in.Events)-1].Index
	return whodid.Event{
		Key: digestKey("sync", in.Origin, strconv.FormatUint(first, 10), strconv.FormatUint(last, 10)), What: "record.sync", At: c.api.options.Now(), Source: "sync",
		Actor: c.id.Actor, ActorAuth: c.id.ActorAuth,
		Data: whodid.Data{
			"origin": in.Origin, "first": int64(min(first, 1<<53-1)), "last": int64(min(last, 1<<53-1)),
			"count": int64(len(in.Events)), "refused": int64(refused),
		},
	}
}
