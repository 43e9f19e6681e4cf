package denylist_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/redact"
)

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       denylist.List
		err        string // a part of the error
	}{
		{"no table", "[server]\nurl = \"https://example.com\"\n", denylist.List{}, ""},
		{
			"all of it", "[redact]\npatterns = ['ACME-\\d+']\ndeny = [\"Blue Bird\"]\nidentities = [\"ann\"]\n",
			denylist.List{Patterns: []string{`ACME-\d+`}, Deny: []string{"Blue Bird"}, Identities: []string{"ann"}},
			"",
		},
		{"a name that is escaped", "\"red\\u0061ct\" = { deny = [\"bluebird\"] }\n", denylist.List{Deny: []string{"bluebird"}}, ""},
		{"a misspelled name", "[redact]\npattern = ['x1y']\n", denylist.List{}, `"redact.pattern"`},
		{"no TOML", "[redact]\npatterns = [ 'sesame'\nx", denylist.List{}, "line 3"},
		{"the wrong type", "[redact]\npatterns = 'sesame'\n", denylist.List{}, "must hold lists of text"},
		{"no pattern", "[redact]\npatterns = ['a1', 'sesame(']\n", denylist.List{}, "redact.patterns: entry 2: it is no regular expression"},
		{"a pattern of nothing", "[redact]\npatterns = ['(sesame)*']\n", denylist.List{}, "entry 1: it matches nothing"},
		{"a word that is too short", "[redact]\ndeny = [\"bird\", \" x \"]\n", denylist.List{}, "redact.deny: entry 2: it is shorter"},
		{"a word that is too long", "[redact]\nidentities = [\"" + strings.Repeat("sesame", 200) + "\"]\n", denylist.List{}, "redact.identities: entry 1: it is longer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := denylist.Read(write(t, test.text))
			switch {
			case test.err == "" && err != nil:
				t.Fatal(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Fatalf("got the error %v, want one with %q", err, test.err)
			case err != nil && strings.Contains(err.Error(), "sesame"):
				t.Fatalf("the error quotes what must not be recorded: %v", err)
			}
			if err == nil && !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if l, err := denylist.Read(filepath.Join(t.TempDir(), "gone.toml")); err != nil || !reflect.DeepEqual(l, denylist.List{}) {
		t.Errorf("where there is no file: %+v, %v", l, err)
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	one := denylist.List{Patterns: make([]string, 1, 8)}
	one.Patterns[0] = "a"
	two, three := one.With(denylist.List{Patterns: []string{"b"}}), one.With(denylist.List{Patterns: []string{"c"}})
	if two.Patterns[1] != "b" || three.Patterns[1] != "c" {
		t.Errorf("lists share what they were made of: %v %v", two, three)
	}
}

// FuzzRead: a list that is taken makes a redactor, whatever the file holds.
func FuzzRead(f *testing.F) {
	f.Add("[redact]\npatterns = ['ACME-\\d+']\ndeny = [\"Blue Bird\"]\n")
	f.Add("redact.deny = ['x']")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := denylist.Read(write(t, text))
		if err != nil {
			return
		}
		r, err := redact.New(redact.Options{DenyPatterns: l.Patterns, DenyWords: l.Deny, Identities: l.Identities})
		if err != nil {
			t.Fatalf("a list that was taken makes no redactor: %v", err)
		}
		for _, word := range l.Deny {
			if cleaned, _ := r.Clean(word); strings.EqualFold(cleaned, word) && !strings.Contains(word, "[redacted:") {
				t.Errorf("%q stays as it is", word)
			}
		}
	})
}
