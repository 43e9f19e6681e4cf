package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// textWidth is how wide a report in a file is.
const textWidth = 110

// TextWidth is the width of a report that no terminal shows, as the value of
// [term.ForceVariable].
func TextWidth() string { return strconv.Itoa(textWidth) }

// Text writes the page for people, as the output shows tables. With trace each
// section is followed by what its numbers come from.
func Text(p *Page, o *term.Output, trace bool) error {
	w := textWriter{out: o, trace: trace}
	o.Printf("%s\n%s\n", o.Paint(term.Bold, term.Clean(p.Title)), o.Paint(term.Dim, term.Clean(p.Subtitle)))
	if len(p.Lead) > 0 {
		o.Printf("\n")
	}
	for _, r := range p.Lead {
		o.Printf("%s\n", o.Paint(style(r.Tone), term.Clean(r.Text)))
	}
	if err := w.tiles(p.Tiles); err != nil {
		return err
	}
	for i := range p.Charts {
		if err := w.chart(&p.Charts[i]); err != nil {
			return err
		}
	}
	for i := range p.Sections {
		if err := w.section(&p.Sections[i]); err != nil {
			return err
		}
	}
	for _, note := range p.Notes {
		o.Printf("\n%s", o.Paint(term.Dim, wrapped(term.Clean(note), textWidth)))
	}
	o.Printf("\n")
	return nil
}

type textWriter struct {
	out   *term.Output
	trace bool
}

func style(t Tone) term.Style {
	switch t {
	case Good:
		return term.Green
	case Bad:
		return term.Red
	case Warning:
		return term.Yellow
	case Quiet:
		return term.Dim
	default:
		return term.Plain
	}
}

func (w *textWriter) title(s string) { w.out.Printf("\n%s\n", w.out.Paint(term.Bold, term.Clean(s))) }

func (w *textWriter) tiles(tiles []Tile) error {
	if len(tiles) == 0 {
		return nil
	}
	w.out.Printf("\n")
	t := w.out.Table(term.Column{Whole: true}, term.Column{Right: true, Whole: true}, term.Column{}, term.Column{Spare: true})
	for i := range tiles {
		x := &tiles[i]
		t.Row(term.Text(x.Label), term.Cell{Text: x.Value, Style: term.Bold}, term.Cell{Text: x.Change, Style: style(x.Tone)}, term.Cell{Text: x.Note, Style: term.Dim})
	}
	if err := t.Write(); err != nil {
		return err
	}
	w.traces(tileTraces(tiles))
	return nil
}

// chartWidth is the longest bar.
const chartWidth = 30

func (w *textWriter) chart(c *Chart) error {
	if len(c.Bars) == 0 {
		return nil
	}
	w.title(c.Title)
	largest := largest(c.Bars)
	t := w.out.Table(term.Column{Whole: true}, term.Column{}, term.Column{Right: true, Whole: true})
	for i := range c.Bars {
		b := &c.Bars[i]
		n := 0
		if b.Value > 0 {
			n = max(int(b.Value*chartWidth/largest), 1)
		}
		t.Row(term.Text(shorten(b.Label, chartWidth)), term.Cell{Text: strings.Repeat("█", n), Style: term.Cyan}, term.Text(b.Text))
	}
	if err := t.Write(); err != nil {
		return err
	}
	w.traces(barTraces(c.Bars))
	return nil
}

func largest(bars []Bar) int64 {
	most := int64(1)
	for i := range bars {
		most = max(most, bars[i].Value)
	}
	return most
}

func (w *textWriter) section(s *Section) error {
	w.title(s.Title)
	if s.Lead != "" {
		w.out.Printf("%s", wrapped(term.Clean(s.Lead), textWidth))
	}
	if s.Table == nil {
		return nil
	}
	columns := make([]term.Column, len(s.Table.Columns))
	for i, c := range s.Table.Columns {
		columns[i] = term.Column{Title: strings.ToUpper(c.Title), Right: c.Right, Whole: c.Right}
	}
	t := w.out.Table(columns...)
	for _, row := range s.Table.Rows {
		cells := make([]term.Cell, len(row))
		for i, c := range row {
			cells[i] = term.Cell{Text: c.Text, Style: style(c.Tone)}
		}
		t.Row(cells...)
	}
	if err := t.Write(); err != nil {
		return err
	}
	if s.Table.More != "" {
		w.out.Printf("%s\n", w.out.Paint(term.Dim, term.Clean(s.Table.More)))
	}
	w.traces(tableTraces(s.Table))
	return nil
}

// tileTraces, barTraces and tableTraces say where the numbers of a part come from.
func tileTraces(tiles []Tile) (l traceList) {
	for i := range tiles {
		l.add(tiles[i].Label, tiles[i].Value, tiles[i].Trace, tiles[i].Over)
	}
	return l
}

func barTraces(bars []Bar) (l traceList) {
	for i := range bars {
		l.add(bars[i].Label, bars[i].Text, bars[i].Trace, nil)
	}
	return l
}

func tableTraces(t *Table) (l traceList) {
	for _, row := range t.Rows {
		for i := 1; i < len(row); i++ {
			l.add(row[0].Text+", "+t.Columns[i].Title, row[i].Text, row[i].Trace, row[i].Over)
		}
	}
	return l
}

func (w *textWriter) traces(l traceList) {
	if !w.trace {
		return
	}
	for _, line := range l.lines {
		w.out.Printf("  %s\n", w.out.Paint(term.Dim, term.Clean(line.label+" ("+line.value+"): "+line.source)))
	}
}

// traceList says of numbers where they come from, of each source once.
type traceList struct {
	lines []traceLine
	known map[string]bool
}

type traceLine struct{ label, value, source string }

func (l *traceList) add(label, value string, t, over *ask.Trace) {
	source := sourceOf(t, over)
	if source == "" || l.known[label+source] {
		return
	}
	if l.known == nil {
		l.known = map[string]bool{}
	}
	l.known[label+source] = true
	l.lines = append(l.lines, traceLine{shorten(label, mostText), value, source})
}

// sourceOf is where a number comes from, which may be one over another.
func sourceOf(t, over *ask.Trace) string {
	switch {
	case t == nil:
		return ""
	case over == nil:
		return Source(t)
	default:
		return Source(t) + ", over " + Source(over)
	}
}

// mostIDs is how many ids are named where there is no place for more.
const mostIDs = 5

// Source says in a line where a number comes from; empty if from nothing.
func Source(t *ask.Trace) string {
	switch {
	case t.Command != "" && t.Count != "" && t.Count != ask.CountRows:
		return t.Command + " → " + t.Count
	case t.Command != "":
		return t.Command
	case len(t.IDs) > mostIDs:
		return fmt.Sprintf("%s and %s more", strings.Join(t.IDs[:mostIDs], " "), number(int64(len(t.IDs)-mostIDs)))
	default:
		return strings.Join(t.IDs, " ")
	}
}

// wrapped breaks a sentence at spaces into lines, each with its end.
func wrapped(s string, width int) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Fields(s) {
		switch {
		case i == 0:
		case used+1+len(word) > width:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}
