package page

import (
	"time"

	"github.com/whodid/whodid/internal/ask"
)

// chart is a histogram as the page draws it: columns in a field of 1000 by 100.
type chart struct {
	Bars []bar
	// Most is the height of the highest column, in runs.
	Most int64
	// Since and Until bound it, and Stretch is how long a column is.
	Since, Until time.Time
	Stretch      time.Duration
	// Ticks are the marks below it, which reaches from Bars' beginning to their end.
	Ticks    []tick
	From, To string
}

// bar is one stretch of time.
type bar struct {
	At, End time.Time
	Link    string
	X, W    float64
	// Parts stand on one another, from the ground.
	Parts []part
	Runs  int64
}

type part struct {
	Class string
	Y, H  float64
}

// The field that charts are drawn in; the page stretches it.
const (
	chartWidth  = 1000.0
	chartHeight = 100.0
)

func newChart(a *ask.Activity, link func(from, to time.Time) string) *chart {
	c := &chart{Since: a.Since, Until: a.Until, Stretch: time.Duration(a.StretchSeconds) * time.Second}
	n := len(a.Stretches)
	if n == 0 {
		return c
	}
	for i := range a.Stretches {
		c.Most = max(c.Most, a.Stretches[i].Runs)
	}
	width := chartWidth / float64(n)
	gap := min(width*0.18, 3)
	for i := range a.Stretches {
		s := &a.Stretches[i]
		b := bar{At: s.At, End: s.At.Add(c.Stretch), X: float64(i)*width + gap/2, W: width - gap, Runs: s.Runs}
		b.Link = link(b.At, b.End)
		ground := chartHeight
		for _, p := range []struct {
			class string
			n     int64
		}{{"ok", s.Success}, {"run", s.Running}, {"off", s.Cancelled}, {"bad", s.Failed}} {
			if p.n == 0 {
				continue
			}
			h := float64(p.n) / float64(max(c.Most, 1)) * (chartHeight - 4)
			h = max(h, 1.5)
			ground -= h
			b.Parts = append(b.Parts, part{p.class, ground, h})
		}
		c.Bars = append(c.Bars, b)
	}
	from, to := c.Bars[0].At, c.Bars[n-1].End
	c.Ticks, c.From, c.To = newAxis(from, to), from.Format(time.RFC3339), to.Format(time.RFC3339)
	return c
}
