package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// history is one call of "whodid history".
type history struct {
	selection
	verbose bool
}

func (p *Program) historyCommand() *cobra.Command {
	var h history
	c := &cobra.Command{
		Use:     "history [FILTER…]",
		GroupID: "ask",
		Short:   "Show what each agent's runs add up to",
		Long: `Shows, for each agent, how many runs it had, how many of them succeeded, what
they cost and when the last one was: the agent with most runs first. A run counts
if it was at work at any moment of the time that is asked for.

What is not known is never counted as zero: where runs did not tell all of their
cost, the sum is a lower bound (≥) and the number of such runs stands beside it.

Which runs are counted can also be said in the filter language, alike here, in
exec list and in the API: agent:engineering/* -status:success since:30d
tag:env=live. docs/filter.md has all of it.`,
		Example: `  whodid history
  whodid history --since 30d --squad engineering
  whodid history 'agent:engineering/*' since:30d
  whodid history --since 2026-11-01 --until 2026-11-08
  whodid history --verbose            # each run, with tokens, model and cost
  whodid history --json | jq '.rows[] | {agent, runs, cost_micros}'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.history(c.Context(), &h, args) },
	}
	h.bindWho(c)
	h.bindWhen(c, "7d")
	c.Flags().BoolVarP(&h.verbose, "verbose", "v", false, "list the single runs too")
	return c
}

func (p *Program) history(ctx context.Context, h *history, args []string) error {
	sel, err := h.tallied(p, args)
	if err != nil {
		return err
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	answer, err := t.asker.History(ctx, sel, h.verbose)
	if err != nil {
		return misfiltered(err)
	}
	p.mindReview(ctx, t)
	if p.json {
		return p.printJSON(answer)
	}
	o := p.out()
	if o.Terminal() {
		o.Printf("%s\n\n", o.Paint(term.Bold, "Agent Execution History ("+h.period()+")"))
	}
	if len(answer.Rows) == 0 {
		return p.adviseEmpty(ctx, t, o, sel)
	}
	if h.verbose {
		if err := printRuns(o, answer.Runs); err != nil {
			return err
		}
	} else if err := printHistory(o, answer); err != nil {
		return err
	}
	if o.Terminal() {
		o.Printf("\n%s\n", historyTotal(&answer.Total))
	}
	p.adviseSwept(o, answer.Swept)
	return nil
}

// adviseSwept says which runs of the time are gone.
func (p *Program) adviseSwept(o *term.Output, swept []ask.SweptCost) {
	for _, s := range swept {
		p.advise(o, "\n%s that began in %s were swept and are not counted. What is left of them: whodid cost --month %s", term.Count(s.Runs, "run"), orUnknown(s.Month), orUnknown(s.Month))
	}
}

func printHistory(o *term.Output, h *ask.History) error {
	t := o.Table(
		term.Column{Title: "AGENT"}, term.Column{Title: "RUNS", Right: true, Whole: true}, term.Column{Title: "SUCCESS", Whole: true},
		term.Column{Title: "COST", Right: true, Whole: true}, term.Column{Title: "LAST RUN", Whole: true},
	)
	for i := range h.Rows {
		r := &h.Rows[i]
		t.Row(
			term.Text(orUnknown(r.Agent)), term.Int(r.Runs), term.Text(term.Share(r.Success, r.Runs)),
			term.Text(term.SumOf(r.CostMicros, r.CostUnknown)), term.Text(o.Time(r.LastRun)),
		)
	}
	return t.Write()
}

// historyTotal is the last line: what all the rows add up to.
func historyTotal(total *ask.HistoryRow) string {
	cost := term.SumOf(total.CostMicros, total.CostUnknown)
	if total.CostUnknown > 0 {
		cost += fmt.Sprintf(" (cost of %s not known)", term.Count(total.CostUnknown, "run"))
	}
	return fmt.Sprintf("Total: %s │ %s │ %s success", term.Count(total.Runs, "run"), cost, term.Percent(total.Success, total.Runs))
}

// printRuns lists single executions.
func printRuns(o *term.Output, runs []ask.Execution) error {
	t := o.Table(
		term.Column{Title: "ID", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "STATUS", Whole: true},
		term.Column{Title: "STARTED", Whole: true}, term.Column{Title: "TOOK", Right: true, Whole: true}, term.Column{Title: "TRIGGER", Spare: true},
		term.Column{Title: "MODEL", Spare: true}, term.Column{Title: "TOKENS IN→OUT", Whole: true, Spare: true},
		term.Column{Title: "COST", Right: true, Whole: true},
	)
	for i := range runs {
		x := &runs[i]
		t.Row(
			term.Text(shortID(o, x.ExecutionID, whodid.PrefixExecution)), term.Text(agentName(x)), statusCell(x.Status),
			term.Text(o.Time(x.StartedAt)), term.Text(took(x)), term.Text(orUnknown(whodid.FormatTrigger(x.Trigger, x.TriggerDetail))),
			term.Text(orUnknown(x.Model)), term.Text(tokensInOut(x)),
			term.Text(term.Cost(x.CostMicros, x.CostKnownMicros)),
		)
	}
	return t.Write()
}

// tokensInOut is what went into the model, caches excluded, and what came out.
func tokensInOut(x *ask.Execution) string {
	if x.TokensIn == nil || x.TokensOut == nil {
		return term.Unknown
	}
	return term.Tokens(*x.TokensIn) + " → " + term.Tokens(*x.TokensOut)
}

// took is how long an execution took; one that has not ended, or that was lost,
// did not tell.
func took(x *ask.Execution) string {
	if x.StartedAt == nil || x.CompletedAt == nil {
		return "–"
	}
	return term.Duration(x.CompletedAt.Sub(*x.StartedAt))
}

// period says in words which time was asked for.
func (h *history) period() string {
	words := "all time"
	if d, err := whodid.ParseDuration(h.since); err == nil {
		words = inWords(d)
	} else if h.since != "" {
		words = "since " + term.Clean(h.since)
	}
	if _, err := whodid.ParseDuration(h.until); err == nil {
		words += ", until " + term.Clean(h.until) + " ago"
	} else if h.until != "" {
		words += ", until " + term.Clean(h.until)
	}
	return words
}

// inWords is a length of time in the largest unit that it is a multiple of.
func inWords(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= unit.length && d%unit.length == 0 {
			return term.Count(int64(d/unit.length), unit.name)
		}
	}
	return d.String()
}

// adviseEmpty tells somebody who found nothing where there is something, or how
// to begin.
func (p *Program) adviseEmpty(ctx context.Context, t *trail, o *term.Output, sel ask.Selection) error {
	sel.Filter.Since, sel.Filter.Until, sel.Limit = time.Time{}, time.Time{}, 1
	last, _, err := t.asker.SelectExecutions(ctx, sel, nil)
	if err != nil {
		return err
	}
	if len(last.Executions) > 0 && last.Executions[0].StartedAt != nil {
		at := last.Executions[0].StartedAt
		p.advise(o, "No run in this time. The last one was %s:\n\n  whodid history --since %s",
			term.Ago(*at, p.Now()), at.UTC().Format(time.DateOnly))
		return nil
	}
	if len(sel.Filter.Terms) > 0 {
		return p.adviseNone(ctx, t, o, "No such run is in the trail. See what is:\n\n  whodid history --since 365d")
	}
	p.adviseBegin(t, o)
	return nil
}

// adviseNone tells somebody who found nothing that there is none of it, or, where
// nothing is recorded at all, how to begin.
func (p *Program) adviseNone(ctx context.Context, t *trail, o *term.Output, none string) error {
	size, err := t.asker.Size(ctx)
	if err != nil {
		return err
	}
	if size == 0 {
		p.adviseBegin(t, o)
		return nil
	}
	p.advise(o, "%s", none)
	return nil
}

// adviseBegin tells how to begin, and which trail is empty: it may be another one
// than was meant.
func (p *Program) adviseBegin(t *trail, o *term.Output) {
	where := fmt.Sprintf("%s (%s)", t.place.Location, t.place.Why)
	if p.org != store.DefaultOrg {
		where = fmt.Sprintf("the organisation %s of %s", p.org, where)
	}
	p.advise(o, `Nothing is recorded yet in %s.

To record your agents from now on:

  whodid init

or any command as a run of an agent:

  whodid run --agent squad/agent -- COMMAND

and if you expected runs here, ask what is wrong:

  whodid doctor`, where)
}
