package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// mostRows is how many rows of a table are shown; JSON has all of them.
const mostRows = 25

// Of is the page of a report on a time.
func Of(r *ask.Report) *Page {
	b := builder{report: r, zone: zoneOf(r)}
	p := &Page{Title: b.title(), Subtitle: b.subtitle(), Created: r.Until.Unix()}
	p.Lead = b.lead()
	p.Tiles = b.tiles()
	p.Charts = b.charts()
	if len(r.Agents) > 0 {
		p.Sections = append(p.Sections, b.group("By squad", "Squad", r.Squads, false), b.group("By agent", "Agent", r.Agents, true))
	}
	if len(r.Claims) > 0 {
		p.Sections = append(p.Sections, b.claims())
	}
	p.Sections = append(p.Sections, b.attention())
	for i := range r.Findings {
		if f := &r.Findings[i]; len(f.Items) > 0 {
			p.Sections = append(p.Sections, b.findings(f))
		}
	}
	if len(r.Latest) > 0 {
		p.Sections = append(p.Sections, b.latest())
	}
	p.Notes = b.notes()
	return p
}

// builder makes the page of a report.
type builder struct {
	report *ask.Report
	zone   *time.Location
}

// zoneOf is the zone that the report names; an answer that came over the network
// may name one that is not known here.
func zoneOf(r *ask.Report) *time.Location {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil || r.Zone == "Local" {
		return time.UTC
	}
	return zone
}

func (b *builder) title() string {
	switch b.report.Kind {
	case ask.PeriodWeek:
		return "Weekly report " + b.report.Name
	case ask.PeriodMonth:
		return "Monthly report " + b.report.Name
	default:
		return "Report"
	}
}

// subtitle says which time it is: its last day, not the first that is too late.
func (b *builder) subtitle() string {
	r := b.report
	since, until := r.Since.In(b.zone), r.Until.In(b.zone)
	var s string
	if midnight(since) && midnight(until) {
		s = since.Format("Mon 2 Jan 2006") + " – " + until.AddDate(0, 0, -1).Format("Mon 2 Jan 2006")
	} else {
		s = since.Format("2006-01-02 15:04") + " – " + until.Format("2006-01-02 15:04")
	}
	s += " · " + r.Zone
	if len(r.OnlySquads) > 0 {
		s += " · only " + strings.Join(r.OnlySquads, ", ")
	}
	return s
}

func midnight(t time.Time) bool { return t.Hour()+t.Minute()+t.Second()+t.Nanosecond() == 0 }

// period is what the time before is called.
func (b *builder) period() string {
	switch b.report.Kind {
	case ask.PeriodWeek:
		return "the week before"
	case ask.PeriodMonth:
		return "the month before"
	default:
		return "the time before"
	}
}

func (b *builder) lead() []Remark {
	r := b.report
	var lead []Remark
	t := &r.Total
	if !r.Over {
		lead = append(lead, Remark{"This time is not over: the numbers will grow.", Warning})
	}
	if t.Runs.Value == 0 && t.Outcomes.Value == 0 {
		return append(lead, Remark{"Nothing was recorded in this time.", Quiet})
	}
	s := fmt.Sprintf("%s of %s brought about what a forge confirmed.", plural(t.Goals.Value, "run"), plural(int64(len(r.Agents)), "agent"))
	lead = append(lead, Remark{s, Plain})
	if claimed := unknownClaims(r); t.Outcomes.Value == 0 && claimed > 0 {
		lead = append(lead, Remark{fmt.Sprintf("No forge tells of what agents did here: %s nobody confirmed count as nothing below.", plural(claimed, "claim")), Warning})
	}
	if n := t.CostUnknown.Value; n > 0 {
		lead = append(lead, Remark{fmt.Sprintf("The cost of %s is not known in full: sums of cost are lower bounds.", plural(n, "run")), Warning})
	}
	return lead
}

func unknownClaims(r *ask.Report) int64 {
	var n int64
	for i := range r.Claims {
		n += r.Claims[i].Unknown.Value
	}
	return n
}

