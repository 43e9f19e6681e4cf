package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":                      {"src/main.go", "src/main.go"},
		"letters of the world":       {"größe 名前 नमस्ते 👩‍👩‍👧", "größe 名前 नमस्ते 👩‍👩‍👧"},
		"colour":                     {"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		"title of the window":        {"a\x1b]0;owned\x07b", `a\x1b]0;owned\ab`},
		"eight-bit control sequence": {"a\u009b31mb", `a\u009b31mb`},
		"lines and tabs":             {"a\nb\r\nc\td", `a\nb\r\nc\td`},
		"right to left override":     {"exe.\u202etxt", `exe.\u202etxt`},
		"isolates":                   {"\u2066a\u2069", `\u2066a\u2069`},
		"marks of direction":         {"\u200ea\u200f\u061c", `\u200ea\u200f\u061c`},
		"separators of lines":        {"a\u2028b\u2029c", `a\u2028b\u2029c`},
		"invisible":                  {"a\u200b\ufeff\u00adb", `a\u200b\ufeff\u00adb`},
		"tags":                       {"\U000e0041", `\U000e0041`},
		"delete and nul":             {"a\x7fb\x00", `a\x7fb\x00`},
		"not UTF-8":                  {"a\xffb", "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Clean(c.in); got != c.want {
				t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestCleanLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\x1b[1;31merror\x1b[0m: no\r":      "error: no",
		"a\tb":                              "a\tb",
		"\x1b[2J\x1b[Hgone":                 `\x1b[2J\x1b[Hgone`,
		"50%\r100%":                         `50%\r100%`,
		"\x1b[38:2:1:2:3mtrue colour\x1b[m": "true colour",
		"ends early \x1b[":                  `ends early \x1b[`,
		"ends earlier \x1b[31":              `ends earlier \x1b[31`,
		"\x1b[\x1b[31mm":                    `\x1b[m`,
	} {
		if got := CleanLine([]byte(in)); got != want {
			t.Errorf("CleanLine(%q) = %q, want %q", in, got, want)
		}
	}
}

// harmless reports what must not reach a terminal out of text that others
// wrote.
func harmless(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	}) < 0
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b[31m", "\x1b[\x1b[31mm", "\u202e", "\xff\xfe", "👩‍👩‍👧", "a\tb\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Clean(s); !harmless(got) {
			t.Errorf("Clean(%q) = %q", s, got)
		}
		if got := Clean(Clean(s)); got != Clean(s) {
			t.Errorf("cleaning %q twice makes it %q", s, got)
		}
		if got := CleanLine([]byte(s)); !harmless(strings.ReplaceAll(got, "\t", "")) {
			t.Errorf("CleanLine(%q) = %q", s, got)
		}
	})
}
