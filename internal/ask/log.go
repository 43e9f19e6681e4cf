package ask

import (
	"context"

	"github.com/whodid/whodid/internal/store"
)

// Log is the output of a run, or its end.
type Log struct {
	ExecutionID string `json:"execution_id"`
	// Path is where the output is kept, outside the database.
	Path string `json:"path"`
	// Lines are the last lines, as many as were asked for.
	Lines []string `json:"lines"`
}

// Execution answers what one execution was, without what it did. The id may be
// a unique prefix.
func (a *Asker) Execution(ctx context.Context, prefix string) (*Execution, error) {
	id, err := a.Resolve(ctx, prefix)
	if err != nil {
		return nil, err
	}
	x, err := a.store.Execution(ctx, a.org, id)
	if err != nil {
		return nil, err
	}
	found := newExecution(x)
	return &found, nil
}

// LogName answers under which name the output of an execution is kept; empty
// if none was.
func (a *Asker) LogName(ctx context.Context, id string) (string, error) {
	starts, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: id, What: "execution.start"})
	if err != nil {
		return "", err
	}
	for i := range starts {
		if name := starts[i].Data.String("log"); name != "" {
			return name, nil
		}
	}
	return "", nil
}