func (b *builder) tiles() []Tile {
	t := &b.report.Total
	count := func(label string, f *ask.Figure, better Tone) Tile {
		change, tone := b.change(f, better)
		return Tile{Label: label, Value: number(f.Value), Change: change, Tone: tone, Trace: &f.Trace}
	}
	perOutcome := Tile{Label: "Cost per outcome", Value: rate(t.CostPerOutcome.Value, t.CostUnknown.Value), Change: b.before(rate(t.CostPerOutcome.Before, t.CostUnknown.Before)), Trace: &t.Cost.Trace, Over: &t.Outcomes.Trace}
	perOutcome.Note = fmt.Sprintf("all runs, failed ones included, over %s", plural(t.Outcomes.Value, "outcome"))
	cost := Tile{Label: "Cost", Value: money(t.Cost.Value, t.CostUnknown.Value), Change: b.before(money(t.Cost.Before, t.CostUnknown.Before)), Trace: &t.Cost.Trace}
	cost.Note = "of " + plural(t.Runs.Value, "run")
	unknown := count("Cost not known", &t.CostUnknown, Bad)
	unknown.Note = "runs, beside the cost and in no sum"
	goals := count("Goals achieved", &t.Goals, Good)
	goals.Note = "runs with an outcome"
	return []Tile{goals, count("PRs merged", &t.Pulls, Good), count("Issues resolved", &t.Issues, Good), perOutcome, cost, unknown}
}

// change says how a number moved; better is the tone of more of it.
func (b *builder) change(f *ask.Figure, better Tone) (string, Tone) {
	d := f.Value - f.Before
	was := ", " + number(f.Before) + " before"
	switch {
	case d == 0 && f.Value == 0:
		return "none before either", Quiet
	case d == 0:
		return "as before", Quiet
	case d > 0:
		return "▲ " + number(d) + was, better
	case better == Good:
		return "▼ " + number(-d) + was, Bad
	default:
		return "▼ " + number(-d) + was, Good
	}
}

func (b *builder) before(s string) string { return s + " before" }

func (b *builder) charts() []Chart {
	r := b.report
	if r.Total.Runs.Value == 0 && r.Total.Outcomes.Value == 0 {
		return nil
	}
	each := "day"
	if len(r.Spans) > 0 && r.Spans[0].Until.Sub(r.Spans[0].Since) > 48*time.Hour {
		each = "part"
	}
	outcomes := Chart{Title: "Outcomes by " + each}
	cost := Chart{Title: "Cost by " + each}
	for i := range r.Spans {
		s := &r.Spans[i]
		label := b.spanLabel(s)
		outcomes.Bars = append(outcomes.Bars, Bar{Label: label, Value: s.Outcomes.Value, Text: number(s.Outcomes.Value), Trace: &s.Outcomes.Trace})
		cost.Bars = append(cost.Bars, Bar{Label: label, Value: s.Cost.Value, Text: brief(s.Cost.Value, s.CostUnknown.Value), Floor: s.CostUnknown.Value > 0, Trace: &s.Cost.Trace})
	}
	outcomes.Summary, cost.Summary = summary(outcomes.Bars), summary(cost.Bars)
	squads := Chart{Title: "Cost by squad", Lying: true}
	for i := range r.Squads[:min(len(r.Squads), 8)] {
		s := &r.Squads[i]
		squads.Bars = append(squads.Bars, Bar{Label: name(s, false), Value: s.Cost.Value, Text: money(s.Cost.Value, s.CostUnknown.Value), Floor: s.CostUnknown.Value > 0, Trace: &s.Cost.Trace})
	}
	squads.Summary = summary(squads.Bars)
	return []Chart{outcomes, cost, squads}
}

// spanLabel is what a part of the time is called.
func (b *builder) spanLabel(s *ask.ReportSpan) string {
	since := s.Since.In(b.zone)
	if b.report.Kind == ask.PeriodWeek {
		return since.Format("Mon 2")
	}
	return since.Format("2 Jan")
}

