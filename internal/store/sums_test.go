package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// TestUpgradeToSums takes a trail back to what it was before there were sums, and
// upgrades it: what runs and sums say then is what they say on a trail that had them
// from the beginning.
func TestUpgradeToSums(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		storetest.NewBook(t, s, "default").Append(t, storetest.RunsOfDays(8)...)
		tables := []string{"execution", "run_day", "run_hour"}
		want := map[string][]string{}
		for _, table := range tables {
			if want[table] = everyRow(t, s, table); len(want[table]) == 0 {
				t.Fatalf("%s is empty", table)
			}
		}
		migration := func(name string) string {
			text, err := os.ReadFile(filepath.Join("schema", s.Engine(), name))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		back := []string{
			`DROP VIEW run_sum`, `DROP TABLE run_day`, `DROP TABLE run_hour`, `DROP INDEX execution_by_agent`,
			`ALTER TABLE execution DROP COLUMN repository`, `ALTER TABLE execution DROP COLUMN calls`, `ALTER TABLE execution DROP COLUMN parts`,
			migration("0022_hour.sql"), migration("0024_sums.sql"),
		}
		var triggers []string
		for _, when := range []string{"insert", "change", "changed", "tidy", "delete"} {
			triggers = append(triggers, `DROP TRIGGER run_sums_`+when)
		}
		if s.Engine() == "sqlite" {
			executeSQLite(t, s.Location().Path, append(triggers, back...)...)
		} else {
			execute(t, s.Location().URL, append([]string{
				`DROP FUNCTION whodid_run_sums_insert CASCADE`, `DROP FUNCTION whodid_run_sums_update CASCADE`, `DROP FUNCTION whodid_run_sums_delete CASCADE`,
			}, append(back, `SELECT whodid_keep_apart()`)...)...)
		}
		for _, table := range tables {
			if diff := cmp.Diff(want[table], everyRow(t, s, table)); diff != "" {
				t.Errorf("%s (-before +upgraded):\n%s", table, diff)
			}
		}
	})
}

// TestUpgradeToOutcomes does the same to what is counted of merges.
func TestUpgradeToOutcomes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		var events []whodid.Event
		for n, line := range []string{
			"execution.start - - 0", "pr.create acme/shop#1 success 1", "forge.pr.merge acme/shop#1 - 2", "pr.create acme/shop#2 success 3",
			"forge.pr.merge acme/shop#2 - 4", "forge.pr.merge acme/shop#2 - 5", "forge.pr.merge acme/shop#3 - 6", "pr.create acme/shop#4 success 7", "forge.pr.merge acme/shop#4 - 8",
		} {
			e := storetest.ParseClaim(t, n, line)
			if e.Target == "acme/shop#4" && e.Execution != "" {
				e.Execution = storetest.ExecutionID(2) // which no start tells of
			}
			events = append(events, e)
		}
		storetest.NewBook(t, s, "default").Append(t, events...)
		want := everyRow(t, s, "merge")
		text, err := os.ReadFile(filepath.Join("schema", s.Engine(), "0028_outcome.sql"))
		if err != nil {
			t.Fatal(err)
		}
		back := []string{`DROP INDEX event_of_commit`, `DROP INDEX merge_by_execution`, `ALTER TABLE merge DROP COLUMN runner`, `ALTER TABLE merge DROP COLUMN sole`}
		if s.Engine() == "sqlite" {
			// In the place of the triggers and the view that were there before stand any.
			statements := []string{`DROP TRIGGER merge_told_runner`, `DROP TRIGGER merge_told_other_runner`, `DROP TRIGGER merge_told_no_runner`}
			for _, when := range []string{"insert", "update", "delete"} {
				statements = append(statements, `DROP TRIGGER merge_told_`+when)
				back = append(back, `CREATE TRIGGER merge_told_`+when+` AFTER `+when+` ON event BEGIN SELECT 1; END`)
			}
			statements = append(append(statements, `DROP VIEW merge_told`), back...)
			executeSQLite(t, s.Location().Path, append(statements, `CREATE VIEW merge_told AS SELECT 1`, string(text))...)
		} else {
			execute(t, s.Location().URL, append(append([]string{`DROP FUNCTION whodid_merge_runner CASCADE`, `DROP FUNCTION whodid_merge_no_runner CASCADE`}, back...), string(text), `SELECT whodid_keep_apart()`)...)
		}
		if diff := cmp.Diff(want, everyRow(t, s, "merge")); diff != "" {
			t.Errorf("merge (-before +upgraded):\n%s", diff)
		}
	})
}

// everyRow is a table as text, in the order of the letters.
func everyRow(t *testing.T, s *store.Store, table string) []string {
	t.Helper()
	rows, err := s.Readers().QueryContext(store.Within(t.Context(), "default"), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var line strings.Builder
		for i, v := range values {
			fmt.Fprintf(&line, "%s=%s ", names[i], v.String)
		}
		out = append(out, line.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}
