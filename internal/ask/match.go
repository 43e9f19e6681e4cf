package ask

import (
	"context"

	"github.com/whodid/whodid/internal/store"
)

// Match narrows a selection of executions further. Zero fields match
// everything.
type Match struct {
	Trigger string            // manual, scheduled, event or smart
	Tags    map[string]string // all of them, each with just that value
}

// Matching answers what ran, as [Asker.List] does, of what matches.
func (a *Asker) Matching(ctx context.Context, f Filter, m Match) (*ExecutionList, error) {
	found, err := a.store.Matching(ctx, a.org, f.store(), store.Match{Trigger: m.Trigger, Tags: m.Tags})
	if err != nil {
		return nil, err
	}
	list := &ExecutionList{Executions: make([]Execution, len(found))}
	for i := range found {
		list.Executions[i] = newExecution(&found[i])
	}
	return list, nil
}
