package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// actionSelection are the flags of "action list".
type actionSelection struct {
	selection
	execution, kind, result string
}

func (p *Program) actionListCommand() *cobra.Command {
	var s actionSelection
	c := &cobra.Command{
		Use:   "list [FILTER…]",
		Short: "List what agents did, the newest first",
		Long: `Lists what agents did, each action with its own result, the newest first. An
action counts as a success only where its result proves it; one that was seen to
begin and whose end nobody told is "attempted".

Where a webhook of a forge tells of the repository, the last column says whether
the forge confirms it. It is empty for what no forge was heard about.
` + filterHelp,
		Example: `  whodid action list --type pr.merge --since 30d
  whodid action list --type 'git*' --result failed
  whodid action list 'type:deploy.*' -result:success since:30d
  whodid action list --execution 7k2m --json | jq '.actions[].target'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.actionList(c.Context(), &s, args) },
	}
	c.Flags().StringVar(&s.execution, "execution", "", "only those of this execution: its `ID` or its beginning")
	s.bindAgent(c)
	c.Flags().StringVar(&s.kind, "type", "", "only of this `TYPE`, such as pr.merge, or a beginning followed by *")
	c.Flags().StringVar(&s.result, "result", "", "only with this `RESULT`: "+joined(whodid.Results()))
	s.bindWhen(c, "")
	s.bindLimit(c)
	return c
}

func (p *Program) actionList(ctx context.Context, s *actionSelection, args []string) error {
	f, err := s.filter(p)
	if err != nil {
		return err
	}
	if s.result != "" && !slices.Contains(whodid.Results(), whodid.Result(s.result)) {
		return usageError("--result: %q is none of %s", s.result, joined(whodid.Results()))
	}
	if _, ok := whodid.KindOf(strings.TrimSuffix(s.kind, "*")); s.kind != "" && !strings.HasSuffix(s.kind, "*") && !ok {
		return &exitError{code: ExitUsage, err: withHint(
			fmt.Errorf("--type: %q is not an action such as pr.merge", s.kind), "what was done: whodid exec stats")}
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	list, err := p.actions(ctx, t, s, f, args)
	if err != nil {
		return misfiltered(err)
	}
	if p.json {
		return p.printJSON(list)
	}
	o := p.out()
	if len(list.Actions) == 0 {
		return p.adviseNone(ctx, t, o, "No such action is in the trail. See what ran:\n\n  whodid exec list")
	}
	return printSome(p, &s.selection, list.Actions, printActions)
}

// actions asks for what the flags select, and the filter if there is one.
func (p *Program) actions(ctx context.Context, t *trail, s *actionSelection, f ask.Filter, args []string) (*ask.ActionList, error) {
	if len(args) == 0 {
		return t.asker.Actions(ctx, ask.ActionFilter{
			Execution: s.execution, Agent: f.Agent, Type: s.kind, Result: s.result, Since: f.Since, Until: f.Until, Limit: f.Limit,
		})
	}
	execution := s.execution
	if execution != "" {
		var err error
		if execution, err = t.asker.Resolve(ctx, execution); err != nil {
			return nil, err
		}
	}
	var more []whodid.Term
	for field, value := range map[whodid.FilterField]string{
		whodid.FilterExecution: execution, whodid.FilterType: s.kind, whodid.FilterResult: s.result,
	} {
		if value != "" {
			more = append(more, whodid.Term{Field: field, Values: []string{value}})
		}
	}
	sel, err := p.filtered(args, &f, more...)
	if err != nil {
		return nil, err
	}
	list, _, err := t.asker.SelectActions(ctx, sel, nil)
	return list, err
}

func printActions(o *term.Output, actions []ask.Action) error {
	columns := []term.Column{
		{Title: "TIME", Whole: true},
		{Title: "ACTOR"},
		{Title: "ACTION", Whole: true},
		{Title: "TARGET"},
		{Title: "RESULT", Whole: true},
		{Title: "EXECUTION", Whole: true, Spare: true},
		{Title: "EVENT", Whole: true, Spare: true},
	}
	told := forgeTold(o, actions)
	if told {
		columns = append(columns, forgeColumn)
	}
	t := o.Table(columns...)
	for i := range actions {
		a := &actions[i]
		cells := []term.Cell{
			term.Text(o.Time(&a.At)), term.Text(actorName(a.Actor)), term.Text(a.ActionType), term.Text(a.Target), resultCell(a.Result),
			term.Text(shortID(o, a.ExecutionID, whodid.PrefixExecution)), term.Text(shortID(o, a.EventID, whodid.PrefixEvent)),
		}
		if told {
			cells = append(cells, forgeCell(a))
		}
		t.Row(cells...)
	}
	return t.Write()
}

// forgeColumn says what forges say of actions.
var forgeColumn = term.Column{Title: "FORGE", Whole: true}

// forgeTold tells whether the column is worth its place: programs always get it.
func forgeTold(o *term.Output, actions []ask.Action) bool {
	return !o.Terminal() || slices.ContainsFunc(actions, func(a ask.Action) bool { return a.Confirmation != nil })
}

// forgeCell shows what the forge says of an action.
func forgeCell(a *ask.Action) term.Cell {
	if a.Confirmation == nil {
		return term.Text("")
	}
	style := term.Green
	switch a.Confirmation.State {
	case ask.Contradicted:
		style = term.Red
	case ask.Unconfirmed:
		style = term.Yellow
	}
	return term.Cell{Text: a.Confirmation.State, Style: style}
}

// actorName is an agent's full name, and any other actor with its class.
func actorName(actor string) string {
	if agent := whodid.AgentOf(actor); agent != "" {
		return agent
	}
	return actor
}
