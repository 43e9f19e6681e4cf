package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// cost is one call of "whodid cost".
type cost struct {
	period
	who selection
	by  []string
}

// costBack is how far back cost looks unless it is told.
const costBack = 30 * 24 * time.Hour

func (p *Program) costCommand() *cobra.Command {
	var q cost
	c := &cobra.Command{
		Use:     "cost [FILTER…]",
		GroupID: "ask",
		Short:   "Show what runs cost: by agent, model, pull request, outcome and more",
		Long: `Shows what the runs that began in a time cost, by one dimension or several:
squad, agent, model, repository, pr, outcome, status, trigger, day, week, month,
execution. As dimensions, days, weeks and months are those of UTC.

What is not known is in no sum: UNKNOWN is how many runs did not tell all of their
cost, and a sum with such runs is a lower bound (≥). Cost that the client reported
and cost that was estimated with a price table stand apart. FAILED is what runs
cost that did not succeed.

A run that worked on two pull requests counts for both, with what is SHARED beside
it; the total counts it once. Cost per outcome is all that was spent, failed runs
included, over what a forge confirms: pull requests merged, issues resolved,
releases, deployments. Of runs that were swept, their sums by agent and month are
left, and are counted where whole months are asked for.`,
		Example: `  whodid cost --month 2026-10
  whodid cost --by squad,agent 'agent:engineering/*' since:90d
  whodid cost --by model,day --since 7d
  whodid cost --by pr --json | jq '.rows[] | {pr: .key.pr, cost_micros, shared_micros}'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.cost(c.Context(), &q, args) },
	}
	q.bind(c)
	q.who.bindWho(c)
	c.Flags().StringSliceVar(&q.by, "by", []string{"agent"}, "add up by `DIMENSION`, or several with commas")
	c.AddCommand(p.costForecastCommand())
	return c
}

// question reads the flags and the filter.
func (q *cost) question(p *Program, args []string, back time.Duration) (ask.CostQuestion, error) {
	sel, err := p.filtered(args, &ask.Filter{Agent: q.who.agent, Squad: q.who.squad})
	if err != nil {
		return ask.CostQuestion{}, err
	}
	if err := q.filter(p, &sel.Filter, back); err != nil {
		return ask.CostQuestion{}, err
	}
	return ask.CostQuestion{Filter: sel.Filter, By: q.by}, nil
}

func (p *Program) cost(ctx context.Context, q *cost, args []string) error {
	question, err := q.question(p, args, costBack)
	if err != nil {
		return err
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	answer, err := t.asker.Cost(ctx, question)
	if err != nil {
		return misfiltered(err)
	}
	if p.json {
		return p.printJSON(answer)
	}
	o := p.out()
	if o.Terminal() {
		o.Printf("%s\n\n", o.Paint(term.Bold, "Cost of runs that began "+inPeriod(answer.Since, answer.Until)))
	}
	if answer.Total.Runs == 0 {
		return p.adviseEmpty(ctx, t, o, ask.Selection{Filter: question.Filter})
	}
	if err := printCost(o, answer); err != nil {
		return err
	}
	p.adviseCost(o, answer)
	return nil
}

// inPeriod says a time in words.
func inPeriod(since, until *time.Time) string {
	day := func(t *time.Time) string { return strings.TrimSuffix(t.UTC().Format("2006-01-02 15:04"), " 00:00") }
	switch {
	case since == nil && until == nil:
		return "at any time"
	case until == nil:
		return "since " + day(since)
	case since == nil:
		return "before " + day(until)
	default:
		return "from " + day(since) + " up to " + day(until)
	}
}

func printCost(o *term.Output, c *ask.Cost) error {
	columns := make([]term.Column, 0, len(c.By)+10)
	for _, by := range c.By {
		columns = append(columns, term.Column{Title: strings.ToUpper(by)})
	}
	number := func(title string, spare bool) {
		columns = append(columns, term.Column{Title: title, Right: true, Whole: true, Spare: spare})
	}
	number("RUNS", false)
	number("COST", false)
	number("UNKNOWN", false)
	number("REPORTED", true)
	number("ESTIMATED", true)
	number("FAILED", false)
	if c.Overlap {
		number("SHARED", false)
	}
	withOutcomes := len(c.Rows) > 0 && c.Rows[0].Outcomes != nil && c.Outcomes.Outcomes > 0
	if withOutcomes {
		number("OUTCOMES", false)
		number("EACH", false)
	}
	number("TOKENS IN→OUT", true)
	t := o.Table(columns...)
	line := func(names []string, s *ask.CostSums, outcomes *int64) {
		var cells []term.Cell
		for _, name := range names {
			cells = append(cells, term.Text(name))
		}
		cells = append(cells, term.Int(s.Runs), term.Text(term.SumOf(s.CostMicros, s.CostUnknown)), term.Text(term.Share(s.CostUnknown, s.Runs)),
			term.Text(term.Money(s.ReportedMicros)), term.Text(term.Money(s.EstimatedMicros)), term.Text(term.SumOf(s.FailedMicros, s.FailedUnknown)))
		if c.Overlap {
			cells = append(cells, term.Text(term.Money(s.SharedMicros)))
		}
		if withOutcomes {
			cells = append(cells, term.Int(*outcomes), term.Text(costOfEach(s.CostMicros, s.CostUnknown, *outcomes)))
		}
		t.Row(append(cells, term.Text(tokenSums(s)))...)
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		names := make([]string, len(c.By))
		for j, by := range c.By {
			names[j] = costName(by, r.Key[by])
		}
		line(names, &r.CostSums, r.Outcomes)
	}
	if o.Terminal() && len(c.Rows) != 1 {
		names := make([]string, len(c.By))
		if len(names) > 0 {
			names[0] = "Total"
		}
		line(names, &c.Total, &c.Outcomes.Outcomes)
	}
	return t.Write()
}

// costName is a row's value of a dimension as people read it.
func costName(by, value string) string {
	switch {
	case value != "":
		return strings.ReplaceAll(value, "_", " ")
	case by == "pr" || by == "outcome":
		return "none"
	default:
		return term.Unknown
	}
}

func costOfEach(micros, unknown, n int64) string {
	if n == 0 {
		return "–"
	}
	return term.SumOf(micros/n, unknown)
}

func tokenSums(s *ask.CostSums) string {
	if s.TokensUnknown >= s.Runs {
		return term.Unknown
	}
	words := term.Tokens(s.TokensIn) + " → " + term.Tokens(s.TokensOut)
	if s.TokensUnknown > 0 {
		return "≥ " + words
	}
	return words
}

// adviseCost says below the table what the sums leave out.
func (p *Program) adviseCost(o *term.Output, c *ask.Cost) {
	if n := c.Outcomes.Outcomes; n > 0 {
		p.advise(o, "\nCost per outcome: %s. All of it over %s that forges confirm: %s merged, %s resolved, %s, %s.",
			term.SumOf(*c.Outcomes.MicrosPerOutcome, c.Total.CostUnknown), term.Count(n, "outcome"), term.Count(c.Outcomes.Merged, "pull request"),
			term.Count(c.Outcomes.Resolved, "issue"), term.Count(c.Outcomes.Released, "release"), term.Count(c.Outcomes.Deployed, "deployment"))
	}
	if n := c.Total.CostUnknown; n > 0 {
		rest := "their cost, and are in the sums with what they told"
		if n == 1 {
			rest = "its cost, and is in the sums with what it told"
		}
		p.advise(o, "\n%s did not tell all of %s (%s).", share("run", n, c.Total.Runs), rest, term.Money(c.Total.PartialMicros))
	}
	if c.Overlap {
		p.advise(o, "\nRows share runs: together they are more than the total, which counts each run once.")
	}
	for _, s := range c.Swept {
		if s.Counted {
			p.advise(o, "\n%s that began in %s were swept: %s of the sums is what is left of them, by agent and month.", term.Count(s.Runs, "run"), orUnknown(s.Month), term.Money(s.CostMicros))
		} else {
			p.advise(o, "\n%s that began in %s were swept, with a cost of %s, and are in no sum: only whole months of an agent are left.", term.Count(s.Runs, "run"), orUnknown(s.Month), term.Money(s.CostMicros))
		}
	}
	if c.Undated != nil && c.Undated.Runs > 0 {
		p.advise(o, "\n%s of which nobody knows when they began are in no sum (%s).", term.Count(c.Undated.Runs, "run"), term.SumOf(c.Undated.CostMicros, c.Undated.CostUnknown))
	}
}

// share is so many of all, in words.
func share(noun string, n, of int64) string {
	return fmt.Sprintf("%s of %d (%s)", term.Count(n, noun), of, term.Percent(n, of))
}

func (p *Program) costForecastCommand() *cobra.Command {
	q := cost{period: period{zone: "UTC"}} // which has no time of its own
	c := &cobra.Command{
		Use:   "forecast [FILTER…]",
		Short: "Say what this month may cost, and how long budgets last",
		Long: `Shows what the runs of this month, in UTC, cost so far, and what the month may
cost in all: if days go on as the last 28 did on average (linear), and as each
day of the week did in the last eight weeks (weekdays). The range holds four of
five months, if days go on to differ as they did. Below 7 whole days of the past,
or 14 for weekdays, it says that there is not enough data.

For each budget of the policy that limits the cost of a month it says when it runs
out. Runs that do not tell their cost are in no forecast; how many there were
stands beside it.`,
		Example: `  whodid cost forecast
  whodid cost forecast 'agent:engineering/*'
  whodid cost forecast --json | jq '.budgets[] | select(.state == "will_exceed")'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.costForecast(c.Context(), &q, args) },
	}
	q.who.bindWho(c)
	return c
}

