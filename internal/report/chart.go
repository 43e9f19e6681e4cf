package report

import (
	"fmt"
	"strconv"
)

// Sizes of a chart, in units of its own.
const (
	chartWide   = 460
	chartHigh   = 190
	chartTop    = 22  // room for values
	chartFoot   = 22  // room for labels
	lineHigh    = 26  // of a lying bar
	labelWide   = 150 // room for its name
	valueWide   = 110 // room for its value
	mostValues  = 10  // bars that have room for their values
	mostLabels  = 8   // labels that have room beside each other
	labelLength = 22  // characters of a name
)

func (w *htmlWriter) charts(charts []Chart) {
	if len(charts) == 0 {
		return
	}
	w.raw("<div class=\"charts\">\n")
	for i := range charts {
		c := &charts[i]
		if len(c.Bars) == 0 {
			continue
		}
		classes := []string{"card"}
		if c.Lying {
			classes = append(classes, "wide")
		}
		w.raw("<figure", class(Plain, classes...), "><h3>", text(c.Title), "</h3>\n")
		if c.Lying {
			w.lying(c)
		} else {
			w.standing(c)
		}
		var traces traceList
		for j := range c.Bars {
			traces.add(c.Bars[j].Label, c.Bars[j].Text, c.Bars[j].Trace, nil)
		}
		w.sources(&traces)
		w.raw("</figure>\n")
	}
	w.raw("</div>\n")
}

// begin opens a chart, with its words for who can't see it.
func (w *htmlWriter) begin(c *Chart, wide, high int) {
	w.raw(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="`, wide, high), text(c.Title+": "+c.Summary), "\">\n")
}

func (w *htmlWriter) standing(c *Chart) {
	w.begin(c, chartWide, chartHigh)
	most := largest(c.Bars)
	room := float64(chartWide) / float64(len(c.Bars))
	high := float64(chartHigh - chartTop - chartFoot)
	step := (len(c.Bars) + mostLabels - 1) / mostLabels
	for i := range c.Bars {
		b := &c.Bars[i]
		tall := high * float64(b.Value) / float64(most)
		if b.Value > 0 {
			tall = max(tall, 2)
		}
		x, middle := room*float64(i)+room*0.16, room*(float64(i)+0.5)
		if b.Value > 0 {
			w.bar(b, x, chartTop+high-tall, room*0.68, tall)
		}
		if len(c.Bars) <= mostValues {
			w.word(middle, chartTop+high-tall-6, "middle", "value", b.Text)
		}
		if i%step == 0 {
			w.word(middle, chartHigh-6, "middle", "", b.Label)
		}
	}
	w.raw(fmt.Sprintf(`<line class="base" x1="0" y1="%[2]s" x2="%[1]d" y2="%[2]s"/>`, chartWide, short(chartTop+high)), "\n</svg>\n")
}

func (w *htmlWriter) lying(c *Chart) {
	const wide = 2 * chartWide
	w.begin(c, wide, lineHigh*len(c.Bars))
	most := largest(c.Bars)
	for i := range c.Bars {
		b := &c.Bars[i]
		long := float64(wide-labelWide-valueWide) * float64(b.Value) / float64(most)
		if b.Value > 0 {
			long = max(long, 2)
		}
		y := float64(lineHigh * i)
		w.word(0, y+17, "start", "value", shorten(b.Label, labelLength))
		if b.Value > 0 {
			w.bar(b, labelWide, y+5, long, lineHigh-10)
		}
		w.word(labelWide+long+8, y+17, "start", "", b.Text)
	}
	w.raw("</svg>\n")
}

func (w *htmlWriter) bar(b *Bar, x, y, wide, high float64) {
	name := "bar"
	if b.Floor {
		name = "floor"
	}
	w.raw(fmt.Sprintf(`<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="2"><title>`, name, short(x), short(y), short(wide), short(high)), text(b.Label+": "+b.Text), "</title></rect>\n")
}

func (w *htmlWriter) word(x, y float64, anchor, name, s string) {
	w.raw(fmt.Sprintf(`<text x="%s" y="%s" text-anchor="%s"`, short(x), short(y), anchor))
	if name != "" {
		w.raw(` class="`, name, `"`)
	}
	w.raw(">", text(s), "</text>\n")
}

// short is a coordinate to a tenth.
func short(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
