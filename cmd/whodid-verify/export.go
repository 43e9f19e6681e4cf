package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/population"
)

// exportAnswer is what the program prints of an export; its JSON names are only
// ever added to.
type exportAnswer struct {
	Verified bool `json:"verified"`
	*population.Report
}

// verifyExport checks the folder of an export.
func verifyExport(o options, trust *dossier.Trust, stdout io.Writer) (int, error) {
	if o.about != "" {
		return exitUsage, fmt.Errorf("--about is for proofs; %s is an export", o.bundle)
	}
	root, err := os.OpenRoot(o.bundle) // nothing in it leads out of it
	if err != nil {
		return exitError, fmt.Errorf("couldn't open the export: %w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	if !population.IsExport(root.FS()) {
		return exitError, fmt.Errorf("couldn't read the proof: %s is a folder, and no export: there is no %s in it", o.bundle, population.FileSigned)
	}
	report, err := population.Check(root.FS(), trust)
	if err != nil {
		return exitError, fmt.Errorf("couldn't read the export: %w", err)
	}
	a := exportAnswer{Verified: report.Verdicts.Holds(), Report: report}
	if o.json {
		err = printJSON(stdout, a)
	} else {
		err = a.text(stdout)
	}
	if err != nil {
		return exitError, fmt.Errorf("couldn't write the verdicts: %w", err)
	}
	if !a.Verified {
		return exitFailed, nil
	}
	return exitGood, nil
}

func (a exportAnswer) text(w io.Writer) error {
	var out bytes.Buffer
	if a.Verdicts.Integrity.State != proof.Refuted {
		fmt.Fprintf(&out, "%-18s%s up to %s (%s), by the time at which events %s\n", "period", plain(a.Period.From), plain(a.Period.To), plain(a.Period.TimeZone), a.basis())
		fmt.Fprintf(&out, "%-18s%s, %d entries\n\n", "log", plain(a.Origin), a.TreeSize)
		for _, t := range a.Tables {
			fmt.Fprintf(&out, "%-18s%d\n", plain(t.Name), t.Rows)
		}
		fmt.Fprintln(&out)
	}
	printVerdicts(&out, &a.Verdicts)
	_, err := w.Write(out.Bytes())
	return err
}

func (a exportAnswer) basis() string {
	if a.Period.Basis == population.Recorded {
		return "were recorded"
	}
	return "happened"
}
