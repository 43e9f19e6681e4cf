package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/proof"
)

func (p *Program) proveCommand() *cobra.Command {
	var out string
	var redact []string
	c := &cobra.Command{
		Use:     "prove EVENT",
		GroupID: "prove",
		Short:   "Print the proof of one event, to be checked by somebody who trusts nobody",
		Long: `Prints a bundle: the event, its place in the log, the path from its leaf to the
root and the signed checkpoint. whodid-verify checks it offline, without this
trail and without trusting its operator. Fields can be withheld; the bundle still
verifies.

EVENT is the id of an event ("whodid exec show" and "whodid action list" print
it), or its unique beginning.`,
		Example: `  whodid prove evt-q57dmc3g -o proof.json
  whodid prove q57dmc3g --redact target,why > proof.json
  whodid-verify proof.json --key "$(whodid log key)"`,
		Args: exactArgs(1, "the id of an event"),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := p.prove(c.Context(), args[0], redact)
			if err != nil {
				return err
			}
			text, err := b.JSON()
			if err != nil {
				return err
			}
			if out == "" || out == "-" {
				_, err = p.Stdout.Write(text)
				return err
			}
			if err := os.WriteFile(out, text, 0o644); err != nil {
				return fmt.Errorf("couldn't write the proof: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "write the bundle to this file")
	c.Flags().StringSliceVar(&redact, "redact", nil, "withhold these fields: actor, data, on_behalf_of, target, why")
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

// exactArgs is cobra.ExactArgs with an error that says what is missing.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return &exitError{code: ExitUsage, err: withHint(
			fmt.Errorf("%q needs %s, and got %d arguments", c.CommandPath(), what, len(args)), "see: %s --help", c.CommandPath())}
	}
}
