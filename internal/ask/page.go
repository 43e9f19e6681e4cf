package ask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// What a question can't answer, for those who have to tell the reasons apart.
var (
	// ErrNotFound means that nothing in the trail has the id.
	ErrNotFound = store.ErrNotFound
	// ErrNoLog means that nothing has been recorded yet.
	ErrNoLog = store.ErrNoLog
	// ErrRolledBack means that the trail has less than somebody saw of it.
	ErrRolledBack = errors.New("the trail was put back to an older copy")
)

// AmbiguousError means that a prefix fits several ids.
type AmbiguousError = store.AmbiguousError

// Selection selects what a list shows; see [store.Selection].
type Selection struct {
	Filter whodid.Filter
	// Squads are the only squads whose work is shown; none is all of them.
	Squads []string
	// RunsOnly leaves sub-agents out of executions.
	RunsOnly bool
	Limit    int // 0 is no limit
}

func (s *Selection) store() store.Selection {
	return store.Selection{
		Terms: s.Filter.Terms, Squads: s.Squads, Since: s.Filter.Since, Until: s.Filter.Until, RunsOnly: s.RunsOnly, Limit: s.Limit,
	}
}

// Place is where a page ended, so that the next can go on there: behind the
// execution of that start and id, or the event of that time and index.
type Place struct {
	At  time.Time
	ID  string
	Seq uint64
}

// SelectExecutions answers what ran, the last started first, from the place on.
// next is nil at the end.
func (a *Asker) SelectExecutions(ctx context.Context, s Selection, after *Place) (list *ExecutionList, next *Place, err error) {
	if err := s.Filter.Check("executions", whodid.ExecutionFields()); err != nil {
		return nil, nil, err
	}
	if s.Filter, err = a.placed(ctx, s.Filter); err != nil {
		return nil, nil, err
	}
	var place *store.ExecutionPlace
	if after != nil {
		place = &store.ExecutionPlace{StartedAt: after.At, ID: after.ID}
	}
	found, err := a.store.ExecutionPage(ctx, a.org, s.store(), place)
	if err != nil {
		return nil, nil, err
	}
	list = &ExecutionList{Executions: make([]Execution, len(found))}
	for i := range found {
		list.Executions[i] = newExecution(&found[i])
	}
	if n := len(found); s.Limit > 0 && n == s.Limit {
		next = &Place{At: found[n-1].StartedAt, ID: found[n-1].ID}
	}
	return list, next, nil
}

// SelectActions answers what was done, the newest first, from before the place
// on. next is nil at the end.
func (a *Asker) SelectActions(ctx context.Context, s Selection, before *Place) (list *ActionList, next *Place, err error) {
	if err := s.Filter.Check("actions", whodid.EventFields()); err != nil {
		return nil, nil, err
	}
	var place *store.EventPlace
	if before != nil {
		place = &store.EventPlace{At: before.At, Seq: before.Seq}
	}
	sel := s.store()
	sel.ActionsOnly = true
	rows, err := a.store.NewestPage(ctx, a.org, sel, place)
	if err != nil {
		return nil, nil, err
	}
	list = &ActionList{Actions: make([]Action, len(rows))}
	for i := range rows {
		list.Actions[i] = newAction(&rows[i])
	}
	if n := len(rows); s.Limit > 0 && n == s.Limit {
		next = &Place{At: rows[n-1].At, Seq: rows[n-1].Seq}
	}
	return list, next, a.confirm(ctx, list.Actions)
}

// EventList is a part of the log.
type EventList struct {
	Events []Event `json:"events"`
}

// SelectEvents answers what the log holds from the index on, in its order. next
// is nil at the end.
func (a *Asker) SelectEvents(ctx context.Context, s Selection, from uint64) (list *EventList, next *Place, err error) {
	if err := s.Filter.Check("events", whodid.EventFields()); err != nil {
		return nil, nil, err
	}
	rows, err := a.store.LogPage(ctx, a.org, s.store(), from)
	if err != nil {
		return nil, nil, err
	}
	list = &EventList{Events: make([]Event, len(rows))}
	for i := range rows {
		list.Events[i] = newEvent(&rows[i])
	}
	if n := len(rows); s.Limit > 0 && n == s.Limit {
		next = &Place{Seq: rows[n-1].Seq + 1}
	}
	return list, next, nil
}

