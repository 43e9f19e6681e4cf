package export

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/whodid/whodid/proof/population"
)

// readme tells whoever gets an export what it is and how to check it.
func readme(m *population.Manifest) []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Export of an audit trail of AI agents\n")
	p("The whole population of the organisation `%s` from %s up to, and without, %s (%s), by the time at which events %s. Made by %s from the log `%s` as it stood at %d entries.\n",
		m.Organisation, m.Period.From, m.Period.To, m.Period.TimeZone, m.Period.Basis, m.Product, m.Origin, m.Checkpoint.Size)
	p("| table | rows | what |\n|---|---|---|")
	for i := range m.Tables {
		p("| `%s` | %d | %s |", m.Tables[i].Name, m.Tables[i].Rows, m.Tables[i].Meaning)
	}
	p("\n`manifest.json` has each table's columns with their meaning, and the SQL query that gives the same rows. `CONTROLS.md` says which record answers which duty.\n")
	p("Of %d entries of the log that are accounted for, %d are rows, %d are of another time, %d were removed before by the policy of retention. Of %d rows values were erased.\n",
		m.Log.End-m.Log.First, m.Log.Events, m.Log.Outside+m.Log.Hidden, m.Log.Swept, m.Log.Erased)
	p("## How to read it\n")
	p("Times are UTC with microseconds. People are pseudonyms. What is unknown or does not exist is null, in CSV empty; it is never zero. What was erased is null, in CSV `%s`, and the column `erased` names it.\n", population.ErasedCell)
	p("In CSV (UTF-8, RFC 4180, lines end in a line feed) a text that a spreadsheet could take for a formula, or that begins with an apostrophe, has an apostrophe before it. " +
		"To get the text back, take one apostrophe from the beginning of a cell that has one. JSON lines and Parquet hold texts as they were recorded.\n")
	p("## How to check it\n")
	p("Get the log's public key from whoever keeps the trail, by a way that you trust; the one in `manifest.json` is only a claim.\n")
	p("    whodid-verify . --key KEY\n")
	p("checks the signature, every file, that every row is an entry of the log, that none is missing, that CSV says what JSON lines say, and the sample. " +
		"Without it, the files and the signature can be checked with tools of any system:\n")
	p("    sha256sum --check --quiet SHA256SUMS")
	p(`    (printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf %%s "$KEY" | cut -d+ -f3- | base64 -d | tail -c 32) > ../key.der`)
	p("    tail -n 1 SHA256SUMS.note | awk '{print $3}' | base64 -d | tail -c 64 > ../signature")
	p("    openssl pkeyutl -verify -pubin -keyform DER -inkey ../key.der -rawin -in SHA256SUMS -sigfile ../signature\n")
	p("(the key is Ed25519; `key.der` and `signature` are written beside this folder, for no other file may be in it).")
	sample(&b, m)
	return b.Bytes()
}

func sample(b *bytes.Buffer, m *population.Manifest) {
	s := m.Sample
	if s == nil {
		return
	}
	fmt.Fprintf(b, "\n## The sample\n\n%d rows of `%s`, of %d that were asked for, seed %d. %s\n", s.Rows, s.Table, s.Size, s.Seed, s.Algorithm)
	if !slices.Contains(m.Formats, "csv") {
		return
	}
	fmt.Fprintf(b, `
    python3 - <<'EOF'
    import csv, hashlib
    rows = list(csv.DictReader(open("csv/%[1]s.csv", encoding="utf-8", newline="")))
    name = lambda r: r.get("event_id") or r["execution_id"]
    rows.sort(key=lambda r: hashlib.sha256(("whodid-sample/1 %[2]d %[1]s " + name(r)).encode()).hexdigest())
    print("\n".join(name(r) for r in rows[:%[3]d]))
    EOF
`, s.Table, s.Seed, s.Size)
}
