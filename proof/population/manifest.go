package population

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Manifest says what an export holds. Names are only ever added.
type Manifest struct {
	Format string `json:"format"`
	// Product is the name and the version of the program that made it.
	Product      string `json:"product"`
	Organisation string `json:"organisation"`
	// Origin is the name of the log, PublicKey what the maker claims to be its key.
	Origin    string `json:"origin"`
	PublicKey string `json:"public_key"`
	Period    Period `json:"period"`
	// Checkpoint is where the log stood; the file checkpoint has it signed.
	Checkpoint Head     `json:"checkpoint"`
	Formats    []string `json:"formats"`
	// Tables are the populations, those without rows too.
	Tables []Counted `json:"tables"`
	Log    Log       `json:"log"`
	Sample *Sample   `json:"sample"`
}

// Period is the time that an export is of.
type Period struct {
	// From is the first moment and To the first one after it, in UTC.
	From string `json:"from"`
	To   string `json:"to"`
	// TimeZone is that in which the period was named, such as Europe/Berlin.
	TimeZone string `json:"time_zone"`
	// Basis says by which time of an event it belongs to the period.
	Basis Basis `json:"basis"`
}

// Bounds are the ends of the period.
func (p *Period) Bounds() (from, to time.Time, err error) {
	if from, err = time.Parse(whodid.TimeFormat, p.From); err == nil {
		to, err = time.Parse(whodid.TimeFormat, p.To)
	}
	if err != nil || !from.Before(to) || p.Basis != Happened && p.Basis != Recorded {
		return from, to, fmt.Errorf("%q to %q by %q is no period", short(p.From), short(p.To), short(string(p.Basis)))
	}
	return from, to, nil
}

// Of is the time of an event that counts.
func (b Basis) Of(e *whodid.Event) time.Time {
	if b == Recorded {
		return e.RecordedAt
	}
	return e.At
}

// Head is a tree: its size and its root, in base64.
type Head struct {
	Size uint64 `json:"size"`
	Root string `json:"root"`
}

// Counted is a table as an export has it.
type Counted struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Rows    int64  `json:"rows"`
	// Query is SQL that gives the same rows in the same order from the trail's
	// database as it stood; empty for what is added up from events of the period.
	Query   string   `json:"query"`
	Files   []string `json:"files"`
	Columns []Column `json:"columns"`
}

// Log is the part of the log that an export accounts for: each entry from First up
// to End is one of these.
type Log struct {
	First uint64 `json:"first"`
	End   uint64 `json:"end"`
	// Events are rows of the tables.
	Events uint64 `json:"events"`
	// Outside are of another time, as their leaves show; Hidden are of another
	// time, which only the maker of the export says.
	Outside uint64 `json:"outside"`
	Hidden  uint64 `json:"hidden"`
	// Swept were removed because their period of retention was over.
	Swept uint64 `json:"swept"`
	// Erased are those of Events of which values were erased.
	Erased uint64 `json:"erased"`
}

// Encode writes JSON as the files of an export have it.
func Encode(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(value)
	return out.Bytes(), err
}

// Entry is a line of the file that accounts for the log: just one of Salt, Kept,
// Leaf and Hashes is there.
type Entry struct {
	// Table has the event as its next row.
	Table string `json:"table,omitempty"`
	// Salt opens the row's leaf; Kept is what an erasure left of that.
	Salt []byte `json:"salt,omitempty"`
	Kept []byte `json:"kept,omitempty"`
	// Leaf is the public leaf of an entry of another time.
	Leaf string `json:"leaf,omitempty"`
	// Hashes are of entries of which nothing else is shown, and Why is "swept" or
	// "outside".
	Hashes []proof.Hash `json:"hashes,omitempty"`
	Why    string       `json:"why,omitempty"`
}

// The reasons for which of an entry only the hash is shown.
const (
	WhySwept   = "swept"
	WhyOutside = "outside"
)

// FileOf names the file of a table in a format: csv, jsonl or parquet.
func FileOf(table, format string) string { return format + "/" + table + "." + format }

func short(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
