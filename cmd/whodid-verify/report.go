package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// report is what the program prints; its JSON names are only ever added to.
type report struct {
	Verified bool           `json:"verified"`
	Origin   string         `json:"origin"`
	Index    uint64         `json:"index"`
	TreeSize uint64         `json:"tree_size"`
	Event    *whodid.Event  `json:"event,omitempty"` // absent if integrity is refuted
	Withheld []string       `json:"withheld,omitempty"`
	ErasedBy string         `json:"erased_by,omitempty"`
	Verdicts proof.Verdicts `json:"verdicts"`
}

func newReport(b *proof.Bundle, v proof.Verdicts) report {
	r := report{Verified: v.Holds(), Origin: b.Origin, Index: b.Index, TreeSize: b.TreeSize, Verdicts: v}
	if v.Integrity.State == proof.Refuted {
		return r // what a forged bundle says is not worth printing
	}
	if e, err := b.Event(); err == nil {
		r.Event, r.Withheld, r.ErasedBy = &e, b.Withheld(), b.ErasedBy
	}
	return r
}

func printJSON(w io.Writer, r any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func (r report) text(w io.Writer) error {
	var out bytes.Buffer
	if e := r.Event; e != nil {
		for _, line := range [][2]string{
			{"event", e.ID},
			{"who", r.orWithheld(proof.FieldActor, authenticated(e.Actor, e.ActorAuth))},
			{"on behalf of", r.orWithheld(proof.FieldOnBehalfOf, authenticated(e.OnBehalfOf, e.OnBehalfAuth))},
			{"what", e.What},
			{"to what", r.orWithheld(proof.FieldTarget, e.Target)},
			{"when", whodid.FormatTime(e.At)},
			{"why", r.orWithheld(proof.FieldWhy, e.Why)},
			{"result", string(e.Result)},
			{"execution", e.Execution},
			{"session", e.Session},
			{"approval", e.Approval},
			{"source", e.Source},
			{"data", r.orWithheld(proof.FieldData, string(e.Data.Canonical()))},
			{"erased by", r.ErasedBy},
		} {
			if line[1] != "" {
				fmt.Fprintf(&out, "%-14s%s\n", line[0], plain(line[1]))
			}
		}
		fmt.Fprintln(&out)
	}
	printVerdicts(&out, &r.Verdicts)
	_, err := w.Write(out.Bytes())
	return err
}

func printVerdicts(out *bytes.Buffer, v *proof.Verdicts) {
	for _, line := range []struct {
		name    string
		verdict proof.Verdict
	}{
		{"integrity", v.Integrity},
		{"completeness", v.Completeness},
		{"authorship", v.Authorship},
		{"time", v.Time},
		{"approval", v.Approval},
	} {
		fmt.Fprintf(out, "%-14s%-13s%s\n", line.name, line.verdict.State, plain(line.verdict.Detail))
	}
}

func (r report) orWithheld(field, value string) string {
	for _, name := range r.Withheld {
		if name == field && r.ErasedBy != "" {
			return "(erased)"
		} else if name == field {
			return "(not disclosed)"
		}
	}
	return value
}

func authenticated(actor, auth string) string {
	if actor == "" || auth == "" {
		return actor
	}
	return actor + " (authenticated by " + auth + ")"
}

// plain makes foreign text safe for a terminal: what could move the cursor,
// colour the screen or turn the direction of writing is quoted.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
