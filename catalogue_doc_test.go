package whodid_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

// update writes docs/catalogue.md anew: go test . -update.
var update = flag.Bool("update", false, "write docs/catalogue.md anew")

// The page for people says what the catalogue says.
func TestCatalogueIsDocumented(t *testing.T) {
	path := filepath.Join("docs", "catalogue.md")
	want := cataloguePage()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the catalogue says; go test . -update writes it (-want +got):\n%s", path, diff)
	}
}

func cataloguePage() string {
	var b strings.Builder
	b.WriteString(`# The catalogue

Everything that is recorded is an event of one of these kinds, with the metadata that its kind allows and no other. The validator, the store and the tests that
look for leaked content read the same list (` + "`catalogue.go`, `kinds*.go`" + `); this page is written from it.

- **Class** says how long it is kept: *run* and *session* for as long as a retention policy says, *permanent* for ever.
- **Action** marks what an agent does: a row of the relation ` + "`actions`" + `.
- Kinds marked *open* may carry short metadata of your own, when a person or a script records them. A well-formed verb that is not listed, such as
  ` + "`report.send`" + `, is an open action of class *run*.
- Fields are *technical* (numbers, names of tools, digests) or *linkable* (names and addresses that may lead to a person). Neither is ever in a published leaf.

`)
	actions := map[string]bool{}
	for _, k := range whodid.Catalogue() {
		fmt.Fprintf(&b, "## `%s`\n\n%s Class *%s*%s%s.\n\n", k.Name, k.Meaning, k.Class, mark(k.Action, ", action"), mark(k.Open, ", open"))
		if k.Action && len(actions) > 0 && sameFields(k.Fields, actions) {
			b.WriteString("Fields: those of every action, see `" + firstAction() + "`.\n\n")
			continue
		}
		if len(k.Fields) == 0 {
			continue
		}
		b.WriteString("| field | type | privacy | meaning |\n|---|---|---|---|\n")
		for _, f := range k.Fields {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, f.Privacy, f.Meaning)
			if k.Action {
				actions[f.Name] = true
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// firstAction is the action whose fields are listed.
func firstAction() string {
	for _, k := range whodid.Catalogue() {
		if k.Action {
			return k.Name
		}
	}
	return ""
}

func sameFields(fields []whodid.Field, names map[string]bool) bool {
	for _, f := range fields {
		if !names[f.Name] {
			return false
		}
	}
	return len(fields) == len(names)
}

func mark(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}
