package ask

import (
	"fmt"
	"time"
)

// The kinds of periods.
const (
	PeriodWeek  = "week"
	PeriodMonth = "month"
	PeriodOther = "period"
)

// Period is a time that a report is about, and the one that it is compared with.
// Days begin and end in its zone.
type Period struct {
	// Kind is week, month or period.
	Kind string
	// Name is as people say it: 2026-W47, 2026-10, 2026-11-01..2026-11-15.
	Name string
	// Since is its first moment, Until the first that is too late.
	Since, Until time.Time
	// BeforeSince is the first moment of the period before, which ends where this
	// one begins.
	BeforeSince time.Time
	Zone        *time.Location
}

// ParseZone reads the name of a time zone, such as Europe/Berlin; empty is UTC.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local {
		return nil, fmt.Errorf("there is no time zone %q; write one such as UTC or Europe/Berlin", name)
	}
	return zone, nil
}

// ParseWeek reads a week as ISO 8601 writes it, such as 2026-W47: from Monday to
// Sunday.
func ParseWeek(s string, zone *time.Location) (Period, error) {
	var year, week int
	if n, err := fmt.Sscanf(s, "%4d-W%2d", &year, &week); err != nil || n != 2 || s != fmt.Sprintf("%04d-W%02d", year, week) {
		return Period{}, fmt.Errorf("%q is not a week such as 2026-W47", s)
	}
	// The fourth of January is in the first week of every year.
	monday := mondayOf(time.Date(year, time.January, 4, 0, 0, 0, 0, zone)).AddDate(0, 0, (week-1)*7)
	if y, w := monday.ISOWeek(); y != year || w != week {
		return Period{}, fmt.Errorf("%q: there is no such week", s)
	}
	return weekOf(monday), nil
}

// LastWeek is the last week that is over.
func LastWeek(now time.Time, zone *time.Location) Period {
	return weekOf(mondayOf(now.In(zone)).AddDate(0, 0, -7))
}

func mondayOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7, 0, 0, 0, 0, t.Location())
}

func weekOf(monday time.Time) Period {
	year, week := monday.ISOWeek()
	return Period{
		Kind: PeriodWeek, Name: fmt.Sprintf("%04d-W%02d", year, week), Since: monday, Until: monday.AddDate(0, 0, 7),
		BeforeSince: monday.AddDate(0, 0, -7), Zone: monday.Location(),
	}
}

// ParseMonth reads a month such as 2026-10.
func ParseMonth(s string, zone *time.Location) (Period, error) {
	first, err := time.ParseInLocation("2006-01", s, zone)
	if err != nil {
		return Period{}, fmt.Errorf("%q is not a month such as 2026-10", s)
	}
	return monthOf(first), nil
}

// LastMonth is the last month that is over.
func LastMonth(now time.Time, zone *time.Location) Period {
	now = now.In(zone)
	return monthOf(time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, zone))
}

func monthOf(first time.Time) Period {
	return Period{
		Kind: PeriodMonth, Name: first.Format("2006-01"), Since: first, Until: first.AddDate(0, 1, 0), BeforeSince: first.AddDate(0, -1, 0), Zone: first.Location(),
	}
}

// PeriodOf is any time; it is compared with as many days, or as long a time,
// before it.
func PeriodOf(since, until time.Time, zone *time.Location) (Period, error) {
	since, until = since.In(zone), until.In(zone)
	if !since.Before(until) {
		return Period{}, fmt.Errorf("%s is not before %s", since.Format(time.RFC3339), until.Format(time.RFC3339))
	}
	p := Period{Kind: PeriodOther, Since: since, Until: until, BeforeSince: since.Add(-until.Sub(since)), Zone: zone}
	layout := time.RFC3339
	if isMidnight(since) && isMidnight(until) {
		layout = time.DateOnly
		p.BeforeSince = since.AddDate(0, 0, -daysBetween(since, until))
	}
	p.Name = since.Format(layout) + ".." + until.Format(layout)
	return p, nil
}

func isMidnight(t time.Time) bool {
	return t.Equal(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()))
}

// daysBetween counts the days of the calendar, of which not all have 24 hours.
func daysBetween(since, until time.Time) int {
	date := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(date(until).Sub(date(since)) / (24 * time.Hour))
}

// mostSpans is how many parts a period is shown in at most, or nearly.
const mostSpans = 62

// spans are the bounds of the parts in which the period is shown: days, or so
// many days together that there are not too many.
func (p *Period) spans() []time.Time {
	step := 1
	for _, s := range []int{1, 7, 28, 364, 3640} {
		if step = s; daysBetween(p.Since, p.Until)/s < mostSpans {
			break
		}
	}
	bounds := []time.Time{p.Since}
	for t := p.Since.AddDate(0, 0, step); t.Before(p.Until); t = t.AddDate(0, 0, step) {
		bounds = append(bounds, t)
	}
	return append(bounds, p.Until)
}
