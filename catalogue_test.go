package whodid_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/whodid/whodid"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	verb := regexp.MustCompile(`^[a-z]+(\.[a-z]+)+$`)
	kinds := whodid.Catalogue()
	if !slices.IsSortedFunc(kinds, func(a, b whodid.Kind) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the catalogue is not sorted by name")
	}
	seen := map[string]bool{}
	for _, k := range kinds {
		if seen[k.Name] {
			t.Errorf("%s is listed twice", k.Name)
		}
		seen[k.Name] = true
		if !verb.MatchString(k.Name) {
			t.Errorf("%q is no dotted verb", k.Name)
		}
		if !sentence(k.Meaning) {
			t.Errorf("%s: %q is no sentence", k.Name, k.Meaning)
		}
		if !slices.Contains(whodid.Classes(), k.Class) {
			t.Errorf("%s has the retention class %q", k.Name, k.Class)
		}
		if k.Action && k.Folds {
			t.Errorf("%s is an action and changes its execution", k.Name)
		}
		if found, ok := whodid.LookupKind(k.Name); !ok || found.Name != k.Name {
			t.Errorf("%s is not found", k.Name)
		}
		checkFields(t, &k)
	}
}

func checkFields(t *testing.T, k *whodid.Kind) {
	t.Helper()
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := map[string]bool{}
	for _, f := range k.Fields {
		if seen[f.Name] {
			t.Errorf("%s has the field %s twice", k.Name, f.Name)
		}
		seen[f.Name] = true
		if !name.MatchString(f.Name) {
			t.Errorf("%s: %q is no name of a field", k.Name, f.Name)
		}
		if !slices.Contains([]whodid.FieldType{whodid.String, whodid.Int, whodid.Bool, whodid.List}, f.Type) {
			t.Errorf("%s of %s has the type %q", f.Name, k.Name, f.Type)
		}
		if f.Privacy != whodid.Technical && f.Privacy != whodid.Linkable {
			t.Errorf("%s of %s has the privacy class %q", f.Name, k.Name, f.Privacy)
		}
		if !sentence(f.Meaning) {
			t.Errorf("%s of %s: %q is no sentence", f.Name, k.Name, f.Meaning)
		}
		if found, ok := k.Allows(f.Name); !ok || found != f {
			t.Errorf("%s of %s is not allowed", f.Name, k.Name)
		}
	}
	if _, ok := k.Allows("no_such_field"); ok {
		t.Errorf("%s allows a field that it does not list", k.Name)
	}
}

// sentence tells whether a meaning reads as one: documentation prints it.
func sentence(s string) bool {
	return s != "" && unicode.IsUpper(rune(s[0])) && strings.HasSuffix(s, ".") && !strings.Contains(s, "..") && strings.TrimSpace(s) == s
}

// One name means one thing, whatever the kind of event, so that a reader of
// metadata need not know the kind.
func TestFieldsMeanTheSameEverywhere(t *testing.T) {
	t.Parallel()
	type place struct {
		kind  string
		field whodid.Field
	}
	first := map[string]place{}
	for _, k := range whodid.Catalogue() {
		for _, f := range k.Fields {
			before, known := first[f.Name]
			if !known {
				first[f.Name] = place{k.Name, f}
				continue
			}
			if before.field.Type != f.Type || before.field.Privacy != f.Privacy {
				t.Errorf("%s is %s, %s in %s and %s, %s in %s", f.Name, before.field.Type, before.field.Privacy, before.kind, f.Type, f.Privacy, k.Name)
			}
		}
	}
	meanings := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		meaning := first[name].field.Meaning
		if other, taken := meanings[meaning]; taken {
			t.Errorf("%s and %s have the same meaning: %s", other, name, meaning)
		}
		meanings[meaning] = name
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]bool{
		"file.write": true, "execution.start": true,
		"report.send": true, "invoice.pay-now": true, "a.b": true, "db.row.copy": true, // a script's own
		"execution.hijack": false, "record.forge": false, "model.train": false, "approval.force": false, // the product's nouns
		"": false, ".": false, "file": false, "file.": false, ".write": false, "File.write": false, "file.Write": false,
		"file write": false, "file.write\n": false, "1file.write": false, "file..write": false, "file.write.": false,
		"a." + strings.Repeat("b", 63): false, "a." + strings.Repeat("b", 62): true,
	} {
		k, ok := whodid.KindOf(what)
		if ok != want {
			t.Errorf("%q is a kind: %t, want %t", what, ok, want)
			continue
		}
		if !ok {
			continue
		}
		if _, listed := whodid.LookupKind(what); !listed && (k.Name != what || !k.Action || !k.Open || k.Folds || k.Class != whodid.ClassRun) {
			t.Errorf("%q is taken for %+v", what, k)
		}
	}
}

func FuzzKindOf(f *testing.F) {
	for _, k := range whodid.Catalogue() {
		f.Add(k.Name)
	}
	f.Add("report.send")
	f.Fuzz(func(t *testing.T, what string) {
		k, ok := whodid.KindOf(what)
		if !ok {
			return
		}
		if k.Name != what || len(what) > 64 || strings.ContainsAny(what, " \n\x00\"'<>/\\") {
			t.Errorf("%q is taken for the kind %q", what, k.Name)
		}
	})
}
