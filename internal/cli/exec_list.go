package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

func (p *Program) execListCommand() *cobra.Command {
	var s selection
	c := &cobra.Command{
		Use:   "list [FILTER…]",
		Short: "List executions, the last started first",
		Long: `Lists executions, the last started first, sub-agents included. An execution is
listed if it was at work at any moment between --since and --until. All that is
asked for must hold; --tag may be given several times.
` + filterHelp,
		Example: `  whodid exec list
  whodid exec list --status failed --since 7d
  whodid exec list 'agent:engineering/*' -status:success since:7d
  whodid exec list --squad engineering --tag release=1.4
  whodid exec list --json | jq -r '.executions[].execution_id'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.execList(c.Context(), &s, args) },
	}
	s.bindWho(c)
	c.Flags().StringVar(&s.status, "status", "", "only in this `STATUS`: running, success, failed, timeout, cancelled, lost")
	c.Flags().StringVar(&s.trigger, "trigger", "", "only with this `KIND` of trigger: manual, scheduled, event, smart")
	c.Flags().StringArrayVar(&s.tags, "tag", nil, "only with this tag, `NAME=VALUE`; may be repeated")
	s.bindWhen(c, "")
	s.bindLimit(c)
	return c
}

func (p *Program) execList(ctx context.Context, s *selection, args []string) error {
	f, err := s.filter(p)
	if err != nil {
		return err
	}
	m, err := s.match()
	if err != nil {
		return err
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	list, err := p.executions(ctx, t, f, m, args)
	if err != nil {
		return misfiltered(err)
	}
	if p.json {
		return p.printJSON(list)
	}
	o := p.out()
	if len(list.Executions) == 0 {
		return p.adviseNone(ctx, t, o, "No such execution is in the trail. See what is:\n\n  whodid history --since 365d")
	}
	return printSome(p, s, list.Executions, printRuns)
}

// executions asks for what the flags select, and the filter if there is one.
func (p *Program) executions(ctx context.Context, t *trail, f ask.Filter, m ask.Match, args []string) (*ask.ExecutionList, error) {
	if len(args) == 0 {
		return t.asker.Matching(ctx, f, m)
	}
	var more []whodid.Term
	if m.Trigger != "" {
		more = append(more, whodid.Term{Field: whodid.FilterTrigger, Values: []string{m.Trigger}})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Tags)) {
		more = append(more, whodid.Term{Field: whodid.FilterTag, Name: name, Values: []string{m.Tags[name]}})
	}
	sel, err := p.filtered(args, &f, more...)
	if err != nil {
		return nil, err
	}
	list, _, err := t.asker.SelectExecutions(ctx, sel, nil)
	return list, err
}
