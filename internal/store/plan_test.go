package store

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/testenv"
)

// plan is a question and the index that each engine has to answer it by;
// partitions of PostgreSQL name theirs after the columns.
type plan struct {
	name             string
	sqlite, postgres string
	query            func(dialect) (string, []any)
}

func plans() []plan {
	// The last hundredth of a second of what is there.
	since, until := time.UnixMicro(1793523600_005900), time.UnixMicro(1793523600_006000)
	ask := func(query string, args ...any) func(dialect) (string, []any) {
		return func(dialect) (string, []any) { return query, append([]any{DefaultOrg}, args...) }
	}
	events := func(f EventFilter) func(dialect) (string, []any) {
		where, args := f.where(DefaultOrg)
		return ask(selectEvent+where, args[1:]...)
	}
	executions := func(f ExecutionFilter, rest string) func(dialect) (string, []any) {
		where, args := f.where(DefaultOrg)
		return ask(`SELECT `+executionColumns+` FROM execution `+where+rest, args[1:]...)
	}
	runs := func(sel Selection) func(dialect) (string, []any) {
		return func(d dialect) (string, []any) {
			c := clause{dialect: d}
			c.executions(DefaultOrg, &sel)
			return `SELECT COUNT(*) FROM execution ` + c.where(), c.args
		}
	}
	pageOf := func(since time.Time, part int) func(dialect) (string, []any) {
		return func(d dialect) (string, []any) {
			sel := Selection{Since: since, RunsOnly: true}
			c := clause{dialect: d}
			c.executions(DefaultOrg, &sel)
			return `SELECT id FROM execution ` + newestFirst(&sel)[part](&c) + ` LIMIT 50`, c.args
		}
	}
	sessions := func(f SessionFilter) func(dialect) (string, []any) {
		where, args := f.where(DefaultOrg)
		args = append(args, int64(1<<40))
		return ask(newestSessions(where, len(args))+` LIMIT 5`, args[1:]...)
	}
	among := func(from string, ids ...string) func(dialect) (string, []any) {
		return func(d dialect) (string, []any) {
			condition, arg := d.among("id", 2, ids)
			return from + ` WHERE org = $1 AND ` + condition, []any{DefaultOrg, arg}
		}
	}
	const prefix = ` WHERE org = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT 5`
	return []plan{
		{"an execution by id", "sqlite_autoindex_execution_1", "execution_pkey", executions(ExecutionFilter{}, ` AND id = 'exec-1'`)},
		{"an execution by prefix", "sqlite_autoindex_execution_1", "execution_pkey", ask(`SELECT id FROM execution`+prefix, "exec-77", "exec-77\x7f")},
		{"executions that an append changes", "sqlite_autoindex_execution_1", "execution_pkey", among(`SELECT folded FROM execution`, "exec-1", "exec-2")},
		{"executions of a window", "execution_by_end", "execution_by_end", executions(ExecutionFilter{Since: since, Until: until}, "")},
		{"tallies of a window", "execution_by_end", "execution_by_end", runs(Selection{Since: since, RunsOnly: true})},
		{"tallies of a filter", "execution_by_end", "execution_by_end", runs(Selection{Since: since, RunsOnly: true, Squads: []string{"eng", "ops"}, Terms: []whodid.Term{
			{Field: whodid.FilterAgent, Values: []string{"eng/*"}},
			{Field: whodid.FilterStatus, Not: true, Values: []string{"failed", "lost"}},
			{Field: whodid.FilterTag, Name: "env", Values: []string{"live"}},
			{Values: []string{"night"}},
		}})},
		{"what the runs of a window add up to", "execution_by_agent", "execution_by_agent", func(d dialect) (string, []any) {
			sel := Selection{Since: since, RunsOnly: true}
			c := clause{dialect: d}
			from, last := c.tallies(DefaultOrg, &sel)
			return `SELECT agent, squad, runs, ` + last + ` FROM (` + from + `) AS t`, c.args // adding up sorts, which is no plan to find rows
		}},
		{"a page of executions", "execution_by_start", "execution_by_start", pageOf(since.AddDate(0, -1, 0), 0)},
		{"its end", "execution_by_end", "execution_by_end", func(d dialect) (string, []any) {
			query, args := pageOf(until, 1)(d)
			found, _, _ := strings.Cut(query, " ORDER BY ") // these few are sorted
			return found, args
		}},
		{"the newest executions", "execution_by_start", "execution_by_start", executions(ExecutionFilter{}, ` ORDER BY started_at DESC NULLS LAST, id LIMIT 20`)},
		{"children of an execution", "execution_by_parent", "execution_by_parent", executions(ExecutionFilter{Parent: "exec-1"}, "")},
		{"leases that ran out", "execution_running", "execution_running", ask(`SELECT id FROM execution WHERE org = $1 AND status = 'running' AND lease_until < $2`, int64(1793523600_000900))},
		{"an event by id", "event_by_id", "event_id_pkey", ask(`SELECT seq FROM event_id WHERE org = $1 AND id = $2`, "evt-a")},
		{"an event by prefix", "event_by_id", "event_id_pkey", ask(`SELECT id FROM event_id`+prefix, "evt-77", "evt-77\x7f")},
		{"what is there already", "event_by_id", "event_id_pkey", among(`SELECT id FROM event_id`, "evt-1", "try-1")},
		{"an event by its place", "sqlite_autoindex_event_1", "event_run_202611_pkey", ask(selectEvent+`WHERE org = $1 AND seq = $2`, int64(7))},
		{"events from a place on", "sqlite_autoindex_event_1", "event_run_202611_pkey", events(EventFilter{AfterSeq: 17_900})},
		{"events of an execution", "event_by_execution", "event_run_202611_execution_org_seq_idx", events(EventFilter{Execution: "exec-1"})},
		{"actions of an execution", "event_by_execution", "event_run_202611_execution_org_seq_idx", events(EventFilter{Execution: "exec-1", ActionsOnly: true})},
		{"actions of an execution by a filter", "event_by_execution", "event_run_202611_execution_org_seq_idx", func(d dialect) (string, []any) {
			c := clause{dialect: d}
			c.events(DefaultOrg, &Selection{ActionsOnly: true, Terms: []whodid.Term{{Field: whodid.FilterExecution, Values: []string{"exec-1"}}, {Field: whodid.FilterType, Values: []string{"file.*"}}}})
			return `SELECT COUNT(*) FROM event ` + c.where(), c.args
		}},
		{"the newest events", "event_by_time", "event_run_202611_org_at_seq_idx", events(EventFilter{Newest: true, Limit: 20})},
		{"events of a window", "event_by_time", "event_run_202611_org_at_seq_idx", events(EventFilter{Since: since, Until: until, Newest: true})},
		{"the newest sessions", "event_of_session_start", "event_run_202611_org_at_idx", sessions(SessionFilter{})},
		{"sessions at work", "event_of_session_start", "event_run_202611_org_at_idx", sessions(SessionFilter{Since: since})},
		{"what sessions did", "event_by_execution", "event_run_202611_execution_org_seq_idx", func(d dialect) (string, []any) {
			condition, arg := d.among("execution", 2, []string{"exec-1", "exec-2"})
			return strings.TrimSuffix(selectEvent+sessionEvents(condition, true), " ORDER BY seq + 0"), []any{DefaultOrg, arg}
		}},
		{"starts of sessions", "event_of_session", "event_run_202611_org_session_at_idx", func(d dialect) (string, []any) {
			condition, arg := d.among("session", 2, []string{"s1", "s2"})
			return strings.TrimSuffix(selectEvent+sessionStarts(condition), " ORDER BY at + 0, seq"), []any{DefaultOrg, arg}
		}},
		{"what was done to a file", "event_of_file", "event_run_202611_target_org_at_idx", func(d dialect) (string, []any) {
			f := FileFilter{Path: "x", Until: until, Newest: true, Limit: 5}
			where, args := f.where(DefaultOrg)
			return strings.Replace(selectEvent, "FROM event", "FROM "+d.ofFile(), 1) + where, args
		}},
		{"what changed the world", "event_of_change", "event_run_202611_org_at_idx", func(dialect) (string, []any) {
			where, args := changes(DefaultOrg, since, until, 20)
			return selectEvent + where, args
		}},
		{"incidents", "event_of_incident", "event_permanent", ask(selectEvent + `WHERE org = $1 AND class = 'permanent' AND ` + isIncident + ` ORDER BY seq`)},
		{"passkeys", "event_passkey", "event_permanent", ask(selectEvent + passkeyEvents)},
		{"the last of a key", "event_signed", "event_permanent", ask(selectEvent+lastOfKey, "SHA256:x")},
		{"an agent's runs before", "execution_by_agent", "execution_by_", func(dialect) (string, []any) {
			where, args := runsBefore(DefaultOrg, "eng/solver", until, 20)
			return `SELECT ` + executionColumns + ` FROM execution ` + where, args
		}},
		{"runs with later events", "sqlite_autoindex_event_1", "event_run_202611_pkey", func(d dialect) (string, []any) {
			c := clause{dialect: d}
			query := c.countBeyond(DefaultOrg, &Selection{Since: since, RunsOnly: true}, 17_990)
			return strings.Replace(query, "DISTINCT ", "", 1), c.args // which sorts
		}},
		{"their runs", "sqlite_autoindex_execution_1", "execution_pkey", func(d dialect) (string, []any) {
			c := clause{dialect: d}
			query := c.countBeyond(DefaultOrg, &Selection{Since: since, RunsOnly: true}, 17_990)
			return strings.Replace(query, "DISTINCT ", "", 1), c.args
		}},
		{"runs of a filter on proof", "sqlite_autoindex_event_1", "event_run_202611_pkey", runs(Selection{Since: since, RunsOnly: true, Terms: []whodid.Term{Beyond(17_990, true)}})},
		{"which of these runs have later events", "event_by_execution", "event_run_202611_execution_org_seq_idx", func(d dialect) (string, []any) {
			query, args := areBeyond(d, DefaultOrg, []string{"exec-1", "exec-2"}, 17_990)
			return strings.Replace(query, "DISTINCT ", "", 1), args
		}},
		{"a tile", "PRIMARY KEY", "tile_pkey", ask(`SELECT hashes FROM tile WHERE org = $1 AND level = $2 AND n = $3`, 0, int64(1))},
	}
}

