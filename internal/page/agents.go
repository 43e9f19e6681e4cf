package page

import (
	"cmp"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// agentsPage is what each agent's runs add up to.
type agentsPage struct {
	Since   string
	Rows    []agentRow
	Squads  []agentRow
	Total   ask.HistoryRow
	Periods []period
}

// agentRow is an agent or a squad with how its runs ended, as parts of a bar.
type agentRow struct {
	ask.HistoryRow
	Link  string
	Parts []share
}

// share is a part of a bar of 100.
type share struct {
	Class string
	X, W  float64
}

func sharesOf(h *ask.HistoryRow) []share {
	var out []share
	x := 0.0
	for _, p := range []struct {
		class string
		n     int64
	}{{"ok", h.Success}, {"run", h.Running}, {"off", h.Cancelled}, {"warn", h.Timeout + h.Lost}, {"bad", h.Failed}} {
		if p.n == 0 || h.Runs == 0 {
			continue
		}
		w := float64(p.n) / float64(h.Runs) * 100
		out = append(out, share{p.class, x, w})
		x += w
	}
	return out
}

// since reads how far a page looks back.
func (r *request) since() (time.Time, error) {
	text := r.query("since")
	switch text {
	case "":
		return r.now.Add(-ask.DefaultPeriod), nil
	case allTime:
		return time.Time{}, nil
	}
	t, err := whodid.ParseTime(text, r.now)
	if err != nil {
		return t, wrong(400, "since: "+err.Error(), "Write a time like 7d, 30m, yesterday or 2026-11-01.")
	}
	return t, nil
}

func (r *request) agents() (*answer, error) {
	since, err := r.since()
	if err != nil {
		return nil, err
	}
	from, err := r.t.Asker.Size(r.ctx)
	if err != nil {
		return nil, err
	}
	h, err := r.t.Asker.History(r.ctx, ask.Selection{Filter: whodid.Filter{Since: since}, Squads: r.id.Squads}, false)
	if err != nil {
		return nil, err
	}
	page := &agentsPage{Since: r.query("since"), Total: h.Total, Periods: r.periods()}
	at := map[string]int{}
	for i := range h.Rows {
		row := &h.Rows[i]
		page.Rows = append(page.Rows, agentRow{HistoryRow: *row, Link: agentLink(row.Agent), Parts: sharesOf(row)})
		j, ok := at[row.Squad]
		if !ok {
			j = len(page.Squads)
			at[row.Squad] = j
			page.Squads = append(page.Squads, agentRow{HistoryRow: ask.HistoryRow{Squad: row.Squad}, Link: "/executions?q=" + escapeQuery(whodid.FilterTerm("squad", row.Squad))})
		}
		page.Squads[j].Add(row)
	}
	for i := range page.Squads {
		page.Squads[i].Parts = sharesOf(&page.Squads[i].HistoryRow)
	}
	slices.SortStableFunc(page.Squads, func(x, y agentRow) int { return cmp.Or(cmp.Compare(y.Runs, x.Runs), cmp.Compare(x.Squad, y.Squad)) })
	return &answer{title: "Agents", value: h, rows: h.Rows, page: page, stream: "type:execution.*", from: from}, nil
}

// agentLink is the page of an agent; empty for one without a name.
func agentLink(agent string) string {
	squad, name, err := whodid.ParseAgent(agent)
	if err != nil {
		return ""
	}
	return "/agents/" + escapePath(squad) + "/" + escapePath(name)
}

// agentPage is one agent: what it did in a time, and how that differs from the time
// before.
type agentPage struct {
	Agent   string
	Stats   *ask.Stats
	Before  *ask.Stats // nil where all time is asked for
	Drift   []drift
	Chart   *chart
	Periods []period
	Runs    []ask.Execution
	All     string
	Now     time.Time
}

// drift is one figure now and before.
type drift struct {
	Name, Now, Before string
	// Class says whether that is better or worse; empty if neither.
	Class, Change string
}

func (r *request) agent() (*answer, error) {
	name := r.r.PathValue("squad") + "/" + r.r.PathValue("name")
	if _, _, err := whodid.ParseAgent(name); err != nil {
		return nil, wrong(404, err.Error(), "An agent is squad/name.")
	}
	if !r.maySee(whodid.Squad(name)) {
		return nil, ask.ErrNotFound
	}
	since, err := r.since()
	if err != nil {
		return nil, err
	}
	const runs = 1000 // of which quantiles are made; the sums are over all
	sel := ask.Selection{Filter: whodid.Filter{Since: since, Terms: []whodid.Term{{Field: whodid.FilterAgent, Values: []string{name}}}}, Squads: r.id.Squads, Limit: runs}
	from, err := r.t.Asker.Size(r.ctx)
	if err != nil {
		return nil, err
	}
	stats, err := r.t.Asker.Stats(r.ctx, sel)
	if err != nil {
		return nil, err
	}
	page := &agentPage{Agent: name, Stats: stats, Periods: r.periods(), Now: r.now, All: "/executions?q=" + escapeQuery(whodid.FilterTerm("agent", name))}
	if !since.IsZero() {
		before := sel
		before.Filter.Since, before.Filter.Until = since.Add(-r.now.Sub(since)), since
		if page.Before, err = r.t.Asker.Stats(r.ctx, before); err != nil {
			return nil, err
		}
		if page.Before.Total.Runs > 0 {
			page.Drift = driftOf(page.Before, stats)
		}
	}
	const columns = 48
	activity, err := r.t.Asker.Activity(r.ctx, sel, columns)
	if err != nil {
		return nil, err
	}
	page.Chart = newChart(activity, func(from, to time.Time) string {
		return page.All + "&since=" + stamp(from) + "&until=" + stamp(to)
	})
	sel.RunsOnly, sel.Limit = true, 10
	list, _, err := r.t.Asker.SelectExecutions(r.ctx, sel, nil)
	if err != nil {
		return nil, err
	}
	page.Runs = list.Executions
	return &answer{title: name, value: stats, rows: stats.Actions, page: page, stream: "type:execution.* " + whodid.FilterTerm("agent", name), from: from}, nil
}
