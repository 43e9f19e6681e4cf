package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// finishes are the statuses that a run can be finished with. running and lost
// are none: nobody can tell them of himself.
var finishes = []string{"success", "failed", "timeout", "cancelled"}

func (p *Program) execFinishCommand() *cobra.Command {
	var status, reason, at string
	var usage usageFlags
	c := &cobra.Command{
		Use:   "finish ID --status success|failed|timeout|cancelled",
		Short: "Record that a run ended, and how",
		Long: `Records that a run that "exec start" began has ended, with its result and, where
they are known, its tokens and cost. Totals that are given here stand for the
whole run, in place of the sum of its model calls. What is left out stays
unknown.

Telling the same end twice changes nothing; telling another end corrects the
first, and both stay in the trail.`,
		Example: `  whodid exec finish 7k2m --status success
  whodid exec finish "$id" --status failed --reason "disk full"
  whodid exec finish "$id" --status success --model claude-sonnet-5 \
      --tokens-in 1200 --tokens-out 340 --cost-usd 0.0345`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: p.completeExecutions,
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(finishes, status) {
				return misuse(fmt.Errorf("--status %q is none of %s", status, strings.Join(finishes, ", ")), "write, for example, --status success")
			}
			data, err := usage.data(c)
			if err != nil {
				return err
			}
			if reason != "" {
				data["reason"] = reason
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
			s, err := w.about(c.Context(), args[0])
			if err != nil {
				return err
			}
			finish := s.event("execution.finish", "", when)
			finish.Result, finish.Data = whodid.Result(status), data
			fact := finishFact(&finish, at != "")
			x, last, err := w.lastFinish(c.Context(), s.execution)
			if err != nil {
				return err
			}
			changed := !strings.HasPrefix(last.Key, fact)
			if changed {
				finish.Key = fact + strings.TrimPrefix(last.ID, whodid.PrefixEvent+"-")
				if _, used := data.Int("output_tokens"); used && usage.model == "" && x != nil && x.Model != "" {
					data["model"] = x.Model // so that the tokens have a price
				}
				if _, err := w.write(c.Context(), finish); err != nil {
					return err
				}
			}
			if p.json {
				return p.printJSON(map[string]any{"execution_id": s.execution, "status": status, "changed": changed})
			}
			if !changed {
				_, err = fmt.Fprintf(p.Stdout, "%s %s (already recorded)\n", s.execution, status)
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "%s %s\n", s.execution, status)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&status, "status", "", "how it ended: "+strings.Join(finishes, ", "))
	f.StringVar(&reason, "reason", "", "what the status rests on, in a few words")
	f.StringVar(&at, "at", "", "when it ended (default: now)")
	usage.register(c)
	return c
}

// finishFact is the part of an end's key that follows from what it says. Its
// time belongs to that only where it was told: "now" is another each time. The
// rest of the key is the end that it takes the place of, so that a third end
// may say again what the first did.
func finishFact(e *whodid.Event, timed bool) string {
	facts := []string{e.Execution, string(e.Result), string(e.Data.Canonical())}
	if timed {
		facts = append(facts, whodid.FormatTime(e.At))
	}
	return factKey("finish", facts...) + "/"
}

// lastFinish returns an execution and the end that the trail has of it: nil and
// the zero event if it has none.
func (w *pen) lastFinish(ctx context.Context, execution string) (*whodid.Execution, whodid.Event, error) {
	if w.trail == nil {
		return nil, whodid.Event{}, nil
	}
	x, err := w.trail.store.Execution(ctx, w.p.org, execution)
	if errors.Is(err, store.ErrNotFound) {
		return nil, whodid.Event{}, nil
	}
	if err != nil || x.Folded.Finish == nil {
		return x, whodid.Event{}, err
	}
	row, err := w.trail.store.Event(ctx, w.p.org, x.Folded.Finish.ID)
	if err != nil {
		return nil, whodid.Event{}, err
	}
	return x, row.Event, nil
}
