package proof

import (
	"crypto/sha256"
	"fmt"

	"github.com/whodid/whodid"
)

// SaltSize is the size of an event's salt in bytes.
const SaltSize = 16

// Salt is the random secret of one event. Whoever has it, or one of the field
// keys made from it, can check a commitment; without it a commitment says
// nothing. Erasing an event destroys it.
type Salt [SaltSize]byte

// Commitment stands in a leaf for a field that may carry personal data.
type Commitment [sha256.Size]byte

// FieldKey is the secret that opens one field's commitment. It can be given to
// an auditor without giving away the event's other fields.
type FieldKey [sha256.Size]byte

// The names of the fields that a leaf commits to instead of showing them, in
// the order of the canonical leaf.
const (
	FieldActor      = "actor" // of a person only; other actors are shown
	FieldData       = "data"
	FieldOnBehalfOf = "on_behalf_of"
	FieldTarget     = "target"
	FieldWhy        = "why"
)

// Fields lists the names of the fields that a leaf commits to, sorted.
func Fields() []string {
	return []string{FieldActor, FieldData, FieldOnBehalfOf, FieldTarget, FieldWhy}
}

// keyDomain separates field keys from every other use of the salt.
const keyDomain = "whodid field key v1\x00"

// FieldKey derives the key of a field from the event's salt:
// SHA-256("whodid field key v1" NUL field NUL salt).
func (s *Salt) FieldKey(field string) FieldKey {
	b := make([]byte, 0, 64)
	b = append(b, keyDomain...)
	b = append(b, field...)
	b = append(b, 0)
	b = append(b, s[:]...)
	return sha256.Sum256(b)
}

// Commit is the commitment to a field's value: HMAC-SHA-256 of its committed
// bytes, keyed by the field's key. The committed bytes of target and why are
// their text, those of data its canonical JSON, those of a person a JSON list
// of who it is and how they were authenticated, or nothing if there is nobody.
//
// HMAC (RFC 2104) is written out here because it is made four times for each
// event that is recorded: crypto/hmac takes three times as long, allocating.
func (k *FieldKey) Commit(value []byte) Commitment {
	const innerPad, outerPad = 0x36, 0x5c
	inner := make([]byte, sha256.BlockSize, 8*sha256.BlockSize) // on the stack, unless the value is long
	outer := make([]byte, sha256.BlockSize, 2*sha256.BlockSize)
	copy(inner, k[:])
	copy(outer, k[:])
	for i := range sha256.BlockSize {
		inner[i] ^= innerPad
		outer[i] ^= outerPad
	}
	sum := sha256.Sum256(append(inner, value...))
	return sha256.Sum256(append(outer, sum[:]...))
}

// Commitments are those of one event. They are kept when its values are erased.
type Commitments struct {
	Actor      Commitment // zero unless the actor is a person
	Data       Commitment
	OnBehalfOf Commitment
	Target     Commitment
	Why        Commitment
}

// Commit makes the commitments of an event. data is the event's canonical
// metadata, [whodid.Data.Canonical].
func Commit(e *whodid.Event, data []byte, salt *Salt) Commitments {
	var c Commitments
	if whodid.IsHuman(e.Actor) {
		c.Actor = salt.commit(FieldActor, person(e.Actor, e.ActorAuth))
	}
	c.Data = salt.commit(FieldData, data)
	c.OnBehalfOf = salt.commit(FieldOnBehalfOf, person(e.OnBehalfOf, e.OnBehalfAuth))
	c.Target = salt.commit(FieldTarget, []byte(e.Target))
	c.Why = salt.commit(FieldWhy, []byte(e.Why))
	return c
}

func (s *Salt) commit(field string, value []byte) Commitment {
	k := s.FieldKey(field)
	return k.Commit(value)
}

// person is the committed value of a person. It is a JSON list, because no
// separator between two texts is safe from texts that contain it.
func person(who, auth string) []byte {
	if who == "" && auth == "" {
		return nil
	}
	b := make([]byte, 0, 6+len(who)+len(auth))
	b = whodid.AppendJSONString(append(b, '['), who)
	b = whodid.AppendJSONString(append(b, ','), auth)
	return append(b, ']')
}

// all lists the commitments in the order of [Fields].
func (c *Commitments) all() [5]*Commitment {
	return [5]*Commitment{&c.Actor, &c.Data, &c.OnBehalfOf, &c.Target, &c.Why}
}

// of returns the commitment to a field, or nil if the leaf has none.
func (c *Commitments) of(field string) *Commitment {
	for i, name := range Fields() {
		if name == field && *c.all()[i] != (Commitment{}) {
			return c.all()[i]
		}
	}
	return nil
}

// commitmentsSize is the size of the binary form of [Commitments] in bytes.
const commitmentsSize = 5 * sha256.Size

// MarshalBinary writes the commitments one after the other, 160 bytes in the
// order of [Fields]: what a row keeps in place of erased values.
func (c *Commitments) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, commitmentsSize)
	for _, each := range c.all() {
		b = append(b, each[:]...)
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (c *Commitments) UnmarshalBinary(b []byte) error {
	if len(b) != commitmentsSize {
		return fmt.Errorf("commitments have %d bytes, not %d", commitmentsSize, len(b))
	}
	for i, each := range c.all() {
		copy(each[:], b[i*sha256.Size:])
	}
	return nil
}
