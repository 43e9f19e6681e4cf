package ask

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whodid/whodid"
)

// reconcileTranscripts compares the tool calls in the files of sessions on disk
// with those in the trail.
func (a *Asker) reconcileTranscripts(ctx context.Context, in *ReconcileInput) (*Reconciled, error) {
	s := newReconciled(SourceTranscripts, "tool calls in the files of sessions")
	if in.NoSessions != "" {
		return s.unchecked(false, "%s", in.NoSessions), nil
	}
	var broken []string
	for i := range in.Sessions {
		d := &in.Sessions[i]
		if d.Err != nil {
			broken = append(broken, fmt.Sprintf("%s can't be read: %v", d.Path, d.Err))
			continue
		}
		s.Checked = true
		if err := a.compareSession(ctx, s, d); err != nil {
			return nil, err
		}
	}
	if len(broken) > 0 {
		s.Failed = true
		const most = 5
		s.Reason = strings.Join(broken[:min(len(broken), most)], "; ")
		if len(broken) > most {
			s.Reason += fmt.Sprintf("; and %d more", len(broken)-most)
		}
		return s, nil
	}
	if !s.Checked {
		return s.unchecked(false, "there are no files of sessions of this time: clients remove them after a while (Claude Code after 30 days)"), nil
	}
	return s, nil
}

// compareSession counts the calls of one file, each once.
func (a *Asker) compareSession(ctx context.Context, s *Reconciled, d *DiskSession) error {
	calls := map[string]map[string]*DiskCall{} // by execution, by the client's id
	keys := map[string]*DiskCall{}             // by event, of those without
	var ids []string
	for i := range d.Calls {
		c := &d.Calls[i]
		if c.Call == "" {
			id := whodid.EventID(a.org, c.Key)
			if keys[id] == nil {
				ids = append(ids, id)
			}
			keys[id] = c
			continue
		}
		if calls[c.Execution] == nil {
			calls[c.Execution] = map[string]*DiskCall{}
		}
		calls[c.Execution][c.Call] = c
	}
	untold := map[string][]*DiskCall{}
	for _, execution := range slices.Sorted(maps.Keys(calls)) {
		told, err := a.store.Calls(ctx, a.org, execution)
		if err != nil {
			return err
		}
		for id, c := range calls[execution] {
			s.Total++
			if told[id] {
				s.Explained++
				continue
			}
			untold[execution] = append(untold[execution], c)
		}
	}
	known, err := a.store.Known(ctx, a.org, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s.Total++
		if known[id] {
			s.Explained++
			continue
		}
		untold[keys[id].Execution] = append(untold[keys[id].Execution], keys[id])
	}
	for _, execution := range slices.Sorted(maps.Keys(untold)) {
		s.add(untoldCalls(d, execution, untold[execution]))
	}
	return nil
}

func untoldCalls(d *DiskSession, execution string, calls []*DiskCall) *Unexplained {
	first := slices.MinFunc(calls, func(x, y *DiskCall) int { return x.At.Compare(y.At) })
	u := &Unexplained{
		Kind: "calls", Subject: d.Session + " " + execution, At: moment(first.At), ExecutionID: execution, Count: int64(len(calls)), Detail: d.Client + ", " + d.Path,
		Reason: "no hook told of these calls: a hook that failed or ran out of time, or a sub-agent without one", Next: "whodid import takes them in",
	}
	if !d.Known {
		u.Kind, u.Reason = "session", "the trail does not know the session: no hook was installed when it ran"
		u.Next = "whodid init; whodid import takes it in"
	}
	return u
}
