package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
)

func (p *Program) actionRecordCommand() *cobra.Command {
	var execution, what, target, result, approval, why, key, at string
	var data, args []string
	c := &cobra.Command{
		Use:   "record --type TYPE --result RESULT",
		Short: "Record something that was done, and print its id",
		Long: `Records one action and prints the id of its event. Inside of "whodid run" the
action is that of the run; elsewhere --execution names the run, and without it
the action is your own.

The result is what is known: success only if that was seen, attempted if nobody
knows. TYPE is noun.verb, such as issue.create, pr.merge or file.write; words of
your own are welcome. With --key the same action may be told again, also by
another command, and is recorded once.

With --approval the approval is used up, for this action, target and agent and the
arguments that it was asked for with (--arg). If it does not cover them the action
is recorded all the same, and the command ends with 5.`,
		Example: `  whodid action record --type issue.create --target acme/shop#43 --result success
  whodid action record --execution 7k2m --type deploy.production --target shop \
      --result failed --why "health check" --data version=1.4.2 --data replicas=3`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkAction(what, result); err != nil {
				return err
			}
			metadata, err := metadata(what, data)
			if err != nil {
				return err
			}
			given, err := pairs("--arg", args)
			if err != nil {
				return err
			}
			if len(args) > 0 && approval == "" {
				return usageError("--arg says for which arguments an approval was: --approval is missing")
			}
			when, err := p.at(at)
			if err != nil {
				return err
			}
			w, err := p.openPenTo(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			s, err := w.about(c.Context(), execution)
			if err != nil {
				return err
			}
			action := s.event(what, freshKey("action"), when)
			if key != "" {
				action.Key = factKey("action", s.execution, key)
			}
			action.Target, action.Result, action.Why, action.Data = target, whodid.Result(result), why, metadata
			if approval == "" {
				return w.writeAndTell(c.Context(), action)
			}
			return w.writeApproved(c.Context(), action, approval, given)
		},
	}
	f := c.Flags()
	f.StringVar(&execution, "execution", "", "the run that did it, by the first letters of its id (default: the run around this command)")
	f.StringVar(&what, "type", "", "what was done, as noun.verb")
	f.StringVar(&target, "target", "", "to what: a path, a URL, acme/shop#43")
	f.StringVar(&result, "result", "", "what came of it: "+strings.Join(resultNames(), ", "))
	f.StringVar(&approval, "approval", "", "the `ID` of the approval that it was done under, which is used up")
	f.StringArrayVar(&args, "arg", nil, "an argument that was approved, name=value; may be repeated")
	f.StringVar(&why, "why", "", "why it was done")
	f.StringArrayVar(&data, "data", nil, "metadata, as name=value; may be repeated")
	f.StringVar(&key, "key", "", "what names this action, so that telling it again changes nothing")
	f.StringVar(&at, "at", "", "when it was done (default: now)")
	return c
}

// writeApproved writes an action and uses the approval up that it was done under.
// The action says what was done, whether it was allowed or not.
func (w *pen) writeApproved(ctx context.Context, e whodid.Event, id string, args map[string]string) error {
	e.Approval = id
	if w.trail == nil {
		fmt.Fprintln(w.p.Stderr, "        the approval is not used up: that takes the trail")
		return w.writeAndTell(ctx, e)
	}
	if err := w.drain(ctx); err != nil {
		return err
	}
	var err error
	if e.Approval, err = w.trail.asker.ResolveApproval(ctx, id); err != nil {
		return unapproved(err)
	}
	refused := w.useApproval(ctx, &e, args)
	if err := w.writeAndTell(ctx, e); err != nil {
		return err
	}
	if refused != nil {
		return &exitError{code: ExitPolicy, err: withHint(fmt.Errorf("it is recorded, but %w", refused), "see: whodid approval show %s", e.Approval)}
	}
	return nil
}

// useApproval uses an approval up for an action. What ties the two is the call: the
// same one may be told again, and no other can be done under it.
func (w *pen) useApproval(ctx context.Context, e *whodid.Event, args map[string]string) error {
	approvals, err := w.p.approvals(ctx, w.trail)
	if err != nil {
		return err
	}
	if e.Data.String("call") == "" {
		if e.Data == nil {
			e.Data = whodid.Data{}
		}
		e.Data["call"] = e.Key
	}
	call, agent := e.Data.String("call"), whodid.AgentOf(e.Actor)
	arguments := make(whodid.Data, len(args))
	for name, value := range args {
		arguments[name] = value
	}
	digest := whodid.ApprovalDigest(e.What, e.Target, agent, arguments)
	before, err := approvals.Get(ctx, e.Approval)
	if err != nil {
		return err
	}
	if before.State == whodid.ApprovalUsed && before.UsedCall == call && before.UsedExecution == e.Execution && before.Digest == digest {
		return nil // it was told before
	}
	_, err = approvals.Use(ctx, e.Approval, agent, digest, "", call, approval.Who{
		Actor: e.Actor, Auth: e.ActorAuth, OnBehalfOf: e.OnBehalfOf, OnBehalfAuth: e.OnBehalfAuth, Execution: e.Execution, Source: e.Source,
	})
	return err
}

// recorded is the answer of a command that recorded one event.
type recorded struct {
	EventID     string `json:"event_id"`
	ExecutionID string `json:"execution_id"`
	// New is false if the trail held it already.
	New bool `json:"new"`
}

// checkAction checks what was done and what came of it, so that the error says
// what could be written instead.
func checkAction(what, result string) error {
	if what == "" {
		return misuse(fmt.Errorf("what was done? --type is missing"), "write, for example, --type issue.create")
	}
	kind, ok := whodid.KindOf(what)
	switch {
	case !ok:
		return misuse(fmt.Errorf("--type %q is not an action", what), "write noun.verb in lower case, such as issue.create, pr.merge or report.send")
	case !kind.Action:
		return misuse(fmt.Errorf("--type %q is not an action: %s", what, strings.ToLower(kind.Meaning[:1])+kind.Meaning[1:]), `"whodid exec" and "whodid model record" tell such`)
	}
	if !whodid.Result(result).Valid() || result == "" {
		return misuse(fmt.Errorf("--result %q is none of %s", result, strings.Join(resultNames(), ", ")), "write attempted if nobody knows")
	}
	return nil
}

func resultNames() []string {
	all := whodid.Results()
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = string(r)
	}
	return names
}
