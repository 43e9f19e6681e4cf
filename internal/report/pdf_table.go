package report

import (
	"fmt"
	"slices"

	"github.com/whodid/whodid/internal/term"
)

// Between the columns of a table there is so much room.
const columnGap = 3.0

// mostLines is how many lines a cell has.
const mostLines = 3

func (w *pdfWriter) title(s string) {
	w.room(24)
	w.y += 6
	w.font("B", sizeHead, ink)
	w.y += line(sizeHead) * 0.8
	w.f.Bookmark(term.Clean(s), 0, w.y-line(sizeHead))
	w.say(margin, w.y, -1, w.fit(w.clean(s), bodyWide))
	w.y += 1.5
}

func (w *pdfWriter) section(s *Section) {
	w.title(s.Title)
	if s.Lead != "" {
		w.paragraph(s.Lead, sizeText, ink)
		w.y++
	}
	if s.Table == nil {
		return
	}
	wide := w.widths(s.Table)
	w.header(s.Table, wide)
	for _, row := range s.Table.Rows {
		w.row(s.Table, wide, row)
	}
	w.ruled()
	if s.Table.More != "" {
		w.y += 0.5
		w.paragraph(s.Table.More, sizeSmall+0.5, soft)
	}
}

// widths gives each column what its widest cell needs. What is then too much is
// taken from the wide column, and from all that hold words where that is not
// enough.
func (w *pdfWriter) widths(t *Table) []float64 {
	wide := make([]float64, len(t.Columns))
	for i, c := range t.Columns {
		w.font("", sizeSmall+0.5, soft)
		wide[i] = w.f.GetStringWidth(w.clean(c.Title))
		for _, row := range t.Rows {
			w.font("", sizeCell, ink)
			need := w.f.GetStringWidth(w.clean(row[i].Text))
			w.font("", sizeSmall, soft)
			wide[i] = max(wide[i], need, w.f.GetStringWidth(w.clean(row[i].Sub)))
		}
	}
	const least = 14.0
	spare := bodyWide - columnGap*float64(len(wide)-1)
	for _, x := range wide {
		spare -= x
	}
	for i, c := range t.Columns {
		switch {
		case c.Wide && spare > 0:
			wide[i] += spare
			spare = 0
		case c.Wide:
			took := min(-spare, max(wide[i]-3*least, 0))
			wide[i] -= took
			spare += took
		}
	}
	for spare < -0.01 {
		widest := -1
		for i, c := range t.Columns {
			if !c.Right && wide[i] > least && (widest < 0 || wide[i] > wide[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		took := min(-spare, 1, wide[widest]-least)
		wide[widest] -= max(took, 0.01)
		spare += max(took, 0.01)
	}
	return wide
}

func (w *pdfWriter) ruled() {
	w.f.SetDrawColor(rule[0], rule[1], rule[2])
	w.f.SetLineWidth(0.2)
	w.f.Line(margin, w.y, margin+bodyWide, w.y)
}

func (w *pdfWriter) header(t *Table, wide []float64) {
	x := margin
	w.font("", sizeSmall+0.5, soft)
	for i, c := range t.Columns {
		w.cell(x, w.y+4.2, wide[i], c.Right, w.fit(w.clean(c.Title), wide[i]))
		x += wide[i] + columnGap
	}
	w.y += 6
}

func (w *pdfWriter) cell(x, y, wide float64, right bool, s string) {
	if right {
		w.say(x+wide, y, 1, s)
		return
	}
	w.say(x, y, -1, s)
}

func (w *pdfWriter) row(t *Table, wide []float64, row []Cell) {
	const above, below = 1.3, 1.1
	high := line(sizeCell)
	texts := make([][]string, len(row))
	tall := high
	for i, c := range row {
		w.font("", sizeCell, ink)
		if t.Columns[i].Right {
			texts[i] = []string{w.fit(w.clean(c.Text), wide[i])}
		} else {
			texts[i] = w.lines(w.clean(c.Text), wide[i])
			if len(texts[i]) > mostLines {
				texts[i] = append(texts[i][:mostLines-1], w.fit(texts[i][mostLines-1]+" …", wide[i]))
			}
		}
		own := high * float64(len(texts[i]))
		if c.Sub != "" {
			own += line(sizeSmall)
		}
		tall = max(tall, own)
	}
	if w.room(tall + above + below) {
		w.header(t, wide)
	}
	w.ruled()
	x := margin
	for i, c := range row {
		w.font("", sizeCell, tones[c.Tone])
		y := w.y + above
		for _, l := range texts[i] {
			y += high
			w.cell(x, y-1, wide[i], t.Columns[i].Right, l)
		}
		if c.Sub != "" {
			w.font("", sizeSmall, soft)
			w.cell(x, y+line(sizeSmall)-1, wide[i], t.Columns[i].Right, w.fit(w.clean(c.Sub), wide[i]))
		}
		x += wide[i] + columnGap
	}
	w.y += tall + above + below
}

// sources says where the numbers that matter most come from; with all of every number.
func (w *pdfWriter) sources(p *Page, all bool) {
	l := tileTraces(p.Tiles)
	if len(l.lines) == 0 {
		return
	}
	w.title("Where these numbers come from")
	w.traces("", l)
	if !all {
		w.paragraph("JSON and HTML say it of every number, and so does this with --trace.", sizeSmall+0.5, soft)
		return
	}
	for i := range p.Charts {
		w.traces(p.Charts[i].Title, barTraces(p.Charts[i].Bars))
	}
	for i := range p.Sections {
		if t := p.Sections[i].Table; t != nil {
			w.traces(p.Sections[i].Title, tableTraces(t))
		}
	}
}

// traces says where the numbers of one part come from.
func (w *pdfWriter) traces(part string, l traceList) {
	for _, one := range l.lines {
		if part != "" {
			one.label = part + ", " + one.label
		}
		w.paragraph(one.label+" ("+one.value+"): "+one.source, sizeSmall+0.5, soft)
		w.y += 0.8
	}
}

func (w *pdfWriter) notes(notes []string) {
	w.y += 5
	w.room(20)
	w.ruled()
	w.y += 1.5
	if w.lacking {
		notes = append(slices.Clip(notes), "□ stands for a character that the font of this file lacks; the HTML has it.")
	}
	for _, note := range notes {
		w.paragraph(note, sizeSmall+0.5, soft)
		w.y++
	}
}

// feet numbers the pages, once it is known how many there are.
func (w *pdfWriter) feet(title string) {
	pages := w.f.PageCount()
	for n := 1; n <= pages; n++ {
		w.f.SetPage(n)
		w.font("", sizeSmall, soft)
		w.say(margin, pageHigh-11, -1, w.clean(title))
		w.say(pageWide-margin, pageHigh-11, 1, fmt.Sprintf("%d of %d", n, pages))
	}
}
