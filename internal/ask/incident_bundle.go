package ask

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

// maxProofs is how many suspects' proofs a bundle holds.
const maxProofs = 5

// IncidentFiles makes the files of an incident's bundle: what was found out, and
// the proofs of the runs that are suspected. What can't be proved is said in s. page
// renders s as text. The values of the withheld fields are in none of them: the text
// is then left out, for its sentences are made of all fields.
func (g *Git) IncidentFiles(ctx context.Context, s *IncidentShow, withheld []string, page func(*IncidentShow) ([]byte, error)) ([]casefile.File, error) {
	var files []casefile.File
	if a := s.Analysis; a != nil {
		if a.why != nil && a.Kind != WhyOfExecution {
			file, err := a.proofFile(g.Prove(ctx, a.why))("answer", withheld)
			if err != nil {
				return nil, err
			}
			files = append(files, file...)
		}
		for i := range a.Suspects {
			x := &a.Suspects[i]
			if i >= maxProofs || x.Execution == nil || x.Sure == string(incident.Weak) {
				continue
			}
			file, err := a.proofFile(g.Trail.ProveExecution(ctx, x.ExecutionID))(x.ExecutionID, withheld)
			if err != nil {
				return nil, err
			}
			files = append(files, file...)
		}
	}
	var content any = s
	if len(withheld) > 0 {
		var err error
		if content, err = withheldIncident(s, withheld); err != nil {
			return nil, err
		}
	} else {
		text, err := page(s)
		if err != nil {
			return nil, err
		}
		files = append(files, casefile.File{Name: "incident.txt", Content: text})
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(content); err != nil {
		return nil, fmt.Errorf("couldn't write the incident: %w", err)
	}
	return append(files, casefile.File{Name: "incident.json", Content: out.Bytes()}), nil
}

// proofFile is a proof as a file; none, and a word on it, if it is too large or
// there is nothing to prove.
func (a *IncidentAnalysis) proofFile(d *dossier.Dossier, err error) func(name string, withheld []string) ([]casefile.File, error) {
	return func(name string, withheld []string) ([]casefile.File, error) {
		switch {
		case errors.Is(err, ErrNothingToProve):
			return nil, nil
		case errors.Is(err, ErrProofTooLarge), errors.Is(err, store.ErrNotFound):
			a.Missing = append(a.Missing, WhyMissing{Link: "proof", Detail: "there is no proof of " + name + " in the bundle: " + err.Error(), Mend: "whodid prove execution:" + name})
			return nil, nil
		case err != nil:
			return nil, err
		}
		if err := d.Withhold(withheld...); err != nil {
			return nil, err
		}
		content, err := d.Archive(dossier.Deflated)
		if err != nil {
			return nil, err
		}
		return []casefile.File{{Name: casefile.FolderProofs + name + ".zip", Content: content}}, nil
	}
}

// ProveIncident makes the proof of an incident's chain of custody: of all events
// about it and of its holds, with every entry of the log between the first and the
// last, if that is not too much. The withheld fields are not disclosed, but for the
// data of exports: they seal the bundle, and say what was withheld of it.
func (a *Asker) ProveIncident(ctx context.Context, x *Incident, withheld []string) (*dossier.Dossier, error) {
	e, err := a.evidence(ctx, dossier.Subject{Kind: dossier.OfIncident, ID: x.IncidentID})
	if err != nil {
		return nil, err
	}
	all, err := a.store.IncidentEvents(ctx, a.org)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(all, func(r store.Row) bool { return r.ID != x.IncidentID && r.Target != x.IncidentID })
	held, err := a.store.RetentionEvents(ctx, a.org)
	if err != nil {
		return nil, err
	}
	for i := range held {
		if r := &held[i]; slices.Contains(x.holds, r.ID) || slices.Contains(x.holds, r.Target) {
			rows = append(rows, *r)
		}
	}
	rows = slices.DeleteFunc(rows, func(r store.Row) bool { return r.Seq >= e.size })
	if len(rows) == 0 {
		return nil, fmt.Errorf("incident %s: %w", x.IncidentID, store.ErrNotFound)
	}
	slices.SortFunc(rows, func(x, y store.Row) int { return int(int64(x.Seq) - int64(y.Seq)) })
	span := &dossier.Span{First: rows[0].Seq, End: rows[len(rows)-1].Seq + 1}
	switch {
	case e.size <= wholeLog:
		span = &dossier.Span{End: e.size}
	case span.End-span.First > maxSpan:
		span = nil
	}
	d, err := e.prove(ctx, rows, span)
	if err != nil {
		return nil, err
	}
	seals := map[uint64]proof.Disclosure{}
	for i := range rows {
		if data, ok := d.Disclosed[rows[i].Seq][proof.FieldData]; ok && rows[i].What == "incident.export" {
			seals[rows[i].Seq] = data
		}
	}
	if err := d.Withhold(withheld...); err != nil {
		return nil, err
	}
	for seq, data := range seals {
		if d.Disclosed[seq] == nil {
			d.Disclosed[seq] = map[string]proof.Disclosure{}
		}
		d.Disclosed[seq][proof.FieldData] = data
	}
	return d, nil
}
