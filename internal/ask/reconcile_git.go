package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// agentCommit is a commit of an agent, from git or from the index.
type agentCommit struct {
	id, repository      string
	author              string // who wrote it, for versions of it: an identity or a pseudonym
	authored, committed time.Time
	agent               string // or the name of a product
	evidence            string
	runs                map[string]string // the runs that it names, with their agents
	related             []string          // commits that it reverts, was picked from or squashes
	indexed             bool
}

// reconcileCommits compares commits of agents, by their trailers and by what other
// tools leave in git, with the runs of the trail.
func (a *Asker) reconcileCommits(ctx context.Context, in *ReconcileInput) (*Reconciled, error) {
	s := newReconciled(SourceCommits, "agent commits")
	seen, err := a.commitsSeen(ctx, in.Since)
	if err != nil {
		return nil, err
	}
	g := gitSide{asker: a, in: in, versions: map[string][]string{}, byID: map[string]*agentCommit{}}
	var broken []string
	names := map[string]bool{}
	for i := range in.Repos {
		r := &in.Repos[i]
		err := r.Err
		if err == nil {
			err = g.read(ctx, r.Repo, names)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			broken = append(broken, fmt.Sprintf("%s can't be read: %v", r.Dir, err))
		}
	}
	indexed, err := g.readIndex(ctx, names)
	if err != nil {
		return nil, err
	}
	s.Notes = append(s.Notes, indexed...)
	if g.assisted > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d commits of people that say an agent helped are not counted", g.assisted))
	}
	switch {
	case len(broken) > 0:
		s.Failed, s.Reason = true, strings.Join(broken, "; ")
		s.Checked = len(names) > 0
	case len(names) == 0:
		return s.unchecked(false, "no repository was named, and none is in the trail's index: --repo DIR"), nil
	default:
		s.Checked = true
	}
	note, err := a.sweptSince(ctx, in.Since)
	if err != nil {
		return nil, err
	}
	if note != "" {
		s.Notes = append(s.Notes, note)
	}
	return s, g.judge(ctx, s, seen, note != "")
}

// gitSide is what git tells of the commits of agents.
type gitSide struct {
	asker    *Asker
	in       *ReconcileInput
	commits  []*agentCommit
	assisted int
	// versions are the commits of one author and moment of writing: a rewritten
	// commit keeps both.
	versions map[string][]string
	byID     map[string]*agentCommit
}

func (g *gitSide) within(t time.Time) bool {
	return !t.IsZero() && !t.Before(g.in.Since) && (g.in.Until.IsZero() || t.Before(g.in.Until))
}

// read reads the whole history of a repository: what it says itself, not what an
// index once said of it.
func (g *gitSide) read(ctx context.Context, repo *gitlog.Repository, names map[string]bool) error {
	name, err := repo.Name(ctx)
	if err != nil && !errors.Is(err, gitlog.ErrNoCommit) {
		return err
	}
	refs, err := repo.Refs(ctx)
	if err != nil {
		return err
	}
	notes, err := repo.Notes(ctx, nil, refs.Notes)
	if err != nil {
		return err
	}
	names[name] = true
	if len(refs.Tips) == 0 {
		return nil
	}
	return repo.Log(ctx, gitlog.LogOptions{Tips: refs.Tips}, func(batch []gitlog.Commit) error {
		for i := range batch {
			c := &batch[i]
			key := versionKey(gitlog.IdentityOf(c.AuthorName, c.AuthorEmail), c.AuthoredAt)
			g.versions[key] = append(g.versions[key], c.ID)
			if !g.within(c.CommittedAt) {
				continue
			}
			at := gitlog.Attribute(c, notes[c.ID])
			if at.Kind == gitlog.Assisted {
				g.assisted++
			}
			if at.Kind != gitlog.Agent {
				continue
			}
			one := &agentCommit{
				id: c.ID, repository: name, author: gitlog.IdentityOf(c.AuthorName, c.AuthorEmail), authored: c.AuthoredAt, committed: c.CommittedAt,
				evidence: string(at.Strongest()), runs: map[string]string{},
			}
			for _, o := range at.Origins {
				if one.agent == "" {
					one.agent = o.Agent
				}
				if o.Execution != "" {
					one.runs[o.Execution] = o.Agent
				}
			}
			if one.agent == "" && len(at.Credits) > 0 {
				one.agent = at.Credits[0]
			}
			for _, r := range at.References {
				one.related = append(one.related, r.Commit)
			}
			g.take(one)
		}
		return nil
	})
}

func (g *gitSide) take(c *agentCommit) {
	if g.byID[c.id] == nil {
		g.byID[c.id] = c
		g.commits = append(g.commits, c)
	}
}

func versionKey(author string, at time.Time) string {
	return fmt.Sprintf("%d %s", at.Unix(), author)
}

