package casefile

import (
	"fmt"
	"strings"

	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// Report is what a bundle shows to somebody who trusts what they trust.
type Report struct {
	Incident string `json:"incident"`
	Origin   string `json:"origin"`
	TreeSize uint64 `json:"tree_size"`
	// Withheld are the fields of events that the bundle does without, as its sealed
	// list says.
	Withheld []string `json:"withheld,omitempty"`
	// Verdicts are those on the chain of custody; integrity is that of the bundle
	// as a whole.
	Verdicts proof.Verdicts `json:"verdicts"`
	// Custody is who did what with the incident, in the order of the log; none if
	// integrity is refuted.
	Custody []dossier.Entry `json:"custody"`
	// Files are those that are sealed, Proofs what the proofs among them show.
	Files  []Entry `json:"files"`
	Proofs []Proof `json:"proofs"`
}

// Proof is what a proof of a bundle shows.
type Proof struct {
	Name     string         `json:"name"`
	Subject  string         `json:"subject"`
	Events   int            `json:"events"`
	Verdicts proof.Verdicts `json:"verdicts"`
}

// Holds reports whether nothing is refuted, and the integrity of all is proved.
func (r *Report) Holds() bool {
	for i := range r.Proofs {
		if !r.Proofs[i].Verdicts.Holds() {
			return false
		}
	}
	return r.Verdicts.Holds()
}

// Check says what a bundle shows to somebody who trusts t, and nothing else.
func Check(c *Casefile, t *dossier.Trust) *Report {
	r := &Report{Incident: c.Incident, Origin: c.Origin, Custody: []dossier.Entry{}, Files: []Entry{}, Proofs: []Proof{}}
	custody, err := c.check(t, r)
	if err != nil {
		not := proof.Verdict{State: proof.NotShown, Detail: "nothing in this bundle can be relied on: its integrity is refuted"}
		r.Verdicts = proof.Verdicts{Integrity: proof.Verdict{State: proof.Refuted, Detail: err.Error()}, Completeness: not, Authorship: not, Time: not, Approval: not}
		r.Custody, r.Files, r.Proofs, r.TreeSize = []dossier.Entry{}, []Entry{}, []Proof{}, 0
		return r
	}
	r.TreeSize, r.Verdicts, r.Custody, r.Files, r.Withheld = custody.TreeSize, custody.Verdicts, custody.Events, c.List.Files, c.Withheld
	r.Verdicts.Integrity.Detail = fmt.Sprintf("the %d files are those whose list the log sealed; of the chain of custody, %s", len(c.List.Files), custody.Verdicts.Integrity.Detail)
	return r
}

// check checks the bundle as a whole, and reads its proofs.
func (c *Casefile) check(t *dossier.Trust, r *Report) (*dossier.Report, error) {
	if err := c.listed(); err != nil {
		return nil, err
	}
	d, err := dossier.Parse(c.Custody)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", FileCustody, err)
	}
	custody := dossier.Check(d, t)
	switch {
	case custody.Verdicts.Integrity.State == proof.Refuted:
		return nil, fmt.Errorf("the chain of custody: %s", custody.Verdicts.Integrity.Detail)
	case custody.Subject.Kind != dossier.OfIncident || custody.Subject.ID != c.Incident:
		return nil, fmt.Errorf("the chain of custody is that of %s, not of the incident %s", short(custody.Subject.String()), short(c.Incident))
	case custody.Origin != c.Origin:
		return nil, fmt.Errorf("the chain of custody is of the log %q, the bundle of %q", short(custody.Origin), short(c.Origin))
	case !c.sealed(custody):
		return nil, fmt.Errorf("no export in the chain of custody is that of these files, whose list has the digest %s", c.Digest())
	}
	for _, f := range c.Files {
		if !strings.HasPrefix(f.Name, FolderProofs) {
			continue
		}
		d, err := dossier.Parse(f.Content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		report := dossier.Check(d, t)
		r.Proofs = append(r.Proofs, Proof{Name: f.Name, Subject: report.Subject.String(), Events: len(report.Events), Verdicts: report.Verdicts})
	}
	return custody, nil
}

// listed checks that the files are just those of the list.
func (c *Casefile) listed() error {
	want := make(map[string]Entry, len(c.List.Files))
	for _, e := range c.List.Files {
		if _, twice := want[e.Name]; twice {
			return fmt.Errorf("the list has %s twice", short(e.Name))
		}
		want[e.Name] = e
	}
	for _, f := range c.Files {
		e, ok := want[f.Name]
		switch {
		case !ok:
			return fmt.Errorf("%s is not on the list of files", f.Name)
		case int64(len(f.Content)) != e.Bytes || digest(f.Content) != e.SHA256:
			return fmt.Errorf("%s is not what the list says: it was changed", f.Name)
		}
		delete(want, f.Name)
	}
	for name := range want {
		return fmt.Errorf("%s is on the list of files and not in the bundle", short(name))
	}
	return nil
}

// sealed tells whether an export in the chain of custody has the list's digest.
func (c *Casefile) sealed(custody *dossier.Report) bool {
	for i := range custody.Events {
		if e := custody.Events[i].Event; e.What == "incident.export" && e.Data.String("digest") == c.Digest() {
			return true
		}
	}
	return false
}
