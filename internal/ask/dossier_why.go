package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/dossier"
)

// gitContext is what git tells of an answer. It is not proved.
type gitContext struct {
	Note    string       `json:"note"`
	Line    *contextLine `json:"line,omitempty"`
	Commits []contextGit `json:"commits"`
}

type contextLine struct {
	Path         string `json:"path"`
	Line         int    `json:"line"`
	Revision     string `json:"revision,omitempty"`
	Commit       string `json:"commit,omitempty"`
	OriginalPath string `json:"original_path,omitempty"`
	OriginalLine int    `json:"original_line,omitempty"`
}

type contextGit struct {
	Commit      string      `json:"commit"`
	Repository  string      `json:"repository,omitempty"`
	FoundBy     string      `json:"found_by"`
	Kind        string      `json:"kind"`
	Evidence    []string    `json:"evidence"`
	Runs        []CommitRun `json:"runs"`
	PullRequest *int64      `json:"pull_request,omitempty"`
}

// ErrNothingToProve means that the trail holds nothing that an answer rests on.
var ErrNothingToProve = errors.New("the trail holds no event that this answer rests on")

// Prove makes the proof of an answer to why: of a run all of it, else of the
// events that the answer rests on, with what git tells beside them.
func (g *Git) Prove(ctx context.Context, w *Why) (*dossier.Dossier, error) {
	if g.Trail == nil {
		return nil, fmt.Errorf("%w: there is no trail here", ErrNothingToProve)
	}
	if w.Kind == WhyOfExecution && len(w.Runs) > 0 {
		return g.Trail.ProveExecution(ctx, w.Runs[0].ExecutionID)
	}
	e, err := g.Trail.evidence(ctx, w.subject())
	if err != nil {
		return nil, err
	}
	var ids []string
	var rows []store.Row
	for i := range w.Runs {
		r := &w.Runs[i]
		life, err := g.Trail.store.Events(ctx, g.Trail.org, store.EventFilter{Execution: r.ExecutionID, What: "execution.*"})
		if err != nil {
			return nil, err
		}
		rows = append(rows, life...)
		for _, a := range r.Wrote {
			ids = append(ids, a.EventID)
		}
		for _, a := range r.Actions {
			ids = append(ids, a.EventID)
		}
		for _, d := range r.Decisions {
			ids = append(ids, d.EventID)
		}
	}
	found, err := e.eventsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows = append(rows, found...)
	for i := range w.Commits {
		c := &w.Commits[i].Commit
		attributed, err := g.Trail.attribution(ctx, c)
		if err != nil {
			return nil, err
		}
		rows = append(rows, attributed...)
	}
	if len(rows) == 0 {
		return nil, ErrNothingToProve
	}
	if e.dossier.Context, err = w.context(); err != nil {
		return nil, err
	}
	return e.prove(ctx, rows, nil)
}

// attribution are the events that say whose a commit is, if the trail has them:
// their time is that of the commit.
func (a *Asker) attribution(ctx context.Context, c *Commit) ([]store.Row, error) {
	if c.CommittedAt == nil {
		return nil, nil
	}
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{What: "commit.attribute", Since: *c.CommittedAt, Until: c.CommittedAt.Add(time.Second)})
	return slices.DeleteFunc(rows, func(r store.Row) bool { return r.Data.String("sha") != c.Commit }), err
}

func (w *Why) subject() dossier.Subject {
	switch {
	case w.Kind == WhyOfLine && w.Line != nil:
		return dossier.Subject{Kind: dossier.OfLine, ID: fmt.Sprintf("%s:%d", w.Line.Path, w.Line.Line)}
	case w.Kind == WhyOfPullRequest:
		return dossier.Subject{Kind: dossier.OfPullRequest, ID: w.PullRequest}
	case len(w.Commits) > 0:
		return dossier.Subject{Kind: dossier.OfCommit, ID: w.Commits[0].Commit.Commit}
	default:
		return dossier.Subject{Kind: dossier.OfCommit, ID: w.Question}
	}
}

func (w *Why) context() (json.RawMessage, error) {
	c := gitContext{Note: "git tells this, and nothing proves it: look the commits up in the repository", Commits: []contextGit{}}
	if l := w.Line; l != nil {
		c.Line = &contextLine{Path: l.Path, Line: l.Line, Revision: l.Revision, Commit: l.Commit, OriginalPath: l.OriginalPath, OriginalLine: l.OriginalLine}
	}
	for i := range w.Commits {
		one := &w.Commits[i]
		c.Commits = append(c.Commits, contextGit{
			Commit: one.Commit.Commit, Repository: one.Repository, FoundBy: one.FoundBy, Kind: one.Kind,
			Evidence: one.Evidence, Runs: one.Runs, PullRequest: one.PullRequest,
		})
	}
	return json.Marshal(c)
}
