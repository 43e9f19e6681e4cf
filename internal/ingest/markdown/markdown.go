// Package markdown reads decisions out of the Markdown files in which projects
// keep them today: records of architecture decisions, and notes for agents. It
// is pure: bytes in, entries out.
package markdown

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/whodid/whodid"
)

// The origins of entries.
const (
	// ADR is a file that records one decision: title, context, decision,
	// consequences (Nygard's form, and MADR's: https://adr.github.io/madr/).
	ADR = "adr"
	// Notes is a file of short remarks under headings.
	Notes = "notes"
)

// Entry is one decision of a file.
type Entry struct {
	Origin       string
	Subject      string // the title of the record, or the headings above a note
	Decision     string
	Why          string
	Alternatives []string
	Expected     string
	// Status is what the file says of its standing, in lower case: accepted,
	// proposed, deprecated, superseded …; empty if it says nothing.
	Status string
	// Cut is true if the text was longer than the trail keeps.
	Cut bool
}

// The bounds of one file: what is longer is no file of decisions.
const (
	MaxFile    = 4 << 20
	maxEntries = 5000
)

// section is a heading with what stands below it, up to the next heading.
type section struct {
	level      int
	title      string
	paragraphs []string
	items      []string // of lists, each with what is nested in it
}

// Parse reads the decisions of a file. A file without any gives none.
func Parse(markdown []byte) []Entry {
	if len(markdown) > MaxFile || !utf8.Valid(markdown) {
		return nil
	}
	front, body := frontMatter(markdown)
	sections := outline(body)
	if record, ok := readRecord(sections, front); ok {
		return []Entry{record}
	}
	return readNotes(sections)
}

// outline cuts a document into its sections. Code blocks, quotations, tables
// and raw HTML are no decisions and are left out.
func outline(source []byte) []section {
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	sections := []section{{}}
	for n := document.FirstChild(); n != nil; n = n.NextSibling() {
		last := &sections[len(sections)-1]
		switch n := n.(type) {
		case *ast.Heading:
			sections = append(sections, section{level: n.Level, title: plain(n, source)})
		case *ast.Paragraph:
			if s := plain(n, source); s != "" {
				last.paragraphs = append(last.paragraphs, s)
			}
		case *ast.List:
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				if s := plain(item, source); s != "" {
					last.items = append(last.items, s)
				}
			}
		}
	}
	return sections
}

