package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/whodid/whodid/internal/term"
)

// Markdown is the page as GitHub and others show Markdown. What somebody else
// wrote is escaped: it makes no heading, no link and no HTML. With trace each
// section is followed by what its numbers come from.
func Markdown(p *Page, trace bool) []byte {
	w := markdownWriter{trace: trace}
	w.line("# " + escaped(p.Title))
	w.line(escaped(p.Subtitle))
	for _, r := range p.Lead {
		w.line(escaped(r.Text))
	}
	if len(p.Tiles) > 0 {
		w.table([]Column{{Title: ""}, {Title: "Now", Right: true}, {Title: "Against before"}, {Title: ""}}, tileRows(p.Tiles))
		w.traces(tileRows(p.Tiles), nil)
	}
	for i := range p.Charts {
		if c := &p.Charts[i]; len(c.Bars) > 0 {
			w.line("## " + escaped(c.Title))
			w.table([]Column{{Title: ""}, {Title: "", Right: true}}, barRows(c.Bars))
			w.traces(barRows(c.Bars), nil)
		}
	}
	for i := range p.Sections {
		s := &p.Sections[i]
		w.line("## " + escaped(s.Title))
		if s.Lead != "" {
			w.line(escaped(s.Lead))
		}
		if s.Table != nil {
			w.table(s.Table.Columns, s.Table.Rows)
			if s.Table.More != "" {
				w.line(escaped(s.Table.More))
			}
			w.traces(s.Table.Rows, s.Table.Columns)
		}
	}
	w.line("---")
	for _, note := range p.Notes {
		w.line(escaped(note))
	}
	return append(bytes.TrimRight(w.Bytes(), "\n"), '\n')
}

func tileRows(tiles []Tile) [][]Cell {
	rows := make([][]Cell, len(tiles))
	for i := range tiles {
		t := &tiles[i]
		rows[i] = []Cell{{Text: t.Label}, {Text: t.Value, Trace: t.Trace, Over: t.Over}, {Text: t.Change}, {Text: t.Note}}
	}
	return rows
}

func barRows(bars []Bar) [][]Cell {
	rows := make([][]Cell, len(bars))
	for i := range bars {
		rows[i] = []Cell{{Text: bars[i].Label}, {Text: bars[i].Text, Trace: bars[i].Trace}}
	}
	return rows
}

type markdownWriter struct {
	bytes.Buffer
	trace bool
}

// line writes a block and the empty line behind it.
func (w *markdownWriter) line(s string) { w.WriteString(s + "\n\n") }

func (w *markdownWriter) table(columns []Column, rows [][]Cell) {
	var rule strings.Builder
	for _, c := range columns {
		w.WriteString("| " + escaped(c.Title) + " ")
		if c.Right {
			rule.WriteString("| ---: ")
		} else {
			rule.WriteString("| --- ")
		}
	}
	w.WriteString("|\n" + rule.String() + "|\n")
	for _, row := range rows {
		for _, c := range row {
			text := escaped(c.Text)
			if c.Sub != "" {
				text += " (" + escaped(c.Sub) + ")"
			}
			w.WriteString("| " + text + " ")
		}
		w.WriteString("|\n")
	}
	w.WriteString("\n")
}

// traces lists where the numbers of rows come from.
func (w *markdownWriter) traces(rows [][]Cell, columns []Column) {
	if !w.trace {
		return
	}
	var l traceList
	for _, row := range rows {
		for i, c := range row {
			label := row[0].Text
			if columns != nil {
				label += ", " + columns[i].Title
			}
			l.add(label, c.Text, c.Trace, c.Over)
		}
	}
	for _, line := range l.lines {
		fmt.Fprintf(w, "- %s (%s): %s\n", escaped(line.label), escaped(line.value), code(line.source))
	}
	if len(l.lines) > 0 {
		w.WriteString("\n")
	}
}

// code is a span of code that holds any text.
func code(s string) string {
	s = term.Clean(s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// escaped is text that Markdown takes for text, on one line and in one cell.
func escaped(s string) string {
	s = strings.TrimSpace(term.Clean(s))
	var b strings.Builder
	for i, r := range s {
		if special(s, i, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// What looks like an address becomes a link all the same.
	return strings.ReplaceAll(b.String(), "www.", `www\.`)
}

// special tells whether Markdown would make something of the character at i.
func special(s string, i int, r rune) bool {
	switch r {
	case '\\', '`', '*', '_', '{', '}', '[', ']', '<', '>', '#', '|', '~', '!', '&', '@':
		return true
	case ':':
		return strings.HasPrefix(s[i:], "://")
	case '$': // a formula, on GitHub
		return strings.Contains(s[i+1:], "$") || strings.Contains(s[:i], "$")
	case '+', '-', '=':
		return i == 0
	case '.', ')': // a list
		return i > 0 && strings.Trim(s[:i], "0123456789") == ""
	default:
		return false
	}
}
