package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// schemaDoc is docs/schema.md, as far as a test can read it.
type schemaDoc struct {
	relations map[string][]documented
	queries   []example
}

// documented is a row of a relation's table.
type documented struct{ name, unit, meaning, privacy, retention string }

// example is a block of SQL; its dialect is sqlite, postgres, admin (for a
// superuser of PostgreSQL) or empty, for both.
type example struct{ dialect, text string }

func readSchemaDoc(t testing.TB) schemaDoc {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "docs", "schema.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc := schemaDoc{relations: map[string][]documented{}}
	heading := regexp.MustCompile("^### `([a-z_]+)`")
	column := regexp.MustCompile("^\\| `([a-z_]+)` \\| (.*) \\| (.*) \\| (.*) \\| (.*) \\|$")
	var relation string
	var block *example
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch m := column.FindStringSubmatch(line); {
		case block != nil && line == "```":
			doc.queries = append(doc.queries, *block)
			block = nil
		case block != nil:
			block.text += line + "\n"
		case strings.HasPrefix(line, "```sql"):
			block = &example{dialect: strings.TrimSpace(strings.TrimPrefix(line, "```sql"))}
		case heading.MatchString(line):
			relation = heading.FindStringSubmatch(line)[1]
		case m != nil:
			doc.relations[relation] = append(doc.relations[relation], documented{m[1], m[2], m[3], m[4], m[5]})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestSchemaIsDocumented compares every column of the real schema with the
// documentation, both ways and in order.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	doc := readSchemaDoc(t)
	want := map[string][]string{}
	for relation, columns := range doc.relations {
		for _, c := range columns {
			want[relation] = append(want[relation], c.name)
			if c.unit == "" || c.meaning == "" {
				t.Errorf("%s.%s has no unit or no meaning", relation, c.name)
			}
			if c.privacy != string(whodid.Technical) && c.privacy != string(whodid.Linkable) {
				t.Errorf("%s.%s has the privacy class %q", relation, c.name, c.privacy)
			}
			if !slices.Contains(append(whodid.Classes(), "kind"), whodid.Class(c.retention)) {
				t.Errorf("%s.%s has the retention class %q", relation, c.name, c.retention)
			}
		}
	}
	onBoth(t, func(t *testing.T, s *store.Store) {
		list := `SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'decision\_text%' ESCAPE '\' ORDER BY m.name, c.cid`
		db := s.Readers()
		if s.Engine() == "sqlite" {
			db = storetest.Database(t, s.Location()) // the application may not look at the schema
		} else {
			list = `SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
				WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
				ORDER BY c.relname, a.attnum`
		}
		got := map[string][]string{}
		eachRow(t, db, list, func(relation, column string) { got[relation] = append(got[relation], column) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("columns (-documented +real):\n%s", diff)
		}
	})
}

// eachRow reads rows of two texts.
func eachRow(t testing.TB, db *sql.DB, query string, yield func(a, b string)) {
	t.Helper()
	rows, err := db.QueryContext(store.Within(t.Context(), "default"), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
		yield(a, b)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestComments compares what psql says of the founding relations with the
// documentation.
func TestComments(t *testing.T) {
	t.Parallel()
	doc := readSchemaDoc(t)
	s := postgresTrail(t)(t)
	for _, relation := range []string{"executions", "actions"} {
		got := map[string]string{}
		eachRow(t, s.Readers(), `SELECT attname, COALESCE(col_description(attrelid, attnum), '') FROM pg_attribute WHERE attrelid = '`+relation+`'::regclass AND attnum > 0`,
			func(column, comment string) { got[column] = comment })
		want := map[string]string{}
		for _, c := range doc.relations[relation] {
			want[c.name] = strings.ReplaceAll(c.meaning, "`", "")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("comments of %s (-documented +real):\n%s", relation, diff)
		}
	}
}

// TestExamples runs the queries of the documentation on a trail where each of
// them finds something.
func TestExamples(t *testing.T) {
	t.Parallel()
	doc := readSchemaDoc(t)
	if len(doc.queries) < 8 {
		t.Fatalf("only %d examples were found", len(doc.queries))
	}
	onBoth(t, func(t *testing.T, s *store.Store) {
		writeExample(t, s)
		db := storetest.Database(t, s.Location())
		for _, q := range doc.queries {
			if q.dialect != "" && q.dialect != s.Engine() {
				continue
			}
			if n, err := countRows(t.Context(), db, q.text); err != nil || n == 0 {
				t.Errorf("%d rows, %v:\n%s", n, err, q.text)
			}
		}
		// The views show the same times on both.
		format := `SELECT started_at, completed_at FROM executions WHERE execution_id = 'exec-7k2m9q4tz8w1c3ab'`
		if s.Engine() == "postgres" {
			const text = `to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
			format = `SELECT ` + strings.ReplaceAll(text, "%s", "started_at") + `, ` + strings.ReplaceAll(text, "%s", "completed_at") +
				` FROM executions WHERE execution_id = 'exec-7k2m9q4tz8w1c3ab'`
		}
		eachRow(t, db, format, func(started, completed string) {
			if started != "2026-11-01T09:00:00.000001Z" || completed != "2026-11-01T10:00:00.999999Z" {
				t.Errorf("the view has it run from %s until %s", started, completed)
			}
		})
	})
}

// writeExample records what the examples ask for.
func writeExample(t testing.TB, s *store.Store) {
	t.Helper()
	const run = "exec-7k2m9q4tz8w1c3ab"
	e := func(key, what, execution string, result whodid.Result, data whodid.Data) whodid.Event {
		return whodid.Event{
			Key: key, Actor: whodid.AgentActor("engineering/issue-solver"), What: what, Target: "acme/shop#44", Result: result,
			At: storetest.Epoch, Execution: execution, Source: "cli", OnBehalfOf: "human:ada", Data: data,
		}
	}
	start, end := e("1", "execution.start", run, "", nil), e("9", "execution.finish", run, whodid.ResultSuccess, nil)
	start.At, end.At = start.At.Add(1000), end.At.Add(3600_999_999_000)
	storetest.NewBook(t, s, "default").Append(
		t, start,
		e("2", "model.call", run, "", whodid.Data{"model": "m", "input_tokens": int64(1), "output_tokens": int64(1), "cost_micros": int64(1_250_000)}),
		e("3", "file.write", run, whodid.ResultSuccess, whodid.Data{"lines_added": int64(12)}),
		e("4", "pr.merge", run, whodid.ResultSuccess, nil),
		e("5", "deploy.production", run, whodid.ResultAttempted, nil),
		e("6", "execution.start", storetest.ExecutionID(2), "", nil),
		e("7", "execution.lost", storetest.ExecutionID(2), "", nil),
		end,
	)
}

// TestRoles does what the documentation tells an administrator to do.
func TestRoles(t *testing.T) {
	t.Parallel()
	address := testenv.Postgres(t)
	s := opener(t, address)(t)
	writeExample(t, s)
	suffix := strings.TrimPrefix(database(t, address), "whodid_")
	for _, q := range readSchemaDoc(t).queries {
		if q.dialect != "admin" {
			continue
		}
		// Roles belong to the server, which other tests share.
		text := strings.NewReplacer("whodid_server", "whodid_server_"+suffix, "whodid_reader", "whodid_reader_"+suffix, "choose-one", "not-a-secret").Replace(q.text)
		execute(t, address, text)
	}
	t.Cleanup(func() {
		execute(t, address, `DROP OWNED BY whodid_reader_`+suffix, `DROP ROLE whodid_reader_`+suffix, `DROP ROLE whodid_server_`+suffix)
	})
	server := opener(t, as(t, address, "whodid_server_"+suffix))(t)
	if events, err := server.Events(t.Context(), "default", store.EventFilter{}); err != nil || len(events) != 8 {
		t.Errorf("the server's login sees %d events, %v", len(events), err)
	}
	reader := as(t, address, "whodid_reader_"+suffix)
	var n int
	query(t, reader, `SELECT count(*) FROM executions`, &n)
	if n != 2 {
		t.Errorf("the reader sees %d executions, want 2", n)
	}
	query(t, reader, `SELECT count(*) FROM actions`, &n)
	if n != 3 {
		t.Errorf("the reader sees %d actions, want 3", n)
	}
	query(t, reader, `SELECT CASE WHEN has_table_privilege('event', 'SELECT') THEN 1 ELSE 0 END`, &n)
	if n != 0 {
		t.Error("the reader may read the table below the views")
	}
}

// countRows runs a query and counts what it returns.
func countRows(ctx context.Context, db *sql.DB, query string) (int, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