// plain is the text of a node without its markup, its white space folded.
func plain(node ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // our walker never fails
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(source))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.URL(source))
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock, *ast.HTMLBlock, *ast.RawHTML, *ast.Image:
			return ast.WalkSkipChildren, nil
		default:
			if !entering && n.Type() == ast.TypeBlock {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

// frontMatter takes the lines between two "---" at the head of a file apart. Of
// its values only plain ones are read.
func frontMatter(source []byte) (front map[string]string, body []byte) {
	s := strings.ReplaceAll(string(source), "\r\n", "\n")
	rest, ok := strings.CutPrefix(s, "---\n")
	if !ok {
		return nil, []byte(s)
	}
	head, after, ok := strings.Cut(rest, "\n---\n")
	if !ok {
		return nil, []byte(s)
	}
	front = map[string]string{}
	for line := range strings.Lines(head) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			front[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return front, []byte(after)
}

// patterns are what headings and lines are known by. They are made when the
// first file is read: most starts of the program read none.
var patterns = sync.OnceValue(func() patternSet {
	return patternSet{
		decision:   regexp.MustCompile(`(?i)^(the )?decision( outcome)?s?$`),
		context:    regexp.MustCompile(`(?i)^(context( and problem statement)?|problem( statement)?|motivation|background|decision drivers|rationale)$`),
		options:    regexp.MustCompile(`(?i)^(considered options|options( considered)?|alternatives( considered)?|rejected( options| alternatives)?)$`),
		result:     regexp.MustCompile(`(?i)^(consequences|positive consequences|expected outcome|outcome|results)$`),
		status:     regexp.MustCompile(`(?i)^status$`),
		statusLine: regexp.MustCompile(`(?i)^(?:\*\*)?status(?:\*\*)?:?\s+(\w+)`),
		numbering:  regexp.MustCompile(`^(?i)(?:adr[- ]?)?[0-9]+(?:[.:]|\s+[-–—])?\s+`),
		word:       regexp.MustCompile(`^[A-Za-z]+`),
		reason:     regexp.MustCompile(`(?i)[,;:.]?\s+(?:because|reason:|why:|since otherwise)\s+`),
	}
})

type patternSet struct {
	decision, context, options, result, status, statusLine, numbering, word, reason *regexp.Regexp
}

// readRecord reads a record of one decision. A file without a heading for the
// decision is none.
func readRecord(sections []section, front map[string]string) (Entry, bool) {
	e := Entry{Origin: ADR, Subject: front["title"], Status: strings.ToLower(patterns().word.FindString(front["status"]))}
	var decision, why []string
	found := false
	for i := range sections {
		s := &sections[i]
		said := append(append([]string{}, s.paragraphs...), s.items...)
		switch {
		case s.level == 1 && e.Subject == "":
			e.Subject = patterns().numbering.ReplaceAllString(s.title, "")
			if e.Status == "" {
				e.Status = statusIn(said)
			}
		case patterns().decision.MatchString(s.title):
			decision, found = append(decision, said...), true
		case patterns().context.MatchString(s.title):
			why = append(why, said...)
		case patterns().options.MatchString(s.title):
			e.Alternatives = append(e.Alternatives, s.items...)
		case patterns().result.MatchString(s.title):
			e.Expected = strings.Join(append([]string{e.Expected}, said...), " ")
		case patterns().status.MatchString(s.title) && len(said) > 0:
			e.Status = strings.ToLower(patterns().word.FindString(said[0]))
		}
	}
	if !found || e.Subject == "" || len(decision) == 0 {
		return Entry{}, false
	}
	e.Decision, e.Why = strings.Join(decision, " "), strings.Join(why, " ")
	// What was chosen is not among what was refused.
	e.Alternatives = without(e.Alternatives, e.Decision)
	e.fit()
	return e, true
}

func statusIn(said []string) string {
	for _, s := range said {
		if m := patterns().statusLine.FindStringSubmatch(s); m != nil {
			return strings.ToLower(m[1])
		}
	}
	return ""
}

func without(options []string, decision string) []string {
	var out []string
	for _, o := range options {
		if !strings.Contains(strings.ToLower(decision), strings.ToLower(o)) {
			out = append(out, o)
		}
	}
	return out
}

// readNotes makes an entry of each item of a list, and of each paragraph below a
// heading that has no list.
func readNotes(sections []section) []Entry {
	var entries []Entry
	var headings [7]string // by level
	for i := range sections {
		s := &sections[i]
		headings[s.level] = s.title
		clear(headings[s.level+1:])
		subject := ""
		for _, h := range headings[2:] {
			if h != "" {
				subject = strings.TrimPrefix(subject+"/"+h, "/")
			}
		}
		if subject == "" {
			subject = headings[1]
		}
		said := s.items
		if len(said) == 0 {
			said = s.paragraphs
		}
		for _, text := range said {
			if len(entries) == maxEntries {
				return entries
			}
			e := Entry{Origin: Notes, Subject: subject, Decision: text}
			// "Use X because Y" says its reason itself.
			if before, after, ok := cutReason(text); ok {
				e.Decision, e.Why = before, after
			}
			e.fit()
			entries = append(entries, e)
		}
	}
	return entries
}

func cutReason(text string) (decision, why string, ok bool) {
	at := patterns().reason.FindStringIndex(text)
	if at == nil || at[0] == 0 || at[1] == len(text) {
		return text, "", false
	}
	return text[:at[0]], text[at[1]:], true
}

// fit cuts an entry to what the trail keeps of a decision.
func (e *Entry) fit() {
	for _, f := range []struct {
		text  *string
		limit int
	}{{&e.Subject, 200}, {&e.Decision, whodid.MaxDataString}, {&e.Why, whodid.MaxWhy}, {&e.Expected, whodid.MaxDataString}} {
		*f.text = strings.TrimSpace(*f.text)
		e.shorten(f.text, f.limit)
	}
	if len(e.Alternatives) > 12 {
		e.Alternatives, e.Cut = e.Alternatives[:12], true
	}
	for i := range e.Alternatives {
		e.shorten(&e.Alternatives[i], 256)
	}
}

// shorten cuts text to at most limit bytes on the edge of a rune.
func (e *Entry) shorten(s *string, limit int) {
	if len(*s) <= limit {
		return
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart((*s)[end]) {
		end--
	}
	*s, e.Cut = strings.TrimSpace((*s)[:end])+mark, true
}
