package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// The exit codes of "approval wait", for scripts.
const (
	exitApproved = 0
	exitRejected = 1
	exitPending  = 2
	exitOver     = 3 // expired or cancelled
)

// approvalCommand is the parent of everything about approvals.
func (p *Program) approvalCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "approval",
		GroupID: "keep",
		Short:   "Ask people to approve what agents want to do, and decide",
		Long: `An approval is for one action of one agent, with just these arguments: it is bound
to their digest. It can be decided once, by a person who did not ask, and used
once. Which actions need one, the policy says (docs/approvals.md).

No agent decides: inside of an agent's run or session approve and reject refuse.
What an agent that hides its surroundings could do as the same user of the same
machine, only a signature keeps it from: sign with a key that asks for a touch or
a passphrase (--sign), and let the policy ask for signatures.`,
		Example: `  whodid approval request --type pr.merge --target acme/shop#44 --agent engineering/issue-solver --arg method=squash
  whodid approval list --state pending
  whodid approval approve 7k2m --reason "reviewed with the team" --sign ~/.ssh/id_ed25519_sk
  whodid approval wait 7k2m --timeout 10m && gh pr merge 44 --squash`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(
		p.approvalRequestCommand(), p.approvalListCommand(), p.approvalShowCommand(), p.approvalDecideCommand(true), p.approvalDecideCommand(false),
		p.approvalCancelCommand(), p.approvalWaitCommand(), p.approvalFindingsCommand(), p.passkeyCommand(),
	)
	return c
}

// approvals opens the service of approvals over an open trail.
func (p *Program) approvals(ctx context.Context, t *trail) (*approval.Service, error) {
	signers, err := p.signersOf(ctx, t.asker)
	if err != nil {
		return nil, err
	}
	s := approval.New(p.org, t.recorder, t.store, p.Now)
	s.Trust(signers)
	return s, nil
}

// unapproved adds to an error about approvals what to do next, and the exit code
// that belongs to it.
func unapproved(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return withHint(err, "see: whodid approval list")
	case errors.Is(err, approval.ErrNotAllowed):
		return &exitError{code: ExitNotAllowed, err: err}
	case errors.Is(err, approval.ErrSignature):
		return &exitError{code: ExitNotAllowed, err: withHint(err, "sign with --sign KEY; docs/approvals.md says whose keys count")}
	default:
		return unresolved(err)
	}
}

