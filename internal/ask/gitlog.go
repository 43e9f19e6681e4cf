package ask

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// CommitFilter selects commits of the index. Zero fields select everything.
type CommitFilter struct {
	Repository string
	Agent      string // full name, a prefix ending in "*", or an agent's name such as Claude
	Squad      string
	// Execution is the id of a run, or its unique beginning. Commits that revert
	// one of the run, or that it was rewritten into, are of it too.
	Execution    string
	Trigger      string // its kind
	Model        string
	Kind         string
	Path         string // a file or a folder
	Since, Until time.Time
	Limit        int // 0 is no limit
}

func (f *CommitFilter) store() store.CommitFilter {
	return store.CommitFilter{
		Repository: f.Repository, Agent: f.Agent, Squad: f.Squad, Trigger: f.Trigger, Model: f.Model, Kind: f.Kind,
		Path: f.Path, Since: f.Since, Until: f.Until, Limit: f.Limit,
	}
}

// CommitList is the answer to "what was committed?".
type CommitList struct {
	Commits []Commit `json:"commits"`
	// State is how far the index of the repository at hand is.
	State GitState `json:"state"`
}

// Commits answers what was committed, the last first.
func (a *Asker) Commits(ctx context.Context, f CommitFilter) (*CommitList, error) {
	sf := f.store()
	var found []store.Commit
	var err error
	if f.Execution != "" {
		id, resolveErr := a.executionID(ctx, f.Execution)
		if resolveErr != nil {
			return nil, resolveErr
		}
		found, err = a.commitsOf(ctx, id, sf)
	} else {
		found, err = a.store.Commits(ctx, a.org, sf)
	}
	if err != nil {
		return nil, err
	}
	list := &CommitList{Commits: make([]Commit, len(found))}
	for i := range found {
		list.Commits[i] = newCommit(&found[i])
	}
	return list, nil
}

// executionID is the id that begins so: of the trail, or, for a run that only
// commits name, the id as it was given.
func (a *Asker) executionID(ctx context.Context, prefix string) (string, error) {
	id, err := a.Resolve(ctx, prefix)
	if !errors.Is(err, store.ErrNotFound) {
		return id, err
	}
	if !strings.HasPrefix(prefix, whodid.PrefixExecution+"-") {
		prefix = whodid.PrefixExecution + "-" + prefix
	}
	if !whodid.ValidID(prefix) {
		return "", err
	}
	return prefix, nil
}

// commitsOf are the commits of a run: those that name it, those that the trail
// saw it make, what these were rewritten into, and what reverts or squashes any
// of them.
func (a *Asker) commitsOf(ctx context.Context, execution string, f store.CommitFilter) ([]store.Commit, error) {
	all := map[string]store.Commit{}
	take := func(narrow func(*store.CommitFilter)) error {
		g := f
		g.Limit = 0
		narrow(&g)
		found, err := a.store.Commits(ctx, a.org, g)
		for i := range found {
			all[found[i].Repository+" "+found[i].ID] = found[i]
		}
		return err
	}
	if err := take(func(g *store.CommitFilter) { g.Execution = execution }); err != nil {
		return nil, err
	}
	made, err := a.made(ctx, execution)
	if err != nil {
		return nil, err
	}
	for _, sha := range made {
		versions, err := a.versions(ctx, sha)
		if err != nil {
			return nil, err
		}
		for _, id := range append(versions, sha) {
			if err := take(func(g *store.CommitFilter) { g.ID = id }); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range all {
		naming, err := a.store.Naming(ctx, a.org, c.ID)
		if err != nil {
			return nil, err
		}
		for id := range naming {
			if err := take(func(g *store.CommitFilter) { g.ID = id }); err != nil {
				return nil, err
			}
		}
	}
	out := make([]store.Commit, 0, len(all))
	for _, c := range all {
		out = append(out, c)
	}
	slices.SortFunc(out, func(x, y store.Commit) int {
		if n := y.CommittedAt.Compare(x.CommittedAt); n != 0 {
			return n
		}
		return strings.Compare(x.ID, y.ID)
	})
	if f.Limit > 0 {
		out = out[:min(len(out), f.Limit)]
	}
	return out, nil
}

// made are the commits, by the beginning of their ids, that the trail saw a run
// make.
func (a *Asker) made(ctx context.Context, execution string) ([]string, error) {
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: execution, What: "commit.create", Result: string(whodid.ResultSuccess)})
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range rows {
		if sha := rows[i].Data.String("sha"); len(sha) >= shortestSHA {
			ids = append(ids, sha)
		}
	}
	return ids, nil
}

// shortestSHA is how many digits of a commit's id are enough to know it by.
const shortestSHA = 7

// versions are the commits that a commit was rewritten into, or from: a rebase
// or an amendment keeps the author and the second of writing.
func (a *Asker) versions(ctx context.Context, sha string) ([]string, error) {
	of, err := a.store.Commits(ctx, a.org, store.CommitFilter{ID: sha})
	if err != nil {
		return nil, err
	}
	var ids []string
	for i := range of {
		same, err := a.sameWriting(ctx, of[i].Author, of[i].AuthoredAt)
		if err != nil {
			return nil, err
		}
		for j := range same {
			if !strings.HasPrefix(same[j].ID, sha) {
				ids = append(ids, same[j].ID)
			}
		}
	}
	return ids, nil
}

// sameWriting are the commits of one author that were written in one second.
func (a *Asker) sameWriting(ctx context.Context, author string, at time.Time) ([]store.Commit, error) {
	if author == "" || at.IsZero() {
		return nil, nil
	}
	const most = 64
	return a.store.Commits(ctx, a.org, store.CommitFilter{Author: author, AuthoredAt: at, Limit: most})
}
