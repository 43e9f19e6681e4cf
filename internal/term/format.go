package term

import (
	"fmt"
	"strconv"
	"time"
)

// Unknown stands where something is not known. It is never zero.
const Unknown = "unknown"

const (
	microsPerDollar = 1_000_000
	microsPerCent   = 10_000
)

// Money is an amount of micro-dollars as people read it: "$1.23", "$0.0012"
// where a cent says nothing, rounded half up.
func Money(micros int64) string { return money(micros, 1) }

// atLeast is an amount of which a part is not known: "≥ $1.23", rounded down,
// so that it stays true.
func atLeast(micros int64) string {
	if micros <= 0 {
		return Unknown
	}
	return "≥ " + money(micros, 0)
}

// money rounds half up where half is 1, and down where it is 0.
func money(micros, half int64) string {
	sign := ""
	if micros < 0 {
		sign, micros = "-", max(-micros, 0)
	}
	digits, unit := 2, int64(microsPerCent)
	switch {
	case micros == 0 || micros >= microsPerCent:
	case micros >= 100:
		digits, unit = 4, 100
	default:
		digits, unit = 6, 1
	}
	n := micros / unit
	if half == 1 && micros%unit*2 >= unit {
		n++
	}
	perDollar := microsPerDollar / unit
	return fmt.Sprintf("%s$%d.%0*d", sign, n/perDollar, digits, n%perDollar)
}

// Cost is what something cost: the whole if it is known, else the part that
// is.
func Cost(whole *int64, known int64) string {
	if whole == nil {
		return atLeast(known)
	}
	return Money(*whole)
}

// SumOf is what several runs cost together, of which unknown did not tell all
// of theirs.
func SumOf(micros, unknown int64) string {
	if unknown > 0 {
		return atLeast(micros)
	}
	return Money(micros)
}

// Tokens is a number of tokens, or of anything else that comes by thousands:
// "999", "12.3k", "1.2M".
func Tokens(n int64) string {
	const limit = 1000
	if n < limit {
		return strconv.FormatInt(n, 10)
	}
	unit, names := int64(limit), "kMBT"
	// One decimal: what would round to 1000.0 belongs to the next unit.
	for len(names) > 1 && n >= unit*limit-unit/20 {
		unit, names = unit*limit, names[1:]
	}
	tenths := (n/(unit/10)*2 + n%(unit/10)*2/(unit/10) + 1) / 2
	return fmt.Sprintf("%d.%d%c", tenths/10, tenths%10, names[0])
}

// TokensOf is a number of tokens that may not be known.
func TokensOf(n *int64) string {
	if n == nil {
		return Unknown
	}
	return Tokens(*n)
}

// Percent is a share in whole percent. Only all is 100 %, and only none is 0 %.
func Percent(n, of int64) string {
	if of <= 0 {
		return "0%"
	}
	p := int64(float64(n)/float64(of)*100 + 0.5)
	switch {
	case n < of && p >= 100:
		p = 99
	case n > 0 && p <= 0:
		p = 1
	}
	return strconv.FormatInt(p, 10) + "%"
}

// Share is a count with its share of the whole beside it: "42 (93%)".
func Share(n, of int64) string {
	return fmt.Sprintf("%d (%s)", n, Percent(n, of))
}

// Count is a number with its noun: "1 run", "65 runs".
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const day = 24 * time.Hour

// Duration is a length of time in its two largest units: "340ms", "12s",
// "4m12s", "2h5m", "3d4h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(max(-d, 0))
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int64(d.Seconds()))
	case d < time.Hour:
		return two(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return two(d, time.Hour, "h", time.Minute, "m")
	default:
		return two(d, day, "d", time.Hour, "h")
	}
}

func two(d, large time.Duration, l string, small time.Duration, s string) string {
	if rest := d % large / small; rest > 0 {
		return fmt.Sprintf("%d%s%d%s", d/large, l, rest, s)
	}
	return fmt.Sprintf("%d%s", d/large, l)
}

// Ago is a time as people say it: "just now", "2h ago", "3d ago", and the date
// once it is more than 30 days away.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	before, after := "", " ago"
	if d < 0 {
		d, before, after = -d, "in ", ""
	}
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%s%dm%s", before, d/time.Minute, after)
	case d < day:
		return fmt.Sprintf("%s%dh%s", before, d/time.Hour, after)
	case d <= 30*day:
		return fmt.Sprintf("%s%dd%s", before, d/day, after)
	default:
		return t.UTC().Format(time.DateOnly)
	}
}
