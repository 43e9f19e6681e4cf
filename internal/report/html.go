package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the style of pages
	"encoding/base64"
	"html"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

//go:embed style.css
var stylesheet string

// HTML is the page as one file that loads nothing and runs nothing, and says so to
// the browser. Behind each number is where it comes from.
func HTML(p *Page) []byte {
	var w htmlWriter
	digest := sha256.Sum256([]byte(stylesheet))
	w.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	w.raw(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-`, base64.StdEncoding.EncodeToString(digest[:]), `'; base-uri 'none'; form-action 'none'">`, "\n")
	w.raw(`<meta name="viewport" content="width=device-width, initial-scale=1">`, "\n", `<meta name="referrer" content="no-referrer">`, "\n")
	w.raw("<title>", text(p.Title), "</title>\n<style>", stylesheet, "</style>\n</head>\n<body>\n<header>\n")
	w.raw("<h1>", text(p.Title), "</h1>\n<p class=\"when\">", text(p.Subtitle), "</p>\n")
	if len(p.Lead) > 0 {
		w.raw("<div class=\"lead\">\n")
		for _, r := range p.Lead {
			w.raw("<p", class(r.Tone), ">", text(r.Text), "</p>\n")
		}
		w.raw("</div>\n")
	}
	w.raw("</header>\n<main>\n")
	w.tiles(p.Tiles)
	w.charts(p.Charts)
	for i := range p.Sections {
		w.section(&p.Sections[i])
	}
	w.raw("</main>\n<footer>\n")
	for _, note := range p.Notes {
		w.raw("<p>", text(note), "</p>\n")
	}
	w.raw("</footer>\n</body>\n</html>\n")
	return w.Bytes()
}

type htmlWriter struct{ bytes.Buffer }

// raw writes markup; whatever else goes in went through text.
func (w *htmlWriter) raw(parts ...string) {
	for _, part := range parts {
		w.WriteString(part)
	}
}

// text is text that is nothing but text in a page, and in an attribute.
func text(s string) string { return html.EscapeString(term.Clean(s)) }

// foreign is text that others wrote: its direction stays its own.
func foreign(s string) string { return "<bdi>" + text(s) + "</bdi>" }

// classOf is the class of a tone; empty for none.
func classOf(t Tone) string {
	switch t {
	case Good:
		return "good"
	case Bad:
		return "bad"
	case Warning:
		return "warning"
	case Quiet:
		return "quiet"
	default:
		return ""
	}
}

// class is the attribute of the tone and of other classes.
func class(t Tone, more ...string) string {
	if c := classOf(t); c != "" {
		more = append(more, c)
	}
	if len(more) == 0 {
		return ""
	}
	return ` class="` + strings.Join(more, " ") + `"`
}

// origin is the attribute that says where a number comes from.
func origin(t, over *ask.Trace) string {
	source := sourceOf(t, over)
	if source == "" {
		return ""
	}
	return ` title="` + text(source) + `"`
}

func (w *htmlWriter) tiles(tiles []Tile) {
	if len(tiles) == 0 {
		return
	}
	var traces traceList
	w.raw("<div class=\"tiles\">\n")
	for i := range tiles {
		t := &tiles[i]
		w.raw("<dl class=\"tile\"><dt>", text(t.Label), "</dt><dd class=\"value\"", origin(t.Trace, t.Over), ">", text(t.Value), "</dd>")
		w.raw("<dd", class(t.Tone), ">", text(t.Change), "</dd>")
		if t.Note != "" {
			w.raw("<dd>", text(t.Note), "</dd>")
		}
		w.raw("</dl>\n")
		traces.add(t.Label, t.Value, t.Trace, t.Over)
	}
	w.raw("</div>\n")
	w.sources(&traces)
}

func (w *htmlWriter) section(s *Section) {
	w.raw("<section>\n<h2>", text(s.Title), "</h2>\n")
	if s.Lead != "" {
		w.raw("<p>", text(s.Lead), "</p>\n")
	}
	if s.Table != nil {
		w.table(s.Title, s.Table)
	}
	w.raw("</section>\n")
}

func (w *htmlWriter) table(title string, t *Table) {
	var traces traceList
	w.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", text(title), "\">\n<table>\n<thead><tr>")
	for _, c := range t.Columns {
		w.raw("<th scope=\"col\"", columnClass(c, Plain), ">", text(c.Title), "</th>")
	}
	w.raw("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		w.raw("<tr>")
		for i, c := range row {
			column := t.Columns[i]
			name, scope := "td", ""
			if i == 0 {
				name, scope = "th", ` scope="row"`
			}
			w.raw("<", name, scope, columnClass(column, c.Tone), origin(c.Trace, c.Over), ">")
			if column.Right {
				w.raw(text(c.Text))
			} else {
				w.raw(foreign(c.Text))
			}
			if c.Sub != "" {
				w.raw("<small>", text(c.Sub), "</small>")
			}
			w.raw("</", name, ">")
			if i > 0 {
				traces.add(row[0].Text+", "+column.Title, c.Text, c.Trace, c.Over)
			}
		}
		w.raw("</tr>\n")
	}
	w.raw("</tbody>\n</table>\n</div>\n")
	if t.More != "" {
		w.raw("<p class=\"more\">", text(t.More), "</p>\n")
	}
	w.sources(&traces)
}

func columnClass(c Column, tone Tone) string {
	var classes []string
	if c.Right {
		classes = append(classes, "n")
	}
	if c.Wide {
		classes = append(classes, "wide")
	}
	return class(tone, classes...)
}

// sources says where numbers come from, for who can't point at them.
func (w *htmlWriter) sources(l *traceList) {
	if len(l.lines) == 0 {
		return
	}
	w.raw("<details><summary>Where these numbers come from</summary>\n<ul>\n")
	for _, line := range l.lines {
		w.raw("<li>", foreign(line.label), " (", text(line.value), "): <code>", text(line.source), "</code></li>\n")
	}
	w.raw("</ul>\n</details>\n")
}
