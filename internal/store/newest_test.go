package store

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestNewestOfAnExecution sees to it that the newest actions of one execution
// are looked for among its own: SQLite would rather read all events of the
// trail in the order of their time, which takes seconds of a million.
func TestNewestOfAnExecution(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "trail.db"))
	f := EventFilter{Execution: "exec-1", ActionsOnly: true, Newest: true, Limit: 100}
	where, args := f.where(DefaultOrg)
	got := explained(t, connOf(t, s), `EXPLAIN QUERY PLAN `+selectEvent+where, args)
	if !strings.Contains(got, "event_by_execution") {
		t.Errorf("the newest actions of an execution are not found by it:\n%s", got)
	}
}
