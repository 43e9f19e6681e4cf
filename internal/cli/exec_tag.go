package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

func (p *Program) execTagCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tag ID NAME=VALUE…",
		Short: "Tag a run, so that it can be found again",
		Long: `Tags a run: each tag is a name and a value. A name that the run has already gets
the new value; the old one stays in the trail.`,
		Example:           `  whodid exec tag 7k2m env=staging ticket=OPS-17`,
		Args:              arguments(cobra.MinimumNArgs(2)),
		ValidArgsFunction: p.completeExecutions,
		RunE: func(c *cobra.Command, args []string) error {
			labels, err := tags("tag", args[1:])
			if err != nil {
				return err
			}
			w, err := p.openPenTo(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			s, err := w.about(c.Context(), args[0])
			if err != nil {
				return err
			}
			if s.onBehalf != "" {
				// From outside of the run it is a person who tags, not its agent.
				s.actor, s.auth, s.onBehalf, s.behalfBy = s.onBehalf, s.behalfBy, "", ""
			}
			tag := s.event("execution.tag", freshKey("tag"), p.Now())
			tag.Data = labels
			if _, err := w.write(c.Context(), tag); err != nil {
				return err
			}
			if p.json {
				return p.printJSON(map[string]any{"execution_id": s.execution, "tags": tag.Data})
			}
			for _, name := range slices.Sorted(maps.Keys(tag.Data)) {
				if _, err := fmt.Fprintf(p.Stdout, "%s %s=%v\n", s.execution, name, tag.Data[name]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
