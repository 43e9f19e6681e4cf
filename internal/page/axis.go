package page

import "time"

// tick is a mark on an axis of time, at a share of its length in percent.
type tick struct {
	At   time.Time
	X    float64
	Says string
}

// The marks of an axis are at moments that people name. Scripts put them where they
// are in the reader's zone (assets/axis.js); these are in UTC.
const (
	day      = 24 * time.Hour
	week     = 7 * day
	month    = 30 * day
	mostTick = 9
)

var tickSteps = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, week,
	month, 3 * month, 12 * month, 60 * month, 120 * month,
}

// newAxis marks the time between two moments.
func newAxis(from, to time.Time) []tick {
	from, to = from.UTC(), to.UTC()
	for _, step := range tickSteps {
		if to.Sub(from)/step > mostTick+1 {
			continue
		}
		var out []tick
		for at := floor(from, step); at.Before(to); at = after(at, step) {
			if !at.Before(from) {
				out = append(out, tick{at, 100 * float64(at.Sub(from)) / float64(to.Sub(from)), named(at, step)})
			}
		}
		if len(out) <= mostTick {
			return out
		}
	}
	return nil
}

// floor is the last mark at or before a moment.
func floor(at time.Time, step time.Duration) time.Time {
	if step < month {
		return at.Truncate(step) // by Go's reckoning weeks begin on a Monday
	}
	months := int(step / month)
	n := (at.Year()*12 + int(at.Month()) - 1) / months * months
	return time.Date(0, time.Month(n+1), 1, 0, 0, 0, 0, time.UTC)
}

func after(at time.Time, step time.Duration) time.Time {
	if step >= month {
		return at.AddDate(0, int(step/month), 0)
	}
	return at.Add(step)
}

// named is how a mark is called.
func named(at time.Time, step time.Duration) string {
	switch {
	case step >= 12*month:
		return at.Format("2006")
	case step >= month:
		return at.Format("Jan 2006")
	case step >= day || at.Equal(at.Truncate(day)):
		return at.Format("Jan 2")
	default:
		return at.Format("15:04")
	}
}
