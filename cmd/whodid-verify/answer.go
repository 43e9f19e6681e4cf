package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// answer is what the program prints of an archive; its JSON names are only ever
// added to.
type answer struct {
	Verified bool `json:"verified"`
	*dossier.Report
}

// maxEvents is how many events a person is shown; --json has all.
const maxEvents = 50

func (r answer) text(w io.Writer) error {
	var out bytes.Buffer
	if r.Verdicts.Integrity.State != proof.Refuted {
		fmt.Fprintf(&out, "%-14s%s\n", "about", plain(r.Subject.String()))
		fmt.Fprintf(&out, "%-14s%s, %d entries\n\n", "log", plain(r.Origin), r.TreeSize)
		for i := range r.Events[:min(len(r.Events), maxEvents)] {
			fmt.Fprintln(&out, r.line(&r.Events[i]))
		}
		if more := len(r.Events) - maxEvents; more > 0 {
			fmt.Fprintf(&out, "and %d more: --json has all\n", more)
		}
		if r.Others > 0 {
			fmt.Fprintf(&out, "and %d entries of others, between them\n", r.Others)
		}
		if r.Context != nil {
			fmt.Fprintln(&out, "what git tells is in it too, and is not proved: --json has it")
		}
		fmt.Fprintln(&out)
	}
	printVerdicts(&out, &r.Verdicts)
	_, err := w.Write(out.Bytes())
	return err
}

// line tells of an event in one line.
func (r answer) line(e *dossier.Entry) string {
	field := func(name, value string) string {
		switch {
		case !slices.Contains(e.Withheld, name):
			return value
		case e.ErasedBy != "":
			return "(erased)"
		default:
			return "(not disclosed)"
		}
	}
	parts := []string{
		fmt.Sprintf("%-8d", e.Index), whodid.FormatTime(e.Event.At), field(proof.FieldActor, e.Event.Actor),
		e.Event.What, field(proof.FieldTarget, e.Event.Target), string(e.Event.Result),
	}
	if why := field(proof.FieldWhy, e.Event.Why); why != "" && !slices.Contains(e.Withheld, proof.FieldWhy) {
		parts = append(parts, "because: "+why)
	}
	for i := range parts {
		parts[i] = plain(parts[i])
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "  ")
}
