package redact

import (
	"testing"
	"unicode/utf8"

	"github.com/whodid/whodid/internal/redact/canary"
)

// FuzzClean demands what holds for any text: cleaning twice is cleaning once, valid UTF-8 stays valid, the output is bounded,
// and the stream says the same about a line as Clean.
func FuzzClean(f *testing.F) {
	for _, c := range canary.All() {
		for _, where := range surroundings {
			f.Add(where.wrap(c.Text))
		}
	}
	f.Add("[redacted:email][redacted:")
	f.Add("\xff\xfe/home/\xff@\xc3")
	r, err := New(Options{Identities: []string{"Ann Example", "Jürgen", "redacted"}, HomeDir: "/data/ann", DenyPatterns: []string{"falcon+", `red\w+`}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, counts := r.Clean(s)
		if again, more := r.Clean(got); again != got || len(more) != 0 {
			t.Errorf("cleaning %q twice: %q, then %q", s, got, again)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q became invalid UTF-8: %q", s, got)
		}
		if len(counts) == 0 && got != s {
			t.Errorf("%q became %q and nothing was counted", s, got)
		}
		if len(got) > 40*len(s)+40 {
			t.Errorf("%d bytes became %d", len(s), len(got))
		}
	})
}

// FuzzWriter demands that the stream doesn't depend on how it was split.
func FuzzWriter(f *testing.F) {
	for _, c := range canary.All() {
		f.Add("a\n"+c.Text+"\nb", uint8(5))
	}
	f.Fuzz(func(t *testing.T, s string, size uint8) {
		if whole, split := stream(t, s, 1<<20), stream(t, s, int(size)); whole != split {
			t.Errorf("%q in pieces of %d: %q, whole: %q", s, size, split, whole)
		}
	})
}
