package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// within tells whether somebody who may see only some squads may see this one;
// none is all of them.
func within(squads []string, squad string) bool {
	return len(squads) == 0 || slices.Contains(squads, squad)
}

// unseen is why somebody who may see only some squads is shown nothing: what is not
// there, what is not theirs and what several begin with read alike, lest guesses
// find out the ids of others.
func unseen(kind, prefix string, err error) error {
	var many *AmbiguousError
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoSubject) || errors.As(err, &many) {
		return fmt.Errorf("you may see no %s that is %q, or that alone begins so: %w", kind, prefix, ErrNotFound)
	}
	return err
}

// ShowTo is [Asker.Show] for somebody who may see only some squads: what is not
// theirs is not found, and runs of others that theirs started are left out.
func (a *Asker) ShowTo(ctx context.Context, prefix string, squads []string) (*Show, error) {
	s, err := a.Show(ctx, prefix)
	if len(squads) == 0 {
		return s, err
	}
	if err == nil && !within(squads, s.Squad) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, unseen("execution", prefix, err)
	}
	s.Children = slices.DeleteFunc(s.Children, func(x Execution) bool { return !within(squads, x.Squad) })
	return s, nil
}

// WhyCommit answers which runs made a commit, as far as the trail and its index
// of commits know it; a repository is not at hand. Who may see only some squads
// is told of their runs, and finds no commit in which they had no part.
func (a *Asker) WhyCommit(ctx context.Context, id string, squads []string) (*Why, error) {
	w, err := (&Git{Trail: a, squads: squads}).Why(ctx, id, gitlog.BlameOptions{})
	if len(squads) == 0 {
		return w, err
	}
	if err != nil {
		return nil, unseen("commit or run", id, err)
	}
	theirs := func(r CommitRun) bool { return within(squads, r.Squad) }
	before := len(w.Runs)
	w.Runs = slices.DeleteFunc(w.Runs, func(r WhyRun) bool {
		if r.Execution != nil {
			return !within(squads, r.Execution.Squad)
		}
		return r.Claimed == nil || !theirs(*r.Claimed)
	})
	hidden := len(w.Runs) < before
	for i := range w.Commits {
		c := &w.Commits[i]
		known := len(c.Runs)
		c.Runs = slices.DeleteFunc(c.Runs, func(r CommitRun) bool { return !theirs(r) })
		if len(c.Runs) < known {
			hidden, c.Credits, c.Model = true, []string{}, ""
		}
	}
	if len(w.Runs) == 0 {
		return nil, unseen("commit or run", id, ErrNotFound)
	}
	// A commit of others, which led to theirs, is none of their business.
	w.Commits = slices.DeleteFunc(w.Commits, func(c WhyCommit) bool {
		return !slices.ContainsFunc(w.Runs, func(r WhyRun) bool { return r.Commit == c.Commit.Commit })
	})
	if hidden {
		// They are about the whole, and name runs.
		w.Doubts, w.Claims = []string{}, []WhyClaim{}
		w.Missing = []WhyMissing{{Link: "run", Detail: "other squads had a part in it, which you may not see"}}
	}
	return w, nil
}

// SessionTo is [Asker.Session] for somebody who may see only some squads.
func (a *Asker) SessionTo(ctx context.Context, prefix string, squads []string) (*Session, error) {
	s, err := a.Session(ctx, prefix)
	if len(squads) == 0 {
		return s, err
	}
	if err == nil && !within(squads, whodid.Squad(s.Agent)) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, unseen("session", prefix, err)
	}
	return s, nil
}

// ApprovalTo is [Asker.ApprovalByID] for somebody who may see only some squads.
func (a *Asker) ApprovalTo(ctx context.Context, prefix string, squads []string) (*ShownApproval, error) {
	s, err := a.ApprovalByID(ctx, prefix)
	if len(squads) == 0 {
		return s, err
	}
	if err == nil && !within(squads, whodid.Squad(s.Agent)) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, unseen("approval", prefix, err)
	}
	return s, nil
}
