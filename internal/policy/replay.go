package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/trailer"
)

// replay reports a claim that was copied from another commit. That a run made a
// commit is proved where the run itself recorded its id. Rebase, amend and
// cherry-pick give the work another id, so that a commit that no run recorded
// may still be honest: then it must be a later form of one that the run made.
func (j *judge) replay(c *Claim, report func(Finding)) {
	if !j.around.Trail {
		j.leaveOpen("Whether the trailers were copied from another commit: there is no trail at hand.")
		return
	}
	run := c.Run
	if run == nil || j.commit.ID == "" || run.Recorded(j.commit.ID) {
		return // execution tells of the first
	}
	why := j.copied(run)
	if why == "" {
		return
	}
	report(Finding{
		Code: Replayed, Line: c.Line, Remedy: Remedy{Kind: Rewrite},
		Text: fmt.Sprintf("The trailers of execution %s were copied: %s.", run.ID, why),
	})
}

// Recorded reports whether the run itself recorded that it made the commit, or
// pushed it as its own.
func (r *Run) Recorded(commit string) bool {
	return slices.ContainsFunc(r.Commits, func(m Made) bool { return SameCommit(m.ID, commit) }) ||
		slices.ContainsFunc(r.Pushed, func(id string) bool { return SameCommit(id, commit) })
}

// copied says why a claim that no record proves can't be true, or "".
func (j *judge) copied(run *Run) string {
	for _, other := range j.commit.MadeBy {
		// A sub-agent's commit may name its run, and the other way round.
		if other.ID != run.ID && other.Parent != run.ID && run.Parent != other.ID && !j.claimed(other) {
			return fmt.Sprintf("the trail knows that %s made this commit", other.ID)
		}
	}
	at, touched := j.commit.Author.At, j.touched(run)
	switch {
	case j.rewritten(run), touched != apart && j.referred(run):
		return ""
	case run.Running && !at.Add(time.Second).Before(run.LastAct):
		// What is recorded of a tool call is recorded at its end, and a commit
		// may be pushed within the call that made it.
		j.leaveOpen("Whether execution %s made the commit: it is at work, and has not recorded it yet.", run.ID)
		return ""
	case j.near(run.Attempts):
		j.leaveOpen("Whether execution %s made the commit: it tried to make one then, and its record does not show what came of it.", run.ID)
		return ""
	case touched == apart:
		return "the run changed none of the files of this commit"
	case len(run.Commits) == 0 || j.commit.squash():
		return ""
	case slices.ContainsFunc(run.Commits, func(m Made) bool { return !m.Here }):
		return "" // it may be what became of the one that is not here
	case touched == together && j.near(run.Opaque):
		j.leaveOpen("Whether execution %s made the commit: its record does not show it, though it changed these files and ran commands then.", run.ID)
		return ""
	default:
		return fmt.Sprintf("the run made %s, and this commit is none of them", plural(len(run.Commits), "other commit"))
	}
}

// near reports whether the commit was made at about one of the times.
func (j *judge) near(times []time.Time) bool {
	at := j.commit.Author.At
	return slices.ContainsFunc(times, func(t time.Time) bool { return at.Sub(t).Abs() <= j.policy.Tolerance })
}

// rewritten reports whether the commit is a later form of one that the run
// made.
func (j *judge) rewritten(run *Run) bool {
	return slices.ContainsFunc(run.Commits, func(m Made) bool {
		return j.commit.Resembles(&m) && !slices.Contains(j.commit.Ancestors, m.ID)
	})
}

// Resembles reports whether the commit can be a later form of one that a run
// recorded: what git rewrites keeps its author and the author's time.
func (c *Commit) Resembles(m *Made) bool {
	return m.Here && m.Authored.Equal(c.Author.At) && strings.EqualFold(m.Author, c.Author.Email) && !SameCommit(m.ID, c.ID)
}

// referred reports whether the message names a commit of the run as the one
// that this is a copy of, or that it gathers.
func (j *judge) referred(run *Run) bool {
	return slices.ContainsFunc(j.commit.References, func(r trailer.Reference) bool {
		return r.Relation != trailer.Reverts &&
			slices.ContainsFunc(run.Commits, func(m Made) bool { return SameCommit(m.ID, r.Commit) })
	})
}

// claimed reports whether the message names the run too, as a squash does.
func (j *judge) claimed(run *Run) bool {
	return slices.ContainsFunc(j.commit.Claims, func(c Claim) bool { return c.Execution == run.ID })
}

// nearness is how the files of a commit lie to those that a run wrote.
type nearness int

const (
	unknown  nearness = iota // one of the two is not known
	together                 // they share some
	apart                    // they share none
)

func (j *judge) touched(run *Run) nearness {
	if !j.commit.PathsKnown || len(j.commit.Paths) == 0 || len(run.Wrote) == 0 {
		return unknown
	}
	wrote := make(map[string]bool, len(run.Wrote))
	for _, w := range run.Wrote {
		wrote[w] = true
		// A path that is not of the repository may end in one that is.
		for i := range len(w) {
			if w[i] == '/' {
				wrote[w[i+1:]] = true
			}
		}
	}
	if slices.ContainsFunc(j.commit.Paths, func(p string) bool { return wrote[p] }) {
		return together
	}
	return apart
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
