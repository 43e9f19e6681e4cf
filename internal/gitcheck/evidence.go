package gitcheck

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// fillEvidence reads more of those runs that did not record the commits which
// name them: what they wrote, and which of their commits are here. For most
// commits nothing of this is needed.
func (l *lookup) fillEvidence(ctx context.Context, commits []policy.Commit) error {
	var doubtful []*policy.Run
	for i := range commits {
		for k := range commits[i].Claims {
			run := commits[i].Claims[k].Run
			if run != nil && !run.Recorded(commits[i].ID) && !slices.Contains(doubtful, run) {
				doubtful = append(doubtful, run)
			}
		}
	}
	for _, run := range doubtful {
		if err := l.readWork(ctx, run); err != nil {
			return err
		}
	}
	if err := l.findHere(ctx, doubtful, commits); err != nil {
		return err
	}
	return l.findAncestors(ctx, commits)
}

// maxAncestries is how many pairs of commits git is asked about, a process each.
// Behind them a commit gets the benefit of the doubt: it would take a rebase of
// hundreds of commits whose first forms are all at hand.
const maxAncestries = 100

// findAncestors finds out which commits are built upon what looks like their
// earlier form, and so are no later form of it.
func (l *lookup) findAncestors(ctx context.Context, commits []policy.Commit) error {
	asked := 0
	for i := range commits {
		c := &commits[i]
		for k := range c.Claims {
			run := c.Claims[k].Run
			if run == nil || run.Recorded(c.ID) {
				continue
			}
			for n := range run.Commits {
				m := &run.Commits[n]
				if !c.Resembles(m) {
					continue
				}
				if asked++; asked > maxAncestries {
					return nil
				}
				_, err := l.repository.Run(ctx, "merge-base", "--is-ancestor", m.ID, c.ID)
				var failed *git.Error
				switch {
				case err == nil:
					c.Ancestors = append(c.Ancestors, m.ID)
				case errors.As(err, &failed) && failed.ExitCode() == 1:
				default:
					return fmt.Errorf("couldn't compare %s with %s: %w", short(c.ID), short(m.ID), err)
				}
			}
		}
	}
	return nil
}

// readWork reads which files a run changed, and when it was last at work.
func (l *lookup) readWork(ctx context.Context, run *policy.Run) error {
	rows, err := l.trail.Events(ctx, l.org, store.EventFilter{Execution: run.ID, What: "file.*", ActionsOnly: true})
	if err != nil {
		return fmt.Errorf("couldn't read the files of %s: %w", run.ID, err)
	}
	for i := range rows {
		switch e := &rows[i].Event; e.What {
		case "file.write", "file.edit", "file.delete", "file.move":
			if e.Target != "" {
				run.Wrote = append(run.Wrote, e.Target)
			}
		}
	}
	for _, what := range []string{"shell.run", "tool.call", "mcp.call"} {
		if len(run.Commits) == 0 {
			break // a script could only explain why a commit is none of those
		}
		rows, err := l.trail.Events(ctx, l.org, store.EventFilter{Execution: run.ID, What: what, ActionsOnly: true})
		if err != nil {
			return fmt.Errorf("couldn't read the commands of %s: %w", run.ID, err)
		}
		for i := range rows {
			run.Opaque = append(run.Opaque, rows[i].At)
		}
	}
	if !run.Running {
		return nil
	}
	rows, err = l.trail.Events(ctx, l.org, store.EventFilter{Execution: run.ID, ActionsOnly: true, Newest: true, Limit: 1})
	if err != nil {
		return fmt.Errorf("couldn't read the last action of %s: %w", run.ID, err)
	}
	for i := range rows {
		run.LastAct = rows[i].At
	}
	return nil
}

// findHere finds out which of the commits that runs recorded the repository
// has, and who wrote them when.
func (l *lookup) findHere(ctx context.Context, runs []*policy.Run, commits []policy.Commit) error {
	known := map[string]*policy.Commit{} // by the beginning of the id
	for i := range commits {
		if id := commits[i].ID; len(id) >= shortest {
			known[id[:shortest]] = &commits[i]
		}
	}
	var wanted []string
	eachMade(runs, func(m *policy.Made) {
		if len(m.ID) < shortest {
			return
		}
		if c := known[m.ID[:shortest]]; c != nil && policy.SameCommit(c.ID, m.ID) {
			m.Here, m.Authored, m.Author = true, c.Author.At, c.Author.Email
			return
		}
		wanted = append(wanted, m.ID)
	})
	slices.Sort(wanted)
	here, err := l.repository.Existing(ctx, slices.Compact(wanted))
	if err != nil || len(here) == 0 {
		return err
	}
	return l.repository.Log(ctx, gitlog.LogOptions{Tips: here, Alone: true}, func(batch []gitlog.Commit) error {
		for i := range batch {
			c := &batch[i]
			eachMade(runs, func(m *policy.Made) {
				if !m.Here && policy.SameCommit(m.ID, c.ID) {
					m.Here, m.Authored, m.Author = true, c.AuthoredAt, c.AuthorEmail
				}
			})
		}
		return nil
	})
}

func eachMade(runs []*policy.Run, f func(*policy.Made)) {
	for _, run := range runs {
		for i := range run.Commits {
			f(&run.Commits[i])
		}
	}
}
