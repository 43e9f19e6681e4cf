package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/proof"
)

func (p *Program) proveCommand() *cobra.Command {
	var o disclosure
	var when period
	var redact []string
	c := &cobra.Command{
		Use:     "prove EVENT | execution:ID | event:ID | commit:SHA | pr:#44 | line:FILE:LINE | period:FROM..TO | report:FILE",
		GroupID: "prove",
		Short:   "Make the proof of an event, a run or an answer, to be checked by somebody who trusts nobody",
		Long: `Writes a proof that whodid-verify checks offline, without this trail and without
trusting its operator. Fields can be withheld; the proof still verifies.

Of a run, a commit, a pull request, a line or a period, and of an event with
"event:" before it, the proof is a zip archive (--out): the events that the answer
rests on, the parts of the approvals that they name, their places in the log, and
the signed checkpoint. Of a run and of a period it holds every entry of the log
between the first and the last, so that none can be left out: of others it shows
the public leaf, which holds no personal data. A period is that of recording; it
can also be named by --month, or --from and --to. Of a report (the file that
"whodid report weekly --json" wrote) it holds what happened in its time. More than
10,000 entries are no proof for one archive: "whodid export" proves any number.

Of EVENT alone, the id of an event ("whodid exec show" and "whodid action list"
print it) or its unique beginning, it is a bundle: one JSON document, printed.`,
		Example: `  whodid prove execution:7k2m9q4t -o proof.zip
  whodid prove period:2026-11-01..2026-11-08 -o week.zip --withhold why,on_behalf_of
  whodid prove --month 2026-10 --tz Europe/Berlin -o october.zip
  whodid prove report:week.json -o week.zip
  whodid prove commit:HEAD~3 -o proof.zip --disclose target
  whodid-verify proof.zip --trust keys.json
  whodid prove evt-q57dmc3g -o proof.json
  whodid-verify proof.json --key "$(whodid log key)"`,
		Args: func(c *cobra.Command, args []string) error {
			if when.given() && len(args) == 0 {
				return nil
			}
			return oneArgument("the id of an event, a subject such as execution:ID, or a period")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if when.given() {
				o.withhold = append(o.withhold, redact...)
				return p.proveNamed(c.Context(), args, &when, &o)
			}
			if kind, id, ok := strings.Cut(args[0], ":"); ok && slices.Contains([]string{"execution", "event", "commit", "pr", "line", "period", "report"}, kind) {
				o.withhold = append(o.withhold, redact...)
				return p.proveSubject(c.Context(), kind, id, &when, &o)
			}
			fields, err := o.withheld()
			if err != nil {
				return err
			}
			redact, out := append(redact, fields...), o.out
			b, err := p.prove(c.Context(), args[0], redact)
			if err != nil {
				return err
			}
			text, err := b.JSON()
			if err != nil {
				return err
			}
			return p.hand(out, text, 0o644, "proof")
		},
	}
	c.Flags().StringVarP(&o.out, "out", "o", "", "write the proof to this `FILE`")
	c.Flags().StringSliceVar(&redact, "redact", nil, "the same as --withhold")
	o.bind(c)
	when.bind(c)
	return c
}

func (p *Program) prove(ctx context.Context, prefix string, redact []string) (*proof.Bundle, error) {
	t, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	b, err := t.asker.Prove(ctx, prefix)
	if err != nil {
		return nil, err
	}
	if err := b.Redact(redact...); err != nil {
		return nil, usageError("--redact: %w", err)
	}
	return b, nil
}

// oneArgument is cobra.ExactArgs(1) with an error that says what is missing.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return &exitError{code: ExitUsage, err: withHint(
			fmt.Errorf("%q needs %s, and got %d arguments", c.CommandPath(), what, len(args)), "see: %s --help", c.CommandPath())}
	}
}