// readIndex takes the commits of repositories that are not at hand, as far as the
// trail's index knows them.
func (g *gitSide) readIndex(ctx context.Context, names map[string]bool) (notes []string, err error) {
	repositories, err := g.asker.store.GitRepositories(ctx, g.asker.org)
	if err != nil {
		return nil, err
	}
	for i := range repositories {
		r := &repositories[i]
		if names[r.Name] {
			continue
		}
		names[r.Name] = true
		notes = append(notes, fmt.Sprintf("%s is not at hand: its commits are those of the index of %s", r.Name, r.IndexedAt.UTC().Format("2006-01-02 15:04")))
		commits, err := g.asker.store.Commits(ctx, g.asker.org, store.CommitFilter{Repository: r.Name, Kind: string(gitlog.Agent), Since: g.in.Since, Until: g.in.Until})
		if err != nil {
			return nil, err
		}
		for j := range commits {
			c := &commits[j]
			one := &agentCommit{
				id: c.ID, repository: c.Repository, author: c.Author, authored: c.AuthoredAt, committed: c.CommittedAt, agent: c.Agent,
				runs: map[string]string{}, indexed: true,
			}
			if len(c.Evidence) > 0 {
				one.evidence = c.Evidence[0]
			}
			if one.agent == "" && len(c.Credits) > 0 {
				one.agent = c.Credits[0]
			}
			for _, o := range c.Origins {
				if o.Execution != "" {
					one.runs[o.Execution] = o.Agent
				}
			}
			for _, related := range c.Related {
				if _, id, ok := strings.Cut(related, " "); ok {
					one.related = append(one.related, id)
				}
			}
			g.take(one)
		}
	}
	return notes, nil
}

// judge says of each commit whether the trail explains it.
func (g *gitSide) judge(ctx context.Context, s *Reconciled, seen shasSeen, swept bool) error {
	var ids []string
	for _, c := range g.commits {
		for id := range c.runs {
			ids = append(ids, id)
		}
	}
	agents, err := g.asker.runsNamed(ctx, ids)
	if err != nil {
		return err
	}
	why := map[string]*Unexplained{}
	for _, c := range g.commits {
		why[c.id] = g.missing(c, agents, seen, swept)
	}
	for _, c := range g.commits {
		u := why[c.id]
		if u != nil && len(c.runs) == 0 {
			// One that names no run may have been rewritten from, or into, one that the
			// trail knows.
			known, err := g.rewritten(ctx, c, why, seen)
			if err != nil {
				return err
			}
			if known {
				u = nil
			}
		}
		s.thing(u)
	}
	return nil
}

// missing says what of a commit the trail does not explain; nil if it does.
func (g *gitSide) missing(c *agentCommit, agents map[string]string, seen shasSeen, swept bool) *Unexplained {
	u := &Unexplained{Kind: "commit", Subject: c.id, At: moment(c.committed), Agent: c.agent, Detail: c.repository + ", " + c.evidence}
	var gone, foreign []string
	for id, agent := range c.runs {
		switch runs, ok := agents[id]; {
		case !ok:
			gone = append(gone, id)
		case agent != "" && runs != "" && agent != runs:
			foreign = append(foreign, id)
		}
	}
	slices.Sort(gone)
	slices.Sort(foreign)
	switch {
	case len(gone) > 0:
		u.ExecutionID = gone[0]
		u.Reason = "it names " + strings.Join(gone, ", ") + ", which the trail does not have: recorded elsewhere and not sent, or removed, or made up"
		if swept {
			u.Reason += ", or swept since"
		}
		u.Next = "whodid sync where it ran; whodid verify; whodid git check " + c.id[:min(len(c.id), 12)] + "~.." + c.id[:min(len(c.id), 12)]
	case len(foreign) > 0:
		u.ExecutionID = foreign[0]
		u.Reason = "it names " + strings.Join(foreign, ", ") + ", which is another agent's run: " + agents[foreign[0]]
		u.Next = "whodid git check " + c.id[:min(len(c.id), 12)] + "~.." + c.id[:min(len(c.id), 12)]
	case len(c.runs) > 0 || seen.has(c.id):
		return nil
	default:
		u.Reason = "it says that an agent made it, and names no run: the hooks of that clone are not installed, or were bypassed"
		u.Next = "whodid git install in the clone; whodid import where it was made"
	}
	return u
}

// rewritten tells whether another version of a commit, or one that it squashes or
// was picked from, is known.
func (g *gitSide) rewritten(ctx context.Context, c *agentCommit, why map[string]*Unexplained, seen shasSeen) (bool, error) {
	others := slices.Clone(c.related)
	if !c.indexed {
		others = append(others, g.versions[versionKey(c.author, c.authored)]...)
	}
	author := c.author
	if !c.indexed && g.in.Pseudonym != nil {
		author = g.in.Pseudonym(c.author)
	}
	if c.indexed || g.in.Pseudonym != nil {
		// Those that are gone from git since the index was made.
		same, err := g.asker.sameWriting(ctx, author, c.authored)
		if err != nil {
			return false, err
		}
		for i := range same {
			others = append(others, same[i].ID)
		}
	}
	for _, id := range others {
		if id == c.id {
			continue
		}
		if seen.has(id) {
			return true, nil
		}
		if u, agent := why[id]; agent && u == nil {
			return true, nil
		}
	}
	return false, nil
}
