package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// holdCommand is the parent of everything about legal holds.
func (p *Program) holdCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "hold",
		GroupID: "keep",
		Short:   "Keep events whatever the policy says, as for a court",
		Long: `A hold keeps what it covers until it is released: no sweep and no erasure touches
it. It holds a run as a whole, with its sub-agents, if it covers any event of it.`,
		Example: `  whodid hold place execution:7k2m --reason "incident 2026-11"
  whodid hold list
  whodid hold release 3f9d --reason "closed"`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(p.holdPlaceCommand(), p.holdListCommand(), p.holdReleaseCommand())
	return c
}

func (p *Program) holdPlaceCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "place SCOPE",
		Short: "Place a hold",
		Long: `Places a hold on what SCOPE covers, now and in future:

  execution:ID            a run
  agent:NAME              an agent, squad/name; * stands for anything
  squad:NAME              all agents of a squad
  repository:NAME         a repository, owner/name or host/owner/name
  person:PSEUDONYM        what a person did, or an agent on their behalf
  time:FROM..UNTIL        what happened or was recorded from a time on and before
                          another`,
		Example: `  whodid hold place execution:7k2m --reason "incident 2026-11"
  whodid hold place 'agent:ops/*' --reason "audit"
  whodid hold place time:2026-11-01..2026-11-08 --reason "request of the regulator"`,
		Args: oneArgument("a scope such as execution:ID"),
		RunE: func(c *cobra.Command, args []string) error { return p.placeHold(c.Context(), args[0], reason) },
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

// held is the answer of the commands that place and release holds.
type held struct {
	HoldID string `json:"hold_id"`
	Scope  string `json:"scope"`
	// Standing is false once it is released.
	Standing bool `json:"standing"`
}

func (p *Program) tellHold(h held) error {
	if p.json {
		return p.printJSON(h)
	}
	_, err := fmt.Fprintf(p.Stdout, "%s\t%s\n", h.HoldID, h.Scope)
	return err
}

var errNoReason = errors.New("--reason is missing")

func (p *Program) placeHold(ctx context.Context, text, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return misuse(errNoReason, "a hold without a reason can't be judged later")
	}
	w, who, err := p.holdPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if id, ok := strings.CutPrefix(text, whodid.HoldExecution+":"); ok {
		if id, err = w.resolve(ctx, id); err != nil {
			return unresolved(err)
		}
		text = whodid.HoldExecution + ":" + id
	}
	scope, err := whodid.ParseHoldScope(text)
	if err != nil {
		return misuse(err, "see: whodid hold place --help")
	}
	if cleaned, _ := w.redactor.Clean(scope.String()); cleaned != scope.String() {
		// What would be kept of it holds nothing.
		return misuse(errors.New("the scope has something in it that is never kept, such as a secret or an e-mail address"), "hold it by its execution, its agent or its time; see: whodid redact --test -")
	}
	e := *who
	e.Key, e.What, e.Target, e.Why = freshKey("hold"), "hold.place", scope.String(), reason
	rows, err := w.trail.recorder.Record(ctx, e)
	if err != nil {
		return err
	}
	return p.tellHold(held{HoldID: rows[0].ID, Scope: scope.String(), Standing: true})
}

// holdPen opens the trail to place a hold, which an agent may too.
func (p *Program) holdPen(ctx context.Context) (*pen, *whodid.Event, error) {
	w, err := p.newPen()
	if err != nil {
		return nil, nil, err
	}
	if err := w.open(ctx); err != nil {
		return nil, nil, err
	}
	e := &whodid.Event{Source: "cli"}
	if err := w.drain(ctx); err != nil {
		w.close()
		return nil, nil, err
	}
	if err := w.sign(ctx, e); err != nil {
		w.close()
		return nil, nil, err
	}
	return w, e, nil
}

func (p *Program) holdListCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the holds that stand, the last placed first",
		Example: `  whodid hold list --all`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.HoldList, error) {
				return a.Holds(ctx, all)
			}, p.printHoldList)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that were released, too")
	return c
}

func (p *Program) printHoldList(list *ask.HoldList) error {
	if len(list.Holds) == 0 {
		p.advise(p.out(), "No hold stands.")
		return nil
	}
	return printHolds(p.out(), list.Holds)
}

func printHolds(o *term.Output, holds []ask.Hold) error {
	t := o.Table(
		term.Column{Title: "PLACED", Whole: true}, term.Column{Title: "BY", Spare: true}, term.Column{Title: "SCOPE"}, term.Column{Title: "REASON"},
		term.Column{Title: "RELEASED", Whole: true}, term.Column{Title: "HOLD", Whole: true},
	)
	for i := range holds {
		h := &holds[i]
		released := ""
		if h.ReleasedAt != nil {
			released = o.Time(h.ReleasedAt)
		}
		t.Row(term.Text(o.Time(&h.PlacedAt)), term.Text(actorName(h.PlacedBy)), term.Text(h.Scope), term.Text(h.Reason), term.Text(released),
			term.Text(shortID(o, h.HoldID, whodid.PrefixEvent)))
	}
	return t.Write()
}

func (p *Program) holdReleaseCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "release ID",
		Short: "Release a hold; what it held may go from now on",
		Long: `Releases a hold. No agent does. What was held is swept when it is due, and no
other hold covers it.`,
		Example: `  whodid hold release 3f9d --reason "closed"`,
		Args:    oneArgument("the id of a hold"),
		RunE:    func(c *cobra.Command, args []string) error { return p.releaseHold(c.Context(), args[0], reason) },
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}

func (p *Program) releaseHold(ctx context.Context, prefix, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return misuse(errNoReason, "a release without a reason can't be judged later")
	}
	w, who, err := p.personPen(ctx, "releases a hold")
	if err != nil {
		return err
	}
	defer w.close()
	list, err := w.trail.asker.Holds(ctx, true)
	if err != nil {
		return err
	}
	var found []ask.Hold
	for _, h := range list.Holds {
		if strings.HasPrefix(h.HoldID, prefix) || strings.HasPrefix(h.HoldID, whodid.PrefixEvent+"-"+prefix) {
			found = append(found, h)
		}
	}
	switch {
	case len(found) == 0:
		return unresolvedAmong(fmt.Errorf("hold %q: %w", prefix, store.ErrNotFound), "whodid hold list")
	case len(found) > 1:
		return unresolvedAmong(&store.AmbiguousError{Prefix: prefix, IDs: []string{found[0].HoldID, found[1].HoldID}}, "whodid hold list")
	case found[0].ReleasedAt != nil:
		return withHint(fmt.Errorf("hold %s was released before", found[0].HoldID), "see: whodid hold list --all")
	}
	e := *who
	e.Key, e.What, e.Target, e.Why = "hold/"+found[0].HoldID+"/release", "hold.release", found[0].HoldID, reason
	if _, err := w.trail.recorder.Record(ctx, e); err != nil {
		return err
	}
	return p.tellHold(held{HoldID: found[0].HoldID, Scope: found[0].Scope})
}
