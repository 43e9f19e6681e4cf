package proof

import (
	"fmt"

	"github.com/whodid/whodid"
)

// ErasedActor stands for a person whose pseudonym was erased.
const ErasedActor = whodid.ErasedPerson

// Record is what a trail keeps of one event: all that its leaf and its bundle
// are made of.
type Record struct {
	Event *whodid.Event
	// Data is the event's metadata as canonical JSON, [whodid.Data.Canonical].
	Data []byte
	// Salt opens the commitments; nil once the event is erased.
	Salt *Salt
	// Commitments are what [Remains.MarshalBinary] wrote when values of the event
	// were erased; they count only without a salt.
	Commitments []byte
	// ErasedBy names the request or policy that erased the values.
	ErasedBy string
	// Index is the place of the event's leaf in the log, from 0.
	Index uint64
}

// Leaf makes the event's leaf again, from its values and salt or, for those
// that were erased, from the commitments that were kept. A record that says that
// a field was erased and still has its value is refused: nothing would prove
// that value.
func (r *Record) Leaf() ([]byte, error) {
	if r.Salt != nil {
		c := Commit(r.Event, r.Data, r.Salt)
		return Leaf(r.Event, &c)
	}
	m, err := r.remains()
	if err != nil {
		return nil, err
	}
	for i, field := range Fields() {
		key, kept := m.Keys[field]
		switch {
		case kept:
			// Another value than the one that was recorded makes another leaf.
			*m.all()[i] = key.Commit(r.value(field))
		case r.unerased(field, &m.Commitments):
			return nil, fmt.Errorf("event %q is erased and yet has a value of %s", short(r.Event.ID), field)
		}
	}
	return Leaf(r.Event, &m.Commitments)
}

// unerased tells whether a field whose key is destroyed has a value.
func (r *Record) unerased(field string, c *Commitments) bool {
	e := r.Event
	switch {
	case field == FieldOnBehalfOf:
		return e.OnBehalfOf != "" || e.OnBehalfAuth != ""
	case field == FieldTarget:
		return e.Target != ""
	case field == FieldWhy:
		return e.Why != ""
	case field == FieldData:
		return len(r.Data) > 0 && string(r.Data) != "{}"
	case c.Actor != (Commitment{}):
		return e.Actor != "" && e.Actor != ErasedActor || e.ActorAuth != ""
	default:
		return whodid.IsHuman(e.Actor)
	}
}

// value is the committed bytes of a field.
func (r *Record) value(field string) []byte {
	switch field {
	case FieldActor:
		return person(r.Event.Actor, r.Event.ActorAuth)
	case FieldData:
		return r.Data
	case FieldOnBehalfOf:
		return person(r.Event.OnBehalfOf, r.Event.OnBehalfAuth)
	case FieldTarget:
		return []byte(r.Event.Target)
	default:
		return []byte(r.Event.Why)
	}
}

// Disclosures open every commitment whose value the record still has; nil if
// there is none.
func (r *Record) Disclosures() (map[string]Disclosure, error) {
	m, err := r.remains()
	if err != nil {
		return nil, err
	}
	var out map[string]Disclosure
	for field, key := range m.Keys {
		if out == nil {
			out = make(map[string]Disclosure, len(m.Keys))
		}
		out[field] = Disclosure{Key: key, Value: string(r.value(field))}
	}
	return out, nil
}
