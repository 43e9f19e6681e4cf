package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/export"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof/population"
)

// wanted are how many rows of the story each table has.
var wanted = map[string]int64{
	"executions": 2, "actions": 5, "approvals": 2, "decisions": 1, "exceptions": 1, "policies": 2, "policy_versions": 2,
	"sweeps": 0, "holds": 1, "erasures": 0, "access": 2, "reviews": 1, "incidents": 1, "events": 4,
}

func counts(done *export.Summary) map[string]int64 {
	out := map[string]int64{}
	for _, t := range done.Manifest.Tables {
		out[t.Name] = t.Rows
	}
	return out
}

func TestExportIsWholeAndProved(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.append(rows(t, story()))
		o := w.options()
		if diff := cmp.Diff(wanted, counts(w.export(o))); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		r := check(t, o.Dir, w.public)
		if got := states(r); got != "ppccn" {
			t.Errorf("verdicts %s: %+v", got, r.Verdicts)
		}
		if want := (population.Log{First: 0, End: 23, Events: 20, Outside: 3}); r.Log != want {
			t.Errorf("the log is accounted for as %+v, want %+v", r.Log, want)
		}
		checkQueries(t, w, o)
		checkCSV(t, o.Dir)
	})
}

// By the time of recording a month is the same for ever, and what came late is in
// the month in which it came.
func TestMonthsByRecordingLieSideBySide(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.append(rows(t, story()))
		var events uint64
		for month, want := range map[int]string{-1: "pcccn", 0: "pcccn", 1: "pcccn"} {
			o := w.options()
			o.Basis, o.From, o.To = population.Recorded, october.AddDate(0, month, 0), october.AddDate(0, month+1, 0)
			done := w.export(o)
			events += done.Manifest.Log.Events
			if r := check(t, o.Dir, w.public); states(r) != want {
				t.Errorf("month %d: verdicts %s, want %s: %+v", month, states(r), want, r.Verdicts)
			}
			checkQueries(t, w, o)
		}
		if events != uint64(len(story())) {
			t.Errorf("three months have %d events, the log has %d", events, len(story()))
		}
	})
}

// Of a month long ago most of the log is of another time. Its entries are not shown
// then, and neither is completeness.
func TestOfALongLogOnlyHashesAreShown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.append(rows(t, story()))
		o := w.options()
		o.From, o.To = october.Add(699*time.Hour), october.AddDate(0, 1, 0)
		export.SetOutside(&o, 1)
		done := w.export(o)
		if want := (population.Log{First: 18, End: 21, Events: 3}); done.Manifest.Log != want {
			t.Errorf("the log is accounted for as %+v, want %+v", done.Manifest.Log, want)
		}
		if r := check(t, o.Dir, w.public); states(r) != "pnccn" || !strings.Contains(r.Verdicts.Completeness.Detail, "in the middle of the period") {
			t.Errorf("verdicts %s: %+v", states(r), r.Verdicts)
		}
		o = w.options()
		o.From, o.To = october.Add(6*time.Hour), october.Add(740*time.Hour)
		export.SetOutside(&o, 1)
		w.append(moreRows(t, october.Add(7*time.Hour), october.AddDate(0, 2, 0)))
		done = w.export(o)
		if done.Manifest.Log.Hidden != 4 || done.Manifest.Log.Outside != 0 {
			t.Errorf("the log is accounted for as %+v, want 4 hidden", done.Manifest.Log)
		}
		if r := check(t, o.Dir, w.public); states(r) != "pnccn" || !strings.Contains(r.Verdicts.Completeness.Detail, "of 4 entries") {
			t.Errorf("verdicts %s: %+v", states(r), r.Verdicts)
		}
	})
}

// moreRows is a row that happened at one time and was recorded at another.
func moreRows(t testing.TB, happened, recorded time.Time) []*store.Row {
	t.Helper()
	r := rows(t, []told{{what: "file.write", target: "later.go", result: whodid.ResultSuccess}})[0]
	r.Key, r.At, r.RecordedAt = "more", happened, recorded
	row, err := remade(r)
	if err != nil {
		t.Fatal(err)
	}
	return []*store.Row{row}
}

