package ask

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// openFile opens a trail in a file, and a way around it.
func openFile(t *testing.T) (*store.Store, *sql.DB) {
	t.Helper()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	return s, storetest.Database(t, s.Location())
}

// told is an event of an execution, so many minutes after the suite's beginning.
func told(what, execution string, minute int, result whodid.Result, data whodid.Data) whodid.Event {
	return whodid.Event{
		Key: fmt.Sprint(what, execution, minute), Actor: "agent:ops/backup", What: what, Execution: execution, Source: "cli",
		At: storetest.Epoch.Add(time.Duration(minute) * time.Minute), Result: result, Data: data,
	}
}

// letGo rebuilds the executions of a trail, lets go what it can after each event, and
// returns which differ in the end and how many were in memory at most.
func letGo(t *testing.T, s *store.Store) (differing []string, most int) {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context(), store.DefaultOrg)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	f := newFolds(snapshot)
	err = snapshot.Scan(t.Context(), 0, snapshot.Head.Frontier.Size(), func(r *store.Row, _ string) error {
		if err := r.ParseData(); err != nil {
			return err
		}
		if err := f.add(t.Context(), &r.Event); err != nil {
			return err
		}
		if err := f.settle(t.Context(), nil); err != nil {
			return err
		}
		n := 0
		for i := range f.shards {
			n += len(f.shards[i].executions)
		}
		most = max(most, n)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.settle(t.Context(), func(id string, _ []string) { differing = append(differing, id) }); err != nil {
		t.Fatal(err)
	}
	return differing, most
}

// TestLetGo holds that executions which are let go as soon as they are what is
// stored, and are told of again later, add up to the same as ones that never were.
func TestLetGo(t *testing.T) {
	t.Parallel()
	s, _ := openFile(t)
	b := storetest.NewBook(t, s, store.DefaultOrg)
	call := func(minute int, execution string, more whodid.Data) whodid.Event {
		data := whodid.Data{"model": "claude-sonnet-5", "tokens_in": int64(10 * minute), "tokens_out": int64(minute), "run": "exec-0"}
		for name, value := range more {
			data[name] = value
		}
		return told("model.call", execution, minute, whodid.ResultSuccess, data)
	}
	for n, e := range []whodid.Event{
		told("execution.start", "exec-0", 1, "", whodid.Data{"trigger": "manual"}),
		told("execution.start", "exec-1", 2, "", whodid.Data{"trigger": "manual", "parent": "exec-0", "subagent": "explore"}),
		call(3, "exec-1", nil),
		call(4, "exec-0", nil),
		told("execution.tag", "exec-0", 5, "", whodid.Data{"env": "live"}),
		told("execution.finish", "exec-0", 6, whodid.ResultSuccess, nil),
		told("execution.renew", "exec-0", 3, "", nil), // changes nothing, and comes when it was let go
		call(7, "exec-1", whodid.Data{"model": "claude-haiku-4-5"}),
		told("execution.finish", "exec-1", 8, whodid.ResultFailed, nil),
		told("execution.lost", "exec-0", 9, "", nil),
	} {
		b.Append(t, e)
		if differing, most := letGo(t, s); len(differing) > 0 || most > 2 {
			t.Fatalf("after event %d: %v differ, %d were in memory", n, differing, most)
		}
	}
}

// TestLetGoFindsOut holds that an execution is found out which is what only the first
// of its events say: it is let go after these, and the others tell.
func TestLetGoFindsOut(t *testing.T) {
	t.Parallel()
	s, db := openFile(t)
	b := storetest.NewBook(t, s, store.DefaultOrg)
	around := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	b.Append(t, told("execution.start", "exec-0", 1, "", whodid.Data{"trigger": "manual"}))
	around(`CREATE TABLE kept AS SELECT * FROM execution`)
	b.Append(t, told("execution.finish", "exec-0", 2, whodid.ResultFailed, nil), told("execution.start", "exec-1", 3, "", nil))
	around(`DELETE FROM execution WHERE id = 'exec-0'`)
	around(`INSERT INTO execution SELECT * FROM kept`)
	if differing, _ := letGo(t, s); len(differing) != 1 || differing[0] != "exec-0" {
		t.Errorf("%v differ, want exec-0", differing)
	}
}
