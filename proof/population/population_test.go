package population

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Every verb of the catalogue belongs to a table of events.
func TestEveryVerbHasATable(t *testing.T) {
	t.Parallel()
	tables := map[string]bool{}
	for _, table := range Tables() {
		tables[table.Name] = table.OfEvents
	}
	seen := map[string]bool{}
	for _, kind := range whodid.Catalogue() {
		name := TableOf(kind.Name)
		if !tables[name] {
			t.Errorf("%s belongs to %q, which is no table of events", kind.Name, name)
		}
		if kind.Action != (name == Actions) {
			t.Errorf("%s is in %s; is it an action: %t", kind.Name, name, kind.Action)
		}
		seen[name] = true
	}
	for name, ofEvents := range tables {
		if ofEvents && !seen[name] {
			t.Errorf("no verb belongs to %s", name)
		}
	}
}

// An event comes back out of its row with the same leaf.
func TestRowsKeepTheLeaf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 1, 2, 3, 4, 567000, time.UTC)
	for name, erase := range map[string][]string{
		"whole": nil, "target erased": {proof.FieldTarget}, "all erased": proof.Fields(), "data erased": {proof.FieldData},
	} {
		for _, actor := range []string{"agent:a/b", "human:p1"} {
			e := whodid.Event{
				Org: "o", Key: "k", Actor: actor, ActorAuth: "hook", OnBehalfOf: "human:p2", OnBehalfAuth: "os-user", What: "file.write",
				Target: "=x", At: at, RecordedAt: at, Why: "w\"\n", Result: "success", Source: "cli", Data: whodid.Data{"tool": "Write"},
			}
			e.Identify()
			r := proof.Record{Event: &e, Data: e.Data.Canonical(), Salt: &proof.Salt{1, 2, 3}, Index: 7}
			want, err := r.Leaf()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Erase("evt-1", erase...); err != nil {
				t.Fatal(err)
			}
			row := make([]Value, eventWidth)
			if err := EventRow(&r, string(r.Data), row); err != nil {
				t.Fatal(err)
			}
			again := make([]Value, eventWidth)
			if err := ParseRow(AppendJSON(nil, EventColumns(), row), EventColumns(), again); err != nil {
				t.Fatal(err)
			}
			markErased(EventColumns(), again)
			back, err := record(again)
			if err != nil {
				t.Fatal(err)
			}
			back.Salt, back.Commitments = r.Salt, r.Commitments
			if got, err := back.Leaf(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: the leaf is\n%s, was\n%s (%v)", name, actor, got, want, err)
			}
			if a, b := AppendCSV(nil, EventColumns(), row), AppendCSV(nil, EventColumns(), again); !bytes.Equal(a, b) {
				t.Errorf("%s: CSV of the row\n%s and of what was read\n%s", name, a, b)
			}
		}
	}
}

func FuzzParseRow(f *testing.F) {
	columns := []Column{{"a", Text, ""}, {"n", Int, ""}, {"at", Time, ""}, {"j", JSON, ""}}
	f.Add([]byte(`{"a":"x","n":1,"at":"2026-10-01T00:00:00.000000Z","j":{"k":[1,"}"]}}`))
	f.Add([]byte(`{"a":null,"n":null,"at":null,"j":null}`))
	f.Add([]byte(`{"a":"\"\\","n":-9223372036854775808,"at":"0000-01-01T00:00:00.000000Z","j":[]}`))
	f.Add([]byte(`{"a":,"n":1`))
	f.Fuzz(func(t *testing.T, line []byte) {
		row := make([]Value, len(columns))
		if ParseRow(line, columns, row) != nil {
			return
		}
		again := AppendJSON(nil, columns, row)
		if !bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), bytes.TrimSuffix(line, []byte("\n"))) {
			t.Errorf("%q was read as a row that is written %q", line, again)
		}
	})
}

// Whatever a text is, a reader of CSV gets it back, and no spreadsheet runs it.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"", "plain", "=1+1", "'", "''=x", " =x", "\t=x", "a\"b", "a,b;c", "＝x", "\u200b=x", "a\nb", "-1", "@x", "\ufeff=1", "%x"} {
		f.Add(s)
	}
	columns := []Column{{"a", Text, ""}, {"b", Text, ""}}
	f.Fuzz(func(t *testing.T, s string) {
		line := AppendCSV(nil, columns, []Value{Words(s), Words(s)})
		r := csv.NewReader(bytes.NewReader(line))
		records, err := r.ReadAll()
		if err != nil || len(records) != 1 || len(records[0]) != 2 {
			t.Fatalf("%q is written %q, which is read as %q: %v", s, line, records, err)
		}
		for _, cell := range records[0] {
			if strings.TrimLeft(cell, " ") != "" && strings.ContainsRune("=+-@|%\t\r\n", rune(strings.TrimLeft(cell, " ")[0])) {
				t.Errorf("%q is written as the cell %q", s, cell)
			}
			// The reader of the standard library makes one line feed of the two
			// characters that end a line elsewhere.
			if got := Unguard(cell); got != strings.ReplaceAll(s, "\r\n", "\n") {
				t.Errorf("%q comes back as %q", s, got)
			}
		}
	})
}

func TestSamplesAreDrawnAlike(t *testing.T) {
	t.Parallel()
	columns := []Column{{"event_id", Text, ""}}
	draw := func(seed int64, size int, ids ...string) string {
		d := NewDrawer("actions", columns, seed, size)
		for _, id := range ids {
			d.Offer([]Value{Words(id)})
		}
		var out []string
		for _, row := range d.Rows() {
			out = append(out, row[0].Text())
		}
		return strings.Join(out, " ")
	}
	forth, back := draw(7, 3, "a", "b", "c", "d", "e"), draw(7, 3, "e", "d", "c", "b", "a")
	if forth != back || forth == "" {
		t.Errorf("%q in one order, %q in the other", forth, back)
	}
	// sha256sum of "whodid-sample/1 7 actions a" and so on, sorted.
	if want := "e a c"; forth != want {
		t.Errorf("%q, want %q", forth, want)
	}
	if all := draw(7, 9, "a", "b"); len(all) != 3 {
		t.Errorf("more than there is: %q", all)
	}
	if none := draw(7, 0, "a", "b"); none != "" {
		t.Errorf("a sample of none: %q", none)
	}
	if draw(8, 5, "a", "b", "c", "d", "e") == draw(7, 5, "a", "b", "c", "d", "e") {
		t.Error("the seed decides nothing")
	}
}
