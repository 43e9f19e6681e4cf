package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// disclosure is which fields a proof shows.
type disclosure struct {
	out                string
	disclose, withhold []string
}

func (d *disclosure) bind(c *cobra.Command) {
	c.Flags().StringSliceVar(&d.disclose, "disclose", nil, "show just these `FIELDS` of the events: actor, data, on_behalf_of, target, why")
	c.Flags().StringSliceVar(&d.withhold, "withhold", nil, "withhold these `FIELDS` of the events; the proof still verifies")
}

// withheld are the fields that are not to be shown, sorted.
func (d *disclosure) withheld() ([]string, error) {
	for _, field := range slices.Concat(d.disclose, d.withhold) {
		if !slices.Contains(proof.Fields(), field) {
			return nil, usageError("there is no field %q to disclose or withhold; there are: %s", field, strings.Join(proof.Fields(), ", "))
		}
	}
	out := append([]string{}, d.withhold...)
	for _, field := range proof.Fields() {
		if len(d.disclose) > 0 && !slices.Contains(d.disclose, field) {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// writeProof writes the archive, and says what it shows. A proof that does not
// hold is not written: the trail was tampered with.
func (p *Program) writeProof(d *dossier.Dossier, o *disclosure) error {
	if p.json {
		return usageError("a proof is a zip archive; whodid-verify --json tells as JSON what it shows")
	}
	fields, err := o.withheld()
	if err != nil {
		return err
	}
	if err := d.Withhold(fields...); err != nil {
		return err
	}
	keys, err := proof.ParseKeys(d.PublicKey)
	if err != nil {
		return err
	}
	report := dossier.Check(d, &dossier.Trust{Keys: keys})
	if v := report.Verdicts.Integrity; v.State != proof.Proved {
		return withHint(fmt.Errorf("the proof would not hold: %s", v.Detail), "see: whodid verify")
	}
	archive, err := d.Archive(dossier.Deflated)
	if err != nil {
		return err
	}
	if o.out == "-" {
		_, err := p.Stdout.Write(archive)
		return err
	}
	file := o.out
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.Dir, file)
	}
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		return fmt.Errorf("couldn't write the proof: %w", err)
	}
	out := p.out()
	out.Printf("%s proves %s: %d events in %d entries of the log, %d bytes\n", o.out, d.Subject, len(report.Events), len(report.Events)+report.Others, len(archive))
	p.advise(out, "Check it: whodid-verify %s --key %q", o.out, d.PublicKey)
	return nil
}

// proveSubject makes the proof of what is named with its kind before it.
func (p *Program) proveSubject(ctx context.Context, kind, id string, when *period, o *disclosure) error {
	if o.out == "" {
		return usageError("a proof of that kind is a zip archive: name its file with --out")
	}
	switch kind {
	case "commit", "pr", "line":
		return p.proveWhy(ctx, id, &lineFlags{}, o)
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	var d *dossier.Dossier
	switch kind {
	case "execution":
		d, err = t.asker.ProveExecution(ctx, id)
	case "event":
		d, err = t.asker.ProveEvent(ctx, id)
	case "report":
		d, err = p.proveReport(ctx, t.asker, id)
	default:
		d, err = p.provePeriod(ctx, t.asker, id, when)
	}
	if err != nil {
		return unprovable(err)
	}
	return p.writeProof(d, o)
}

func (p *Program) provePeriod(ctx context.Context, a *ask.Asker, named string, when *period) (*dossier.Dossier, error) {
	t := *when
	var ok bool
	if t.from, t.to, ok = strings.Cut(named, ".."); !ok || t.from == "" {
		return nil, usageError("a period is FROM..TO, such as 2026-11-01..2026-12-01 or yesterday..30m")
	}
	from, to, err := t.whole(p)
	if err != nil {
		return nil, err
	}
	return a.ProvePeriod(ctx, from, to)
}

// proveNamed makes the proof of the period that flags name.
func (p *Program) proveNamed(ctx context.Context, args []string, when *period, o *disclosure) error {
	if len(args) > 0 {
		return usageError("%s is to be proved, or a period: not both at once", args[0])
	}
	from, to, err := when.whole(p)
	if err != nil {
		return err
	}
	return p.proveSubject(ctx, dossier.OfPeriod, from.Format(time.RFC3339Nano)+".."+to.Format(time.RFC3339Nano), &period{zone: "UTC"}, o)
}

// maxReport is how large the file of a report may be, in bytes.
const maxReport = 64 << 20

// proveReport makes the proof of what a report rests on. Of the report itself the
// time is read, and the digest is named.
func (p *Program) proveReport(ctx context.Context, a *ask.Asker, file string) (*dossier.Dossier, error) {
	f, err := os.Open(p.path(file))
	if err != nil {
		return nil, fmt.Errorf("couldn't read the report: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxReport+1))
	if err != nil || len(text) > maxReport {
		return nil, errors.Join(fmt.Errorf("couldn't read the report %s", file), err)
	}
	var r struct {
		Since time.Time `json:"since"`
		Until time.Time `json:"until"`
	}
	if err := json.Unmarshal(text, &r); err != nil || !r.Since.Before(r.Until) || r.Since.IsZero() {
		return nil, withHint(fmt.Errorf("%s is no report as JSON", file), "write one: whodid report weekly --json > %s", file)
	}
	sum := sha256.Sum256(text)
	return a.ProveReport(ctx, "sha256:"+hex.EncodeToString(sum[:]), r.Since, r.Until)
}

// proveWhy makes the proof of the answer to why.
func (p *Program) proveWhy(ctx context.Context, question string, flags *lineFlags, o *disclosure) error {
	g, t, err := p.askGit(ctx)
	if err != nil {
		return err
	}
	if t != nil {
		defer t.close()
	}
	lines, err := flags.options(ctx, g)
	if err != nil {
		return err
	}
	w, err := g.Why(ctx, question, lines)
	if err != nil {
		return unexplained(err, g)
	}
	d, err := g.Prove(ctx, w)
	if err != nil {
		return unprovable(err)
	}
	return p.writeProof(d, o)
}

func unprovable(err error) error {
	switch {
	case errors.Is(err, ask.ErrProofTooLarge):
		return withHint(err, "whodid export proves a period of any size; or prove a shorter one, or one run: whodid prove execution:ID")
	case errors.Is(err, ask.ErrNothingToProve):
		return withHint(err, "ask without --prove: what git tells needs no proof of the trail")
	case errors.Is(err, store.ErrNotFound):
		return withHint(err, "see: whodid exec list")
	default:
		return unresolved(err)
	}
}
