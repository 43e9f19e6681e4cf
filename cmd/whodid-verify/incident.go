package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

// incidentAnswer is what the program prints of an incident's bundle; its JSON names
// are only ever added to.
type incidentAnswer struct {
	Verified bool `json:"verified"`
	*casefile.Report
}

// checkIncident checks the bundle of an incident, and returns how to show what it
// found.
func checkIncident(content []byte, trust *dossier.Trust, o options) (show func(io.Writer) error, good bool, err error) {
	c, err := casefile.Parse(content)
	if err != nil {
		return nil, false, err
	}
	if subject := dossier.OfIncident + ":" + c.Incident; o.about != "" && o.about != subject {
		return nil, false, fmt.Errorf("it is the bundle of %s, not of %s", subject, o.about)
	}
	a := incidentAnswer{Report: casefile.Check(c, trust)}
	a.Verified = a.Holds()
	if o.json {
		return func(w io.Writer) error { return printJSON(w, a) }, a.Verified, nil
	}
	return a.text, a.Verified, nil
}

func (a incidentAnswer) text(w io.Writer) error {
	var out bytes.Buffer
	if a.Verdicts.Integrity.State != proof.Refuted {
		fmt.Fprintf(&out, "%-14s%s\n", "incident", plain(a.Incident))
		fmt.Fprintf(&out, "%-14s%s, %d entries\n", "log", plain(a.Origin), a.TreeSize)
		if len(a.Withheld) > 0 {
			fmt.Fprintf(&out, "%-14s%s: whoever made the bundle chose not to disclose these fields\n", "withheld", plain(strings.Join(a.Withheld, ", ")))
		}
		fmt.Fprintln(&out, "\nchain of custody")
		r := answer{Report: &dossier.Report{Events: a.Custody}}
		for i := range a.Custody {
			fmt.Fprintln(&out, r.line(&a.Custody[i]))
		}
		fmt.Fprintln(&out, "\nsealed files")
		for _, f := range a.Files {
			fmt.Fprintf(&out, "%s  %s, %d bytes\n", plain(f.SHA256), plain(f.Name), f.Bytes)
		}
		for i := range a.Proofs {
			p := &a.Proofs[i]
			fmt.Fprintf(&out, "\n%s proves %s by %d events\n", plain(p.Name), plain(p.Subject), p.Events)
			printVerdicts(&out, &p.Verdicts)
		}
		fmt.Fprintln(&out, "\nthe bundle")
	}
	printVerdicts(&out, &a.Verdicts)
	_, err := w.Write(out.Bytes())
	return err
}
