package api

import (
	"net/http"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
)

// reporting are the operations that report on a time.
func reporting() []Operation {
	const description = "What forges confirm that agents achieved, by squad and agent, against the time before; what it cost, failed runs included; and what did not go as it should. " +
		"Each number says which rows it is made of. What needed an approval is judged by the policies that hold for the organisation."
	return []Operation{
		{
			ID: "weeklyReport", Method: http.MethodGet, Path: "/v1/reports/weekly", Tag: "ask", Needs: auth.Read,
			Summary: "What agents achieved in a week, and what it cost", Description: description,
			Params: []Param{query("week", "string", "The week, as ISO 8601 writes it; the last that is over unless you say.", "2026-W47"), zoneParam()}, Out: ask.Report{}, handle: (*call).weekly,
		},
		{
			ID: "monthlyReport", Method: http.MethodGet, Path: "/v1/reports/monthly", Tag: "ask", Needs: auth.Read,
			Summary: "What agents achieved in a month, and what it cost", Description: description,
			Params: []Param{query("month", "string", "The month; the last that is over unless you say.", "2026-10"), zoneParam()}, Out: ask.Report{}, handle: (*call).monthly,
		},
		{
			ID: "listOutcomes", Method: http.MethodGet, Path: "/v1/reports/outcomes", Tag: "ask", Needs: auth.Read,
			Summary:     "List what forges say agents achieved, the last first",
			Description: "Selected by agent, squad, type, target, execution, source, since and until. Each says what it is put down to an agent by.",
			Params: []Param{
				filterParam(), query("since", "string", "From this time on; 7d unless you say.", "7d"), query("until", "string", "Up to this time.", ""),
				query("as_of", "string", "As it stood at this time, if that is later than until.", ""), query("limit", "integer", "At most so many; 1000 at most.", ""),
			}, Out: ask.AchievementList{}, handle: (*call).outcomes,
		},
	}
}

func (c *call) weekly() error {
	return c.report("week", ask.LastWeek, ask.ParseWeek)
}

func (c *call) monthly() error {
	return c.report("month", ask.LastMonth, ask.ParseMonth)
}

// report answers a report on the time that a parameter names, or on the last one.
func (c *call) report(name string, last func(time.Time, *time.Location) ask.Period, parse func(string, *time.Location) (ask.Period, error)) error {
	q := c.r.URL.Query()
	zone, err := c.zone()
	if err != nil {
		return err
	}
	period := last(c.api.options.Now(), zone)
	if s := q.Get(name); s != "" {
		if period, err = parse(s, zone); err != nil {
			return wrong(http.StatusBadRequest, "%s: %v", name, err)
		}
	}
	rules, signature, err := c.rules()
	if err != nil {
		return err
	}
	r, err := c.tenant.Asker.Report(c.ctx, &ask.ReportOptions{Period: period, Squads: c.id.Squads, Every: rules.ReviewEvery, Policy: rules.Policy, Signature: signature})
	if err != nil {
		return err
	}
	return c.answer(r)
}

func (c *call) outcomes() error {
	sel, err := c.period()
	if err != nil {
		return err
	}
	limit, err := c.number("limit", MaxPage, MaxPage)
	if err != nil {
		return err
	}
	sel.Limit = max(int(limit), 1)
	var asOf time.Time
	if s := c.r.URL.Query().Get("as_of"); s != "" {
		if asOf, err = whodid.ParseTime(s, c.api.options.Now()); err != nil {
			return wrong(http.StatusBadRequest, "as_of: %v", err)
		}
	}
	list, err := c.tenant.Asker.Outcomes(c.ctx, sel, asOf)
	if err != nil {
		return err
	}
	return c.answer(list)
}
