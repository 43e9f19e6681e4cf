package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// period are the flags that name a time: the same ones for all questions about a time
// that is counted whole, and for what is proved and exported of one.
type period struct{ week, month, from, to, zone string }

func (t *period) bind(c *cobra.Command) {
	c.Flags().StringVar(&t.month, "month", "", "this `MONTH`, such as 2026-10")
	t.bindEnds(c)
}

// bindEnds binds the flags that name any time.
func (t *period) bindEnds(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.from, "from", "", "from this `TIME` on: 30d, yesterday, 2026-10-01 or 2026-10-01T08:00:00Z")
	f.StringVar(&t.from, "since", "", "the same as --from `TIME`")
	f.StringVar(&t.to, "to", "", "up to this `TIME`, which is not in it; now unless you say")
	f.StringVar(&t.to, "until", "", "the same as --to `TIME`")
	f.StringVar(&t.zone, "tz", "UTC", "the time `ZONE` that months and days are of, such as Europe/Berlin")
	f.StringVar(&t.zone, "zone", "UTC", "the same as --tz `ZONE`")
	_ = f.MarkHidden("zone")
	c.MarkFlagsMutuallyExclusive("from", "since")
	c.MarkFlagsMutuallyExclusive("to", "until")
	c.MarkFlagsMutuallyExclusive("tz", "zone")
}

// given tells whether a time was named.
func (t *period) given() bool { return t.week+t.month+t.from+t.to != "" }

// now is the moment from which times are counted, in the zone that the flags name.
func (t *period) now(p *Program) (time.Time, error) {
	zone, err := ask.ParseZone(t.zone)
	if err != nil {
		return time.Time{}, usageError("--tz: %w", err)
	}
	return p.Now().In(zone), nil
}

// named is the week or month that the flags name; ok is false if they name any other
// time, or none.
func (t *period) named(now time.Time) (named ask.Period, ok bool, err error) {
	switch {
	case t.week+t.month == "":
		return named, false, nil
	case t.from+t.to != "":
		return named, false, usageError("--month and --week are a period; --from and --to are another")
	case t.week != "":
		if named, err = ask.ParseWeek(t.week, now.Location()); err != nil {
			return named, false, usageError("--week: %w", err)
		}
	default:
		if named, err = ask.ParseMonth(t.month, now.Location()); err != nil {
			return named, false, usageError("--month: %q is no month; write it like 2026-10", t.month)
		}
	}
	return named, true, nil
}

// times are the beginning and the end; zero is no bound.
func (t *period) times(p *Program) (from, to time.Time, err error) {
	now, err := t.now(p)
	if err != nil {
		return from, to, err
	}
	if named, ok, err := t.named(now); ok || err != nil {
		return named.Since.UTC(), named.Until.UTC(), err
	}
	for _, end := range []struct {
		flag, value string
		into        *time.Time
	}{{"--from", t.from, &from}, {"--to", t.to, &to}} {
		if end.value == "" {
			continue
		}
		at, err := whodid.ParseTime(end.value, now)
		if err != nil {
			return from, to, usageError("%s: %w", end.flag, err)
		}
		*end.into = at.UTC().Truncate(time.Microsecond)
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, usageError("the period ends before it begins")
	}
	return from, to, nil
}

// whole are the beginning and the end of a time that must have both.
func (t *period) whole(p *Program) (from, to time.Time, err error) {
	if from, to, err = t.times(p); err != nil {
		return from, to, err
	}
	if from.IsZero() {
		return from, to, usageError("say which period: --month 2026-10, or --from and --to")
	}
	if to.IsZero() {
		to = p.Now().UTC().Truncate(time.Microsecond)
	}
	if !from.Before(to) {
		return from, to, usageError("the period ends before it begins")
	}
	return from, to, nil
}

// report is the time of a report: what the flags name, or the last week or month that
// is over.
func (t *period) report(p *Program, kind string) (ask.Period, error) {
	now, err := t.now(p)
	if err != nil {
		return ask.Period{}, err
	}
	if named, ok, err := t.named(now); ok || err != nil {
		return named, err
	}
	switch {
	case t.given():
		from, to, err := t.whole(p)
		if err != nil {
			return ask.Period{}, err
		}
		return ask.PeriodOf(from, to, now.Location())
	case kind == ask.PeriodMonth:
		return ask.LastMonth(now, now.Location()), nil
	default:
		return ask.LastWeek(now, now.Location()), nil
	}
}

// filter puts the times of the flags into a filter; back is how far it looks back
// if neither says it, and 0 is all time.
func (t *period) filter(p *Program, f *whodid.Filter, back time.Duration) error {
	since, until, err := t.times(p)
	if err != nil {
		return err
	}
	if t.given() {
		f.Since, f.Until = since, until
	} else if f.Since.IsZero() && f.Until.IsZero() && back > 0 {
		f.Since = p.Now().Add(-back)
	}
	return nil
}