func (p *Program) approvalListCommand() *cobra.Command {
	var s selection
	var state, kind string
	c := &cobra.Command{
		Use:   "list",
		Short: "List approvals, the last that was asked for first",
		Example: `  whodid approval list --state pending
  whodid approval list --agent 'ops/*' --since 30d --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := s.filter(p)
			if err != nil {
				return err
			}
			if state != "" && !slices.Contains(whodid.ApprovalStates(), whodid.ApprovalState(state)) {
				return usageError("--state: %q is none of %s", state, joined(whodid.ApprovalStates()))
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.ApprovalList, error) {
				return a.Approvals(ctx, ask.ApprovalFilter{
					State: whodid.ApprovalState(state), Agent: f.Agent, Type: kind, Since: f.Since, Until: f.Until, Limit: f.Limit,
				})
			}, func(list *ask.ApprovalList) error {
				if len(list.Approvals) == 0 {
					p.advise(p.out(), "No such approval.")
					return nil
				}
				return printSome(p, &s, list.Approvals, printApprovals)
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "only in this `STATE`: "+joined(whodid.ApprovalStates()))
	c.Flags().StringVar(&kind, "type", "", "only for this `ACTION`, such as pr.merge")
	s.bindAgent(c)
	s.bindWhen(c, "")
	s.bindLimit(c)
	return c
}

func printApprovals(o *term.Output, approvals []ask.Approval) error {
	t := o.Table(
		term.Column{Title: "ASKED", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "ACTION", Whole: true}, term.Column{Title: "TARGET"},
		term.Column{Title: "STATE", Whole: true}, term.Column{Title: "BY", Spare: true}, term.Column{Title: "ID", Whole: true},
	)
	for i := range approvals {
		a := &approvals[i]
		t.Row(
			term.Text(o.Time(&a.RequestedAt)), term.Text(a.Agent), term.Text(a.Type), term.Text(a.Target), approvalCell(a.State),
			term.Text(actorName(a.DecidedBy)), term.Text(shortID(o, a.ApprovalID, whodid.PrefixApproval)),
		)
	}
	return t.Write()
}

func approvalCell(state string) term.Cell {
	style := term.Plain
	switch whodid.ApprovalState(state) {
	case whodid.ApprovalApproved, whodid.ApprovalUsed:
		style = term.Green
	case whodid.ApprovalRejected:
		style = term.Red
	case whodid.ApprovalExpired, whodid.ApprovalCancelled:
		style = term.Dim
	case whodid.ApprovalPending:
		style = term.Yellow
	}
	return term.Cell{Text: state, Style: style}
}

func (p *Program) approvalShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show one approval: what was asked, who decided, what was done under it",
		Example: "  whodid approval show 7k2m\n  whodid approval show appr-7k2m9q4tz8w1c3ab --json",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			a, err := t.asker.ApprovalByID(c.Context(), args[0])
			if err != nil {
				return unapproved(err)
			}
			if p.json {
				return p.printJSON(a)
			}
			signature, err := p.signatureOf(c.Context(), t, a)
			if err != nil {
				return err
			}
			return p.printApproval(a, signature)
		},
	}
}

// signatureOf says what signed a decision, and whether that counts here.
func (p *Program) signatureOf(ctx context.Context, t *trail, a *ask.ShownApproval) (string, error) {
	if a.SigningKey == "" {
		return "", nil
	}
	service, err := p.approvals(ctx, t)
	if err != nil {
		return "", err
	}
	full, err := service.Get(ctx, a.ApprovalID)
	if err != nil {
		return "", err
	}
	said := a.SigningKey
	passkeys, err := t.asker.PasskeysOf(ctx, "", true)
	if err != nil {
		return "", err
	}
	for i := range passkeys.Passkeys {
		if k := &passkeys.Passkeys[i]; k.SigningKey == said {
			said = fmt.Sprintf("%s, the passkey %q of %s", said, k.Name, k.Person)
			break
		}
	}
	if err := service.Signature(&full); err != nil {
		return said + "; " + err.Error(), nil
	}
	return said + "; it holds", nil
}

func (p *Program) printApproval(a *ask.ShownApproval, signature string) error {
	o := p.out()
	facts := []term.Fact{{Name: "State", Cell: approvalCell(a.State)}}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact(name, value))
		}
	}
	add("Flaw", a.Flaw)
	add("Action", a.Type+" "+a.Target)
	add("Agent", a.Agent)
	add("Summary", a.Summary)
	add("Why", a.Why)
	add("Arguments", a.Digest)
	add("Needed by", a.Rule)
	add("Execution", a.ExecutionID)
	asked := actorName(a.RequestedBy)
	if a.OnBehalfOf != "" {
		asked += " on behalf of " + a.OnBehalfOf
	}
	add("Asked by", asked+", "+o.Time(&a.RequestedAt))
	add("Holds until", optionalTime(o, a.ExpiresAt))
	if a.DecidedBy != "" {
		add("Decided by", actorName(a.DecidedBy)+" ("+a.DecidedAuth+"), "+optionalTime(o, a.DecidedAt))
	}
	add("Reason", a.Reason)
	add("Signed with", signature)
	add("Granted until", optionalTime(o, a.ValidUntil))
	if a.UsedBy != "" {
		add("Used by", actorName(a.UsedBy)+", "+optionalTime(o, a.UsedAt))
	}
	add("Id", a.ApprovalID)
	o.Facts(facts...)
	if len(a.Actions) == 0 {
		return nil
	}
	o.Printf("\n")
	return printActions(o, a.Actions)
}

func optionalTime(o *term.Output, t *time.Time) string {
	if t == nil {
		return ""
	}
	return o.Time(t)
}

func (p *Program) approvalWaitCommand() *cobra.Command {
	var timeout durationFlag
	var quiet bool
	c := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait until somebody has decided",
		Long: `Waits until an approval is decided, and ends with a code that scripts can use:

  0  approved
  1  rejected
  2  still pending when the time was over
  3  expired or cancelled`,
		Example: `  whodid approval wait 7k2m --timeout 10m && gh pr merge 44 --squash
  whodid approval wait 7k2m --timeout 0s   # only look`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			a, err := p.awaitApproval(c.Context(), t, args[0], time.Duration(timeout))
			if err != nil {
				return unapproved(err)
			}
			switch {
			case p.json:
				err = p.printJSON(a)
			case !quiet:
				_, err = fmt.Fprintln(p.Stdout, a.State)
			}
			if err != nil {
				return err
			}
			if code := approvalExit(a.State); code != exitApproved {
				return &exitError{code: code}
			}
			return nil
		},
	}
	timeout = durationFlag(time.Hour)
	c.Flags().Var(&timeout, "timeout", "how long to wait at most: 30s, 10m, 2h")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing")
	return c
}

func approvalExit(state string) int {
	switch whodid.ApprovalState(state) {
	case whodid.ApprovalApproved, whodid.ApprovalUsed:
		return exitApproved
	case whodid.ApprovalRejected:
		return exitRejected
	case whodid.ApprovalPending:
		return exitPending
	case whodid.ApprovalExpired, whodid.ApprovalCancelled:
		return exitOver
	default:
		return exitOver
	}
}

// awaitApproval asks again and again, ever more slowly: a person decides in
// seconds at best.
func (p *Program) awaitApproval(ctx context.Context, t *trail, prefix string, timeout time.Duration) (*ask.ShownApproval, error) {
	ctx, cancel := context.WithTimeout(ctx, max(timeout, time.Millisecond))
	defer cancel()
	asking := context.WithoutCancel(ctx)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		a, err := t.asker.ApprovalByID(asking, prefix)
		if err != nil || a.State != string(whodid.ApprovalPending) {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, nil
		case <-time.After(pause):
		}
	}
}
