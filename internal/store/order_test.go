package store

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestChildrenAreSought sees to it that SQLite seeks the children of an
// execution, and does not read all executions because it can in their order.
func TestChildrenAreSought(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "trail.db"))
	f := ExecutionFilter{Parent: "exec-1"}
	where, args := f.where(DefaultOrg)
	got := explained(t, connOf(t, s), `EXPLAIN QUERY PLAN SELECT `+executionColumns+` FROM execution `+where+f.order(), args)
	if !strings.Contains(got, "execution_by_parent") {
		t.Errorf("children are not sought by their parent:\n%s", got)
	}
}
