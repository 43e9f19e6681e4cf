package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact/canary"
)

func newRedactor(t testing.TB, opts Options) *Redactor {
	t.Helper()
	r, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// surroundings put a text where agents put it.
var surroundings = []struct {
	name string
	wrap func(string) string
}{
	{"alone", func(s string) string { return s }},
	{"in a line", func(s string) string { return "before " + s + " after" }},
	{"in a log", func(s string) string {
		return "2026-11-23T10:00:00Z INFO step=3\n" + s + "\n2026-11-23T10:00:01Z INFO done\n"
	}},
	{"in JSON", func(s string) string { return `{"command":` + quoteJSON(s) + `,"n":1}` }},
	{"in JSON in JSON", func(s string) string { return `{"input":` + quoteJSON(`{"command":`+quoteJSON(s)+`}`) + `}` }},
	{"in a URL", func(s string) string { return "https://app.example.test/cb?state=1&next=" + s + "&lang=en" }},
	{"in a shell command", func(s string) string { return "cd /work && echo '" + s + "' | tee out.log" }},
	{"in double quotes", func(s string) string { return `git commit -m "` + s + `" --no-verify` }},
	{"in a path", func(s string) string { return "/tmp/cache/" + s + "/out.txt" }},
	{"in parentheses", func(s string) string { return "call(" + s + "), then" }},
	{"in colour", func(s string) string { return "\x1b[32m" + s + "\x1b[0m" }},
}

func quoteJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestCleanRemovesEveryCanary(t *testing.T) {
	t.Parallel()
	r := newRedactor(t, Options{})
	for _, c := range canary.All() {
		for _, where := range surroundings {
			// A home directory or user name is one by its place in a path; deeper in another path it's just a directory.
			if strings.HasPrefix(c.Kind, "home-") && (where.name == "in a path") {
				continue
			}
			text := where.wrap(c.Text)
			got, counts := r.Clean(text)
			for _, must := range c.Must {
				if !strings.Contains(c.Text, must) {
					t.Fatalf("%s: the canary doesn't contain what must go", c.Kind)
				}
				if strings.Contains(got, must) {
					t.Errorf("%s %s: left in\n%q\n%q", c.Kind, where.name, got, text)
				}
			}
			if len(counts) == 0 {
				t.Errorf("%s %s: nothing counted", c.Kind, where.name)
			}
			if again, _ := r.Clean(got); again != got {
				t.Errorf("%s %s: cleaning twice differs\n%q\n%q", c.Kind, where.name, got, again)
			}
			if strings.HasPrefix(where.name, "in JSON") && !json.Valid([]byte(got)) {
				t.Errorf("%s %s: no JSON any more: %s", c.Kind, where.name, got)
			}
		}
	}
}
