package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// passkeyCommand is the parent of what is done with passkeys where no browser is.
func (p *Program) passkeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "passkey",
		Short: "List and revoke the passkeys that people sign decisions with",
		Long: `A person registers a passkey at the page of a server, and signs decisions on
approvals with it there (docs/approvals.md). Each registration and each revocation
is an event of the trail.`,
		Example: "  whodid approval passkey list\n  whodid approval passkey revoke d+utEvCH --reason \"the laptop was stolen\"",
		Args:    arguments(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.passkeyListCommand(), p.passkeyRevokeCommand())
	return c
}

func (p *Program) passkeyListCommand() *cobra.Command {
	var all, signers bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List passkeys, in the order in which they were registered",
		Example: `  whodid approval passkey list --all
  whodid approval passkey list --signers >> /etc/whodid/allowed_signers`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if all && signers {
				return usageError("--signers lists those that hold, and not --all")
			}
			show := p.printPasskeys
			if signers {
				show = p.printSigners
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.PasskeyList, error) {
				return a.PasskeysOf(ctx, "", all)
			}, show)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that were revoked too")
	c.Flags().BoolVar(&signers, "signers", false, "as lines of a file of allowed signers")
	return c
}

// printSigners prints passkeys as OpenSSH's file of allowed signers has them.
func (p *Program) printSigners(list *ask.PasskeyList) error {
	for i := range list.Passkeys {
		k := &list.Passkeys[i]
		fmt.Fprintf(p.Stdout, "%s namespaces=%q %s\n", k.Person, whodid.SSHNamespace, k.PublicKey)
	}
	return nil
}

func (p *Program) printPasskeys(list *ask.PasskeyList) error {
	o := p.out()
	if len(list.Passkeys) == 0 {
		p.advise(o, "No passkey. People register theirs at the page of a server, under Approvals.")
		return nil
	}
	t := o.Table(
		term.Column{Title: "REGISTERED", Whole: true}, term.Column{Title: "WHO", Whole: true}, term.Column{Title: "NAME"},
		term.Column{Title: "REVOKED", Whole: true}, term.Column{Title: "KEY", Whole: true},
	)
	for i := range list.Passkeys {
		k := &list.Passkeys[i]
		t.Row(term.Text(o.Time(&k.RegisteredAt)), term.Text(actorName(k.Person)), term.Text(k.Name), term.Text(optionalTime(o, k.RevokedAt)), term.Text(k.SigningKey))
	}
	return t.Write()
}

func (p *Program) passkeyRevokeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "revoke KEY --reason REASON",
		Short: "Make a passkey worthless from now on",
		Long: `Makes a passkey worthless from now on, for good. What it signed before goes on to
count. KEY is its fingerprint or a unique beginning of it.`,
		Example: `  whodid approval passkey revoke d+utEvCH --reason "the laptop was stolen"`,
		Args:    oneArgument("the fingerprint of a passkey"),
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return misuse(errors.New("--reason is missing"), "without one nobody knows later whether it was stolen or retired")
			}
			w, who, err := p.approvalPen(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			if reason, err = w.cleaned(reason); err != nil {
				return err
			}
			k, err := approval.NewPasskeys(p.org, w.trail.recorder, w.trail.asker, p.Now).Revoke(c.Context(), args[0], reason, approval.AnyPasskey, who)
			switch {
			case errors.Is(err, store.ErrNotFound), errors.Is(err, approval.ErrPasskey):
				return withHint(err, "see: whodid approval passkey list")
			case err != nil:
				return unapproved(err)
			case p.json:
				return p.printJSON(ask.NewPasskey(&k))
			}
			_, err = fmt.Fprintln(p.Stdout, k.Fingerprint)
			return err
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
