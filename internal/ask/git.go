package ask

import (
	"context"
	"errors"
	"slices"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// Git asks a repository, and the trail about it. Either may be missing: git
// alone knows what commits say, the trail alone what was indexed and recorded.
type Git struct {
	// Repo is the repository; nil outside of one.
	Repo *gitlog.Repository
	// Trail is the trail; nil where there is none.
	Trail *Asker
	// Pseudonym is the name of a person in the trail, by an identity such as
	// "git:ada@example.com"; nil without the key that makes them.
	Pseudonym func(identity string) string

	// squads are the only ones whose events lead to runs; none is all.
	squads []string

	name string // of the repository, once it is known
}

// repository is the identity of the repository, as far as it is easily known:
// the first commit of a history without an origin is not looked for.
func (g *Git) repository(ctx context.Context) string {
	if g.name == "" && g.Repo != nil {
		g.name = g.Repo.Remote(ctx)
	}
	return g.name
}

// commits reads commits from git, with the notes on them, in the order of the
// ids. Those that are not there are left out.
func (g *Git) commits(ctx context.Context, ids []string) ([]Commit, gitlog.Notes, error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	found, err := g.Repo.Commits(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	notes, err := g.Repo.NotesOn(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	g.repository(ctx)
	var out []Commit
	for _, id := range ids {
		if c := found[id]; c != nil {
			out = append(out, g.describe(c, notes[id]))
		}
	}
	return out, notes, nil
}

// GitState says how far the index of a repository is.
type GitState struct {
	Repository string `json:"repository"`
	// Indexed tells whether it was ever read; Behind whether its refs have moved
	// since.
	Indexed bool `json:"indexed"`
	Behind  bool `json:"behind"`
}

// State answers how far the index of the repository is.
func (g *Git) State(ctx context.Context) (*GitState, error) {
	if g.Repo == nil || g.Trail == nil {
		return &GitState{}, nil
	}
	name, err := g.Repo.Name(ctx)
	if errors.Is(err, gitlog.ErrNoCommit) {
		return &GitState{}, nil
	}
	if err != nil {
		return nil, err
	}
	s := &GitState{Repository: name}
	seen, err := g.Trail.store.GitRepository(ctx, g.Trail.org, name)
	if errors.Is(err, store.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	refs, err := g.Repo.Refs(ctx)
	if err != nil {
		return nil, err
	}
	s.Indexed = true
	s.Behind = !slices.Equal(seen.Tips, refs.Tips)
	return s, nil
}
