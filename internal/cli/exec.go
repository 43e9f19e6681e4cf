package cli

import "github.com/spf13/cobra"

// execCommand is the parent of everything about single runs.
func (p *Program) execCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "exec",
		GroupID: "record",
		Short:   "Record and look at single runs of agents",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(
		p.execStartCommand(),
		p.execFinishCommand(),
		p.execTagCommand(),
		p.execListCommand(),
		p.execShowCommand(),
		p.execStatsCommand(),
		p.execLogsCommand(),
		p.execExportCommand(),
	)
	return c
}
