package report_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/report"
)

// rendered is a sample in a format.
func rendered(t *testing.T, name, format string) []byte {
	t.Helper()
	b, err := formats()[format](samples()[name])
	if err != nil {
		t.Fatalf("%s as %s: %v", name, format, err)
	}
	return b
}

// TestHostileIsNoControl looks for what could steer a terminal, or turn text round.
func TestHostileIsNoControl(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"txt", "md", "html"} {
		b := rendered(t, "hostile", format)
		for _, r := range string(b) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff' || r == '\u00ad') {
				t.Errorf("%s: %U got through", format, r)
				break
			}
		}
		if !bytes.Contains(b, []byte(`\u202e`)) {
			t.Errorf("%s: nobody sees that there was something to turn text round", format)
		}
	}
}

// TestHostileIsNotLong sees to it that names of ten thousand bytes don't make a
// report of megabytes.
func TestHostileIsNotLong(t *testing.T) {
	t.Parallel()
	for format := range formats() {
		if n := len(rendered(t, "hostile", format)); n > 150_000 {
			t.Errorf("%s has %d bytes", format, n)
		}
	}
}

// tag is a tag of HTML with its attributes, without their values.
var (
	tag   = regexp.MustCompile(`<(/?[a-zA-Z!][^\s>]*)((?:\s+[a-zA-Z:-]+(?:="[^"]*")?)*)\s*/?>`)
	value = regexp.MustCompile(`="[^"]*"`)
)

// skeleton is a page without its text.
func skeleton(page []byte) []string {
	var out []string
	for _, m := range tag.FindAllStringSubmatch(string(page), -1) {
		out = append(out, m[1]+value.ReplaceAllString(m[2], ""))
	}
	return out
}

// TestHostileMakesNoMarkup compares the tags of a page with those of one of the
// same shape in which all names are harmless.
func TestHostileMakesNoMarkup(t *testing.T) {
	t.Parallel()
	want, got := skeleton(rendered(t, "little", "html")), skeleton(rendered(t, "hostile", "html"))
	if !slices.Equal(want, got) {
		t.Errorf("hostile names make other tags: %d, not %d", len(got), len(want))
	}
	for _, must := range []string{"Content-Security-Policy", "default-src 'none'", "style-src 'sha256-"} {
		if !bytes.Contains(rendered(t, "hostile", "html"), []byte(must)) {
			t.Errorf("the page does not say %s", must)
		}
	}
	page := string(rendered(t, "much", "html"))
	for _, never := range []string{"<script", " style=", "http://", "https://", "url(", "@import", " src=", "javascript:"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %s", never)
		}
	}
}

// TestHostileMakesNoMarkdown does the same with what others make of Markdown.
func TestHostileMakesNoMarkdown(t *testing.T) {
	t.Parallel()
	page := func(name string) []byte {
		var b bytes.Buffer
		if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(rendered(t, name, "md"), &b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	want, got := skeleton(page("little")), skeleton(page("hostile"))
	if !slices.Equal(want, got) {
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Fatalf("hostile names make other markup: tag %d is %q and not %q", i, got[i], want[i])
			}
		}
		t.Errorf("hostile names make %d tags and not %d", len(got), len(want))
	}
}

// pageOf is a page with the text wherever a page has text.
func pageOf(s string) *report.Page {
	cell := []report.Cell{{Text: s}, {Text: s, Sub: s, Trace: &ask.Trace{Command: s, Count: ask.CountRows}}}
	return &report.Page{
		Title: s, Subtitle: s, Lead: []report.Remark{{Text: s}}, Tiles: []report.Tile{{Label: s, Value: s, Change: s, Note: s}}, Notes: []string{s},
		Charts:   []report.Chart{{Title: s, Summary: s, Bars: []report.Bar{{Label: s, Text: s, Value: 1}}}, {Title: s, Lying: true, Bars: []report.Bar{{Label: s, Text: s, Value: 1}}}},
		Sections: []report.Section{{Title: s, Lead: s, Table: &report.Table{Columns: []report.Column{{Title: s}, {Title: s, Right: true}}, Rows: [][]report.Cell{cell}, More: s}}},
	}
}

// FuzzText sees to it that no text makes markup, or a PDF fail.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"x", hostile, "www.example.com", "me@example.com", "https://example.com/a", "<b>", "![a](b)", "**b**", "_i_", "~~s~~", "- a", "1. a", "1) a", "# h", "> q", "| a |", "---", "***", "===", "`c`", "```",
		"a\\", "[x]", "[x]: y", "$a$ $b$", "&lt;", "+ a", "    code", "a  ", "\xff", "\x00", "ftp://a.b", "xmpp:a@b.c", "a\u2028b", "😀", "\U0010ffff", "www.a.b_c", "a|b", "\\|", "<!-- -->", "~a~",
	} {
		f.Add(s)
	}
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM))
	page := func(t *testing.T, s string) []string {
		var b bytes.Buffer
		if err := markdown.Convert(report.Markdown(pageOf(s), true), &b); err != nil {
			t.Fatal(err)
		}
		return skeleton(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.TrimSpace(s) == "" {
			return // where nothing is said there is nothing around it
		}
		if want, got := skeleton(report.HTML(pageOf("x"))), skeleton(report.HTML(pageOf(s))); !slices.Equal(want, got) {
			t.Errorf("HTML: %q makes tags %q", s, got)
		}
		if want, got := page(t, "x"), page(t, s); !slices.Equal(want, got) {
			t.Errorf("Markdown: %q makes tags %q, not %q", s, got, want)
		}
		if _, err := report.PDF(pageOf(s), true); err != nil {
			t.Errorf("PDF: %q: %v", s, err)
		}
	})
}
