package export_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/population"
)

// forgery is a copy of an export that somebody changes.
type forgery struct {
	t     *testing.T
	w     *world
	dir   string
	other string // an honest export of the month after
}

func (f *forgery) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *forgery) read(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(f.path(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

func (f *forgery) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// edit replaces a text, which must be there.
func (f *forgery) edit(name, old, changed string) {
	f.t.Helper()
	text := f.read(name)
	if !strings.Contains(text, old) {
		f.t.Fatalf("%s has no %q", name, old)
	}
	f.write(name, strings.Replace(text, old, changed, 1))
}

// drop removes the first line of a file that holds a text, and returns it.
func (f *forgery) drop(name, holding string) string {
	f.t.Helper()
	for line := range strings.Lines(f.read(name)) {
		if strings.Contains(line, holding) {
			f.edit(name, line, "")
			return line
		}
	}
	f.t.Fatalf("%s has no line with %q", name, holding)
	return ""
}

// manifest edits the manifest.
func (f *forgery) manifest(edit func(m *population.Manifest)) {
	f.t.Helper()
	var m population.Manifest
	if err := json.Unmarshal([]byte(f.read(population.FileManifest)), &m); err != nil {
		f.t.Fatal(err)
	}
	edit(&m)
	text, err := population.Encode(&m)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(population.FileManifest, string(text))
}

// sign makes the sums again and signs them: what somebody with a key can do.
func (f *forgery) sign(private string) {
	f.t.Helper()
	files := contents(f.t, f.dir)
	delete(files, population.FileSums)
	delete(files, population.FileSigned)
	checkpoint, err := proof.PeekCheckpoint(files[population.FileCheckpoint])
	if err != nil {
		f.t.Fatal(err)
	}
	sums := bytes.NewBufferString(population.SumsHead(checkpoint.Origin))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256([]byte(files[name]))
		fmt.Fprintf(sums, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	signer, err := proof.NewSigner(private)
	if err != nil {
		f.t.Fatal(err)
	}
	signed, err := signer.SignText(sums.String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(population.FileSums, sums.String())
	f.write(population.FileSigned, signed)
}

// csvOf writes the CSV of a table from its JSON lines, as a careful forger would.
func (f *forgery) csvOf(name string) {
	f.t.Helper()
	tables := population.Tables()
	columns := tables[slices.IndexFunc(tables, func(t population.Table) bool { return t.Name == name })].Columns
	out := population.AppendHeader(nil, columns)
	row := make([]population.Value, len(columns))
	for line := range strings.Lines(f.read("jsonl/" + name + ".jsonl")) {
		if err := population.ParseRow([]byte(line), columns, row); err != nil {
			f.t.Fatal(err)
		}
		out = population.AppendCSV(out, columns, row)
	}
	f.write("csv/"+name+".csv", string(out))
}

// insiders are attacks by who holds the trail's key and signs what they changed.
// Each must be refuted for its reason, or shown for what it is.
var insiders = map[string]struct {
	attack  func(f *forgery)
	want    string
	because string
}{
	"nothing": {func(*forgery) {}, "ppccn", ""},
	"row edited": {func(f *forgery) {
		f.edit("jsonl/actions.jsonl", `"result":"failed"`, `"result":"success"`)
		f.csvOf("actions")
	}, "rnnnn", "not those of the log"},
	"row removed": {func(f *forgery) {
		f.drop("jsonl/actions.jsonl", `"result":"failed"`)
		f.csvOf("actions")
		f.manifest(func(m *population.Manifest) { m.Tables[1].Rows-- })
	}, "rnnnn", "where that of entry"},
	"row removed, with its line of the account": {func(f *forgery) {
		f.drop("jsonl/holds.jsonl", "hold.place")
		f.drop(population.FileEntries, `"holds"`)
		f.csvOf("holds")
		f.manifest(func(m *population.Manifest) { m.Tables[8].Rows--; m.Log.Events--; m.Log.End-- })
	}, "rnnnn", "where that of entry"},
	"last row removed": {func(f *forgery) {
		f.drop("jsonl/actions.jsonl", "last of October")
		f.csvOf("actions")
		f.manifest(func(m *population.Manifest) { m.Tables[1].Rows-- })
	}, "rnnnn", "where that of entry"},
	"row added": {func(f *forgery) {
		text := f.read("jsonl/reviews.jsonl")
		f.write("jsonl/reviews.jsonl", text+text)
		f.csvOf("reviews")
		f.manifest(func(m *population.Manifest) { m.Tables[11].Rows++ })
	}, "rnnnn", "more rows than the log accounts for"},
	"rows swapped": {func(f *forgery) {
		first := f.drop("jsonl/events.jsonl", "execution.start")
		f.write("jsonl/events.jsonl", f.read("jsonl/events.jsonl")+first)
		f.csvOf("events")
	}, "rnnnn", "where that of entry"},
	"row in another table": {func(f *forgery) {
		f.write("jsonl/exceptions.jsonl", f.read("jsonl/exceptions.jsonl")+f.drop("jsonl/holds.jsonl", "hold.place"))
		f.edit(population.FileEntries, `"table":"holds"`, `"table":"exceptions"`)
		f.csvOf("holds")
		f.csvOf("exceptions")
		f.manifest(func(m *population.Manifest) { m.Tables[8].Rows--; m.Tables[4].Rows++ })
	}, "rnnnn", "belongs to the table holds"},
	"row hidden as of another time": {func(f *forgery) {
		f.hide("hold.place", population.WhyOutside)
		f.manifest(func(m *population.Manifest) { m.Log.Hidden++ })
	}, "pnccn", "only hashes are shown"},
	"row hidden as swept": {func(f *forgery) {
		f.hide("hold.place", population.WhySwept)
		f.manifest(func(m *population.Manifest) { m.Log.Swept++ })
	}, "pcccn", "as the certificates of sweeps tell"},
	"end of the log cut off": {func(f *forgery) {
		text := f.read(population.FileEntries)
		f.write(population.FileEntries, text[:strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1])
		f.manifest(func(m *population.Manifest) { m.Log.End--; m.Log.Outside-- })
	}, "rnnnn", "right of the leaves"},
	"value said to be erased": {func(f *forgery) {
		f.edit("jsonl/reviews.jsonl", `"why":"looked"`, `"why":null`)
		f.edit("jsonl/reviews.jsonl", `"erased":null`, `"erased":["why"]`)
		f.csvOf("reviews")
	}, "rnnnn", "not opened as it must be"},
	"row back-dated": {func(f *forgery) {
		const name = "jsonl/actions.jsonl"
		const key = `"recorded_at":"`
		_, at, _ := strings.Cut(f.read(name), key)
		f.edit(name, key+at[:10], key+"2026-09-30")
		f.csvOf("actions")
	}, "rnnnn", "not those of the log"},
	"approval of other arguments": {func(f *forgery) {
		f.edit("jsonl/approvals.jsonl", "ab12", "ab13")
		f.csvOf("approvals")
	}, "rnnnn", "not those of the log"},
	"spliced from two exports": {func(f *forgery) {
		text, err := os.ReadFile(filepath.Join(f.other, "jsonl", "actions.jsonl"))
		if err != nil {
			f.t.Fatal(err)
		}
		f.write("jsonl/actions.jsonl", string(text))
		f.csvOf("actions")
	}, "rnnnn", ""},
	"period moved": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Period.To = "2026-10-30T00:00:00.000000Z" })
	}, "rnnnn", "not of the period"},
	"period widened": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Period.To = "2026-12-01T00:00:00.000000Z" })
	}, "rnnnn", "is of the period, and no row"},
	"basis changed": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Period.Basis = population.Recorded })
	}, "rnnnn", "not of the period"},
	"fewer rows stated": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Tables[0].Rows-- })
	}, "rnnnn", "the manifest says"},
	"a table left out": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Tables = m.Tables[:12] })
	}, "rnnnn", "not those of the format"},
	"another checkpoint named": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Checkpoint.Size-- })
	}, "rnnnn", "names another checkpoint"},
	"CSV says something else": {func(f *forgery) {
		f.edit("csv/actions.csv", ",failed,", ",success,")
	}, "rnnnn", "does not say what"},
	"CSV of executions says something else": {func(f *forgery) {
		f.edit("csv/executions.csv", ",success,", ",failed,")
	}, "rnnnn", "does not say what"},
	"sample chosen": {func(f *forgery) {
		lines := strings.SplitAfter(f.read("jsonl/actions.jsonl"), "\n")
		f.write("sample/actions.jsonl", lines[0]+lines[1])
	}, "rnnnn", "is not the sample"},
	"sample of another seed": {func(f *forgery) {
		f.manifest(func(m *population.Manifest) { m.Sample.Seed++ })
	}, "rnnnn", "is not the sample"},
	"proof taken out": {func(f *forgery) {
		for _, name := range []string{population.FileEntries, population.FileRange} {
			if err := os.Remove(f.path(name)); err != nil {
				f.t.Fatal(err)
			}
		}
	}, "cnnnn", "nothing in the export ties the rows to the log"},
	"row in another spelling": {func(f *forgery) {
		f.edit("jsonl/holds.jsonl", `"hold.place"`, `"hold\u002eplace"`)
	}, "rnnnn", "not written as rows are"},
	"row with a member twice": {func(f *forgery) {
		f.edit("jsonl/holds.jsonl", `"key":`, `"why":"other","key":`)
	}, "rnnnn", "is not where it must be"},
	"sum of a file that is not there": {func(f *forgery) {
		f.write("extra", "x")
		f.sign(f.w.private)
		if err := os.Remove(f.path("extra")); err != nil {
			f.t.Fatal(err)
		}
		f.w = nil
	}, "rnnnn", "there is no extra"},
}

