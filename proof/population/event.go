package population

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// The places of the columns of an event.
const (
	colSeq = iota
	colID
	colAt
	colRecordedAt
	colWhat
	colActor
	colActorAuth
	colOnBehalfOf
	colOnBehalfAuth
	colTarget
	colResult
	colWhy
	colExecution
	colSession
	colApproval
	colSource
	colMetadata
	colErased
	colErasedBy
	colOrg
	colKey
	eventWidth
)

// EventColumns are the columns of every table of events.
func EventColumns() []Column {
	return []Column{
		{"seq", Int, "Place of the event in the log, from 0."},
		{"event_id", Text, "Id of the event."},
		{"at", Time, "When it happened, by its source's clock."},
		{"recorded_at", Time, "When the trail took it, by the trail's clock."},
		{"what", Text, "Verb of the catalogue."},
		{"actor", Text, "Who acted: agent:SQUAD/NAME, human:PSEUDONYM or system:whodid."},
		{"actor_auth", Text, "How the actor was authenticated."},
		{"on_behalf_of", Text, "The person who stands behind an agent, as a pseudonym."},
		{"on_behalf_auth", Text, "How that person was authenticated."},
		{"target", Text, "What was acted upon."},
		{"result", Text, "What came of it."},
		{"why", Text, "Trigger, reasoning or justification."},
		{"execution_id", Text, "The run that it belongs to."},
		{"session_id", Text, "The client's session that it belongs to."},
		{"approval_id", Text, "The approval that it was done under, or is a part of."},
		{"source", Text, "Who told it."},
		{"metadata", JSON, "Fields that the catalogue allows for the verb."},
		{"erased", JSON, "Names of the fields whose values were erased; null if none was."},
		{"erased_by", Text, "The request or policy that erased them."},
		{"org", Text, "The organisation whose log holds the event."},
		{"key", Text, "Natural key of the fact, of which the id is made."},
	}
}

// EventRow writes an event into a row of [EventColumns]. data is its metadata as
// canonical JSON.
func EventRow(r *proof.Record, data string, row []Value) error {
	e := r.Event
	row[colSeq] = Number(int64(r.Index))
	row[colID] = Words(e.ID)
	row[colAt], row[colRecordedAt] = Micros(whodid.Micros(e.At)), Micros(whodid.Micros(e.RecordedAt))
	row[colWhat] = Words(e.What)
	row[colActor], row[colActorAuth] = Words(e.Actor), Words(e.ActorAuth)
	row[colOnBehalfOf], row[colOnBehalfAuth] = Words(e.OnBehalfOf), Words(e.OnBehalfAuth)
	row[colTarget], row[colResult], row[colWhy] = Words(e.Target), Words(string(e.Result)), Words(e.Why)
	row[colExecution], row[colSession], row[colApproval] = Words(e.Execution), Words(e.Session), Words(e.Approval)
	row[colSource], row[colMetadata] = Words(e.Source), Object(data)
	row[colErased], row[colErasedBy] = Null(), Null()
	row[colOrg], row[colKey] = Words(e.Org), Words(e.Key)
	if r.Salt != nil {
		return nil
	}
	fields, err := r.Erased()
	if err != nil {
		return err
	}
	erase(row, fields)
	row[colErased], row[colErasedBy] = Object(list(fields)), Words(r.ErasedBy)
	return nil
}

// erase marks the cells of fields that were erased.
func erase(row []Value, fields []string) {
	for _, field := range fields {
		switch field {
		case proof.FieldActor:
			row[colActor], row[colActorAuth] = Erased(), Erased()
		case proof.FieldData:
			row[colMetadata] = Erased()
		case proof.FieldOnBehalfOf:
			row[colOnBehalfOf], row[colOnBehalfAuth] = Erased(), Erased()
		case proof.FieldTarget:
			row[colTarget] = Erased()
		case proof.FieldWhy:
			row[colWhy] = Erased()
		}
	}
}

func list(names []string) string {
	var b strings.Builder
	for i, name := range names {
		b.WriteByte("[,"[min(i, 1)])
		b.WriteString(`"` + name + `"`)
	}
	if len(names) == 0 {
		b.WriteByte('[')
	}
	b.WriteByte(']')
	return b.String()
}

// record makes of a row what its leaf is made of; the salt, or what an erasure
// left, comes from elsewhere. It brings the row's erased values to their state.
func record(row []Value) (*proof.Record, error) {
	text := func(i int) string { return row[i].text }
	at := func(i int) time.Time { return whodid.FromMicros(row[i].n) }
	r := &proof.Record{
		Event: &whodid.Event{
			Org: text(colOrg), ID: text(colID), Key: text(colKey), Actor: text(colActor), ActorAuth: text(colActorAuth),
			OnBehalfOf: text(colOnBehalfOf), OnBehalfAuth: text(colOnBehalfAuth), What: text(colWhat), Target: text(colTarget),
			At: at(colAt), RecordedAt: at(colRecordedAt), Why: text(colWhy), Result: whodid.Result(text(colResult)),
			Execution: text(colExecution), Session: text(colSession), Approval: text(colApproval), Source: text(colSource),
		},
		Data: []byte(text(colMetadata)), ErasedBy: text(colErasedBy), Index: uint64(row[colSeq].n),
	}
	if !row[colErased].Known() {
		return r, nil
	}
	var fields []string
	if err := json.Unmarshal([]byte(text(colErased)), &fields); err != nil {
		return nil, err
	}
	if slices.Contains(fields, proof.FieldActor) {
		r.Event.Actor = proof.ErasedActor
	}
	if slices.Contains(fields, proof.FieldData) {
		r.Data = []byte("{}")
	}
	return r, nil
}