// wholeTable finds that PostgreSQL reads all of a table that isn't empty here.
var wholeTable = regexp.MustCompile(`Seq Scan on (execution|event_run_202611|event_id|tile)`)

// TestPlans sees to it that what is asked all day finds its rows by an index.
func TestPlans(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := openAt(t, filepath.Join(t.TempDir(), "trail.db"))
		conn := connOf(t, s)
		for _, p := range plans() {
			query, args := p.query(s.dialect)
			got := explained(t, conn, `EXPLAIN QUERY PLAN `+query, args)
			got = strings.ReplaceAll(got, "USE TEMP B-TREE FOR LAST TERM OF ORDER BY", "of the same time") // sorts those that are
			if !strings.Contains(got, p.sqlite) || strings.Contains(got, "SCAN event\n") || strings.Contains(got, "SCAN execution\n") || strings.Contains(got, "USE TEMP B-TREE") {
				t.Errorf("%s is not answered by %s:\n%s", p.name, p.sqlite, got)
			}
		}
		// A view on SQLite, and on PostgreSQL a function that no plan is shown of.
		got := explained(t, conn, `EXPLAIN QUERY PLAN SELECT state FROM `+s.dialect.confirmations("1")+` WHERE org = $1 AND seq = $2`, []any{DefaultOrg, 1})
		for _, index := range []string{"event_of_commit", "event_of_forge", "event_of_ci"} {
			if !strings.Contains(got, index) {
				t.Errorf("what forges confirm is not answered by %s:\n%s", index, got)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := testenv.Postgres(t)
		s := openAt(t, address)
		fillPostgres(t, address)
		conn := connOf(t, s)
		for _, p := range plans() {
			query, args := p.query(s.dialect)
			got := explained(t, conn, `EXPLAIN `+query, args)
			if !strings.Contains(got, p.postgres) || wholeTable.MatchString(got) {
				t.Errorf("%s is not answered by %s:\n%s", p.name, p.postgres, got)
			}
		}
	})
}

