package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *Program) syncCommand() *cobra.Command {
	var quiet bool
	c := &cobra.Command{
		Use:     "sync",
		GroupID: "record",
		Short:   "Take what waits in the spool into the trail",
		Long: `Takes what hooks have left in the spool into the trail, reads the transcripts of
sessions that ended for tokens and cost, and ends runs that stopped reporting.
Every command that asks does this first, so there is seldom a need to call it.`,
		Example: `  whodid sync
  whodid sync --quiet     # as a timer or a hook would`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.openOnly(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			taken, err := p.drain(c.Context(), t)
			switch {
			case err != nil:
				return err
			case quiet:
				return nil
			case p.json:
				return p.printJSON(map[string]int{
					"records": taken.Records, "events": taken.Events, "transcripts": taken.Transcripts, "gaps": taken.Gaps,
				})
			}
			fmt.Fprintf(p.Stdout, "%d records from the spool, %d transcripts, %d new events, %d gaps\n",
				taken.Records, taken.Transcripts, taken.Events, taken.Gaps)
			return nil
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing")
	return c
}
