package proof

import (
	"fmt"

	"github.com/whodid/whodid"
)

// ErasedActor stands for a person whose pseudonym was erased.
const ErasedActor = "human:erased"

// Record is what a trail keeps of one event: all that its leaf and its bundle
// are made of.
type Record struct {
	Event *whodid.Event
	// Data is the event's metadata as canonical JSON, [whodid.Data.Canonical].
	Data []byte
	// Salt opens the commitments; nil once the event is erased.
	Salt *Salt
	// Commitments are what [Commitments.MarshalBinary] wrote before the event
	// was erased; they count only without a salt.
	Commitments []byte
	// ErasedBy names the request or policy that erased the values.
	ErasedBy string
	// Index is the place of the event's leaf in the log, from 0.
	Index uint64
}

// Leaf makes the event's leaf again, from its values and salt or, if they were
// erased, from the commitments that were kept. A record that says it was
// erased and still has a value of a committed field is refused: nothing would
// prove that value.
func (r *Record) Leaf() ([]byte, error) {
	if r.Salt != nil {
		c := Commit(r.Event, r.Data, r.Salt)
		return Leaf(r.Event, &c)
	}
	var c Commitments
	if err := c.UnmarshalBinary(r.Commitments); err != nil {
		return nil, fmt.Errorf("event %q has no salt and so should be erased, but its %w", short(r.Event.ID), err)
	}
	if left := r.unerased(&c); left != "" {
		return nil, fmt.Errorf("event %q is erased and yet has a value of %s", short(r.Event.ID), left)
	}
	return Leaf(r.Event, &c)
}

// unerased names a committed field that has a value, or is empty.
func (r *Record) unerased(c *Commitments) string {
	e := r.Event
	switch {
	case e.OnBehalfOf != "" || e.OnBehalfAuth != "":
		return FieldOnBehalfOf
	case e.Target != "":
		return FieldTarget
	case e.Why != "":
		return FieldWhy
	case len(r.Data) > 0 && string(r.Data) != "{}":
		return FieldData
	case c.Actor != (Commitment{}) && (e.Actor != "" && e.Actor != ErasedActor || e.ActorAuth != ""):
		return FieldActor
	case c.Actor == (Commitment{}) && whodid.IsHuman(e.Actor):
		return FieldActor
	default:
		return ""
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
