package proof

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/whodid/whodid"
)

// Remains are what is kept of an event's secrets once values of it are erased:
// the commitments to all fields, and the keys of those fields whose values stay.
// The salt, from which every key could be made, is destroyed.
type Remains struct {
	Commitments
	// Keys are those of the fields whose values were not erased, by name.
	Keys map[string]FieldKey
}

// keptSize is the size of one kept key in the binary form.
const keptSize = 1 + sha256.Size

// MarshalBinary writes the commitments, 160 bytes, and after them for each
// field whose value stays, in the order of [Fields], a byte with its number from
// 0 and its key.
func (m *Remains) MarshalBinary() ([]byte, error) {
	b, err := m.Commitments.MarshalBinary()
	if err != nil {
		return nil, err
	}
	for i, field := range Fields() {
		if key, kept := m.Keys[field]; kept {
			b = append(append(b, byte(i)), key[:]...)
		}
	}
	return b, nil
}

// UnmarshalBinary reads exactly what MarshalBinary writes.
func (m *Remains) UnmarshalBinary(b []byte) error {
	if len(b) < commitmentsSize || (len(b)-commitmentsSize)%keptSize != 0 {
		return fmt.Errorf("commitments have %d bytes, not %d", len(b), commitmentsSize)
	}
	if err := m.Commitments.UnmarshalBinary(b[:commitmentsSize]); err != nil {
		return err
	}
	m.Keys = nil
	names, last := Fields(), -1
	for b = b[commitmentsSize:]; len(b) > 0; b = b[keptSize:] {
		i := int(b[0])
		if i <= last || i >= len(names) {
			return fmt.Errorf("commitments keep the key of field number %d where none can be", i)
		}
		if m.Keys == nil {
			m.Keys = make(map[string]FieldKey, len(names))
		}
		m.Keys[names[i]], last = FieldKey(b[1:keptSize]), i
	}
	return nil
}

// remains are what the record keeps, whether or not it was erased before.
func (r *Record) remains() (Remains, error) {
	var m Remains
	if r.Salt == nil {
		if err := m.UnmarshalBinary(r.Commitments); err != nil {
			return m, fmt.Errorf("event %q has no salt and so should be erased, but its %w", short(r.Event.ID), err)
		}
		return m, nil
	}
	m.Commitments = Commit(r.Event, r.Data, r.Salt)
	m.Keys = make(map[string]FieldKey, len(Fields()))
	for _, field := range Fields() {
		if field == FieldActor && !whodid.IsHuman(r.Event.Actor) {
			continue // stands in the leaf
		}
		m.Keys[field] = r.Salt.FieldKey(field)
	}
	return m, nil
}

// Erase takes the values of the fields out of the record's event, together with
// all that could bring them back, and names who did it. The leaf stays what it
// was, and the other fields can still be proved. It reports whether there was
// anything to take. The event and its data are changed in place; an actor who is
// no person stands in the leaf and stays.
func (r *Record) Erase(by string, fields ...string) (changed bool, err error) {
	m, err := r.remains()
	if err != nil {
		return false, err
	}
	e := r.Event
	for _, field := range fields {
		if _, kept := m.Keys[field]; !kept || !slices.Contains(Fields(), field) {
			continue
		}
		delete(m.Keys, field)
		changed = true
		switch field {
		case FieldActor:
			e.Actor, e.ActorAuth = ErasedActor, ""
		case FieldData:
			e.Data, r.Data = nil, []byte("{}")
		case FieldOnBehalfOf:
			e.OnBehalfOf, e.OnBehalfAuth = "", ""
		case FieldTarget:
			e.Target = ""
		case FieldWhy:
			e.Why = ""
		}
	}
	if !changed {
		return false, nil
	}
	r.Salt, r.ErasedBy = nil, by
	r.Commitments, err = m.MarshalBinary()
	return true, err
}

// Erased names the fields whose values were erased, in the order of [Fields];
// of an actor who is no person there is nothing to erase.
func (r *Record) Erased() ([]string, error) {
	if r.Salt != nil {
		return nil, nil
	}
	m, err := r.remains()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, field := range Fields() {
		if _, kept := m.Keys[field]; kept || field == FieldActor && m.Actor == (Commitment{}) {
			continue
		}
		out = append(out, field)
	}
	return out, nil
}
