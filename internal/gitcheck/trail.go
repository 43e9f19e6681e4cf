package gitcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// Trail is what a check asks of the trail; [store.Store] answers. It is only
// read.
type Trail interface {
	// Execution returns an execution, or an error that wraps
	// store.ErrNotFound.
	Execution(ctx context.Context, org, id string) (*whodid.Execution, error)
	// Events returns the events that a filter selects.
	Events(ctx context.Context, org string, f store.EventFilter) ([]store.Row, error)
}

// lookup asks the trail about the runs that commits name, each run once.
type lookup struct {
	trail      Trail
	org        string
	repository *gitlog.Repository
	runs       map[string]*policy.Run     // nil for a run that the trail does not know
	since      time.Time                  // from then on, recorded and made are complete
	recorded   map[string][]*whodid.Event // what runs recorded of commits, by run
	made       []madeBy                   // the commits that they made, sorted by id
}

// madeBy is a commit that a run recorded that it made.
type madeBy struct{ id, execution string }

// window is how long before the first commit runs are looked for that made one
// of the commits.
const window = 24 * time.Hour

// fill adds to commits what the trail knows.
func (l *lookup) fill(ctx context.Context, commits []policy.Commit) error {
	if err := l.findMade(ctx, commits); err != nil {
		return err
	}
	for i := range commits {
		c := &commits[i]
		for k := range c.Claims {
			run, err := l.run(ctx, c.Claims[k].Execution)
			if err != nil {
				return err
			}
			c.Claims[k].Run = run
		}
		for _, execution := range l.makers(c.ID) {
			run, err := l.run(ctx, execution)
			if err != nil {
				return err
			}
			if run != nil && run.Agent != "" {
				c.MadeBy = append(c.MadeBy, run)
			}
		}
	}
	return l.fillEvidence(ctx, commits)
}

// findMade reads which commits runs recorded since about the first of them.
func (l *lookup) findMade(ctx context.Context, commits []policy.Commit) error {
	for i := range commits {
		if at := commits[i].Author.At; !at.IsZero() && (l.since.IsZero() || at.Before(l.since)) {
			l.since = at
		}
	}
	if l.since.IsZero() {
		return nil
	}
	l.since = l.since.Add(-window)
	rows, err := l.trail.Events(ctx, l.org, store.EventFilter{What: "commit.*", ActionsOnly: true, Since: l.since})
	if err != nil {
		return fmt.Errorf("couldn't read which commits the trail knows: %w", err)
	}
	l.recorded = map[string][]*whodid.Event{}
	for i := range rows {
		e := &rows[i].Event
		if e.Execution == "" {
			continue
		}
		l.recorded[e.Execution] = append(l.recorded[e.Execution], e)
		if sha := e.Data.String("sha"); sha != "" && e.What == "commit.create" && e.Result == whodid.ResultSuccess {
			l.made = append(l.made, madeBy{sha, e.Execution})
		}
	}
	slices.SortFunc(l.made, func(a, b madeBy) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.execution, b.execution))
	})
	l.made = slices.Compact(l.made)
	return nil
}

// shortest is the shortest abbreviation of a commit that git prints.
const shortest = 7

// makers returns the runs that recorded that they made a commit.
func (l *lookup) makers(id string) []string {
	if len(id) < shortest {
		return nil
	}
	var found []string
	from, _ := slices.BinarySearchFunc(l.made, id[:shortest], func(m madeBy, prefix string) int { return cmp.Compare(m.id, prefix) })
	for _, m := range l.made[from:] {
		if len(m.id) < shortest || m.id[:shortest] != id[:shortest] {
			break
		}
		if policy.SameCommit(m.id, id) && !slices.Contains(found, m.execution) {
			found = append(found, m.execution)
		}
	}
	return found
}

// run returns what the trail knows of a run, nil if nothing.
func (l *lookup) run(ctx context.Context, id string) (*policy.Run, error) {
	if run, asked := l.runs[id]; asked || id == "" {
		return run, nil
	}
	x, err := l.trail.Execution(ctx, l.org, id)
	if errors.Is(err, store.ErrNotFound) {
		l.runs[id] = nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't look up %s: %w", id, err)
	}
	run := &policy.Run{
		ID: x.ID, Parent: x.Parent, Agent: x.Agent, Squad: x.Squad, Trigger: x.Trigger,
		Started: x.StartedAt, Ended: x.CompletedAt, Running: x.Status == whodid.StatusRunning,
		ModelsSettled: x.Status != whodid.StatusRunning && x.Usage.Calls > 0,
	}
	if x.Status == whodid.StatusLost && run.Ended.IsZero() {
		run.Ended = x.LeaseUntil // it may have been at work until then
	}
	for model := range x.Models {
		if model != "" {
			run.Models = append(run.Models, model)
		}
	}
	slices.Sort(run.Models)
	if x.Model != "" && !slices.Contains(run.Models, x.Model) {
		run.Models = append(run.Models, x.Model)
	}
	l.runs[id] = run
	return run, l.readCommits(ctx, run)
}

// readCommits reads the commits that a run recorded. Those of a run that began
// in the time that was looked at are known already.
func (l *lookup) readCommits(ctx context.Context, run *policy.Run) error {
	if !run.Started.IsZero() && run.Started.After(l.since) && l.recorded != nil {
		for _, e := range l.recorded[run.ID] {
			addCommit(run, e)
		}
		return nil
	}
	rows, err := l.trail.Events(ctx, l.org, store.EventFilter{Execution: run.ID, What: "commit.*", ActionsOnly: true})
	if err != nil {
		return fmt.Errorf("couldn't read the commits of %s: %w", run.ID, err)
	}
	for i := range rows {
		addCommit(run, &rows[i].Event)
	}
	return nil
}

func addCommit(run *policy.Run, e *whodid.Event) {
	sha, done := e.Data.String("sha"), e.Result == whodid.ResultSuccess
	switch {
	case e.What == "commit.push" && done && sha != "":
		run.Pushed = append(run.Pushed, sha)
	case e.What != "commit.create":
	case done && sha != "":
		run.Commits = append(run.Commits, policy.Made{ID: sha, At: e.At})
	case done, e.Result == whodid.ResultAttempted:
		run.Attempts = append(run.Attempts, e.At)
	}
}

// exceptions reads those that were added to the trail.
func (l *lookup) exceptions(ctx context.Context) ([]policy.Exception, error) {
	rows, err := l.trail.Events(ctx, l.org, store.EventFilter{What: "exception.add"})
	if err != nil {
		return nil, fmt.Errorf("couldn't read the exceptions: %w", err)
	}
	var all []policy.Exception
	for i := range rows {
		e := &rows[i].Event
		until, err := time.Parse(time.RFC3339, e.Data.String("expires"))
		if err != nil {
			continue // it was recorded by another program; it excuses nothing
		}
		x := policy.Exception{
			ID: e.ID, Rule: e.Data.String("rule"), Reason: e.Why, Who: e.Actor, Until: until,
			Scope: policy.Scope{
				Paths: e.Data.List("paths"), Branches: e.Data.List("branches"), Agents: e.Data.List("agents"), Commits: e.Data.List("shas"),
			},
		}
		if x.Validate() == nil {
			all = append(all, x)
		}
	}
	return all, nil
}
