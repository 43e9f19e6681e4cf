package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// commit explains a commit: which runs made it, and what is known of them. path
// is the file that was asked about in it, or empty for all of it.
func (w *whyer) commit(ctx context.Context, id, foundBy, path string) error {
	if len(w.Commits) >= maxWhy || slices.ContainsFunc(w.Commits, func(c WhyCommit) bool { return c.Commit.Commit == id }) {
		return nil
	}
	c, err := w.read(ctx, id)
	if err != nil {
		return err
	}
	if c == nil {
		w.miss("commit", "commit "+id+" is neither in this repository nor in the index", "git fetch, or whodid git index in a clone that has it")
		return nil
	}
	c.FoundBy = foundBy
	w.Commits = append(w.Commits, *c)
	if path == "" {
		for _, f := range c.Files {
			w.about.paths = append(w.about.paths, f.Path)
		}
	}
	before := len(w.Runs)
	for i := range c.Runs {
		if err := w.run(ctx, c.Runs[i].ExecutionID, c.Evidence[0], c, &c.Runs[i]); err != nil {
			return err
		}
	}
	if err := w.othersClaim(ctx, c); err != nil {
		return err
	}
	if len(w.Runs) > before {
		return nil
	}
	return w.lookFurther(ctx, c)
}

// read reads a commit from git, or else from the index; nil if neither has it.
func (w *whyer) read(ctx context.Context, id string) (*WhyCommit, error) {
	g := w.git
	if g.Repo != nil && g.Repo.Has(ctx, id) {
		var found *gitlog.Commit
		err := g.Repo.Log(ctx, gitlog.LogOptions{Tips: []string{id}, Alone: true, Files: w.Kind != WhyOfLine}, func(batch []gitlog.Commit) error {
			found = &batch[0]
			return nil
		})
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, nil
		}
		notes, err := g.Repo.NotesOn(ctx, []string{id})
		if err != nil {
			return nil, err
		}
		g.repository(ctx)
		c := &WhyCommit{
			Commit: g.describe(found, notes[found.ID]), Subject: strings.ToValidUTF8(cutText(found.Subject()), "\uFFFD"),
			notes: notes[found.ID], checkpoints: authorship.CheckpointIDs(found.Message), parents: found.Parents,
		}
		for _, f := range found.Files {
			c.Files = append(c.Files, ChangedFile{Path: f.Path, Added: optional(!f.Binary, int64(f.Added)), Removed: optional(!f.Binary, int64(f.Removed))})
		}
		return c, nil
	}
	if g.Trail == nil {
		return nil, nil
	}
	indexed, err := g.Trail.store.Commits(ctx, g.Trail.org, store.CommitFilter{ID: id, Limit: 1})
	if err != nil || len(indexed) == 0 {
		return nil, err
	}
	return &WhyCommit{Commit: newCommit(&indexed[0])}, nil
}

// cutText cuts a subject to what a screen can show.
func cutText(s string) string { return s[:min(len(s), 200)] }

// run explains one run that a commit or an action led to.
func (w *whyer) run(ctx context.Context, id, foundBy string, c *WhyCommit, claimed *CommitRun) error {
	if id == "" || slices.ContainsFunc(w.Runs, func(r WhyRun) bool { return r.ExecutionID == id }) {
		return nil
	}
	r := WhyRun{
		ExecutionID: id, FoundBy: foundBy, Claimed: claimed,
		Wrote: []Action{}, Actions: []Action{}, Decisions: []WhyDecision{}, Approvals: []WhyApproval{},
	}
	if c != nil {
		r.Commit = c.Commit.Commit
	}
	if len(w.Runs) >= maxWhy {
		w.miss("run", fmt.Sprintf("more than %d runs are named; the others are left out", maxWhy), "whodid git log --json lists all")
		return nil
	}
	if a := w.git.Trail; a != nil {
		x, err := a.store.Execution(ctx, a.org, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			w.miss("run", "the trail does not hold "+id+", which the commit names", "whodid sync, or --store with the trail that recorded it; if there is none, the commit may be forged: whodid git check")
		case err != nil:
			return err
		default:
			found := newExecution(x)
			r.Execution = &found
			if err := w.deeds(ctx, &r, c); err != nil {
				return err
			}
			w.compare(&r, c)
		}
	}
	w.Runs = append(w.Runs, r)
	return nil
}

// writes are the actions that change a file.
func writes(what string) bool {
	switch what {
	case "file.write", "file.edit", "file.delete", "file.move":
		return true
	default:
		return false
	}
}

