package page

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

func escapeQuery(s string) string { return url.QueryEscape(s) }
func escapePath(s string) string  { return url.PathEscape(s) }

// driftOf holds a time against the one before it. What is known of neither is left
// out.
func driftOf(before, now *ask.Stats) []drift {
	seconds := func(s float64) string { return term.Duration(time.Duration(s * float64(time.Second))) }
	b, n := &before.Total, &now.Total
	out := []drift{changed("Runs", float64(b.Runs), float64(n.Runs), false, false, func(f float64) string { return strconv.FormatInt(int64(f), 10) })}
	if b.Runs == 0 || n.Runs == 0 {
		return out
	}
	out = append(out, changed("Success", b.SuccessShare()*100, n.SuccessShare()*100, true, true, func(f float64) string { return fmt.Sprintf("%.0f%%", f) }))
	if b.Runs > b.CostUnknown && n.Runs > n.CostUnknown {
		each := func(h *ask.HistoryRow) float64 { return float64(h.CostMicros) / float64(h.Runs-h.CostUnknown) }
		out = append(out, changed("Cost of a run", each(b), each(n), true, false, func(f float64) string { return term.Money(int64(f)) }))
	}
	if before.Duration.Runs > 0 && now.Duration.Runs > 0 {
		out = append(out,
			changed("Half of the runs took at most", before.Duration.P50, now.Duration.P50, true, false, seconds),
			changed("95 of 100 took at most", before.Duration.P95, now.Duration.P95, true, false, seconds))
	}
	return out
}

// changed says how a figure changed; judged says that more is better, or worse.
func changed(name string, before, now float64, judged, moreIsBetter bool, say func(float64) string) drift {
	d := drift{Name: name, Now: say(now), Before: say(before)}
	if before == 0 {
		return d
	}
	by := (now - before) / before * 100
	const little = 10 // percent, within which it is as before
	if by > -little && by < little {
		d.Change = "as before"
		return d
	}
	d.Change = fmt.Sprintf("%+.0f%%", by)
	if judged {
		d.Class = "warn"
		if (by > 0) == moreIsBetter {
			d.Class = "ok"
		}
	}
	return d
}
