// Package proof is the arithmetic that lets somebody who trusts nobody check
// the trail: the leaf that stands for an event, the commitments in it, the
// Merkle tree over the leaves, signed checkpoints, and bundles that carry all
// of it for one event. It is pure and works offline. The formats are specified
// in docs/format.md.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/whodid/whodid"
)

// LeafVersion is the version of the leaf format that this package writes.
const LeafVersion = 1

// MaxLeaf is the largest leaf that C2SP tlog-tiles can hold, in bytes.
const MaxLeaf = 1<<16 - 1

// SaltSize is the size of an event's salt in bytes.
const SaltSize = 16

// Salt is the random secret of one event. Whoever has it, or one of the field
// keys made from it, can check a commitment; without it a commitment says
// nothing. Erasing an event destroys it.
type Salt [SaltSize]byte

// Hash is a SHA-256 hash in the tree.
type Hash [sha256.Size]byte

// String is the hash in standard base64, as checkpoints write it.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// Commitment stands in a leaf for a field that may carry personal data.
type Commitment [sha256.Size]byte

// The names of the fields that a leaf commits to instead of showing them, in
// the order of the canonical leaf.
const (
	FieldActor      = "actor" // of a person only; other actors are shown
	FieldData       = "data"
	FieldOnBehalfOf = "on_behalf_of"
	FieldTarget     = "target"
	FieldWhy        = "why"
)

// FieldKey is the secret that opens one field's commitment. It can be given to
// an auditor without giving away the event's other fields.
type FieldKey [sha256.Size]byte

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

// Commit is the commitment to a field's value: HMAC-SHA-256 of its canonical
// bytes (text as UTF-8, data as canonical JSON), keyed by the field's key.
func (k *FieldKey) Commit(value []byte) Commitment {
	var c Commitment
	mac := hmac.New(sha256.New, k[:])
	mac.Write(value)
	mac.Sum(c[:0])
	return c
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
		c.Actor = salt.commit(FieldActor, joinAuth(e.Actor, e.ActorAuth))
	}
	c.Data = salt.commit(FieldData, data)
	c.OnBehalfOf = salt.commit(FieldOnBehalfOf, joinAuth(e.OnBehalfOf, e.OnBehalfAuth))
	c.Target = salt.commit(FieldTarget, []byte(e.Target))
	c.Why = salt.commit(FieldWhy, []byte(e.Why))
	return c
}

func (s *Salt) commit(field string, value []byte) Commitment {
	k := s.FieldKey(field)
	return k.Commit(value)
}

// joinAuth is the committed value of a person: who, a line feed, and how they
// were authenticated.
func joinAuth(actor, auth string) []byte {
	if actor == "" {
		return nil
	}
	return []byte(actor + "\n" + auth)
}

// Leaf is the entry of the log that stands for an event: canonical JSON (RFC
// 8785) of its public fields and of commitments to the others. It reveals
// nothing that the catalogue classes as personal.
func Leaf(e *whodid.Event, c *Commitments) ([]byte, error) {
	b := appendLeaf(make([]byte, 0, 768), e, c)
	if len(b) > MaxLeaf {
		return nil, fmt.Errorf("leaf of %s has %d bytes, %d are allowed", e.ID, len(b), MaxLeaf)
	}
	return b, nil
}

// appendLeaf writes the members in the order that RFC 8785 demands, sorted by
// name; empty ones are left out.
func appendLeaf(b []byte, e *whodid.Event, c *Commitments) []byte {
	human := whodid.IsHuman(e.Actor)
	b = append(b, '{')
	if !human {
		b = appendMember(b, "actor", e.Actor)
		b = appendMember(b, "actor_auth", e.ActorAuth)
	}
	b = appendMember(b, "approval", e.Approval)
	b = appendMember(b, "at", whodid.FormatTime(e.At))
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = append(b, `"commit":{`...)
	if human {
		b = appendCommitment(b, FieldActor, &c.Actor)
	}
	b = appendCommitment(b, FieldData, &c.Data)
	b = appendCommitment(b, FieldOnBehalfOf, &c.OnBehalfOf)
	b = appendCommitment(b, FieldTarget, &c.Target)
	b = appendCommitment(b, FieldWhy, &c.Why)
	b = append(b, '}')
	b = appendMember(b, "execution", e.Execution)
	b = appendMember(b, "id", e.ID)
	b = appendMember(b, "key", e.Key)
	b = appendMember(b, "org", e.Org)
	b = appendMember(b, "recorded_at", whodid.FormatTime(e.RecordedAt))
	b = appendMember(b, "result", string(e.Result))
	b = appendMember(b, "session", e.Session)
	b = appendMember(b, "source", e.Source)
	b = append(b, `,"v":1`...)
	b = appendMember(b, "what", e.What)
	return append(b, '}')
}

func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":`...)
	return whodid.AppendJSONString(b, value)
}

func appendCommitment(b []byte, name string, c *Commitment) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":"`...)
	b = hex.AppendEncode(b, c[:])
	return append(b, '"')
}

// LeafHash is the hash of a leaf in the tree: SHA-256 of a zero byte and the
// leaf (RFC 6962, section 2.1).
func LeafHash(leaf []byte) Hash { return Hash(tlog.RecordHash(leaf)) }

// nodeHash is the hash of an inner node (RFC 6962, section 2.1).
func nodeHash(left, right Hash) Hash {
	return Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}
