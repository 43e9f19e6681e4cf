// Package dossier is the self-contained proof of an answer: the events that it
// rests on, their places in the log, the values that are disclosed, and the
// signed checkpoint, in one zip archive. It is pure, works offline, and says
// five things apart: integrity, completeness, authorship, time, approval. The
// format is specified in docs/format.md.
package dossier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/whodid/whodid/proof"
)

// Format is the format of the dossiers that this package writes and reads.
const Format = "whodid-proof/1"

// The kinds of subjects.
const (
	OfEvent       = "event"
	OfExecution   = "execution"
	OfCommit      = "commit"
	OfPullRequest = "pull_request"
	OfLine        = "line"
	OfPeriod      = "period"
	OfIncident    = "incident"
	OfReport      = "report"
)

// Subject is what a dossier is about.
type Subject struct {
	Kind string `json:"kind"`
	// ID is the id of the event, the execution or the commit, the pull request
	// as it was asked for, the line as FILE:LINE, the event that opened the
	// incident, or of a report sha256: and the SHA-256 of its file, in hexadecimal.
	ID string `json:"id,omitempty"`
	// From and To bound a period by the time of recording, and the time of a
	// report by that at which events happened; To is not in it.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// String names the subject as "whodid prove" takes it.
func (s Subject) String() string {
	if s.Kind == OfPeriod {
		return s.Kind + ":" + s.From + ".." + s.To
	}
	return s.Kind + ":" + s.ID
}

// Span is entries of the log from First up to End, which is not in it.
type Span struct {
	First uint64 `json:"first"`
	End   uint64 `json:"end"`
}

// Manifest says what a dossier claims to be.
type Manifest struct {
	Format  string  `json:"format"`
	Subject Subject `json:"subject"`
	// Origin is the name of the log.
	Origin string `json:"origin"`
	// PublicKey is what the maker claims to be the log's key.
	PublicKey string `json:"public_key,omitempty"`
	// Complete claims that within these entries no event of the subject is
	// left out; null claims nothing.
	Complete *Span `json:"complete"`
	// Events are the indexes of the events that the answer rests on, ascending.
	// Other leaves are there to show what is not among them.
	Events []uint64 `json:"events"`
}

// Dossier is a proof as it is written and read.
type Dossier struct {
	Manifest
	// Checkpoint is the signed note, with the cosignatures of witnesses if there
	// are any.
	Checkpoint string
	// Stamps are time stamps of the checkpoint's text, tokens of RFC 3161.
	Stamps [][]byte
	// Entries are the leaves, those that lie side by side together, ascending.
	Entries []proof.ReceiptRange
	// Disclosed opens commitments, by the index of the leaf and the field.
	Disclosed map[uint64]map[string]proof.Disclosure
	// ErasedBy names who erased the values of an entry; a claim.
	ErasedBy map[uint64]string
	// Context is what git tells, and is not proved; JSON, or nil.
	Context json.RawMessage
}

// events is the file of the archive that holds the leaves and what opens them.
type events struct {
	Ranges    []proof.ReceiptRange                   `json:"ranges"`
	Disclosed map[string]map[string]proof.Disclosure `json:"disclosed"`
	ErasedBy  map[string]string                      `json:"erased_by,omitempty"`
}

// stamps is the file of the archive that holds time stamps.
type stamps struct {
	Tokens [][]byte `json:"tokens"`
}

func (d *Dossier) events() events {
	out := events{Ranges: d.Entries, Disclosed: make(map[string]map[string]proof.Disclosure, len(d.Disclosed))}
	for index, fields := range d.Disclosed {
		out.Disclosed[strconv.FormatUint(index, 10)] = fields
	}
	for index, by := range d.ErasedBy {
		if out.ErasedBy == nil {
			out.ErasedBy = map[string]string{}
		}
		out.ErasedBy[strconv.FormatUint(index, 10)] = by
	}
	return out
}

func (d *Dossier) setEvents(f events) error {
	d.Entries = f.Ranges
	d.Disclosed = make(map[uint64]map[string]proof.Disclosure, len(f.Disclosed))
	for text, fields := range f.Disclosed {
		index, err := indexOf(text)
		if err != nil {
			return err
		}
		d.Disclosed[index] = fields
	}
	d.ErasedBy = make(map[uint64]string, len(f.ErasedBy))
	for text, by := range f.ErasedBy {
		index, err := indexOf(text)
		if err != nil {
			return err
		}
		d.ErasedBy[index] = by
	}
	return nil
}

func indexOf(text string) (uint64, error) {
	index, err := strconv.ParseUint(text, 10, 63)
	if err != nil || strconv.FormatUint(index, 10) != text {
		return 0, fmt.Errorf("%q is no index of an entry", short(text))
	}
	return index, nil
}

// Withhold takes the values and keys of the fields out of every event; their
// commitments stay, and the dossier still verifies. With the targets goes what
// git tells, which names them too. A name that is not of [proof.Fields] is an
// error, and nothing is withheld.
func (d *Dossier) Withhold(fields ...string) error {
	for _, field := range fields {
		if !slices.Contains(proof.Fields(), field) {
			return fmt.Errorf("there is no field %q that can be withheld: only %v can be", field, proof.Fields())
		}
	}
	if slices.Contains(fields, proof.FieldTarget) {
		d.Context = nil // it names paths
		if d.Subject.Kind == OfLine {
			d.Subject.ID = ""
		}
	}
	for index, values := range d.Disclosed {
		for _, field := range fields {
			delete(values, field)
		}
		if len(values) == 0 {
			delete(d.Disclosed, index)
		}
	}
	return nil
}

// Add puts a record's event into the dossier: its values are disclosed, unless
// they were erased. Its leaf comes with [Dossier.Cover].
func (d *Dossier) Add(r *proof.Record) error {
	at, found := slices.BinarySearch(d.Events, r.Index)
	if found {
		return nil
	}
	values, err := r.Disclosures()
	if err != nil {
		return fmt.Errorf("couldn't make the proof: %w", err)
	}
	d.Events = slices.Insert(d.Events, at, r.Index)
	if values != nil {
		if d.Disclosed == nil {
			d.Disclosed = map[uint64]map[string]proof.Disclosure{}
		}
		d.Disclosed[r.Index] = values
	}
	if r.Salt == nil {
		if d.ErasedBy == nil {
			d.ErasedBy = map[uint64]string{}
		}
		d.ErasedBy[r.Index] = r.ErasedBy
	}
	return nil
}

// Cover adds the proof of leaves that lie side by side from first on, under the
// checkpoint's tree of the size. Ranges are added in their order.
func (d *Dossier) Cover(size, first uint64, leaves []string, read proof.TileReader) error {
	p, err := proof.NewRangeProof(size, first, first+uint64(len(leaves)), read)
	if err != nil {
		return fmt.Errorf("couldn't make the proof: %w", err)
	}
	d.Entries = append(d.Entries, proof.ReceiptRange{RangeProof: *p, Leaves: leaves})
	return nil
}

// short cuts foreign text for an error message.
func short(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