// maxWrote is how many of the actions that wrote a file are told, the last ones.
const maxWrote = 3

// slack is by how much the clocks of git and of the trail may differ.
const slack = 2 * time.Minute

// deeds finds in a run and in its sub-agents what it did to what was asked
// about.
func (w *whyer) deeds(ctx context.Context, r *WhyRun, c *WhyCommit) error {
	a := w.git.Trail
	parts := []string{r.ExecutionID}
	children, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Parent: r.ExecutionID})
	if err != nil {
		return err
	}
	for i := range children {
		if children[i].Subagent != "" {
			parts = append(parts, children[i].ID)
		}
	}
	for _, id := range parts {
		rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: id})
		if err != nil {
			return err
		}
		settled := map[string]bool{}
		for i := range rows {
			settled[rows[i].ID] = true
		}
		for i := range rows {
			if of, attempt := whodid.SettledID(rows[i].ID); !attempt || !settled[of] {
				w.deed(r, &rows[i], c)
			}
		}
	}
	byTime := func(x, y Action) int { return x.At.Compare(y.At) }
	slices.SortStableFunc(r.Wrote, byTime)
	slices.SortStableFunc(r.Actions, byTime)
	r.Wrote = r.Wrote[max(0, len(r.Wrote)-maxWrote):]
	return a.confirm(ctx, r.Actions)
}

func (w *whyer) deed(r *WhyRun, row *store.Row, c *WhyCommit) {
	noun, _, _ := strings.Cut(row.What, ".")
	switch {
	case noun == "decision":
		r.Decisions = append(r.Decisions, WhyDecision{EventID: row.ID, What: row.What, Target: row.Target, Decided: row.Data.String("decided"), Why: row.Why})
		return
	case noun == "approval":
		r.Approvals = append(r.Approvals, WhyApproval{ApprovalID: row.Approval, Action: row.What, By: row.Actor, Result: string(row.Result)})
		return
	case writes(row.What) && w.wrote(row, c):
		r.Wrote = append(r.Wrote, newAction(row))
	case row.What == "commit.create" && (c == nil || c.is(row.Data.String("sha"))),
		noun == "pr" && row.What != "pr.comment",
		row.What == "commit.push":
		r.Actions = append(r.Actions, newAction(row))
	default:
		return
	}
	if row.Approval != "" {
		r.Approvals = append(r.Approvals, WhyApproval{ApprovalID: row.Approval, Action: row.What})
	}
}

// is tells whether a commit's id begins so.
func (c *WhyCommit) is(sha string) bool {
	return len(sha) >= shortestSHA && strings.HasPrefix(c.Commit.Commit, sha)
}

// wrote tells whether an action wrote what was asked about, before it was
// committed.
func (w *whyer) wrote(row *store.Row, c *WhyCommit) bool {
	if row.Result != whodid.ResultSuccess {
		return false
	}
	if c != nil && c.CommittedAt != nil && row.At.After(c.CommittedAt.Add(slack)) {
		return false
	}
	return slices.ContainsFunc(w.about.paths, func(path string) bool { return samePath(row.Target, path) })
}

// samePath tells whether the target of an action is a file of the repository:
// it may be told from the top of the repository or with folders before it.
func samePath(target, path string) bool {
	target = strings.TrimPrefix(strings.ReplaceAll(target, `\`, "/"), "./")
	return path != "" && (target == path || strings.HasSuffix(target, "/"+path))
}

// compare says where the commit and the trail contradict each other.
func (w *whyer) compare(r *WhyRun, c *WhyCommit) {
	x := r.Execution
	if r.Claimed != nil && r.Claimed.Agent != "" && x.Agent != "" && r.Claimed.Agent != x.Agent {
		w.doubt("the commit says that %s is a run of %s; in the trail it is one of %s", r.ExecutionID, r.Claimed.Agent, x.Agent)
	}
	if c == nil || c.AuthoredAt == nil || x.StartedAt == nil {
		return
	}
	if c.AuthoredAt.Before(x.StartedAt.Add(-slack)) {
		w.doubt("%s was written before %s began", short(c.Commit.Commit), r.ExecutionID)
	}
	if x.CompletedAt != nil && c.AuthoredAt.After(x.CompletedAt.Add(slack)) {
		w.doubt("%s was written after %s ended", short(c.Commit.Commit), r.ExecutionID)
	}
}

// short is a commit's id as people write it.
func short(id string) string { return id[:min(len(id), 10)] }
