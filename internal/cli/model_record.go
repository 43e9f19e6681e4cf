package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// modelCommand is the parent of what is recorded about models.
func (p *Program) modelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "model",
		GroupID: "record",
		Short:   "Record calls of models: tokens and cost",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.modelRecordCommand())
	return c
}

func (p *Program) modelRecordCommand() *cobra.Command {
	var execution, provider, request, at string
	var usage usageFlags
	c := &cobra.Command{
		Use:   "record --model MODEL",
		Short: "Record one call of a model, and print the id of its event",
		Long: `Records what one call of a model used and cost. Inside of "whodid run" the call
is that of the run; elsewhere --execution names the run.

What is left out stays unknown, and is counted as such beside every sum. The
cost is computed from a price table if it is not given and tokens and model are
known. With --request the same call may be told again and is recorded once.`,
		Example: `  whodid model record --model claude-sonnet-5 --tokens-in 812 --tokens-out 96 --request req_011CQ
  whodid model record --execution 7k2m --model gpt-6-sol --provider openai --cost-usd 0.0021`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if usage.model == "" {
				return misuse(fmt.Errorf("which model answered? --model is missing"), "write, for example, --model claude-sonnet-5")
			}
			data, err := usage.data(c)
			if err != nil {
				return err
			}
			when, err := p.at(at)
			if err != nil {
				return err
			}
			w, err := p.openPenTo(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			s, err := w.about(c.Context(), execution)
			if err != nil {
				return err
			}
			call := s.event("model.call", freshKey("model"), when)
			if provider != "" {
				data["provider"] = provider
			}
			if request != "" {
				data["request"] = request
				call.Key = factKey("model", s.execution, provider, request)
			}
			call.Data = data
			return w.writeAndTell(c.Context(), call)
		},
	}
	f := c.Flags()
	f.StringVar(&execution, "execution", "", "the run that called, by the first letters of its id (default: the run around this command)")
	f.StringVar(&provider, "provider", "", "who served the model, such as anthropic or openai")
	f.StringVar(&request, "request", "", "the service's id of the request, so that telling it again changes nothing")
	f.StringVar(&at, "at", "", "when it answered (default: now)")
	usage.register(c)
	return c
}
