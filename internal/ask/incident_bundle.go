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
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

// maxProofs is how many suspects' proofs a bundle holds.
const maxProofs = 5

// IncidentFiles makes the files of an incident's bundle: what was found out, and
// the proofs of the runs that are suspected. What can't be proved is said in s. page
// renders s as text.
func (g *Git) IncidentFiles(ctx context.Context, s *IncidentShow, page func(*IncidentShow) ([]byte, error)) ([]casefile.File, error) {
	var files []casefile.File
	if a := s.Analysis; a != nil {
		if a.why != nil && a.Kind != WhyOfExecution {
			file, err := a.proofFile(g.Prove(ctx, a.why))("answer")
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
			file, err := a.proofFile(g.Trail.ProveExecution(ctx, x.ExecutionID))(x.ExecutionID)
			if err != nil {
				return nil, err
			}
			files = append(files, file...)
		}
	}
	text, err := page(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("couldn't write the incident: %w", err)
	}
	return append(files, casefile.File{Name: "incident.json", Content: out.Bytes()}, casefile.File{Name: "incident.txt", Content: text}), nil
}

// proofFile is a proof as a file; none, and a word on it, if it is too large or
// there is nothing to prove.
func (a *IncidentAnalysis) proofFile(d *dossier.Dossier, err error) func(name string) ([]casefile.File, error) {
	return func(name string) ([]casefile.File, error) {
		switch {
		case errors.Is(err, ErrNothingToProve):
			return nil, nil
		case errors.Is(err, ErrProofTooLarge), errors.Is(err, store.ErrNotFound):
			a.Missing = append(a.Missing, WhyMissing{Link: "proof", Detail: "there is no proof of " + name + " in the bundle: " + err.Error(), Mend: "whodid prove execution:" + name})
			return nil, nil
		case err != nil:
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
// last, if that is not too much.
func (a *Asker) ProveIncident(ctx context.Context, x *Incident) (*dossier.Dossier, error) {
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
	return e.prove(ctx, rows, span)
}
