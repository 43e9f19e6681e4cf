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
		Use:   "list",
		Short: "List what agents did, the newest first",
		Long: `Lists what agents did, each action with its own result, the newest first. An
action counts as a success only where its result proves it; one that was seen to
begin and whose end nobody told is "attempted".`,
		Example: `  whodid action list --type pr.merge --since 30d
  whodid action list --type 'git*' --result failed
  whodid action list --execution 7k2m --json | jq '.actions[].target'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.actionList(c.Context(), &s) },
	}
	c.Flags().StringVar(&s.execution, "execution", "", "only those of this execution: its `ID` or its beginning")
	s.bindAgent(c)
	c.Flags().StringVar(&s.kind, "type", "", "only of this `TYPE`, such as pr.merge, or a beginning followed by *")
	c.Flags().StringVar(&s.result, "result", "", "only with this `RESULT`: "+joined(whodid.Results()))
	s.bindWhen(c, "")
	s.bindLimit(c)
	return c
}

func (p *Program) actionList(ctx context.Context, s *actionSelection) error {
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
	list, err := t.asker.Actions(ctx, ask.ActionFilter{
		Execution: s.execution, Agent: f.Agent, Type: s.kind, Result: s.result, Since: f.Since, Until: f.Until, Limit: f.Limit,
	})
	if err != nil {
		return unresolved(err)
	}
	if p.json {
		return p.printJSON(list)
	}
	o := p.out()
	if len(list.Actions) == 0 {
		p.advise(o, "No such action. All of them:\n\n  whodid action list")
		return nil
	}
	shown, more := s.shown(p, len(list.Actions))
	if err := printActions(o, list.Actions[:shown]); err != nil {
		return err
	}
	if more {
		p.adviseMore(o)
	}
	return nil
}

func printActions(o *term.Output, actions []ask.Action) error {
	t := o.Table(
		term.Column{Title: "TIME", Whole: true}, term.Column{Title: "ACTOR"}, term.Column{Title: "ACTION", Whole: true}, term.Column{Title: "TARGET"},
		term.Column{Title: "RESULT", Whole: true}, term.Column{Title: "EXECUTION", Whole: true}, term.Column{Title: "EVENT", Whole: true},
	)
	for i := range actions {
		a := &actions[i]
		t.Row(
			term.Text(o.Time(&a.At)), term.Text(actorName(a.Actor)), term.Text(a.ActionType), term.Text(a.Target), resultCell(a.Result),
			term.Text(shortID(o, a.ExecutionID, whodid.PrefixExecution)), term.Text(shortID(o, a.EventID, whodid.PrefixEvent)),
		)
	}
	return t.Write()
}

// actorName is an agent's full name, and any other actor with its class.
func actorName(actor string) string {
	if agent := whodid.AgentOf(actor); agent != "" {
		return agent
	}
	return actor
}
