package ask

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// runFacts are what runs had cost and done at a time, for rules that hold from
// some cost or count on. What is not known then is not more than they allow.
type runFacts struct {
	asker *Asker
	calls map[string][]toldCost              // by run
	done  map[string]map[string][]*store.Row // by run and kind of action
}

// toldCost is what a call cost, and when it was answered.
type toldCost struct {
	at     time.Time
	micros int64
}

// conditional is the rule by which an action needed an approval because of what its
// run had cost or done by then, and why.
func (f *runFacts) conditional(ctx context.Context, p *policy.Policy, r *store.Row) (rule, why string, err error) {
	act, ok := actOf(p, &r.Event)
	if !ok || r.Execution == "" {
		return "", "", nil
	}
	if level, _ := p.AtMost(&act); level != policy.Approve {
		return "", "", nil
	}
	if act.CostMicros, err = f.costBy(ctx, r.Execution, r.At); err != nil {
		return "", "", err
	}
	if act.Count, err = f.doneBy(ctx, r); err != nil {
		return "", "", err
	}
	level, by := p.LevelOf(&act)
	if level != policy.Approve {
		return "", "", nil
	}
	var words []string
	if by.CostOver > 0 {
		words = append(words, fmt.Sprintf("the run had cost at least $%.2f by then", float64(*act.CostMicros)/1e6))
	}
	if by.CountOver > 0 {
		words = append(words, fmt.Sprintf("the run had done that %d times before", act.Count))
	}
	return by.ID, strings.Join(words, " and "), nil
}

// costBy is what is known of a run's cost at a time; nil if nothing is.
func (f *runFacts) costBy(ctx context.Context, run string, at time.Time) (*int64, error) {
	if _, known := f.calls[run]; !known {
		calls, err := f.asker.callsOf(ctx, run)
		if err != nil {
			return nil, err
		}
		f.calls[run] = calls
	}
	var sum *int64
	for _, c := range f.calls[run] {
		if !c.at.After(at) {
			sum = plus(sum, &c.micros)
		}
	}
	return sum, nil
}

// callsOf are the calls of a run and of its sub-agents whose cost is known. A total
// that is stated at the end says nothing of the time before.
func (a *Asker) callsOf(ctx context.Context, run string) ([]toldCost, error) {
	executions := []string{run}
	parts, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Parent: run})
	if err != nil {
		return nil, err
	}
	for i := range parts {
		if parts[i].Subagent != "" {
			executions = append(executions, parts[i].ID)
		}
	}
	out := []toldCost{}
	for _, id := range executions {
		rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: id, What: "model.call"})
		if err != nil {
			return nil, err
		}
		for i := range rows {
			u := whodid.UsageOf(&rows[i].Event)
			if u.NoCost == 0 && (id == run || rows[i].Data.String("run") == run) {
				out = append(out, toldCost{rows[i].At, u.CostMicros})
			}
		}
	}
	return out, nil
}

// doneBy is how often a run had done something of the kind before.
func (f *runFacts) doneBy(ctx context.Context, r *store.Row) (int, error) {
	if f.done[r.Execution] == nil {
		f.done[r.Execution] = map[string][]*store.Row{}
	}
	list, known := f.done[r.Execution][r.What]
	if !known {
		rows, err := f.asker.store.Events(ctx, f.asker.org, store.EventFilter{Execution: r.Execution, What: r.What, ActionsOnly: true})
		if err != nil {
			return 0, err
		}
		list = make([]*store.Row, len(rows))
		for i := range rows {
			list[i] = &rows[i]
		}
		f.done[r.Execution][r.What] = list
	}
	n := 0
	for _, other := range list {
		if other.At.Before(r.At) || other.At.Equal(r.At) && other.Seq < r.Seq {
			n++
		}
	}
	return n, nil
}
