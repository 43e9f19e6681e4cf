//go:build bench

package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// figure compares what is measured, a, with what it is measured against, b.
// One sample of each is taken in every round, a beside b, so that what else
// the machine does meets both.
type figure struct {
	name string
	unit string // of a and b: "s" (seconds), "/s" (per second) or "MB"
	// what says in words what a and b are.
	what string
	// aim is what the ratio a/b, or where there is no b the median of a, should
	// be: at most if positive, at least if negative; 0 is no aim.
	aim  float64
	a, b []float64
}

// add notes one round.
func (f *figure) add(a, b float64) {
	f.a = append(f.a, a)
	f.b = append(f.b, b)
}

// ratios are a/b by round.
func (f *figure) ratios() []float64 {
	out := make([]float64, len(f.a))
	for i := range f.a {
		out[i] = f.a[i] / f.b[i]
	}
	return out
}

// met says whether the aim is.
func (f *figure) met(v float64) string {
	switch {
	case f.aim == 0:
		return "-"
	case f.aim > 0 && v <= f.aim, f.aim < 0 && v >= -f.aim:
		return "yes"
	default:
		return "no"
	}
}

func (f *figure) aimText() string {
	switch {
	case f.aim > 0:
		return fmt.Sprintf("<=%g", f.aim)
	case f.aim < 0:
		return fmt.Sprintf(">=%g", -f.aim)
	default:
		return "-"
	}
}

// report prints figures as they come, and all of them once more at the end.
type report struct{ figures []*figure }

func (r *report) section(title string) { fmt.Printf("\n%s\n", title) }

// done prints a figure for people.
func (r *report) done(f *figure) {
	r.figures = append(r.figures, f)
	ratios := f.ratios()
	fmt.Printf("  %-30s %6.2f  (%.2f..%.2f)  %s against %s  aim %s, met: %s\n", f.name, median(ratios), slices.Min(ratios), slices.Max(ratios),
		show(median(f.a), f.unit), show(median(f.b), f.unit), f.aimText(), f.met(median(ratios)))
}

// summary prints the figures for programs.
func (r *report) summary(took time.Duration) {
	fmt.Printf("\nAll figures, after %v. ratio is a/b, the median of the rounds; a and b are medians too.\n", took.Round(time.Second))
	for _, f := range r.figures {
		fmt.Printf("# %s: %s\n", f.name, f.what)
	}
	fmt.Println()
	for _, f := range r.figures {
		ratios := f.ratios()
		fmt.Printf("%s ratio=%.3f min=%.3f max=%.3f a=%.6g b=%.6g unit=%s rounds=%d aim=%s met=%s\n", f.name, median(ratios), slices.Min(ratios),
			slices.Max(ratios), median(f.a), median(f.b), f.unit, len(ratios), f.aimText(), f.met(median(ratios)))
	}
}

func show(v float64, unit string) string {
	switch {
	case unit == "/s":
		return fmt.Sprintf("%.0f/s", v)
	case unit == "MB":
		return fmt.Sprintf("%.0f MB", v)
	case v < 1e-3:
		return fmt.Sprintf("%.0f µs", v*1e6)
	case v < 1:
		return fmt.Sprintf("%.2f ms", v*1e3)
	default:
		return fmt.Sprintf("%.2f s", v)
	}
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile is the smallest value with at least the share q of all values at or
// below it.
func quantile(v []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[max(int(math.Ceil(q*float64(len(s)))), 1)-1]
}