func (p *Program) costForecast(ctx context.Context, q *cost, args []string) error {
	question, err := q.question(p, args, 0)
	if err != nil {
		return err
	}
	if !question.Filter.Since.IsZero() || !question.Filter.Until.IsZero() {
		return usageError("a forecast is of this month: since and until mean nothing")
	}
	budgets, err := p.budgets()
	if err != nil {
		return err
	}
	return answer(ctx, p, func(a *ask.Asker, ctx context.Context) (*ask.Forecast, error) {
		f, err := a.Forecast(ctx, question, budgets)
		return f, misfiltered(err)
	}, p.printForecast)
}

func (p *Program) printForecast(f *ask.Forecast) error {
	o := p.out()
	if o.Terminal() {
		o.Printf("%s\n\n", o.Paint(term.Bold, "Cost of "+f.Month+" and forecast"))
	}
	spent := term.SumOf(f.Spent.CostMicros, f.Spent.CostUnknown)
	if f.Spent.CostUnknown > 0 {
		spent += fmt.Sprintf(" (cost of %s not known)", term.Count(f.Spent.CostUnknown, "run"))
	}
	whose := "their"
	if f.UnknownRuns == 1 {
		whose = "its"
	}
	o.Facts(
		fact("So far", spent),
		fact("Linear", projected(&f.Linear)),
		fact("Weekdays", projected(&f.Seasonal)),
		fact("Rests on", fmt.Sprintf("%s; %s in them did not tell all of %s cost", term.Count(int64(f.Observed), "whole day"), term.Count(f.UnknownRuns, "run"), whose)),
	)
	if len(f.Budgets) == 0 {
		return nil
	}
	v := showPage{out: o}
	t, row := v.section("Budgets", "budget", term.Column{Title: "BUDGET", Whole: true}, term.Column{Title: "OF"}, term.Column{Title: "USED", Right: true, Whole: true},
		term.Column{Title: "LIMIT", Right: true, Whole: true}, term.Column{Title: "EXPECTED", Whole: true}, term.Column{Title: "RUNS OUT", Whole: true}, term.Column{Title: "STATE", Whole: true})
	for i := range f.Budgets {
		b := &f.Budgets[i]
		out := "–"
		if b.RunsOutAt != nil {
			out = fmt.Sprintf("in %.1f days", *b.DaysLeft)
		}
		state := term.Text(strings.ReplaceAll(b.State, "_", " "))
		if b.State == ask.BudgetExceeded || b.State == ask.ForecastExceeds {
			state.Style = term.Red
		}
		row(term.Text(b.Budget), term.Text(b.Subject), term.Text(term.SumOf(b.UsedMicros, b.CostUnknown)), term.Text(term.Money(b.LimitMicros)),
			term.Text(projected(&b.Expected)), term.Text(out), state)
	}
	return t.Write()
}

func projected(j *ask.Projection) string {
	if j.Micros == nil {
		return j.Reason
	}
	return fmt.Sprintf("%s (%s to %s)", term.Money(*j.Micros), term.Money(*j.LowMicros), term.Money(*j.HighMicros))
}