// The same trail gives the same bytes, whichever engine keeps it.
func TestTheSameTrailGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	var first map[string]string
	for _, engine := range []string{"sqlite", "sqlite", "postgres"} {
		w := newWorld(t, engine, private, public)
		w.append(rows(t, story()))
		o := w.options()
		w.export(o)
		again := w.options()
		w.export(again)
		files := contents(t, o.Dir)
		if diff := cmp.Diff(files, contents(t, again.Dir)); diff != "" {
			t.Errorf("%s: the second export differs (-first +second):\n%s", engine, diff)
		}
		if first == nil {
			first = files
		}
		if diff := cmp.Diff(first, files); diff != "" {
			t.Errorf("%s: it is not what the first engine gave (-first +this):\n%s", engine, diff)
		}
	}
	if len(first) < 40 {
		t.Errorf("there are only %d files", len(first))
	}
}

func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lines are the rows of a table of JSON lines.
func lines(t testing.TB, dir, table string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "jsonl", table+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return parseLines(t, text)
}

func parseLines(t testing.TB, text []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range bytes.Lines(text) {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// checkCSV reads CSV as Go does, takes the guards away, and compares it with JSON
// lines. No cell may begin as a formula does.
func checkCSV(t testing.TB, dir string) {
	t.Helper()
	for _, table := range population.Tables() {
		text, err := os.ReadFile(filepath.Join(dir, "csv", table.Name+".csv"))
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		want := lines(t, dir, table.Name)
		if len(records) != len(want)+1 {
			t.Fatalf("%s has %d rows as CSV, %d as JSON lines", table.Name, len(records)-1, len(want))
		}
		for i, row := range want {
			for j, c := range table.Columns {
				cell := records[i+1][j]
				if cell != "" && strings.ContainsRune("=+-@|%\t\r\n＝＋－＠", []rune(cell)[0]) {
					t.Errorf("%s, row %d: the cell %s begins as a formula may: %q", table.Name, i, c.Name, cell)
				}
				if got := population.Unguard(cell); got != asCell(t, row[c.Name]) && got != population.ErasedCell {
					t.Errorf("%s, row %d: %s is %q as CSV, %q as JSON lines", table.Name, i, c.Name, got, asCell(t, row[c.Name]))
				}
			}
		}
	}
}

func asCell(t testing.TB, v any) string {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
}

// checkQueries asks the database what the manifest says that gives the same rows.
func checkQueries(t *testing.T, w *world, o export.Options) {
	t.Helper()
	var m population.Manifest
	text, err := os.ReadFile(filepath.Join(o.Dir, population.FileManifest))
	if err != nil || json.Unmarshal(text, &m) != nil {
		t.Fatal(err)
	}
	for i := range m.Tables {
		counted := &m.Tables[i]
		if counted.Query == "" {
			if counted.Name != population.PolicyVersions {
				t.Errorf("%s has no query", counted.Name)
			}
			continue
		}
		ids, err := w.ask(counted.Query)
		if err != nil {
			t.Errorf("%s: %v", counted.Name, err)
			continue
		}
		var want []string
		for _, row := range lines(t, o.Dir, counted.Name) {
			id, ok := row["event_id"].(string)
			if !ok {
				id, _ = row["execution_id"].(string)
			}
			want = append(want, id)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("%s: the query gives other rows (-file +query):\n%s", counted.Name, diff)
		}
	}
}

// Other people's program reads the Parquet files and finds what JSON lines say.
func TestParquetIsReadByOthers(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	w := newWorld(t, "sqlite", private, public)
	w.append(rows(t, story()))
	w.append(manyRows(t, 9000))
	o := w.options()
	w.export(o)
	for _, table := range []string{"actions", "events", "executions", "policy_versions", "sweeps"} {
		got := parseLines(t, testenv.ReadParquet(t, filepath.Join(o.Dir, "parquet", table+".parquet")))
		want := lines(t, o.Dir, table)
		for _, row := range want {
			for name, value := range row {
				if text, ok := value.(string); ok && (strings.HasSuffix(name, "_at") || name == "at") {
					at, err := time.Parse(whodid.TimeFormat, text)
					if err != nil {
						t.Fatal(err)
					}
					row[name] = json.Number(strconv.FormatInt(whodid.Micros(at), 10))
				}
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%s has %d rows as Parquet, %d as JSON lines", table, len(got), len(want))
		}
		for i := range want { // one by one: the difference of thousands takes seconds
			if !reflect.DeepEqual(want[i], got[i]) {
				t.Errorf("%s, row %d (-JSON lines +Parquet):\n%s", table, i, cmp.Diff(want[i], got[i]))
				break
			}
		}
	}
}

// manyRows are actions with more targets than a dictionary holds, and more rows
// than a batch.
func manyRows(t testing.TB, n int) []*store.Row {
	t.Helper()
	events := make([]told, n)
	for i := range events {
		events[i] = told{what: "file.write", recorded: 772, before: 500, target: "src/" + strconv.Itoa(i) + ".go", result: whodid.ResultSuccess}
		if i%3 == 0 {
			events[i].why, events[i].target = "every third", ""
		}
	}
	out := rows(t, events)
	for i, r := range out {
		r.Key = "many/" + strconv.Itoa(i)
		row, err := remade(r)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = row
	}
	return out
}

// A folder that is there is left alone, and nothing is left of an export that
// fails.
func TestExportIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	w := newWorld(t, "sqlite", private, public)
	w.append(rows(t, story()))
	o := w.options()
	o.Tell = func(context.Context, *export.Summary) error { return errors.New("it can't be told") }
	if _, err := export.Write(t.Context(), w.store, o); err == nil || !strings.Contains(err.Error(), "can't be told") {
		t.Errorf("an export that can't be told of: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	o.Tell = func(context.Context, *export.Summary) error { return nil }
	o.Progress = func(uint64, uint64) { cancel() }
	if _, err := export.Write(cancelled, w.store, o); !errors.Is(err, context.Canceled) {
		t.Errorf("an export that was cancelled: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(o.Dir))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	o.Progress = nil
	w.export(o)
	before := contents(t, o.Dir)
	if _, err := export.Write(t.Context(), w.store, o); !errors.Is(err, export.ErrExists) {
		t.Errorf("over another export: %v, want ErrExists", err)
	}
	if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
		t.Errorf("the folder that was there changed:\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(o.Dir, "csv", "actions.csv"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want it to be its owner's alone", info.Mode(), err)
	}
}

// What the README says to type checks the export without our programs, and draws
// the sample.
func TestReadmeChecksWithToolsOfTheSystem(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	w := newWorld(t, "sqlite", private, public)
	w.append(rows(t, story()))
	o := w.options()
	w.export(o)
	text, err := os.ReadFile(filepath.Join(o.Dir, population.FileReadme))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -e\n")
	for line := range strings.Lines(string(text)) {
		if step, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(step, "whodid-verify") {
			script.WriteString(step)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	run := func() (string, error) {
		c := exec.CommandContext(t.Context(), "sh", "-c", script.String())
		c.Dir, c.Env = dir, append(os.Environ(), "KEY="+public)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	out, err := run()
	if err != nil || !strings.Contains(out, "Signature Verified Successfully") {
		t.Fatalf("%v\n%s\n%s", err, out, script.String())
	}
	for _, row := range parseLines(t, []byte(contents(t, dir)["sample/actions.jsonl"])) {
		if !strings.Contains(out, row["event_id"].(string)) {
			t.Errorf("the README draws another sample, without %v:\n%s", row["event_id"], out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "csv", "actions.csv"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(); err == nil {
		t.Errorf("a changed file passes:\n%s", out)
	}
}
