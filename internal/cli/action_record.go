package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
)

func (p *Program) actionRecordCommand() *cobra.Command {
	var execution, what, target, result, approval, why, key, at string
	var data []string
	c := &cobra.Command{
		Use:   "record --type TYPE --result RESULT",
		Short: "Record something that was done, and print its id",
		Long: `Records one action and prints the id of its event. Inside of "whodid run" the
action is that of the run; elsewhere --execution names the run, and without it
the action is your own.

The result is what is known: success only if that was seen, attempted if nobody
knows. TYPE is noun.verb, such as issue.create, pr.merge or file.write; words of
your own are welcome. With --key the same action may be told again, also by
another command, and is recorded once.`,
		Example: `  whodid action record --type issue.create --target acme/shop#43 --result success
  whodid action record --execution 7k2m --type deploy.production --target shop \
      --result failed --why "health check" --data version=1.4.2 --data replicas=3`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkAction(what, result); err != nil {
				return err
			}
			metadata, err := metadata(what, data)
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
			action := s.event(what, freshKey("action"), when)
			if key != "" {
				action.Key = factKey("action", s.execution, key)
			}
			action.Target, action.Result, action.Why, action.Approval, action.Data = target, whodid.Result(result), why, approval, metadata
			return w.writeAndTell(c.Context(), action)
		},
	}
	f := c.Flags()
	f.StringVar(&execution, "execution", "", "the run that did it, by the first letters of its id (default: the run around this command)")
	f.StringVar(&what, "type", "", "what was done, as noun.verb")
	f.StringVar(&target, "target", "", "to what: a path, a URL, acme/shop#43")
	f.StringVar(&result, "result", "", "what came of it: "+strings.Join(resultNames(), ", "))
	f.StringVar(&approval, "approval", "", "the approval that it was done under")
	f.StringVar(&why, "why", "", "why it was done")
	f.StringArrayVar(&data, "data", nil, "metadata, as name=value; may be repeated")
	f.StringVar(&key, "key", "", "what names this action, so that telling it again changes nothing")
	f.StringVar(&at, "at", "", "when it was done (default: now)")
	return c
}

// recorded is the answer of a command that recorded one event.
type recorded struct {
	EventID     string `json:"event_id"`
	ExecutionID string `json:"execution_id"`
	// New is false if the trail held it already.
	New bool `json:"new"`
}

// checkAction checks what was done and what came of it, so that the error says
// what could be written instead.
func checkAction(what, result string) error {
	if what == "" {
		return misuse(fmt.Errorf("what was done? --type is missing"), "write, for example, --type issue.create")
	}
	kind, ok := whodid.KindOf(what)
	switch {
	case !ok:
		return misuse(fmt.Errorf("--type %q is not an action", what), "write noun.verb in lower case, such as issue.create, pr.merge or report.send")
	case !kind.Action:
		return misuse(fmt.Errorf("--type %q is not an action: %s", what, strings.ToLower(kind.Meaning[:1])+kind.Meaning[1:]), `"whodid exec" and "whodid model record" tell such`)
	}
	if !whodid.Result(result).Valid() || result == "" {
		return misuse(fmt.Errorf("--result %q is none of %s", result, strings.Join(resultNames(), ", ")), "write attempted if nobody knows")
	}
	return nil
}

func resultNames() []string {
	all := whodid.Results()
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = string(r)
	}
	return names
}
