package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/trailer"
)

// origin is the answer of "whodid git message": the five trailers.
type origin struct {
	Agent     string `json:"agent"`
	Squad     string `json:"squad"`
	Trigger   string `json:"trigger"`
	Execution string `json:"execution"`
	Model     string `json:"model"`
}

func (p *Program) gitMessageCommand() *cobra.Command {
	var execution string
	c := &cobra.Command{
		Use:   "message",
		Short: "Print the trailers of the execution, for tools that commit without hooks",
		Long: `Prints the five trailers as they belong at the end of a commit's message: those
of the execution in which the command runs, or of one in the trail.`,
		Example: `  whodid git message
  git commit -m "fix: keep the session" -m "$(whodid git message)"
  whodid git message --execution 7k2m`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := p.origin(c.Context(), execution)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(origin(o))
			}
			_, err = fmt.Fprint(p.Stdout, o)
			return err
		},
	}
	c.Flags().StringVar(&execution, "execution", "", "an execution of the trail, by the first letters of its id")
	return c
}

// errNoExecution means that nothing says to which execution a command belongs.
var errNoExecution = errors.New("there is no execution here")

// origin is the origin of an execution of the trail, or of the one in which
// this command runs if id is empty.
func (p *Program) origin(ctx context.Context, id string) (trailer.Origin, error) {
	if id == "" {
		source := p.gitSource()
		o, ok := source.Origin(ctx)
		if !ok {
			return o, withHint(errNoExecution, `run it in "whodid run" or in the session of an agent, or name one with --execution`)
		}
		return o, nil
	}
	t, err := p.open(ctx)
	if err != nil {
		return trailer.Origin{}, err
	}
	defer t.close()
	full, err := t.asker.Resolve(ctx, id)
	if err != nil {
		return trailer.Origin{}, err
	}
	x, err := t.store.Execution(ctx, p.org, full)
	if err != nil {
		return trailer.Origin{}, err
	}
	o := trailer.Origin{
		Agent: x.Agent, Squad: whodid.Squad(x.Agent), Trigger: whodid.FormatTrigger(x.Trigger, x.TriggerDetail),
		Execution: x.ID, Model: x.Model,
	}
	if o.Model == "" {
		o.Model = githook.UnknownModel
	}
	if err := o.Validate(); err != nil {
		return o, fmt.Errorf("couldn't write the trailers of %s: %w", x.ID, err)
	}
	return o, nil
}
