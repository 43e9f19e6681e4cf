package cli

import (
	"cmp"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
)

// period are the flags of a question about a time that is counted whole, such as
// a month.
type period struct {
	month, since, from, until, to string
}

func (t *period) bind(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.month, "month", "", "this `MONTH` in UTC, such as 2026-10")
	f.StringVar(&t.since, "since", "", "from this `TIME` on: 30d, yesterday, 2026-11-01 or 2026-11-01T08:00:00Z")
	f.StringVar(&t.from, "from", "", "the same as --since `TIME`")
	f.StringVar(&t.until, "until", "", "up to this `TIME`, written like --since")
	f.StringVar(&t.to, "to", "", "the same as --until `TIME`")
	c.MarkFlagsMutuallyExclusive("since", "from", "month")
	c.MarkFlagsMutuallyExclusive("until", "to", "month")
}

// given tells whether any of the flags was.
func (t *period) given() bool { return t.month+t.since+t.from+t.until+t.to != "" }

// times are the beginning and the end; zero is no bound.
func (t *period) times(p *Program) (since, until time.Time, err error) {
	if t.month != "" {
		since, err = time.Parse("2006-01", t.month)
		if err != nil {
			return since, until, usageError("--month: %q is no month such as 2026-10", t.month)
		}
		return since, since.AddDate(0, 1, 0), nil
	}
	if since, err = p.since("since", cmp.Or(t.since, t.from)); err != nil {
		return since, until, err
	}
	if until, err = p.since("until", cmp.Or(t.until, t.to)); err != nil {
		return since, until, err
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return since, until, usageError("--since is not before --until")
	}
	return since, until, nil
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
