package store

import (
	"math"

	"github.com/whodid/whodid"
)

// span is a stretch of time in microseconds, its end excluded. It is open where a
// side is the least or the greatest number.
type span struct{ from, until int64 }

// box is when runs ended, and when they began. One that is open on both sides of the
// beginning has the runs in it whose start nobody told; any other has not.
type box struct{ ended, began span }

// boxOf are the times of a selection. Of runs whose start nobody told, it has those
// alone for which that makes no difference.
func boxOf(sel *Selection) box {
	b := box{span{math.MinInt64, math.MaxInt64}, span{math.MinInt64, math.MaxInt64}}
	if !sel.Since.IsZero() {
		b.ended.from = whodid.Micros(sel.Since)
	}
	if !sel.BeganSince.IsZero() {
		b.began.from = whodid.Micros(sel.BeganSince)
	}
	if !sel.BeganUntil.IsZero() {
		b.began.until = whodid.Micros(sel.BeganUntil)
	}
	if !sel.Until.IsZero() {
		b.began.until = min(b.began.until, whodid.Micros(sel.Until))
	}
	return b
}

func (s span) empty() bool { return s.from >= s.until }
func (b box) empty() bool  { return b.ended.empty() || b.began.empty() }

// inner is what of a span is whole units of time.
func (s span) inner(unit int64) span {
	if s.from != math.MinInt64 {
		s.from = floor(s.from+unit-1, unit) * unit
	}
	if s.until != math.MaxInt64 {
		s.until = floor(s.until, unit) * unit
	}
	return s
}

// floor divides as the tables of sums do, before 1970 too.
func floor(n, unit int64) int64 { return (n - ((n%unit)+unit)%unit) / unit }

// divide cuts a box into what is whole units of time, on both sides, and its edges.
func (b box) divide(unit int64) (inner box, edges []box) {
	inner = box{b.ended.inner(unit), b.began.inner(unit)}
	if inner.empty() {
		return inner, []box{b}
	}
	for _, edge := range []box{
		{span{b.ended.from, inner.ended.from}, b.began},
		{span{inner.ended.until, b.ended.until}, b.began},
		{inner.ended, span{b.began.from, inner.began.from}},
		{inner.ended, span{inner.began.until, b.began.until}},
	} {
		if !edge.empty() {
			edges = append(edges, edge)
		}
	}
	return inner, edges
}
