package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	ctx = within(ctx, org)
	where, args := f.where(org)
	conditions := []string{where}
	add := func(v string) string {
		args = append(args, v)
		return fmt.Sprintf("CAST($%d AS TEXT)", len(args))
	}
	if m.Trigger != "" {
		if !storable(m.Trigger) {
			return nil, nil
		}
		conditions = append(conditions, "trigger = "+add(m.Trigger))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Tags)) {
		if !tagName(name) || !storable(m.Tags[name]) {
			return nil, nil
		}
		conditions = append(conditions, "tags ->> "+add(name)+" = "+add(m.Tags[name]))
	}
	return queryExecutions(ctx, s.read, strings.Join(conditions, " AND ")+f.order(), args...)
}

// tagName tells whether a tag can have the name: a letter or digit, then such
// and "_-.". SQLite would take others for paths into the tags.
func tagName(s string) bool {
	for i, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '_' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// order is the end of a query for executions: the last started first and
// those whose start is not known at the end.
func (f *ExecutionFilter) order() string {
	order := " ORDER BY started_at DESC NULLS LAST, id"
	if f.Parent != "" {
		// The plus keeps SQLite from reading all executions in this order, for
		// which it has an index, in place of the few that have the parent.
		order = " ORDER BY +started_at DESC NULLS LAST, id"
	}
	if f.Limit > 0 {
		order += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return order
}
