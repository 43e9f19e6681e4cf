package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/server"
)

// clones are the repositories whose lines the server's pages show, as HEAD has them.
type clones []*gitlog.Repository

// newClones opens the clones that the settings name; one that can't be opened is a
// mistake in them.
func (p *Program) newClones(ctx context.Context, dirs []string) (clones, error) {
	var out clones
	for _, dir := range dirs {
		r, err := gitlog.Open(ctx, dir)
		if err != nil {
			return nil, withHint(fmt.Errorf("clones: %w", err), "name folders that are git repositories: git clone --mirror URL DIR")
		}
		out = append(out, r)
	}
	return out, nil
}

// head is where the lines of a clone are looked at; false while it has no commit.
func head(ctx context.Context, r *gitlog.Repository) (o gitlog.BlameOptions, ok bool) {
	o.Revision, o.Plain = r.Resolve(ctx, "HEAD"), true
	return o, o.Revision != ""
}

// why answers from the first clone that knows what is asked about, or else from the
// trail alone.
func (c clones) why(ctx context.Context, t *server.Tenant, question string) (*ask.Why, error) {
	for _, r := range c {
		o, ok := head(ctx, r)
		if !ok {
			continue
		}
		found, err := (&ask.Git{Repo: r, Trail: t.Asker, Pseudonym: t.Pseudonym}).Why(ctx, question, o)
		if !errors.Is(err, ask.ErrNoSubject) {
			return found, err
		}
	}
	return t.Asker.WhyCommit(ctx, question, nil)
}

// blame answers from the first clone that has the file.
func (c clones) blame(ctx context.Context, t *server.Tenant, path string, first, last int) (*ask.Blame, error) {
	err := ask.ErrNoSubject
	for _, r := range c {
		o, ok := head(ctx, r)
		if !ok {
			continue
		}
		o.First, o.Last = first, last
		var found *ask.Blame
		if found, err = (&ask.Git{Repo: r, Trail: t.Asker, Pseudonym: t.Pseudonym}).Blame(ctx, path, o); err == nil {
			return found, nil
		}
	}
	return nil, err
}