// Event answers what one event says. The id may be a unique prefix. Who may see
// only some squads finds only what is theirs.
func (a *Asker) Event(ctx context.Context, prefix string, squads []string) (*Event, error) {
	row, err := a.event(ctx, prefix)
	if err == nil && len(squads) > 0 {
		var theirs bool
		if theirs, err = a.store.OfSquads(ctx, a.org, row.Seq, squads); err == nil && !theirs {
			err = ErrNotFound
		}
	}
	if err != nil && len(squads) > 0 {
		err = unseen("event", prefix, err)
	}
	if err != nil {
		return nil, err
	}
	e := newEvent(row)
	return &e, nil
}

func (a *Asker) event(ctx context.Context, prefix string) (*store.Row, error) {
	id, err := a.store.ResolveEvent(ctx, a.org, prefix)
	switch {
	case errors.Is(err, store.ErrNotFound):
		id = prefix // an attempt's id has another prefix
	case err != nil:
		return nil, err
	}
	return a.store.Event(ctx, a.org, id)
}

// LastEnd answers what an execution is and the event with which it ended, which is
// the zero event where no end was told. The id must be whole.
func (a *Asker) LastEnd(ctx context.Context, id string) (*whodid.Execution, whodid.Event, error) {
	x, err := a.store.Execution(ctx, a.org, id)
	if err != nil || x.Folded.Finish == nil {
		return x, whodid.Event{}, err
	}
	row, err := a.store.Event(ctx, a.org, x.Folded.Finish.ID)
	if err != nil {
		return nil, whodid.Event{}, err
	}
	return x, row.Event, nil
}

// Contradicts is the error of an end that somebody told otherwise before; last is
// the end that the trail has. That a run was lost, or what its last turn lets one
// think, nobody told.
func Contradicts(x *whodid.Execution, last *whodid.Event, status whodid.Result) error {
	if x == nil || x.CompletedAt.IsZero() || last.Result == "" || last.Result == status || string(x.Status) == string(status) {
		return nil
	}
	return fmt.Errorf("%s has ended as %s at %s: it did not end as %s too", x.ID, x.Status, x.CompletedAt.UTC().Format(time.RFC3339), status)
}

// LogHead is a log's name, its key and where it stands.
type LogHead struct {
	Origin    string `json:"origin"`
	PublicKey string `json:"public_key"`
	Size      uint64 `json:"size"`
	Root      string `json:"root"`
	// Checkpoint is the signed note over origin, size and root.
	Checkpoint string `json:"checkpoint"`
}

// LogHead answers where the log stands.
func (a *Asker) LogHead(ctx context.Context) (*LogHead, error) {
	log, err := a.store.Log(ctx, a.org)
	if err != nil {
		return nil, err
	}
	head, err := a.store.Head(ctx, a.org)
	if err != nil {
		return nil, err
	}
	return &LogHead{
		Origin: log.Origin, PublicKey: log.PublicKey, Size: head.Frontier.Size(),
		Root: head.Frontier.Root().String(), Checkpoint: head.Checkpoint,
	}, nil
}

// Newest answers which events were, the newest first, from before the place on.
// next is nil at the end.
func (a *Asker) Newest(ctx context.Context, s Selection, before *Place) (list *EventList, next *Place, err error) {
	if err := s.Filter.Check("events", whodid.EventFields()); err != nil {
		return nil, nil, err
	}
	var place *store.EventPlace
	if before != nil {
		place = &store.EventPlace{At: before.At, Seq: before.Seq}
	}
	rows, err := a.store.NewestPage(ctx, a.org, s.store(), place)
	if err != nil {
		return nil, nil, err
	}
	list = &EventList{Events: make([]Event, len(rows))}
	for i := range rows {
		list.Events[i] = newEvent(&rows[i])
	}
	if n := len(rows); s.Limit > 0 && n == s.Limit {
		next = &Place{At: rows[n-1].At, Seq: rows[n-1].Seq}
	}
	return list, next, nil
}
