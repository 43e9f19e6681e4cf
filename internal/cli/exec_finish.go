package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// ended says what became of an execution.
type ended struct {
	ExecutionID string `json:"execution_id"`
	// Status is what the run is now. The end that is the latest counts, whatever
	// the order in which they were told.
	Status string `json:"status"`
	// Changed is false if the trail held that end already.
	Changed bool `json:"changed"`
	// PreviousStatus is what the run was before; empty if the trail could not be
	// asked.
	PreviousStatus string `json:"previous_status"`
	// PreviousEnd is when it had ended; null if it had not.
	PreviousEnd *time.Time `json:"previous_end"`
}

// finishes are the statuses that a run can be finished with. running and lost
// are none: nobody can tell them of himself.
var finishes = []string{"success", "failed", "timeout", "cancelled"}

// execFinish are the flags of "exec finish".
type execFinish struct {
	status, reason, at string
	correct            bool
	usage              usageFlags
}

func (p *Program) execFinishCommand() *cobra.Command {
	var f execFinish
	c := &cobra.Command{
		Use:   "finish ID --status success|failed|timeout|cancelled",
		Short: "Record that a run ended, and how",
		Long: `Records that a run that "exec start" began has ended, with its result and, where
they are known, its tokens and cost. Totals that are given here stand for the
whole run, in place of the sum of its model calls. What is left out stays
unknown.

Telling the same end twice changes nothing, and telling more of it adds to it. A
run that was lost has ended as is told here. An end that contradicts the one that
was told before needs --correct: both stay in the trail, and the later one counts.`,
		Example: `  whodid exec finish 7k2m --status success
  whodid exec finish "$id" --status failed --reason "disk full"
  whodid exec finish "$id" --status success --model claude-sonnet-5 \
      --tokens-in 1200 --tokens-out 340 --cost-usd 0.0345
  whodid exec finish 7k2m --status failed --correct --reason "the numbers were wrong"`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: p.completeExecutions,
		RunE: func(c *cobra.Command, args []string) error {
			data, err := f.usage.data(c)
			if err != nil {
				return err
			}
			return p.execFinish(c.Context(), args[0], &f, data)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.status, "status", "", "how it ended: "+strings.Join(finishes, ", "))
	flags.StringVar(&f.reason, "reason", "", "what the status rests on, in a few words")
	flags.StringVar(&f.at, "at", "", "when it ended (default: now)")
	flags.BoolVar(&f.correct, "correct", false, "the end that was told before is wrong, and this one is right")
	f.usage.register(c)
	return c
}

func (p *Program) execFinish(ctx context.Context, id string, f *execFinish, data whodid.Data) error {
	if !slices.Contains(finishes, f.status) {
		return misuse(fmt.Errorf("--status %q is none of %s", f.status, strings.Join(finishes, ", ")), "write, for example, --status success")
	}
	if f.reason != "" {
		data["reason"] = f.reason
	}
	when, err := p.at(f.at)
	if err != nil {
		return err
	}
	w, err := p.openPenTo(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	s, err := w.about(ctx, id)
	if err != nil {
		return err
	}
	finish := s.event("execution.finish", "", when)
	finish.Result, finish.Data = whodid.Result(f.status), data
	fact := finishFact(&finish, f.at != "")
	x, last, err := w.lastFinish(ctx, s.execution)
	if err != nil {
		return err
	}
	out := ended{ExecutionID: s.execution, Status: f.status, Changed: !strings.HasPrefix(last.Key, fact)}
	if x != nil {
		out.Status, out.PreviousStatus = string(x.Status), string(x.Status)
		if !x.CompletedAt.IsZero() {
			out.PreviousEnd = &x.CompletedAt
		}
	}
	if out.Changed {
		if err := ask.Contradicts(x, &last, finish.Result); err != nil && !f.correct {
			return withHint(err, "if that was wrong, tell the right end with --correct; both stay in the trail")
		}
		finish.Key = fact + strings.TrimPrefix(last.ID, whodid.PrefixEvent+"-")
		if _, used := data.Int("output_tokens"); used && f.usage.model == "" && x != nil && x.Model != "" {
			data["model"] = x.Model // so that the tokens have a price
		}
		if out.Status, err = w.finish(ctx, &finish); err != nil {
			return err
		}
	}
	if p.json {
		return p.printJSON(out)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s %s%s\n", s.execution, out.Status, out.before(f.status))
	return err
}

// before says in brackets what the run was, where that is not what one thinks.
func (e *ended) before(told string) string {
	switch {
	case !e.Changed:
		return " (already recorded)"
	case e.Status != told && e.Status == e.PreviousStatus && e.PreviousEnd != nil:
		return fmt.Sprintf(" (still: the end at %s counts, %s is recorded beside it)", e.PreviousEnd.UTC().Format(time.RFC3339), told)
	case e.PreviousEnd != nil:
		return fmt.Sprintf(" (it had ended as %s at %s)", e.PreviousStatus, e.PreviousEnd.UTC().Format(time.RFC3339))
	case e.PreviousStatus == string(whodid.StatusLost):
		return " (it was lost)"
	default:
		return ""
	}
}

// finish writes an end and returns what the run is by it: what the end says
// while it waits in the spool.
func (w *pen) finish(ctx context.Context, e *whodid.Event) (status string, err error) {
	done, err := w.write(ctx, *e)
	if err != nil || done.spooled {
		return string(e.Result), err
	}
	x, err := w.trail.store.Execution(ctx, w.p.org, e.Execution)
	if err != nil {
		return "", err
	}
	return string(x.Status), nil
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
	x, last, err := w.trail.asker.LastEnd(ctx, execution)
	if errors.Is(err, ask.ErrNotFound) {
		return nil, whodid.Event{}, nil
	}
	return x, last, err
}
