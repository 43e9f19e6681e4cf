// Package gitcheck judges the commits of a repository by the policy: it gathers
// what git and the trail know of them, lets internal/policy judge, and renders
// the answer.
//
// Messages, names and paths were written by anybody, the pushed policy too: a
// push is judged by the policy that was in force before it.
package gitcheck

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/policy"
)

// Request says what to judge, and by what.
type Request struct {
	Repository *gitlog.Repository
	Policy     *policy.Policy
	// Trail is nil if there is none at hand; TrailNote then says why.
	Trail     Trail
	TrailNote string
	Org       string
	Selection Selection
	Now       time.Time
}

// maxListed bounds what an answer lists: commits that nobody could read through.
const maxListed = 100_000

// Check judges the selected commits, newest first.
func Check(ctx context.Context, r Request) (*Report, error) {
	commits, err := gather(ctx, r.Repository, r.Selection)
	if err != nil {
		return nil, err
	}
	return judge(ctx, r, commits)
}

// CheckMessage judges a message that is not committed yet: what a commit with
// it, made now by these, would be.
func CheckMessage(ctx context.Context, r Request, message string, author, committer policy.Signature) (*Report, error) {
	c := policy.Commit{Parents: 1, Author: author, Committer: committer, Branches: r.Selection.Branches, Message: policy.ReadMessage(message)}
	return judge(ctx, r, []policy.Commit{c})
}

func judge(ctx context.Context, r Request, commits []policy.Commit) (*Report, error) {
	around := policy.Surroundings{Trail: r.Trail != nil, Now: r.Now}
	if r.Trail == nil {
		findRivals(commits)
	} else {
		l := lookup{trail: r.Trail, org: r.Org, repository: r.Repository, runs: map[string]*policy.Run{}}
		if err := l.fill(ctx, commits); err != nil {
			return nil, err
		}
		var err error
		if around.Exceptions, err = l.exceptions(ctx); err != nil {
			return nil, err
		}
	}
	report := newReport(r)
	for i := range commits {
		v := r.Policy.Evaluate(&commits[i], around)
		report.add(&commits[i], &v, i == 0)
	}
	return report, nil
}

// gather reads the selected commits and keeps what a judgement needs of them.
func gather(ctx context.Context, repository *gitlog.Repository, s Selection) ([]policy.Commit, error) {
	var commits []policy.Commit
	err := repository.Log(ctx, gitlog.LogOptions{Tips: s.Tips, Seen: s.Seen, Alone: s.Alone, Files: true}, func(batch []gitlog.Commit) error {
		for i := range batch {
			commits = append(commits, facts(&batch[i], s.Branches))
		}
		if len(commits) > maxListed {
			return fmt.Errorf("more than %d commits are to be checked: name a smaller range", maxListed)
		}
		return nil
	})
	return commits, err
}

// facts is what git tells of a commit.
func facts(c *gitlog.Commit, branches []string) policy.Commit {
	out := policy.Commit{
		ID: c.ID, Parents: len(c.Parents), Branches: branches,
		Author:    policy.Signature{Name: c.AuthorName, Email: c.AuthorEmail, At: c.AuthoredAt},
		Committer: policy.Signature{Name: c.CommitterName, Email: c.CommitterEmail, At: c.CommittedAt},
		// A merge changes nothing of its own that git would list.
		PathsKnown: len(c.Parents) < 2,
		Message:    policy.ReadMessage(c.Message),
	}
	for i := range c.Files {
		out.Paths = append(out.Paths, c.Files[i].Path)
		if c.Files[i].From != "" {
			out.Paths = append(out.Paths, c.Files[i].From)
		}
	}
	return out
}

// findRivals finds claims that contradict each other: one execution has one
// agent. It is all that git alone can tell of an execution.
func findRivals(commits []policy.Commit) {
	type first struct{ agent, commit string }
	seen := map[string]first{}
	for _, c := range slices.Backward(commits) {
		for i := range c.Claims {
			claim := &c.Claims[i]
			if claim.Execution == "" || claim.Agent == "" {
				continue
			}
			if f, ok := seen[claim.Execution]; !ok {
				seen[claim.Execution] = first{claim.Agent, c.ID}
			} else if f.agent != claim.Agent {
				claim.Rival = f.commit
			}
		}
	}
}
