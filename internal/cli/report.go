package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/report"
	"github.com/whodid/whodid/internal/term"
)

// reportFlags are the flags of a report.
type reportFlags struct {
	period
	squads      []string
	format, out string
	trace       bool
}

// reportFormats are the formats in which a report is written.
func reportFormats() []string { return []string{"text", "md", "html", "pdf", "json"} }

func (p *Program) reportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "report",
		GroupID: "ask",
		Short:   "Report what agents achieved in a week or a month, and what it cost",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.reportWeeklyCommand(), p.reportMonthlyCommand(), p.reportOutcomesCommand())
	return c
}

func (p *Program) reportWeeklyCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "weekly",
		Short: "Report on a week: goals, PRs, issues, cost per outcome, what needs attention",
		Long: `Reports what agents achieved in a week by what forges confirm: goals, pull
requests merged, issues resolved, and what an outcome cost, all runs counted,
failed ones included; by squad and agent, against the week before. And what did
not go as it should: exceptions, approvals refused or missing, budget alarms, gaps
in recording, an overdue review.

A week runs from Monday to Sunday in the time zone that the report names. The same
trail gives the same bytes, and each number says where it comes from: in JSON and
HTML always, else with --trace.`,
		Example: `  whodid report weekly
  whodid report weekly --week 2026-W47 --tz Europe/Berlin
  whodid report weekly --format html -o week.html
  whodid report weekly --json | jq .total.cost_per_outcome_micros
  whodid report weekly --from 2026-11-01 --to 2026-11-15   # any other time`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.report(c.Context(), &f, ask.PeriodWeek) },
	}
	c.Flags().StringVar(&f.week, "week", "", "this `WEEK`, such as 2026-W47 (default: the last that is over)")
	f.bind(c)
	return c
}

func (p *Program) reportMonthlyCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "monthly",
		Short: "Report on a month, as \"report weekly\" does on a week",
		Example: `  whodid report monthly
  whodid report monthly --month 2026-10 --format pdf -o october.pdf`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.report(c.Context(), &f, ask.PeriodMonth) },
	}
	c.Flags().StringVar(&f.month, "month", "", "this `MONTH`, such as 2026-10 (default: the last that is over)")
	f.bind(c)
	return c
}

func (f *reportFlags) bind(c *cobra.Command) {
	f.bindEnds(c)
	c.Flags().StringSliceVar(&f.squads, "squad", nil, "only these `SQUADS`")
	c.Flags().StringVar(&f.format, "format", "text", "text, md, html, pdf or json")
	c.Flags().StringVarP(&f.out, "output", "o", "", "write to this `FILE`")
	c.Flags().BoolVar(&f.trace, "trace", false, "say of each number where it comes from, in text, Markdown and PDF too")
}

func (p *Program) report(ctx context.Context, f *reportFlags, kind string) error {
	if p.json {
		f.format = "json"
	}
	if !slices.Contains(reportFormats(), f.format) {
		return usageError("--format: %q is none of %s", f.format, strings.Join(reportFormats(), ", "))
	}
	period, err := f.report(p, kind)
	if err != nil {
		return err
	}
	if f.format == "pdf" && f.out == "" && p.out().Terminal() {
		return misuse(errors.New("a PDF is nothing for a terminal"), "add -o FILE")
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	rules, signature, err := p.approvalRules(ctx, t)
	if err != nil {
		return err
	}
	r, err := t.asker.Report(ctx, &ask.ReportOptions{Period: period, Squads: f.squads, Every: p.rules(p.org).ReviewEvery, Policy: rules, Signature: signature})
	if err != nil {
		return err
	}
	return p.writeReport(r, f)
}

func (p *Program) writeReport(r *ask.Report, f *reportFlags) error {
	if f.format == "text" && f.out == "" && p.out().Terminal() {
		return report.Text(report.Of(r), p.out(), f.trace)
	}
	var b bytes.Buffer
	var err error
	switch f.format {
	case "json":
		to := *p
		to.Stdout = &b
		err = to.printJSON(r)
	case "pdf":
		var file []byte
		file, err = report.PDF(report.Of(r), f.trace)
		b.Write(file)
	case "html":
		b.Write(report.HTML(report.Of(r)))
	case "md":
		b.Write(report.Markdown(report.Of(r), f.trace))
	default:
		plain := map[string]string{term.ForceVariable: report.TextWidth(), "NO_COLOR": "1"}
		err = report.Text(report.Of(r), term.New(&b, func(name string) string { return plain[name] }, p.Now()), f.trace)
	}
	if err != nil {
		return err
	}
	if f.out == "" {
		_, err = p.Stdout.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(f.out, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("couldn't write the report: %w", err)
	}
	return nil
}

func (p *Program) reportOutcomesCommand() *cobra.Command {
	var s selection
	var asOf string
	c := &cobra.Command{
		Use:   "outcomes [FILTER…]",
		Short: "List what forges say agents achieved, the last first",
		Long: `Lists what forges say agents achieved: pull requests that were merged, issues that
were closed as done and stayed so, releases, and deployments to production that
succeeded, each with the agent and run that it is put down to and by what. What
was undone later stands or not as of the end of the time, or as of --as-of.

They are selected by agent, squad, type, target, execution, source, since and
until of the filter language (docs/filter.md).`,
		Example: `  whodid report outcomes
  whodid report outcomes type:pr.merge squad:engineering since:30d
  whodid report outcomes --json | jq '.outcomes[].target'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error {
			sel, err := s.tallied(p, args)
			if err != nil {
				return err
			}
			at, err := p.since("as-of", asOf)
			if err != nil {
				return err
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.AchievementList, error) {
				list, err := a.Outcomes(ctx, sel, at)
				return list, misfiltered(err)
			}, p.printOutcomes)
		},
	}
	s.bindWho(c)
	s.bindWhen(c, "7d")
	c.Flags().StringVar(&asOf, "as-of", "", "as it stood at this `TIME`, if that is later than --until")
	return c
}

func (p *Program) printOutcomes(list *ask.AchievementList) error {
	o := p.out()
	if len(list.Outcomes) == 0 {
		p.advise(o, "No forge tells of such an outcome. See docs/forges.md, and what agents claim:\n\n  whodid action list type:pr.merge")
		return nil
	}
	t := o.Table(term.Column{Title: "WHEN", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "OUTCOME", Whole: true}, term.Column{Title: "TARGET"},
		term.Column{Title: "BY", Whole: true, Spare: true}, term.Column{Title: "EXECUTION", Whole: true}, term.Column{Title: "EVENT", Whole: true})
	for i := range list.Outcomes {
		x := &list.Outcomes[i]
		t.Row(term.Text(o.Time(&x.At)), term.Text(x.Agent), term.Text(x.Type), term.Text(x.Target), term.Text(x.By),
			term.Text(shortID(o, x.ExecutionID, whodid.PrefixExecution)), term.Text(shortID(o, x.EventID, whodid.PrefixEvent)))
	}
	return t.Write()
}
