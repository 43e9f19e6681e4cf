package cli

import "github.com/spf13/cobra"

// actionCommand is the parent of everything about what runs did.
func (p *Program) actionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "action",
		GroupID: "record",
		Short:   "Record and look at what agents did",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(
		p.actionRecordCommand(),
		p.actionListCommand(),
	)
	return c
}
