package report

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/whodid/whodid/internal/term"
)

// Sizes of a page of A4, in millimetres, and of its letters, in points.
const (
	pageWide, pageHigh = 210.0, 297.0
	margin             = 17.0
	bodyWide           = pageWide - 2*margin
	bodyEnd            = pageHigh - 20.0

	sizeTitle  = 21.0
	sizeHead   = 12.0
	sizeText   = 9.5
	sizeCell   = 8.0
	sizeSmall  = 7.0
	sizeNumber = 17.0
)

// colour is a colour of the page.
type colour [3]int

// The colours of a page: those of the HTML in the light.
var (
	ink   = colour{28, 27, 26}
	soft  = colour{106, 102, 97}
	rule  = colour{222, 218, 211}
	mark  = colour{47, 93, 138}
	pale  = colour{165, 184, 204}
	tones = map[Tone]colour{Plain: ink, Good: {44, 110, 73}, Bad: {168, 50, 45}, Warning: {138, 90, 0}, Quiet: soft}
)

// PDF is the page as a file that needs nothing else. Characters that its font lacks
// are shown as a box, and it says so.
func PDF(p *Page, trace bool) ([]byte, error) {
	w := newPDF(p)
	w.head(p)
	w.tiles(p.Tiles)
	w.charts(p.Charts)
	for i := range p.Sections {
		w.section(&p.Sections[i])
	}
	w.sources(p, trace)
	w.notes(p.Notes)
	w.feet(p.Title)
	var b bytes.Buffer
	if err := w.f.Output(&b); err != nil {
		return nil, fmt.Errorf("couldn't write the PDF: %w", err)
	}
	return b.Bytes(), nil
}

type pdfWriter struct {
	f *fpdf.Fpdf
	// y is where the next thing goes.
	y float64
	// lacking tells that something could not be shown.
	lacking bool
}

func newPDF(p *Page) *pdfWriter {
	f := fpdf.New("P", "mm", "A4", "")
	at := time.Unix(p.Created, 0).UTC()
	f.SetCreationDate(at)
	f.SetModificationDate(at)
	f.SetCatalogSort(true)
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(margin, margin, margin)
	f.SetProducer("whodid", true)
	f.SetTitle(term.Clean(p.Title), true)
	f.SetLang("en")
	f.AddUTF8FontFromBytes("go", "", fontRegular)
	f.AddUTF8FontFromBytes("go", "B", fontBold)
	w := &pdfWriter{f: f}
	w.page()
	return w
}

func (w *pdfWriter) page() {
	w.f.AddPage()
	w.y = margin
}

// room begins another page if there is not so much room on this one.
func (w *pdfWriter) room(high float64) bool {
	if w.y+high <= bodyEnd {
		return false
	}
	w.page()
	return true
}

// clean makes text harmless, and leaves out what the font lacks.
func (w *pdfWriter) clean(s string) string {
	known := glyphs()
	return strings.Map(func(r rune) rune {
		if known[r] {
			return r
		}
		w.lacking = true
		return '□'
	}, term.Clean(s))
}

func (w *pdfWriter) font(style string, size float64, c colour) {
	w.f.SetFont("go", style, size)
	w.f.SetTextColor(c[0], c[1], c[2])
}

// line is how high a line of letters of a size is.
func line(size float64) float64 { return size * 0.3528 * 1.35 }

// say writes clean text with its first line's foot at y: -1 begins at x, 0 is
// around it, 1 ends there.
func (w *pdfWriter) say(x, y float64, align int, s string) {
	wide := w.f.GetStringWidth(s)
	w.f.Text(x-wide*float64(align+1)/2, y, s)
}

