package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/whodid/whodid"
)

// BundleFormat is the format of the bundles that this package writes and reads.
const BundleFormat = "whodid-bundle/1"

// MaxBundle is the largest bundle that [ParseBundle] reads, in bytes. The
// largest valid event needs less than an eighth of it, and an approval has three
// more.
const MaxBundle = 4 << 20

// maxPath is the length of an inclusion proof in the largest tree.
const maxPath = 63

// maxParts is how many events an approval has at most.
const maxParts = 3

// Bundle is the self-contained, offline proof of one event. Leaf and values are
// carried as the very text that was hashed, so that checking a bundle takes no
// JSON canonicalisation.
type Bundle struct {
	// Format is [BundleFormat].
	Format string `json:"format"`
	// Origin is the name of the log.
	Origin string `json:"origin"`
	// Leaf is the event's entry in the log: its public fields and commitments
	// to the others.
	Leaf string `json:"leaf"`
	// Disclosed opens commitments of the leaf, by field. What was redacted is
	// not in it.
	Disclosed map[string]Disclosure `json:"disclosed,omitempty"`
	// ErasedBy names the request or policy that erased the values. It is not
	// in the leaf, and so a claim.
	ErasedBy string `json:"erased_by,omitempty"`
	// Index is the leaf's place in the log, from 0.
	Index uint64 `json:"index"`
	// TreeSize is the size of the tree under the checkpoint.
	TreeSize uint64 `json:"tree_size"`
	// Inclusion is the audit path from the leaf to the root (RFC 6962, section
	// 2.1.1), the leaf's neighbour first.
	Inclusion []Hash `json:"inclusion"`
	// Checkpoint is the signed note over origin, size and root.
	Checkpoint string `json:"checkpoint"`
	// PublicKey is what the maker of the bundle claims to be the log's key.
	PublicKey string `json:"public_key,omitempty"`
	// Approval proves the events of the approval that the event names, one bundle
	// each: its request, its decision and its use.
	Approval []*Bundle `json:"approval,omitempty"`
}

// Disclosure opens one commitment: HMAC-SHA-256 of Value under Key is what the
// leaf commits to.
type Disclosure struct {
	Key FieldKey `json:"key"`
	// Value is the committed text, see [FieldKey.Commit].
	Value string `json:"value"`
}

// NewBundle makes the bundle that discloses every field of an event that is not
// erased. read gives the tree's tiles as they were under the signed
// checkpoint; publicKey is the log's. That the bundle holds is for [Check] to
// say: a bundle of a record that was tampered with shows it.
func NewBundle(r Record, signed, publicKey string, read TileReader) (*Bundle, error) {
	checkpoint, err := PeekCheckpoint(signed)
	if err != nil {
		return nil, fmt.Errorf("couldn't make the bundle: %w", err)
	}
	leaf, err := r.Leaf()
	if err != nil {
		return nil, fmt.Errorf("couldn't make the bundle: %w", err)
	}
	path, err := Inclusion(checkpoint.Size, r.Index, read)
	if err != nil {
		return nil, fmt.Errorf("couldn't make the bundle: %w", err)
	}
	b := &Bundle{
		Format: BundleFormat, Origin: checkpoint.Origin, Leaf: string(leaf), Index: r.Index,
		TreeSize: checkpoint.Size, Inclusion: path, Checkpoint: signed, PublicKey: publicKey,
	}
	if b.Disclosed, err = r.Disclosures(); err != nil {
		return nil, fmt.Errorf("couldn't make the bundle: %w", err)
	}
	if r.Salt == nil {
		b.ErasedBy = r.ErasedBy
	}
	return b, nil
}

// Redact takes the values and keys of the fields out of the bundle; their
// commitments stay, and the bundle still verifies. A name that is not of
// [Fields] is an error, and nothing is redacted: a misspelt field must not
// pass for a redacted one.
func (b *Bundle) Redact(fields ...string) error {
	for _, field := range fields {
		if !slices.Contains(Fields(), field) {
			return fmt.Errorf("can't redact %q: only %s can be", field, strings.Join(Fields(), ", "))
		}
	}
	for _, field := range fields {
		delete(b.Disclosed, field)
		for _, part := range b.Approval {
			if part != nil {
				delete(part.Disclosed, field) // it says the same of the same people and things
			}
		}
	}
	return nil
}

// Withheld lists the committed fields that the bundle does not disclose,
// sorted. It is empty if the leaf can't be read.
func (b *Bundle) Withheld() []string {
	_, c, err := ParseLeaf([]byte(b.Leaf))
	if err != nil {
		return nil
	}
	return withheldFrom(&c, b.Disclosed)
}

