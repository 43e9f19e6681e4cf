package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// everyRow is a table as text.
func everyRow(t *testing.T, s *store.Store, table string) []string {
	t.Helper()
	rows, err := s.Readers().QueryContext(store.Within(t.Context(), "default"), `SELECT * FROM `+table+` ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13`)
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
	return out
}