// fit shortens clean text to a width.
func (w *pdfWriter) fit(s string, wide float64) string {
	if w.f.GetStringWidth(s) <= wide {
		return s
	}
	runes := []rune(s)
	low, high := 0, len(runes)
	for low < high {
		middle := (low + high + 1) / 2
		if w.f.GetStringWidth(string(runes[:middle])+"…") <= wide {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return strings.TrimRight(string(runes[:low]), " ") + "…"
}

// lines breaks clean text at spaces, and within words that are wider than a line.
func (w *pdfWriter) lines(s string, wide float64) []string {
	var lines []string
	now := ""
	for word := range strings.FieldsSeq(s) {
		for w.f.GetStringWidth(word) > wide {
			runes := []rune(word)
			n := len(runes)
			for n > 1 && w.f.GetStringWidth(string(runes[:n])) > wide {
				n = min(n-1, int(float64(n)*wide/w.f.GetStringWidth(string(runes[:n])))+1)
			}
			if now != "" {
				lines, now = append(lines, now), ""
			}
			lines, word = append(lines, string(runes[:n])), string(runes[n:])
		}
		switch {
		case now == "":
			now = word
		case w.f.GetStringWidth(now+" "+word) <= wide:
			now += " " + word
		default:
			lines, now = append(lines, now), word
		}
	}
	if now != "" {
		lines = append(lines, now)
	}
	return lines
}

// paragraph writes text over the whole width.
func (w *pdfWriter) paragraph(s string, size float64, c colour) {
	w.font("", size, c)
	for _, l := range w.lines(w.clean(s), bodyWide) {
		if w.room(line(size)) {
			w.font("", size, c)
		}
		w.y += line(size)
		w.say(margin, w.y, -1, l)
	}
}

func (w *pdfWriter) head(p *Page) {
	w.font("B", sizeTitle, ink)
	w.y += line(sizeTitle) * 0.75
	w.say(margin, w.y, -1, w.fit(w.clean(p.Title), bodyWide))
	w.y += 1.5
	w.paragraph(p.Subtitle, sizeText, soft)
	w.y += 3
	for _, r := range p.Lead {
		w.paragraph(r.Text, sizeText+1, tones[r.Tone])
		w.y += 0.8
	}
	w.y += 4
}

func (w *pdfWriter) card(x, y, wide, high float64) {
	w.f.SetDrawColor(rule[0], rule[1], rule[2])
	w.f.SetLineWidth(0.25)
	w.f.RoundedRect(x, y, wide, high, 1.6, "1234", "D")
}

func (w *pdfWriter) tiles(tiles []Tile) {
	const across, gap, high = 3, 4.0, 27.0
	wide := (bodyWide - gap*(across-1)) / across
	for i := range tiles {
		t := &tiles[i]
		if i%across == 0 {
			w.room(high)
		}
		x, y := margin+float64(i%across)*(wide+gap), w.y
		w.card(x, y, wide, high)
		x += 4
		w.font("", sizeCell, soft)
		w.say(x, y+6, -1, w.fit(w.clean(t.Label), wide-8))
		w.font("B", sizeNumber, ink)
		w.say(x, y+13.5, -1, w.fit(w.clean(t.Value), wide-8))
		w.font("", sizeSmall, tones[quietly(t.Tone)])
		w.say(x, y+18, -1, w.fit(w.clean(t.Change), wide-8))
		w.font("", sizeSmall, soft)
		for j, l := range w.lines(w.clean(t.Note), wide-8) {
			if j < 2 {
				w.say(x, y+21.5+float64(j)*3.2, -1, l)
			}
		}
		if i%across == across-1 || i == len(tiles)-1 {
			w.y += high + gap
		}
	}
}

// quietly is the tone of what is said beside a number.
func quietly(t Tone) Tone {
	if t == Plain {
		return Quiet
	}
	return t
}

func (w *pdfWriter) charts(charts []Chart) {
	const gap, high = 4.0, 50.0
	half := (bodyWide - gap) / 2
	standing := 0
	for i := range charts {
		c := &charts[i]
		switch {
		case len(c.Bars) == 0:
		case c.Lying:
			tall := 12 + 5.4*float64(len(c.Bars))
			w.room(tall)
			w.card(margin, w.y, bodyWide, tall)
			w.chartTitle(c, margin, w.y, bodyWide)
			w.lying(c, margin+4, w.y+9, bodyWide-8)
			w.y += tall + gap
		default:
			if standing%2 == 0 {
				w.room(high)
			}
			x := margin + float64(standing%2)*(half+gap)
			w.card(x, w.y, half, high)
			w.chartTitle(c, x, w.y, half)
			w.standing(c, x+4, w.y+9, half-8, high-13)
			if standing++; standing%2 == 0 || i == len(charts)-1 || charts[i+1].Lying {
				w.y += high + gap
			}
		}
	}
	w.y += 3
}

func (w *pdfWriter) chartTitle(c *Chart, x, y, wide float64) {
	w.font("B", sizeCell+0.5, ink)
	w.say(x+4, y+6.2, -1, w.fit(w.clean(c.Title), wide-8))
}

func (w *pdfWriter) fill(b *Bar) {
	c := mark
	if b.Floor {
		c = pale
	}
	w.f.SetFillColor(c[0], c[1], c[2])
}

func (w *pdfWriter) standing(c *Chart, x, y, wide, high float64) {
	const top, foot = 4.0, 4.5
	most := largest(c.Bars)
	room, tallest := wide/float64(len(c.Bars)), high-top-foot
	step := (len(c.Bars) + mostLabels - 1) / mostLabels
	for i := range c.Bars {
		b := &c.Bars[i]
		tall, middle := tallest*float64(b.Value)/float64(most), x+room*(float64(i)+0.5)
		if b.Value > 0 {
			tall = max(tall, 0.4)
			w.fill(b)
			w.f.Rect(middle-room*0.34, y+top+tallest-tall, room*0.68, tall, "F")
		}
		w.font("", sizeSmall-1, ink)
		if len(c.Bars) <= mostValues {
			w.say(middle, y+top+tallest-tall-1.2, 0, w.clean(b.Text))
		}
		w.font("", sizeSmall-0.5, soft)
		if i%step == 0 {
			w.say(middle, y+high, 0, w.clean(b.Label))
		}
	}
	w.f.SetDrawColor(rule[0], rule[1], rule[2])
	w.f.Line(x, y+top+tallest, x+wide, y+top+tallest)
}

func (w *pdfWriter) lying(c *Chart, x, y, wide float64) {
	const name, value, step = 36.0, 26.0, 5.4
	most := largest(c.Bars)
	for i := range c.Bars {
		b := &c.Bars[i]
		foot := y + step*float64(i) + 3.6
		w.font("", sizeSmall+0.5, ink)
		w.say(x, foot, -1, w.fit(w.clean(b.Label), name-2))
		long := 0.0
		if b.Value > 0 {
			long = max((wide-name-value)*float64(b.Value)/float64(most), 0.4)
			w.fill(b)
			w.f.Rect(x+name, foot-2.7, long, 3.3, "F")
		}
		w.font("", sizeSmall, soft)
		w.say(x+name+long+2, foot, -1, w.clean(b.Text))
	}
}