// hide takes the only row of the table of holds out of sight.
func (f *forgery) hide(what, why string) {
	f.drop("jsonl/holds.jsonl", what)
	f.csvOf("holds")
	var hash proof.Hash
	rows, err := f.w.store.Events(f.t.Context(), store.DefaultOrg, store.EventFilter{What: what})
	if err != nil || len(rows) != 1 {
		f.t.Fatal(len(rows), err)
	}
	hash = rows[0].LeafHash
	line := f.drop(population.FileEntries, `"holds"`)
	_ = line
	// Where it was, which is behind as many lines as it has entries before it.
	lines := strings.SplitAfter(f.read(population.FileEntries), "\n")
	hidden := fmt.Sprintf(`{"hashes":["%x"],"why":%q}`+"\n", hash[:], why)
	f.write(population.FileEntries, strings.Join(slices.Insert(lines, int(rows[0].Seq), hidden), ""))
	f.manifest(func(m *population.Manifest) { m.Tables[8].Rows--; m.Log.Events-- })
}

// outsiders are attacks by who has no key.
var outsiders = map[string]struct {
	attack  func(f *forgery)
	because string
}{
	"manifest edited": {func(f *forgery) {
		f.edit(population.FileManifest, `"time_zone": "UTC"`, `"time_zone": "Europe/Berlin"`)
	}, "manifest.json is not the file that was signed"},
	"file swapped": {func(f *forgery) {
		holds, reviews := f.read("csv/holds.csv"), f.read("csv/reviews.csv")
		f.write("csv/holds.csv", reviews)
		f.write("csv/reviews.csv", holds)
	}, "csv/holds.csv is not the file that was signed"},
	"file of another export": {func(f *forgery) {
		text, err := os.ReadFile(filepath.Join(f.other, "jsonl", "actions.jsonl"))
		if err != nil {
			f.t.Fatal(err)
		}
		f.write("jsonl/actions.jsonl", string(text))
	}, "jsonl/actions.jsonl is not the file that was signed"},
	"row removed":     {func(f *forgery) { f.drop("jsonl/actions.jsonl", "failed") }, "is not the file that was signed"},
	"Parquet changed": {func(f *forgery) { f.edit("parquet/actions.parquet", "PAR1", "PAR2") }, "is not the file that was signed"},
	"file removed": {func(f *forgery) {
		if err := os.Remove(f.path("csv/holds.csv")); err != nil {
			f.t.Fatal(err)
		}
	}, "there is no csv/holds.csv"},
	"file added": {func(f *forgery) { f.write("csv/more.csv", "x") }, "not among those that were signed"},
	"a link": {func(f *forgery) {
		if err := os.Remove(f.path("csv/holds.csv")); err != nil {
			f.t.Fatal(err)
		}
		if err := os.Symlink(f.path("csv/reviews.csv"), f.path("csv/holds.csv")); err != nil {
			f.t.Fatal(err)
		}
	}, "is no file"},
	"signature of another export": {func(f *forgery) {
		for _, name := range []string{population.FileSums, population.FileSigned} {
			text, err := os.ReadFile(filepath.Join(f.other, name))
			if err != nil {
				f.t.Fatal(err)
			}
			f.write(name, string(text))
		}
	}, "is not the file that was signed"},
	"sums without the signature": {func(f *forgery) { f.edit(population.FileSums, "  README.md", "  README.txt") }, "is not what was signed"},
	"signature cut": {func(f *forgery) {
		f.write(population.FileSigned, f.read(population.FileSums)+"\n")
	}, "not signed by the trusted key"},
	"signed by another key of that name": {func(f *forgery) {
		private, _ := newKey(f.t)
		f.edit("jsonl/actions.jsonl", "failed", "success")
		f.sign(private)
	}, "not signed by the trusted key"},
	"checkpoint in place of the sums": {func(f *forgery) {
		signed := f.read(population.FileCheckpoint)
		f.write(population.FileSigned, signed)
		f.write(population.FileSums, signed[:strings.Index(signed, "\n\n")+1])
	}, "is not that of an export"},
	"not a checkpoint": {func(f *forgery) { f.write(population.FileCheckpoint, "x") }, "not a signed note"},
	"no checkpoint": {func(f *forgery) {
		if err := os.Remove(f.path(population.FileCheckpoint)); err != nil {
			f.t.Fatal(err)
		}
	}, "there is no checkpoint"},
}