// summary says in words what a chart shows.
func summary(bars []Bar) string {
	words := make([]string, len(bars))
	for i := range bars {
		words[i] = bars[i].Label + " " + bars[i].Text
	}
	return strings.Join(words, ", ")
}

// name is what a row is called.
func name(r *ask.ReportRow, agent bool) string {
	switch {
	case r.Unnamed:
		return term.Unknown
	case agent:
		return shorten(r.Agent, mostName)
	default:
		return shorten(r.Squad, mostName)
	}
}

func (b *builder) group(title, what string, rows []ask.ReportRow, agents bool) Section {
	s := Section{Title: title}
	s.Table = &Table{Columns: []Column{
		{Title: what, Wide: true},
		{Title: "Goals", Right: true},
		{Title: "PRs", Right: true},
		{Title: "Issues", Right: true},
		{Title: "Outcomes", Right: true},
		{Title: "Runs", Right: true},
		{Title: "Failed", Right: true},
		{Title: "Cost", Right: true},
		{Title: "Unknown", Right: true},
		{Title: "Per outcome", Right: true},
	}}
	for i := range rows[:min(len(rows), mostRows)] {
		s.Table.Rows = append(s.Table.Rows, b.row(&rows[i], name(&rows[i], agents)))
	}
	if len(rows) > mostRows {
		s.Table.More = fmt.Sprintf("%s more are in the JSON.", number(int64(len(rows)-mostRows)))
	}
	return s
}

func (b *builder) row(r *ask.ReportRow, label string) []Cell {
	count := func(f *ask.Figure, bad Tone) Cell {
		c := Cell{Text: number(f.Value), Sub: moved(f.Value - f.Before), Trace: &f.Trace}
		if f.Value == 0 {
			c.Tone = Quiet
		} else {
			c.Tone = bad
		}
		return c
	}
	cost := Cell{Text: money(r.Cost.Value, r.CostUnknown.Value), Sub: money(r.Cost.Before, r.CostUnknown.Before), Trace: &r.Cost.Trace}
	per := Cell{Text: rate(r.CostPerOutcome.Value, r.CostUnknown.Value), Sub: rate(r.CostPerOutcome.Before, r.CostUnknown.Before), Trace: &r.Cost.Trace, Over: &r.Outcomes.Trace}
	return []Cell{
		{Text: label},
		count(&r.Goals, Plain), count(&r.Pulls, Plain), count(&r.Issues, Plain), count(&r.Outcomes, Plain), count(&r.Runs, Plain),
		count(&r.Failed, Bad), cost, count(&r.CostUnknown, Warning), per,
	}
}

// moved is a difference with its sign; empty if there is none.
func moved(d int64) string {
	switch {
	case d > 0:
		return "+" + number(d)
	case d < 0:
		return "−" + number(-d)
	default:
		return ""
	}
}

// number is a count as people read it: 12,345.
func number(n int64) string { return grouped(strconv.FormatInt(n, 10)) }

// grouped puts commas between the thousands of a number that may have a fraction.
func grouped(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	start := strings.IndexAny(whole, "0123456789")
	for i := len(whole) - 3; start >= 0 && i > start; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		return whole + "." + fraction
	}
	return whole
}

func money(micros, unknown int64) string { return grouped(term.SumOf(micros, unknown)) }

// brief is an amount where there is little room: from ten thousand dollars on by
// the thousand, rounded down where a part is not known.
func brief(micros, unknown int64) string {
	const tenThousand = 10_000_000_000
	switch {
	case micros < tenThousand || micros >= 100*tenThousand:
		return money(micros, unknown)
	case unknown > 0:
		dollars := micros / 1_000_000
		return "≥ $" + term.Tokens(dollars-dollars%100)
	default:
		return "$" + term.Tokens((micros+500_000)/1_000_000)
	}
}

func rate(micros *int64, unknown int64) string {
	if micros == nil {
		return "–"
	}
	return money(*micros, unknown)
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}
