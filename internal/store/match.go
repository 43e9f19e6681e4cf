package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/whodid/whodid"
)

// Match narrows a selection of executions by what no index helps to find. Zero
// fields match everything.
type Match struct {
	Trigger string            // its kind
	Tags    map[string]string // all of them, each with just that value
}

// Matching returns the executions that the filter selects and that match, in
// the order of [Store.Executions].
func (s *Store) Matching(ctx context.Context, org string, f ExecutionFilter, m Match) ([]whodid.Execution, error) {
	where, args := f.where(org)
	add := func(v string) string {
		args = append(args, v)
		return fmt.Sprintf("CAST($%d AS TEXT)", len(args))
	}
	if m.Trigger != "" {
		if !storable(m.Trigger) {
			return nil, nil
		}
		where += " AND trigger = " + add(m.Trigger)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Tags)) {
		if !storable(name) || !storable(m.Tags[name]) {
			return nil, nil
		}
		where += " AND tags ->> " + add(name) + " = " + add(m.Tags[name])
	}
	return queryExecutions(ctx, s.read, where+f.order(), args...)
}

// order is the end of a query for executions: the last started first and
// those whose start is not known at the end.
func (f *ExecutionFilter) order() string {
	order := " ORDER BY started_at DESC NULLS LAST, id"
	if f.Limit > 0 {
		order += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return order
}