// fillPostgres writes so much that the planner has to choose, and lets it look
// at what there is.
func fillPostgres(t testing.TB, address string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range []string{
		`SELECT whodid_partitions(` + planEpoch + `, ` + planEpoch + `)`,
		`INSERT INTO execution SELECT 'default', 'exec-' || i, 'eng/solver', 'eng', 'manual', '', '', ` + planEpoch + ` + i, ` + planEpoch + ` + i + 1,
			CASE WHEN i % 500 = 0 THEN 'running' ELSE 'success' END, '', 'm', 1, 1, 0, 0, 1, 1, 'measured', 's', CASE WHEN i % 9 = 0 THEN 'exec-' || (i / 9) ELSE '' END,
			'', '', '', 'cli', ` + planEpoch + ` + i, '{}', '{}' FROM generate_series(1, 6000) AS i`,
		`INSERT INTO event SELECT 'default', i, 'evt-' || i, 'k' || i, CASE WHEN i % 3 = 0 THEN 'execution.start' ELSE 'file.write' END, 'run', 1, 'agent:eng/solver', '', '', '', 'x', ` + planEpoch + ` + i, ` + planEpoch + `,
			'', 'success', 'exec-' || (i / 3), 's' || (i / 3), '', 'cli', '{}', '', '', NULL, NULL FROM generate_series(1, 18000) AS i`,
		`INSERT INTO event_id SELECT org, id, seq FROM event`,
		`INSERT INTO tile SELECT 'default', 0, i, '' FROM generate_series(1, 2000) AS i`,
		`ANALYZE`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

// planEpoch is when everything in fillPostgres begins: 2026-11-01 09:00 UTC,
// in microseconds since 1970.
const planEpoch = "1793523600000000"

func openAt(t testing.TB, address string) *Store {
	t.Helper()
	location, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connOf(t testing.TB, s *Store) *sql.Conn {
	t.Helper()
	conn, err := s.read.Conn(within(t.Context(), DefaultOrg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a pool that was closed has closed it
	return conn
}

// explained is the last column of each line of a plan.
func explained(t testing.TB, conn *sql.Conn, query string, args []any) string {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(sql.NullString)
		}
		if err := rows.Scan(line...); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line[len(line)-1].(*sql.NullString).String + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
