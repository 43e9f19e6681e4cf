package cli

import "github.com/spf13/cobra"

// gitCommand is the parent of what whodid does with git repositories; each
// line below is a command with a file of its own.
func (p *Program) gitCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "git",
		GroupID: "record",
		Short:   "Put the origin of agents' commits into git, check it and ask for it",
		Example: `  whodid git install          # from now on agents' commits say where they come from
  whodid git message          # the trailers, for tools that make commits without hooks
  whodid git trailers FILE    # is this message as git can read it?`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(
		p.gitInstallCommand(),
		p.gitUninstallCommand(),
		p.gitMessageCommand(),
		p.gitTrailersCommand(),
		p.gitHookCommand(),
		p.gitCheckCommand(),
		p.gitIndexCommand(),
		p.gitTraceCommand(),
		p.gitStatsCommand(),
		p.gitLogCommand(),
	)
	return c
}
