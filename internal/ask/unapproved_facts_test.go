package ask_test

import (
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// TestUnapprovedByCostAndCount finds what needed an approval because of what its run
// had cost or done by then, once that is known, and nothing that came before.
func TestUnapprovedByCostAndCount(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte("version = \"1\"\n[[approval]]\nid = \"OPS-010\"\nlevel = \"approve\"\nactions = [\"deploy.*\"]\ncost_over_usd = 1.0\n"+
		"[[approval]]\nid = \"OPS-011\"\nlevel = \"approve\"\nactions = [\"commit.push\"]\ncount_over = 2\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	onBothStores(t, func(t *testing.T, s *store.Store) {
		var events []whodid.Event
		tell := func(what, execution string, minute int, result whodid.Result, data whodid.Data) {
			e := fact(what, execution, minute, result, data)
			e.Key = strings.Join([]string{what, execution, string(rune('a' + len(events)))}, "/")
			events = append(events, e)
		}
		tell("execution.start", "exec-a", 1, "", nil)
		tell("execution.start", "exec-sub", 2, "", whodid.Data{"parent": "exec-a", "agent_type": "explorer"})
		tell("deploy.production", "exec-a", 3, whodid.ResultSuccess, nil) // it had cost nothing
		tell("model.call", "exec-a", 4, "", whodid.Data{"model": "m", "cost_micros": int64(600_000)})
		tell("deploy.production", "exec-a", 5, whodid.ResultSuccess, nil) // not enough
		tell("model.call", "exec-sub", 6, "", whodid.Data{"model": "m", "cost_micros": int64(600_000), "run": "exec-a"})
		tell("deploy.production", "exec-a", 7, whodid.ResultSuccess, nil) // found
		tell("deploy.production", "exec-a", 8, whodid.ResultBlocked, nil) // not done
		tell("execution.start", "exec-b", 1, "", nil)
		tell("deploy.production", "exec-b", 2, whodid.ResultSuccess, nil) // its cost is not known
		for minute := 10; minute < 15; minute++ {
			tell("commit.push", "exec-b", minute, whodid.ResultSuccess, nil) // the fourth and the fifth
		}
		for minute, result := range []whodid.Result{whodid.ResultFailed, whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultFailed} {
			tell("test.run", "exec-b", 20+minute, result, nil)
		}
		storetest.NewBook(t, s, org).Append(t, events...)
		found, err := asker(s).Unapproved(t.Context(), p, ask.UnapprovedFilter{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found.Findings {
			got = append(got, f.Rule+" "+f.At.Format("04")+" "+f.Reason)
		}
		want := []string{
			"OPS-010 07 the run had cost at least $1.20 by then, and it was done without an approval",
			"OPS-011 13 the run had done that 3 times before, and it was done without an approval",
			"OPS-011 14 the run had done that 4 times before, and it was done without an approval",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || found.Looked != 3 {
			t.Errorf("of %d it finds\n%s\nnot\n%s", found.Looked, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n, err := asker(s).FailingInRow(t.Context(), "exec-b", "commit.push", ""); err != nil || n != 0 {
			t.Errorf("what succeeded is failing %d times, %v", n, err)
		}
		if n, err := asker(s).FailingInRow(t.Context(), "exec-b", "test.run", ""); err != nil || n != 2 {
			t.Errorf("what failed twice since it succeeded is failing %d times, %v", n, err)
		}
		if n, err := asker(s).FailingInRow(t.Context(), "exec-b", "test.run", "elsewhere"); err != nil || n != 0 {
			t.Errorf("another target is failing %d times, %v", n, err)
		}
	})
}