// Event puts the event together from the leaf and the disclosed values, all of
// which it checks against the leaf's commitments; fields that are withheld are
// empty. It does not look at the tree: that is for [Check].
func (b *Bundle) Event() (whodid.Event, error) {
	e, _, err := OpenLeaf([]byte(b.Leaf), b.Disclosed)
	return e, err
}

// OpenLeaf reads a leaf and puts the disclosed values into its event, all of
// which it checks against the leaf's commitments; fields that are not disclosed
// are empty. It also lists these, sorted.
func OpenLeaf(leaf []byte, disclosed map[string]Disclosure) (whodid.Event, []string, error) {
	e, c, err := ParseLeaf(leaf)
	if err != nil {
		return whodid.Event{}, nil, err
	}
	if err := open(&e, &c, disclosed); err != nil {
		return whodid.Event{}, nil, err
	}
	return e, withheldFrom(&c, disclosed), nil
}

func withheldFrom(c *Commitments, disclosed map[string]Disclosure) []string {
	var out []string
	for _, field := range Fields() {
		if _, open := disclosed[field]; !open && c.of(field) != nil {
			out = append(out, field)
		}
	}
	return out
}

func open(e *whodid.Event, c *Commitments, disclosed map[string]Disclosure) error {
	for _, field := range slices.Sorted(maps.Keys(disclosed)) {
		d := disclosed[field]
		committed := c.of(field)
		if committed == nil {
			return fmt.Errorf("the leaf has no commitment to a field %q", short(field))
		}
		if d.Key.Commit([]byte(d.Value)) != *committed {
			return fmt.Errorf("the value of %s is not the one that the leaf commits to", field)
		}
		if err := setField(e, field, d.Value); err != nil {
			return fmt.Errorf("the value of %s can't be read: %w", field, err)
		}
	}
	return nil
}

func setField(e *whodid.Event, field, value string) (err error) {
	switch field {
	case FieldActor:
		e.Actor, e.ActorAuth, err = parsePerson(value)
	case FieldOnBehalfOf:
		e.OnBehalfOf, e.OnBehalfAuth, err = parsePerson(value)
	case FieldTarget:
		e.Target = value
	case FieldWhy:
		e.Why = value
	case FieldData:
		if err := json.Unmarshal([]byte(value), &e.Data); err != nil {
			return err
		}
		if string(e.Data.Canonical()) != value {
			return errors.New("it is not canonical JSON")
		}
	}
	return err
}

// parsePerson reads what person wrote.
func parsePerson(value string) (who, auth string, err error) {
	if value == "" {
		return "", "", nil
	}
	var list []string
	if err := json.Unmarshal([]byte(value), &list); err != nil {
		return "", "", err
	}
	if len(list) != 2 || string(person(list[0], list[1])) != value {
		return "", "", errors.New("it is not a canonical list of who and how they were authenticated")
	}
	return list[0], list[1], nil
}

// ErrBundle is wrapped by every error of [ParseBundle].
var ErrBundle = errors.New("not a bundle")

// ParseBundle reads a bundle's JSON, at most [MaxBundle] bytes of it. Members
// that it does not know are ignored; nothing of them is proved or shown.
func ParseBundle(r io.Reader) (*Bundle, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBundle+1))
	if err != nil {
		return nil, fmt.Errorf("couldn't read the bundle: %w", err)
	}
	if len(text) > MaxBundle {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrBundle, MaxBundle)
	}
	b, err := parseBundle(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	return b, nil
}

func parseBundle(text []byte) (*Bundle, error) {
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	if head.Format != BundleFormat {
		return nil, fmt.Errorf("its format is %q; this program knows %q", short(head.Format), BundleFormat)
	}
	b := new(Bundle)
	if err := json.Unmarshal(text, b); err != nil {
		return nil, err
	}
	if len(b.Inclusion) > maxPath {
		return nil, fmt.Errorf("its inclusion proof has %d hashes, no tree needs more than %d", len(b.Inclusion), maxPath)
	}
	if len(b.Approval) > maxParts {
		return nil, fmt.Errorf("it has %d parts of an approval, no approval has more than %d", len(b.Approval), maxParts)
	}
	return b, nil
}

// JSON writes the bundle as its readers expect it: indented, ending in a line
// feed, with no escapes that only HTML needs.
func (b *Bundle) JSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("couldn't write the bundle: %w", err)
	}
	return out.Bytes(), nil
}
