package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/whodid/whodid"
)

// family is an execution with the sub-agents that are a part of it, and those of
// which a call counts for another: what they add up to can't be told apart, so that
// they go together or not at all.
type family struct {
	members []string
	due     []string // members that have events, all of them due
	events  int      // of those
	alive   bool     // one of them has an event that is not due
	held    bool
}

// The ties between executions: those of sub-agents to their runs, and those of
// calls that count for a run, which may be all that is known of the tie.
const (
	tiesOfExecutions = `SELECT id, parent FROM execution WHERE org = $1 AND parent <> '' AND subagent <> ''`
	tiesOfCalls      = `SELECT DISTINCT execution, data ->> 'run' FROM event WHERE org = $1 AND what IN ('model.call', 'model.reprice') AND (data ->> 'run') IS NOT NULL`
)

// families finds the executions that are due, by family, the longest silent first.
func (w *sweepPlanner) families(ctx context.Context) ([]*family, error) {
	due, events, err := w.store.dialect.dueRuns(ctx, w)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	ties, err := w.ties(ctx)
	if err != nil {
		return nil, err
	}
	byRoot := map[string]*family{}
	var out []*family
	for _, id := range due {
		root := ties.root(id)
		f := byRoot[root]
		if f == nil {
			f = &family{}
			byRoot[root] = f
			out = append(out, f)
		}
		f.members = append(f.members, id)
		f.due = append(f.due, id)
		f.events += events[id]
		f.held = f.held || w.held[id]
	}
	var others []string // members of these families that are not due
	for id := range ties {
		f := byRoot[ties.root(id)]
		if _, isDue := events[id]; f == nil || isDue {
			continue
		}
		others = append(others, id)
		f.members = append(f.members, id)
		f.held = f.held || w.held[id]
	}
	slices.Sort(others)
	return out, w.markAlive(ctx, others, 0, func(id string) { byRoot[ties.root(id)].alive = true })
}

// ties joins the executions that belong together.
func (w *sweepPlanner) ties(ctx context.Context) (union, error) {
	ties := union{}
	tie := func(id string, parent any) {
		switch parent := parent.(type) {
		case string:
			ties.join(id, parent)
		case []byte:
			ties.join(id, string(parent))
		}
	}
	if err := w.pairs(ctx, tiesOfExecutions, []any{w.org}, tie); err != nil {
		return nil, err
	}
	return ties, w.pairs(ctx, tiesOfCalls, []any{w.org}, tie)
}

// markAlive marks those of the executions that have events of their own, recorded
// from a time on. One that has none at all is only what its sub-agents' calls add up
// to.
func (w *sweepPlanner) markAlive(ctx context.Context, ids []string, from int64, mark func(id string)) error {
	for ids := range chunks(ids) {
		condition, arg := w.store.dialect.among("execution", 3, ids)
		found, err := queryColumn[string](ctx, w.q, `SELECT DISTINCT execution FROM event WHERE org = $1 AND class IN ('run', 'session') AND execution <> '' AND recorded_at >= $2 AND `+condition, w.org, from, arg)
		if err != nil {
			return fmt.Errorf("couldn't look for runs that are due: %w", err)
		}
		for _, id := range found {
			mark(id)
		}
	}
	return nil
}

// pairs calls yield with each row of a query for a text and a value.
func (w *sweepPlanner) pairs(ctx context.Context, query string, args []any, yield func(id string, value any)) error {
	err := eachRow(ctx, w.q, query, args, func(rows *sql.Rows) error {
		var id string
		var value any
		if err := rows.Scan(&id, &value); err != nil {
			return err
		}
		yield(id, value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("couldn't look for runs that are due: %w", err)
	}
	return nil
}

// union joins ids to sets: each leads to another of its set, or to itself.
type union map[string]string

func (u union) root(id string) string {
	for {
		up, ok := u[id]
		if !ok || up == id {
			return id
		}
		if over, ok := u[up]; ok {
			u[id] = over // the way is shorter next time
		}
		id = up
	}
}

func (u union) join(a, b string) {
	for _, id := range []string{a, b} {
		if _, ok := u[id]; !ok {
			u[id] = id
		}
	}
	u[u.root(a)] = u.root(b)
}

// planSessions takes the events of sessions and leaves the runs that they belong
// to, except where the end of a run rests on them: those stay with the run.
func (w *sweepPlanner) planSessions(ctx context.Context) error {
	p := w.plan
	byRun := map[string][]whodid.Event{}
	w.changed = map[string][]any{}
	touched, err := queryColumn[string](ctx, w.q, `SELECT DISTINCT execution FROM event WHERE org = $1 AND class = 'session' AND execution <> '' AND recorded_at < $2 ORDER BY execution`, w.org, w.cutoff)
	if err != nil {
		return fmt.Errorf("couldn't look for sessions that are due: %w", err)
	}
	var going []string
	for ids := range chunks(touched) {
		condition, arg := w.store.dialect.among("execution", 2, ids)
		where := `WHERE org = $1 AND class = 'session' AND execution <> '' AND ` + condition
		err := eachEvent(ctx, w.q, where, []any{w.org, arg}, func(r *Row, _ *scanner) error {
			byRun[r.Execution] = append(byRun[r.Execution], r.Event)
			return nil
		})
		if err != nil {
			return err
		}
		condition, arg = w.store.dialect.among("id", 2, ids)
		err = eachExecution(ctx, w.q, `WHERE org = $1 AND `+condition, []any{w.org, arg}, func(x *executionRow) error {
			goes, err := w.withoutSession(&x.Execution, byRun[x.ID])
			if goes {
				going = append(going, x.ID)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(going)
	if p.Max > 0 && len(going) > p.Max {
		going = going[:p.Max]
	}
	p.Changed = len(going)
	for ids := range chunks(going) {
		for _, id := range ids {
			p.about[id] = true
			if args, ok := w.changed[id]; ok {
				p.changed = append(p.changed, args)
			}
		}
		condition, arg := w.store.dialect.among("execution", 3, ids)
		if err := w.take(ctx, `org = $1 AND class = 'session' AND execution <> '' AND recorded_at < $2 AND `+condition, w.org, w.cutoff, arg); err != nil {
			return err
		}
	}
	return w.takeLoose(ctx)
}

// withoutSession works out what an execution is without the events of its session
// that are due, and whether they can go.
func (w *sweepPlanner) withoutSession(x *whodid.Execution, session []whodid.Event) (goes bool, err error) {
	var gone, left []whodid.Event
	due := 0
	for i := range session {
		isDue := whodid.Micros(session[i].RecordedAt) < w.cutoff
		if isDue {
			due++
		}
		switch {
		case session[i].What != "session.start" || session[i].Result == whodid.ResultAttempted:
		case isDue:
			gone = append(gone, session[i])
		default:
			left = append(left, session[i])
		}
	}
	if w.held[x.ID] {
		w.plan.HeldEvents += due
		w.plan.HeldExecutions++
		return false, nil
	}
	if len(gone) == 0 {
		return true, nil
	}
	if !x.ForgetSessions(gone, left) {
		return false, nil
	}
	args, err := executionArgs(x)
	if err != nil {
		return false, err
	}
	w.changed[x.ID] = args
	return true, nil
}
