package price

import (
	"math"
	"slices"
	"time"
)

// tariff is what a model costs at one time. A nil rate is a price that the
// table doesn't have.
type tariff struct {
	input, output, cacheRead, cacheWrite, cacheWrite5m, cacheWrite1h *rate
	request                                                          *rate // per request, whatever its size
}

// rate is a price that may rise with the size of the prompt.
type rate struct {
	base  amount
	tiers []tier // ascending by start
}

// tier is the price of all tokens of a request whose prompt has more than start
// tokens.
type tier struct {
	start int64
	price amount
}

func (r *rate) at(prompt int64) amount {
	a := r.base
	for _, t := range r.tiers {
		if prompt <= t.start {
			break
		}
		a = t.price
	}
	return a
}

// prompt is the number of tokens that tiers look at: all that were sent, cached
// or not. It reports false for a negative count and when the sum overflows.
func (u Usage) prompt() (int64, bool) {
	sum := int64(0)
	for _, n := range [...]int64{u.Input, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h} {
		if n < 0 || n > math.MaxInt64-sum {
			return 0, false
		}
		sum += n
	}
	return sum, u.Output >= 0
}

// cost returns micro-dollars, and false when one of the prices that it needs is
// missing or the sum doesn't fit.
func (t *tariff) cost(u Usage, prompt int64) (int64, bool) {
	if t.input == nil && t.output == nil {
		return 0, false // the model isn't charged by tokens, or it isn't known how
	}
	var sum total
	for _, part := range [...]struct {
		count int64
		rate  *rate
	}{
		{u.Input, t.input},
		{u.Output, t.output},
		{u.CacheRead, t.cacheRead},
		{u.CacheWrite5m, or(t.cacheWrite5m, t.cacheWrite)},
		{u.CacheWrite1h, or(t.cacheWrite1h, t.cacheWrite)},
	} {
		if part.count == 0 {
			continue
		}
		if part.rate == nil {
			return 0, false
		}
		sum.add(part.count, part.rate.at(prompt))
	}
	if t.request != nil {
		sum.add(1, t.request.at(prompt))
	}
	return sum.micros()
}

func or(r, otherwise *rate) *rate {
	if r != nil {
		return r
	}
	return otherwise
}

// dated is a tariff with the time in which it holds.
type dated struct {
	holds  period // nil: always
	tariff *tariff
}

// period is a time in which a tariff holds.
type period interface {
	contains(t time.Time) bool
}

// since is the time from a moment on.
type since time.Time

func (s since) contains(t time.Time) bool { return !t.Before(time.Time(s)) }

// daily is a part of each day, from start up to but not including end, as time
// since midnight UTC. It spans midnight when end is before start.
type daily struct{ start, end time.Duration }

func (d daily) contains(t time.Time) bool {
	clock := sinceMidnight(t)
	if d.end < d.start {
		return clock >= d.start || clock < d.end
	}
	return clock >= d.start && clock < d.end
}

func sinceMidnight(t time.Time) time.Duration {
	t = t.UTC()
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}

// tariff returns what holds at the given time: the last of the table's entries
// whose period contains it, or the first entry when none does. It returns nil
// when that depends on the time and the time is unknown.
func (m *model) tariff(at time.Time) *tariff {
	if at.IsZero() && len(m.tariffs) > 1 {
		return nil
	}
	for _, v := range slices.Backward(m.tariffs) {
		if d := v; d.holds == nil || d.holds.contains(at) {
			return d.tariff
		}
	}
	return m.tariffs[0].tariff
}
