package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) execStatsCommand() *cobra.Command {
	var h history
	c := &cobra.Command{
		Use:   "stats [FILTER…]",
		Short: "Count runs, tokens, cost and actions in other ways than by agent",
		Long: `Counts the runs of a time: how they ended, how long they took (of those that
ended: the time within which half and 95 % of them did), which models they used,
what started them and what they did with which result.

Which runs are counted can also be said in the filter language (docs/filter.md).`,
		Example: `  whodid exec stats
  whodid exec stats --squad engineering --since 30d
  whodid exec stats 'agent:engineering/*' tag:env=live
  whodid exec stats --json | jq .duration`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.execStats(c.Context(), &h, args) },
	}
	h.bindWho(c)
	h.bindWhen(c, "7d")
	return c
}

func (p *Program) execStats(ctx context.Context, h *history, args []string) error {
	sel, err := h.tallied(p, args)
	if err != nil {
		return err
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	s, err := t.asker.Stats(ctx, sel)
	if err != nil {
		return misfiltered(err)
	}
	if p.json {
		return p.printJSON(s)
	}
	o := p.out()
	if o.Terminal() {
		o.Printf("%s\n\n", o.Paint(term.Bold, "Agent Execution Statistics ("+h.period()+")"))
	}
	if s.Total.Runs == 0 {
		return p.adviseEmpty(ctx, t, o, sel)
	}
	if err := printStats(o, s); err != nil {
		return err
	}
	p.adviseSwept(o, s.Swept)
	return nil
}

func printStats(o *term.Output, s *ask.Stats) error {
	o.Facts(statsFacts(s)...)
	v := showPage{out: o}
	if len(s.Models) > 0 {
		t, row := v.section("Models", "model", modelColumns()...)
		for i := range s.Models {
			row(modelCells(&s.Models[i])...)
		}
		if err := t.Write(); err != nil {
			return err
		}
	}
	t, row := v.section("Triggers", "trigger", term.Column{Title: "TRIGGER"}, term.Column{Title: "RUNS", Whole: true})
	for _, c := range s.Triggers {
		row(term.Text(orUnknown(c.Value)), term.Text(term.Share(c.Count, s.Total.Runs)))
	}
	if err := t.Write(); err != nil {
		return err
	}
	if len(s.Actions) == 0 {
		return nil
	}
	t, row = v.section("Actions", "action", term.Column{Title: "ACTION"}, term.Column{Title: "COUNT", Right: true, Whole: true}, term.Column{Title: "RESULTS"})
	for i := range s.Actions {
		a := &s.Actions[i]
		row(term.Text(a.ActionType), term.Int(a.Count), term.Text(resultsInWords(a)))
	}
	return t.Write()
}

func statsFacts(s *ask.Stats) []term.Fact {
	total := &s.Total
	facts := []term.Fact{{Name: "Runs", Cell: term.Int(total.Runs)}}
	for _, count := range []struct {
		name string
		n    int64
	}{
		{"Success", total.Success},
		{"Failed", total.Failed},
		{"Timeout", total.Timeout},
		{"Cancelled", total.Cancelled},
		{"Lost", total.Lost},
		{"Running", total.Running},
	} {
		if count.n > 0 || count.name == "Success" {
			facts = append(facts, fact(count.name, term.Share(count.n, total.Runs)))
		}
	}
	cost := term.SumOf(total.CostMicros, total.CostUnknown)
	if total.CostUnknown > 0 {
		cost += fmt.Sprintf(" (cost of %s not known)", term.Count(total.CostUnknown, "run"))
	}
	tokens := fmt.Sprintf("%s in, %s out", term.Tokens(total.TokensIn), term.Tokens(total.TokensOut))
	if total.TokensUnknown > 0 {
		tokens += fmt.Sprintf(" (tokens of %s not known)", term.Count(total.TokensUnknown, "run"))
	}
	facts = append(facts, fact("Cost", cost), fact("Tokens", tokens))
	if d := &s.Duration; d.Runs > 0 {
		facts = append(facts, fact("Duration", fmt.Sprintf("half within %s, 95%% within %s, longest %s (%s ended)",
			seconds(d.P50), seconds(d.P95), seconds(d.Max), term.Count(int64(d.Runs), "run"))))
	}
	return facts
}

func seconds(s float64) string { return term.Duration(time.Duration(s * float64(time.Second))) }

// resultsInWords lists how often an action had which result, the most frequent
// first.
func resultsInWords(a *ask.ActionCount) string {
	names := slices.SortedFunc(maps.Keys(a.Results), func(x, y string) int {
		if n := a.Results[y] - a.Results[x]; n != 0 {
			return int(n)
		}
		return strings.Compare(x, y)
	})
	var words []string
	for _, name := range names {
		words = append(words, name+" "+term.Share(a.Results[name], a.Count))
	}
	return strings.Join(words, ", ")
}
