package page

import (
	"net/http"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// costPage is what runs cost, and what the month may cost.
type costPage struct {
	*ask.Cost
	Query, Since, ByText string
	Bys                  []period
	Periods              []period
	Rows                 []costRow
	Left                 int
	Forecast             *ask.Forecast
}

// costRow is a row with its bar: what was reported, estimated and partly told.
type costRow struct {
	ask.CostRow
	Name, Link string
	Parts      []share
}

func (r *request) cost() (*answer, error) {
	f, err := r.filter()
	if err != nil {
		return nil, err
	}
	if f.Since.IsZero() && r.query("since") != allTime {
		f.Since = r.now.Add(-ask.DefaultPeriod)
	}
	by := r.query("by")
	if by == "" {
		by = "agent"
	}
	for one := range strings.SplitSeq(by, ",") {
		if !slices.Contains(ask.CostDimensions(), one) {
			return nil, wrong(http.StatusBadRequest, "Costs can't be added up by "+quoted(one)+".", "They can by "+strings.Join(ask.CostDimensions(), ", ")+".")
		}
	}
	q := ask.CostQuestion{Filter: f, Squads: r.id.Squads, By: strings.Split(by, ",")}
	found, err := r.t.Asker.Cost(r.ctx, q)
	if err != nil {
		return nil, err
	}
	page := &costPage{Cost: found, Query: r.query("q"), Since: r.query("since"), ByText: by, Periods: r.periods()}
	for _, d := range ask.CostDimensions() {
		page.Bys = append(page.Bys, period{Name: d, Link: r.with(map[string]string{"by": d}), On: d == by})
	}
	page.bars(found)
	if page.Forecast, err = r.t.Asker.Forecast(r.ctx, ask.CostQuestion{Filter: whodid.Filter{Terms: f.Terms}, Squads: r.id.Squads}, r.t.Rules().Budgets); err != nil {
		return nil, err
	}
	return &answer{title: "Cost", value: found, rows: found.Rows, page: page}, nil
}

func (p *costPage) bars(found *ask.Cost) {
	const most = 100
	largest := int64(1)
	for i := range found.Rows {
		largest = max(largest, found.Rows[i].CostMicros)
	}
	for i := range found.Rows {
		if i == most {
			p.Left = len(found.Rows) - most
			break
		}
		row := costRow{CostRow: found.Rows[i]}
		var names []string
		for _, by := range found.By {
			names = append(names, label(row.Key[by]))
		}
		row.Name = strings.Join(names, " · ")
		if len(found.By) == 1 && row.Key[found.By[0]] != "" {
			row.Link = costLink(found.By[0], row.Key[found.By[0]])
		}
		x := 0.0
		for _, part := range []struct {
			class string
			n     int64
		}{{"ok", row.ReportedMicros}, {"run", row.EstimatedMicros}, {"warn", row.PartialMicros}, {"off", row.SweptMicros}} {
			if w := float64(part.n) / float64(largest) * 100; w > 0 {
				row.Parts = append(row.Parts, share{part.class, x, w})
				x += w
			}
		}
		p.Rows = append(p.Rows, row)
	}
}

// costLink is where the runs of a row are; empty where they can't be asked for.
func costLink(by, value string) string {
	switch by {
	case "agent", "squad", "model", "status", "trigger":
		return "/executions?q=" + escapeQuery(whodid.FilterTerm(by, value))
	case "execution":
		return "/executions/" + escapePath(value)
	case "pr":
		return "/why?q=" + escapeQuery(value)
	default:
		return ""
	}
}

// projection says what is foreseen, in words.
func projection(p ask.Projection) string {
	if p.Micros == nil {
		return p.Reason
	}
	text := term.Money(*p.Micros)
	if p.LowMicros != nil && p.HighMicros != nil {
		text += ", four of five times between " + term.Money(*p.LowMicros) + " and " + term.Money(*p.HighMicros)
	}
	return text
}