func TestAttacksOnExports(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	w := newWorld(t, "sqlite", private, public)
	w.append(rows(t, story()))
	honest, next := w.options(), w.options()
	w.export(honest)
	next.From, next.To = october.AddDate(0, 1, 0), october.AddDate(0, 2, 0)
	w.export(next)
	forge := func(t *testing.T, attack func(*forgery), signs bool) *population.Report {
		f := &forgery{t: t, w: w, dir: t.TempDir(), other: next.Dir}
		if err := os.CopyFS(f.dir, os.DirFS(honest.Dir)); err != nil {
			t.Fatal(err)
		}
		attack(f)
		if signs && f.w != nil {
			f.sign(w.private)
		}
		return check(t, f.dir, public)
	}
	for name, c := range insiders {
		t.Run("insider, "+name, func(t *testing.T) {
			t.Parallel()
			r := forge(t, c.attack, true)
			if got := states(r); got != c.want || !strings.Contains(fmt.Sprint(r.Verdicts), c.because) {
				t.Errorf("verdicts %s, want %s because %q: %+v", got, c.want, c.because, r.Verdicts)
			}
		})
	}
	for name, c := range outsiders {
		t.Run("outsider, "+name, func(t *testing.T) {
			t.Parallel()
			r := forge(t, c.attack, false)
			if got := states(r); got != "rnnnn" || !strings.Contains(r.Verdicts.Integrity.Detail, c.because) {
				t.Errorf("verdicts %s because %q, want refuted because %q", got, r.Verdicts.Integrity.Detail, c.because)
			}
		})
	}
}

// Whose key is not trusted proves nothing but that it holds together.
func TestOfAnUntrustedKeyAllIsConditional(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	w := newWorld(t, "sqlite", private, public)
	w.append(rows(t, story()))
	o := w.options()
	w.export(o)
	_, other, err := proof.GenerateKey("whodid.test/other")
	if err != nil {
		t.Fatal(err)
	}
	if r := check(t, o.Dir, other); states(r) != "cpccn" || r.Verdicts.Holds() {
		t.Errorf("verdicts %s: %+v", states(r), r.Verdicts)
	}
}
