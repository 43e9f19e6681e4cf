package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/export"
	"github.com/whodid/whodid/proof/population"
)

// exportOptions are the flags of export.
type exportOptions struct {
	period   period
	out, by  string
	formats  []string
	sample   int
	seed     int64
	sampleOf string
}

// exported is the answer of "export".
type exported struct {
	Path     string             `json:"path"`
	Period   population.Period  `json:"period"`
	TreeSize uint64             `json:"tree_size"`
	Tables   []population.Shown `json:"tables"`
	Rows     int64              `json:"rows"`
	Bytes    int64              `json:"bytes"`
	// Sums is the SHA-256 of the file SHA256SUMS, hexadecimal.
	Sums string `json:"sums"`
	// EventID is the event that says that this was exported.
	EventID string `json:"event_id"`
}

func (p *Program) exportCommand() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:     "export --month MONTH -o FOLDER",
		GroupID: "prove",
		Short:   "Export all of a period for auditors, with a proof that none is missing",
		Long: `Writes a folder with the whole population of a period: executions, actions,
approvals, decisions, exceptions, policies, sweeps, holds, erasures, reviews, the
access log and all other events, each as CSV, JSON lines and Parquet; a control
map (SOC 2, NIST AU, ISO 42001, EU AI Act), the account of the log, and a signed
manifest. "whodid-verify FOLDER" checks it offline: every row is an entry of the
signed log, and none of the period is missing. docs/export.md describes it.

An event belongs to the period in which it happened; with --by recorded to that
in which the trail took it, so that months lie side by side in the log and none
is changed by what comes late. The same trail gives the same bytes.

That the period was exported is an event of the access log.`,
		Example: `  whodid export --month 2026-10 -o audit-2026-10
  whodid export --month 2026-10 --tz Europe/Berlin -o oct --format csv,jsonl
  whodid export --from 2026-07-01 --to 2026-10-01 -o q3 --sample 25 --seed 7
  whodid-verify audit-2026-10 --trust auditor-keys.json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.export(c.Context(), &o) },
	}
	o.period.bind(c)
	f := c.Flags()
	f.StringVarP(&o.out, "out", "o", "", "write to this `FOLDER`, which must not be there yet")
	f.StringVar(&o.by, "by", string(population.Happened), "`WHICH` time says that an event is of the period: happened or recorded")
	f.StringSliceVar(&o.formats, "format", nil, "only these `FORMATS`: csv, jsonl, parquet")
	f.IntVar(&o.sample, "sample", 0, "draw a sample of `N` rows")
	f.Int64Var(&o.seed, "seed", 0, "`NUMBER` that decides which rows are drawn")
	f.StringVar(&o.sampleOf, "sample-of", population.Actions, "the `TABLE` to draw the sample of")
	return c
}

// read brings the flags to options.
func (o *exportOptions) read(p *Program) (export.Options, error) {
	var out export.Options
	if o.out == "" {
		return out, misuse(errors.New("-o is missing"), "say where to write it: a folder that is not there yet")
	}
	from, to, err := o.period.whole(p)
	if err != nil {
		return out, err
	}
	basis := population.Basis(o.by)
	if basis != population.Happened && basis != population.Recorded {
		return out, usageError("--by: %q is none of happened, recorded", o.by)
	}
	formats := slices.DeleteFunc(export.Formats(), func(f string) bool { return len(o.formats) > 0 && !slices.Contains(o.formats, f) })
	for _, f := range o.formats {
		if !slices.Contains(formats, f) {
			return out, usageError("--format: %q is none of %s", f, strings.Join(export.Formats(), ", "))
		}
	}
	sampled := slices.IndexFunc(population.Tables(), func(t population.Table) bool { return t.Name == o.sampleOf })
	switch {
	case o.sample < 0 || o.sample > population.MaxSample:
		return out, usageError("--sample: %d is none of 0 to %d", o.sample, population.MaxSample)
	case sampled < 0:
		return out, usageError("--sample-of: there is no table %q", o.sampleOf)
	}
	if _, ok := population.IDColumn(population.Tables()[sampled].Columns); !ok {
		return out, usageError("--sample-of: the rows of %s have no ids to draw by", o.sampleOf)
	}
	return export.Options{
		Org: p.org, From: from, To: to, Zone: o.period.zone, Basis: basis, Formats: formats,
		Sample: o.sample, Seed: o.seed, SampleOf: o.sampleOf, Dir: p.path(o.out), Version: p.Version,
	}, nil
}

func (p *Program) export(ctx context.Context, flags *exportOptions) error {
	o, err := flags.read(p)
	if err != nil {
		return err
	}
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	o.Sign = w.trail.ledger.SignText
	o.Progress = p.progress("exporting")
	var event string
	o.Tell = func(ctx context.Context, done *export.Summary) (err error) {
		event, err = p.tellPrivacy(ctx, w, who, "view.population", "", export.Told(done))
		return err
	}
	done, err := export.Write(ctx, w.trail.store, o)
	if errors.Is(err, export.ErrExists) {
		return withHint(err, "name a folder that is not there yet")
	}
	if err != nil {
		return err
	}
	answer := exported{
		Path: o.Dir, Period: done.Manifest.Period, TreeSize: done.Manifest.Checkpoint.Size, Tables: []population.Shown{},
		Rows: done.Rows, Bytes: done.Bytes, Sums: done.Sums, EventID: event,
	}
	for i := range done.Manifest.Tables {
		answer.Tables = append(answer.Tables, population.Shown{Name: done.Manifest.Tables[i].Name, Rows: done.Manifest.Tables[i].Rows})
	}
	if p.json {
		return p.printJSON(answer)
	}
	out := p.out()
	for _, t := range answer.Tables {
		out.Printf("%s\t%d\n", t.Name, t.Rows)
	}
	out.Printf("%s\t%d rows\t%d bytes\n", o.Dir, done.Rows, done.Bytes)
	p.advise(out, "Check it: whodid-verify %s --key %q", o.Dir, done.Manifest.PublicKey)
	return nil
}
