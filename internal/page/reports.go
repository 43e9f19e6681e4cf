package page

import (
	"net/http"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/report"
)

// reportsPage is a week or a month as a report, the same that is written to files.
type reportsPage struct {
	*report.Page
	Name, Command string
	Weeks         []period
}

func (r *request) reports() (*answer, error) {
	when := ask.LastWeek(r.now, time.UTC)
	if name := r.query("week"); name != "" {
		var err error
		if when, err = ask.ParseWeek(name, time.UTC); err != nil {
			return nil, wrong(http.StatusBadRequest, "week: "+err.Error(), "Write a week like 2026-W47.")
		}
	}
	rules, signature := r.judged()
	o := &ask.ReportOptions{Period: when, Squads: r.id.Squads, Policy: rules.Policy, Every: rules.ReviewEvery, Signature: signature}
	found, err := r.t.Asker.Report(r.ctx, o)
	if err != nil {
		return nil, err
	}
	page := &reportsPage{Page: report.Of(found), Name: when.Name, Command: "whodid report weekly --week " + when.Name + " --format pdf -o report.pdf"}
	const weeks = 6
	for i := range weeks {
		w := ask.LastWeek(r.now.AddDate(0, 0, -7*i), time.UTC)
		page.Weeks = append(page.Weeks, period{Name: w.Name, Link: "/reports?week=" + w.Name, On: w.Name == when.Name})
	}
	return &answer{title: "Report " + when.Name, page: page, value: found}, nil
}

// toneClass is how a tone of a report looks.
func toneClass(t report.Tone) string {
	switch t {
	case report.Good:
		return "ok"
	case report.Bad:
		return "bad"
	case report.Warning:
		return "warn"
	default:
		return ""
	}
}

// barWidth is how long the bar of a chart is, of 1000.
func barWidth(b report.Bar, c report.Chart) float64 {
	most := int64(1)
	for i := range c.Bars {
		most = max(most, c.Bars[i].Value)
	}
	return float64(b.Value) / float64(most) * laneWidth
}
