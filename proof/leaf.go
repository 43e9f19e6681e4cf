// Package proof is the arithmetic that lets somebody who trusts nobody check
// the trail: the leaf that stands for an event, the commitments in it, the
// Merkle tree over the leaves, signed checkpoints, and bundles that carry all
// of it for one event. It is pure and works offline. The formats are specified
// in docs/format.md.
package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/whodid/whodid"
)

// LeafVersion is the version of the leaf format that this package writes.
const LeafVersion = 1

// MaxLeaf is the largest leaf that C2SP tlog-tiles can hold, in bytes.
const MaxLeaf = 1<<16 - 1

// Leaf is the entry of the log that stands for an event: canonical JSON (RFC
// 8785) of its public fields and of commitments to the others. It reveals
// nothing that the catalogue classes as personal.
//
// It refuses text that is not UTF-8: JSON can't tell two such texts apart, so
// the leaf would not prove which of them was recorded.
func Leaf(e *whodid.Event, c *Commitments) ([]byte, error) {
	for _, text := range []string{
		e.Actor, e.ActorAuth, e.OnBehalfOf, e.OnBehalfAuth, e.Approval, e.Execution, e.ID,
		e.Key, e.Org, string(e.Result), e.Session, e.Source, e.What,
	} {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("couldn't make the leaf of %q: %q is not UTF-8", short(e.ID), short(text))
		}
	}
	b := appendLeaf(make([]byte, 0, 768), e, c)
	if len(b) > MaxLeaf {
		return nil, fmt.Errorf("leaf of %s has %d bytes, %d are allowed", e.ID, len(b), MaxLeaf)
	}
	return b, nil
}

// appendLeaf writes the members in the order that RFC 8785 demands, sorted by
// name; empty ones are left out.
func appendLeaf(b []byte, e *whodid.Event, c *Commitments) []byte {
	// Of an erased person only the commitment is left.
	hidden := whodid.IsHuman(e.Actor) || c.Actor != (Commitment{})
	b = append(b, '{')
	if !hidden {
		b = appendMember(b, "actor", e.Actor)
		b = appendMember(b, "actor_auth", e.ActorAuth)
	}
	b = appendMember(b, "approval", e.Approval)
	b = appendMember(b, "at", whodid.FormatTime(e.At))
	b = append(b, `,"commit":{`...)
	if hidden {
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

// ErrLeaf is wrapped by every error of [ParseLeaf].
var ErrLeaf = errors.New("not a leaf of the trail")

// ParseLeaf reads a leaf: the event's public fields and the commitments to the
// others. It accepts exactly what [Leaf] writes, byte for byte, so that
// nobody can read another event out of the same leaf.
func ParseLeaf(leaf []byte) (whodid.Event, Commitments, error) {
	e, c, err := parseLeaf(leaf)
	if err != nil {
		return whodid.Event{}, Commitments{}, fmt.Errorf("%w: %w", ErrLeaf, err)
	}
	return e, c, nil
}

func parseLeaf(leaf []byte) (whodid.Event, Commitments, error) {
	if len(leaf) > MaxLeaf {
		return whodid.Event{}, Commitments{}, fmt.Errorf("it has %d bytes, %d are allowed", len(leaf), MaxLeaf)
	}
	var m struct {
		Actor     string `json:"actor"`
		ActorAuth string `json:"actor_auth"`
		Approval  string `json:"approval"`
		At        string `json:"at"`
		Commit    struct {
			Actor      Commitment `json:"actor"`
			Data       Commitment `json:"data"`
			OnBehalfOf Commitment `json:"on_behalf_of"`
			Target     Commitment `json:"target"`
			Why        Commitment `json:"why"`
		} `json:"commit"`
		Execution  string        `json:"execution"`
		ID         string        `json:"id"`
		Key        string        `json:"key"`
		Org        string        `json:"org"`
		RecordedAt string        `json:"recorded_at"`
		Result     whodid.Result `json:"result"`
		Session    string        `json:"session"`
		Source     string        `json:"source"`
		V          int           `json:"v"`
		What       string        `json:"what"`
	}
	if err := json.Unmarshal(leaf, &m); err != nil {
		return whodid.Event{}, Commitments{}, err
	}
	if m.V != LeafVersion {
		return whodid.Event{}, Commitments{}, fmt.Errorf("its version is %d; this program knows version %d", m.V, LeafVersion)
	}
	at, err := time.Parse(whodid.TimeFormat, m.At)
	if err != nil {
		return whodid.Event{}, Commitments{}, errors.New("at is not a time as the trail writes it")
	}
	recorded, err := time.Parse(whodid.TimeFormat, m.RecordedAt)
	if err != nil {
		return whodid.Event{}, Commitments{}, errors.New("recorded_at is not a time as the trail writes it")
	}
	e := whodid.Event{
		Org: m.Org, ID: m.ID, Key: m.Key, Actor: m.Actor, ActorAuth: m.ActorAuth, What: m.What,
		At: at, RecordedAt: recorded, Result: m.Result, Execution: m.Execution,
		Session: m.Session, Approval: m.Approval, Source: m.Source,
	}
	c := Commitments(m.Commit)
	// What json.Unmarshal is lenient about (unknown, doubled and differently
	// cased names, white space, order) does not survive being written again.
	if !bytes.Equal(appendLeaf(make([]byte, 0, len(leaf)), &e, &c), leaf) {
		return whodid.Event{}, Commitments{}, errors.New("it is not the canonical JSON of a leaf's members")
	}
	return e, c, nil
}

// LeafHash is the hash of a leaf in the tree: SHA-256 of a zero byte and the
// leaf (RFC 6962, section 2.1).
func LeafHash(leaf []byte) Hash { return Hash(tlog.RecordHash(leaf)) }

// short cuts foreign text for an error message.
func short(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
