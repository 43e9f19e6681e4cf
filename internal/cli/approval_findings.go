package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/sshsig"
)

func (p *Program) approvalFindingsCommand() *cobra.Command {
	var s selection
	var check bool
	c := &cobra.Command{
		Use:   "findings",
		Short: "List what needed an approval and was done without one",
		Long: `Judges what agents did by the policies that hold here, and lists the actions that
needed an approval and were done without one that allows just them: because the
trail could not be reached, the client had no hook, the approval was of something
else, or its signature does not count. What was blocked was not done.`,
		Example: "  whodid approval findings --since 7d\n  whodid approval findings --check --since 1d   # for scripts: exit status 5 if there are any",
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := s.filter(p)
			if err != nil {
				return err
			}
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			found, err := p.unapproved(c.Context(), t, ask.UnapprovedFilter{Since: f.Since, Until: f.Until})
			if err != nil {
				return err
			}
			if p.json {
				err = p.printJSON(found)
			} else {
				err = p.printUnapproved(found)
			}
			if err == nil && check && len(found.Findings) > 0 {
				return &exitError{code: ExitPolicy}
			}
			return err
		},
	}
	s.bindWhen(c, "")
	c.Flags().BoolVar(&check, "check", false, "end with exit status 5 if there are any")
	return c
}

// unapproved asks what was done without an approval that the policies here, and
// whoever says whose signatures count, demand.
func (p *Program) unapproved(ctx context.Context, t *trail, f ask.UnapprovedFilter) (*ask.Unapproved, error) {
	rules, signature, err := p.approvalRules(ctx, t)
	if err != nil {
		return nil, err
	}
	f.Signature = signature
	return t.asker.Unapproved(ctx, rules, f)
}

// approvalRules are the policies that hold here and what says whose signatures
// count: by both together it is judged whether an action had the approval that it
// needed.
func (p *Program) approvalRules(ctx context.Context, t *trail) (*policy.Policy, func(*whodid.Approval) error, error) {
	rules, err := p.rulesHere()
	if err != nil {
		return nil, nil, err
	}
	signers, err := p.signersOf(ctx, t.asker)
	if err != nil {
		return nil, nil, err
	}
	return rules.Policy, func(a *whodid.Approval) error { return sshsig.CheckApproval(a, signers) }, nil
}

// signatures says whose signatures count, for who verifies; nil if no file does.
func (p *Program) signatures() (proof.Signature, error) {
	signers, _, err := p.allowedSigners()
	if err != nil || signers == nil {
		return nil, err
	}
	return func(a *whodid.Approval) error { return sshsig.CheckApproval(a, signers) }, nil
}

func (p *Program) printUnapproved(found *ask.Unapproved) error {
	o := p.out()
	switch {
	case found.Policy == "":
		p.advise(o, "No policy here asks for approvals: see docs/approvals.md.")
		return nil
	case len(found.Findings) == 0:
		p.advise(o, "%s needed an approval, and had one.", term.Count(int64(found.Looked), "action"))
		return nil
	}
	return unapprovedTable(o, found.Findings)
}

func unapprovedTable(o *term.Output, findings []ask.UnapprovedAction) error {
	t := o.Table(
		term.Column{Title: "WHEN", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "ACTION", Whole: true}, term.Column{Title: "TARGET"},
		term.Column{Title: "RULE", Whole: true}, term.Column{Title: "FINDING", Spare: true},
	)
	for i := range findings {
		f := &findings[i]
		t.Row(term.Text(o.Time(&f.At)), term.Text(f.Agent), term.Text(f.ActionType), term.Text(f.Target), term.Text(f.Rule),
			term.Cell{Text: f.Reason, Style: term.Red})
	}
	return t.Write()
}

// unapproved shows what of a run needed an approval and had none.
func (v *showPage) unapproved() error {
	if v.show.Unapproved == nil || len(v.show.Unapproved.Findings) == 0 {
		return nil
	}
	v.out.Printf("\n")
	return unapprovedTable(v.out, v.show.Unapproved.Findings)
}

// examineApprovals tells what was done of late without an approval that it needed.
func (p *Program) examineApprovals(ctx context.Context, t *trail, since time.Time) ask.Check {
	found, err := p.unapproved(ctx, t, ask.UnapprovedFilter{Since: since})
	switch {
	case err != nil:
		return problem("approvals", "whodid policy check", "What was done without an approval can't be told: %v.", err)
	case found.Policy == "":
		return fine("approvals", "No policy here asks for approvals.")
	case len(found.Findings) > 0:
		return warning("approvals", "whodid approval findings --since 7d", "%s that needed an approval in the last week ran without one.",
			term.Count(int64(len(found.Findings)), "action"))
	default:
		return fine("approvals", "%s in the last week needed an approval, and all had one.", term.Count(int64(found.Looked), "action"))
	}
}
