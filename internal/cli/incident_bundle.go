package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/sshsig"
)

func (p *Program) incidentBundleCommand() *cobra.Command {
	var o disclosure
	c := &cobra.Command{
		Use:   "bundle ID -o FILE",
		Short: "Write the sealed bundle of an incident, for somebody who trusts nobody",
		Long: `Writes one zip archive with all that is known of an incident, the proofs of the
runs that are suspected, the notes, and the chain of custody: who opened it, who
looked, who exported it and when. The export is itself recorded, with the digest
of the list of files, and the chain of custody proves that: whoever changes, adds
or takes out a file is found out. whodid-verify checks it offline.`,
		Example: `  whodid incident bundle 7k2m -o incident.zip
  whodid-verify incident.zip --trust keys.json`,
		Args: oneArgument("the id of an incident"),
		RunE: func(c *cobra.Command, args []string) error { return p.bundleIncident(c.Context(), args[0], &o) },
	}
	c.Flags().StringVarP(&o.out, "out", "o", "", "write the bundle to this `FILE`")
	o.bind(c)
	return c
}

// bundledIncident is the answer of "incident bundle".
type bundledIncident struct {
	IncidentID string `json:"incident_id"`
	// EventID is the event of the export, Digest that of the list of files, which
	// it holds.
	EventID string `json:"event_id"`
	Digest  string `json:"digest"`
	File    string `json:"file"`
	Bytes   int    `json:"bytes"`
	// Files are what the bundle holds.
	Files []string `json:"files"`
	// Withheld are the fields of events that it does without.
	Withheld []string `json:"withheld"`
	// PublicKey is that of the log, for who checks it; they should get it by
	// another way.
	PublicKey string `json:"public_key"`
}

func (p *Program) bundleIncident(ctx context.Context, prefix string, o *disclosure) error {
	if o.out == "" {
		return misuse(errors.New("--out is missing"), "name the file to write: -o incident.zip")
	}
	withheld, err := o.withheld()
	if err != nil {
		return err
	}
	w, who, err := p.holdPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	x, err := w.trail.asker.IncidentByID(ctx, prefix)
	if err != nil {
		return unresolvedAmong(err, "whodid incident list --all")
	}
	g, options, err := p.incidentGit(ctx, w.trail)
	if err != nil {
		return err
	}
	s, err := g.ShowIncident(ctx, x.IncidentID, options, nil)
	if err != nil {
		return err
	}
	files, err := g.IncidentFiles(ctx, s, withheld, p.incidentText)
	if err != nil {
		return err
	}
	c, export, err := sealIncident(ctx, w.trail.store, p.uiTenant(w.trail), who, x, withheld, files)
	if err != nil {
		return err
	}
	archive, err := c.Archive()
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.path(o.out), archive, 0o600); err != nil {
		return fmt.Errorf("couldn't write the bundle: %w", err)
	}
	answer := bundledIncident{IncidentID: x.IncidentID, EventID: export, Digest: c.Digest(), File: o.out, Bytes: len(archive), Files: []string{}, Withheld: withheld, PublicKey: c.PublicKey}
	for _, f := range c.List.Files {
		answer.Files = append(answer.Files, f.Name)
	}
	if p.json {
		return p.printJSON(answer)
	}
	out := p.out()
	out.Printf("%s is the sealed bundle of %s: %d files, %d bytes, %s\n", term.Clean(o.out), x.IncidentID, len(answer.Files), answer.Bytes, answer.Digest)
	p.advise(out, "Check it: whodid-verify %s --key %q", o.out, c.PublicKey)
	return nil
}

// bundler makes the sealed bundle of an incident for somebody at the pages.
func (p *Program) bundler(logs *store.Store) func(ctx context.Context, t *server.Tenant, id string, who *whodid.Event) ([]byte, error) {
	return func(ctx context.Context, t *server.Tenant, id string, who *whodid.Event) ([]byte, error) {
		signers, err := p.signersOfServer(ctx, t)
		if err != nil {
			return nil, err
		}
		o := ask.IncidentOptions{Policy: t.Rules().Policy, Signature: func(a *whodid.Approval) error { return sshsig.CheckApproval(a, signers) }}
		g := &ask.Git{Trail: t.Asker, Pseudonym: t.Pseudonym}
		s, err := g.ShowIncident(ctx, id, o, nil)
		if err != nil {
			return nil, err
		}
		files, err := g.IncidentFiles(ctx, s, nil, p.incidentText)
		if err != nil {
			return nil, err
		}
		c, _, err := sealIncident(ctx, logs, t, who, &s.Incident, nil, files)
		if err != nil {
			return nil, err
		}
		return c.Archive()
	}
}

// incidentText is the page of an incident as text.
func (p *Program) incidentText(s *ask.IncidentShow) ([]byte, error) {
	const width = 160
	var out bytes.Buffer
	page := incidentView{show: s, out: term.New(&out, func(name string) string {
		return map[string]string{term.ForceVariable: strconv.Itoa(width), "NO_COLOR": "1"}[name]
	}, p.Now())}
	err := page.print()
	return out.Bytes(), err
}

// sealIncident records the export, and adds the proof of the chain of custody. A
// bundle that does not hold is not written: the trail was tampered with.
func sealIncident(ctx context.Context, logs *store.Store, t *server.Tenant, who *whodid.Event, x *ask.Incident, withheld []string, files []casefile.File) (*casefile.Casefile, string, error) {
	log, err := logs.Log(ctx, t.Org)
	if err != nil {
		return nil, "", err
	}
	c, err := casefile.New(x.IncidentID, log.Origin, log.PublicKey, withheld, files)
	if err != nil {
		return nil, "", err
	}
	e := *who
	e.Key, e.What, e.Target = freshKey("incident-export"), "incident.export", x.IncidentID
	e.Data = whodid.Data{"digest": c.Digest(), "files": int64(len(c.Files)), "bytes": c.Bytes()}
	if len(withheld) > 0 {
		e.Data["withheld"] = withheld
	}
	rows, err := t.Recorder.Record(ctx, e)
	if err != nil {
		return nil, "", err
	}
	custody, err := t.Asker.ProveIncident(ctx, x, withheld)
	if err != nil {
		return nil, "", unprovable(err)
	}
	if c.Custody, err = custody.Archive(dossier.Deflated); err != nil {
		return nil, "", err
	}
	keys, err := proof.ParseKeys(log.PublicKey)
	if err != nil {
		return nil, "", err
	}
	if r := casefile.Check(c, &dossier.Trust{Keys: keys}); !r.Holds() {
		return nil, "", withHint(fmt.Errorf("the bundle would not hold: %s", r.Verdicts.Integrity.Detail), "see: whodid verify")
	}
	return c, rows[0].ID, nil
}
