package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// tail is one call of "whodid tail".
type tail struct {
	follow bool
	lines  int
	filter *whodid.Filter
}

func (p *Program) tailCommand() *cobra.Command {
	var l tail
	c := &cobra.Command{
		Use:     "tail [FILTER…]",
		GroupID: "ask",
		Short:   "Show the last events, and follow as they come in",
		Long: `Shows the last events of the log in its order, one line each. With --follow it
goes on, and takes in what hooks leave in the spool as it goes, until ^C.

With a filter (docs/filter.md) those of the last events and of those that come
are shown which fit it: -n counts before that.

With --json each line is one JSON object; see "whodid schema event".`,
		Example: `  whodid tail
  whodid tail -f
  whodid tail -f 'agent:engineering/*' -result:success
  whodid tail -f --json | jq -c 'select(.result == "failed")'`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error {
			sel, err := p.filtered(args, &ask.Filter{})
			if err == nil {
				err = sel.Filter.Check("events", whodid.EventFields())
			}
			if err != nil {
				return misfiltered(err)
			}
			l.filter = &sel.Filter
			return p.tail(c.Context(), &l)
		},
	}
	c.Flags().BoolVarP(&l.follow, "follow", "f", false, "go on as events come in")
	c.Flags().IntVarP(&l.lines, "lines", "n", 10, "begin with the last `N` events")
	return c
}

// tailBatch is how many events are read at once.
const tailBatch = 1000

func (p *Program) tail(ctx context.Context, l *tail) error {
	if l.lines < 0 {
		return usageError("--lines: %d is less than none", l.lines)
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	size, err := t.asker.Size(ctx)
	if err != nil {
		return err
	}
	next := size - min(size, uint64(l.lines))
	if l.lines > 0 && size == 0 && !l.follow && !p.json {
		p.advise(p.out(), "Nothing is recorded yet. How to begin:\n\n  whodid history")
		return nil
	}
	show := l.only(p.eventPrinter())
	if next, err = tailFrom(ctx, t, next, size, show); err != nil || !l.follow {
		return err
	}
	err = p.tailOn(ctx, t, next, show)
	if ctx.Err() != nil {
		return nil // ^C is how following ends
	}
	return err
}

// only leaves out the events that the filter does not select.
func (l *tail) only(show func(*ask.Event) error) func(*ask.Event) error {
	return func(e *ask.Event) error {
		raw := whodid.Event{
			Actor: e.Actor, What: e.What, Target: e.Target, Why: e.Why, Result: whodid.Result(e.Result), At: e.At,
			Execution: e.Execution, Session: e.Session, Approval: e.Approval, Source: e.Source,
		}
		if !l.filter.MatchEvent(&raw) {
			return nil
		}
		return show(e)
	}
}

// tailOn follows the log until the context is over.
func (p *Program) tailOn(ctx context.Context, t *trail, next uint64, show func(*ask.Event) error) error {
	tick := time.NewTicker(followPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if t.recorder != nil {
			if _, err := p.drain(ctx, t); err != nil {
				return err
			}
		}
		size, err := t.asker.Size(ctx)
		if err != nil {
			return err
		}
		if next, err = tailFrom(ctx, t, next, size, show); err != nil {
			return err
		}
	}
}

// tailFrom prints the events from next up to size and returns where to go on.
func tailFrom(ctx context.Context, t *trail, next, size uint64, show func(*ask.Event) error) (uint64, error) {
	for next < size {
		events, err := t.asker.Events(ctx, next, int(min(size-next, tailBatch)))
		if err != nil {
			return next, err
		}
		if len(events) == 0 {
			return size, nil
		}
		for i := range events {
			if err := show(&events[i]); err != nil {
				return next, err
			}
		}
		next = events[len(events)-1].Seq + 1
	}
	return next, nil
}

// eventWidths are the columns of time, actor, verb and result.
var eventWidths = []int{14, 26, 16, 9}

// narrowWidths are those of a terminal of 80 columns, so that what it was done to
// has room.
var narrowWidths = []int{14, 18, 16, 8}

// eventPrinter prints events as the reader likes them.
func (p *Program) eventPrinter() func(*ask.Event) error {
	if p.json {
		enc := json.NewEncoder(p.Stdout)
		enc.SetEscapeHTML(false)
		return func(e *ask.Event) error {
			if err := enc.Encode(e); err != nil {
				return fmt.Errorf("couldn't print the event: %w", err)
			}
			return nil
		}
	}
	o := p.out()
	widths := eventWidths
	if o.Width() < 100 {
		widths = narrowWidths
	}
	return func(e *ask.Event) error {
		if o.Terminal() {
			o.Line(widths, term.Cell{Text: e.At.Format("01-02 15:04:05"), Style: term.Dim}, term.Text(actorName(e.Actor)), term.Text(e.What),
				resultCell(e.Result), term.Text(about(e, o)))
			return nil
		}
		o.Line(nil, term.Int(e.Seq), term.Text(o.Time(&e.At)), term.Text(actorName(e.Actor)), term.Text(e.What),
			resultCell(e.Result), term.Text(e.Target), term.Text(e.Execution), term.Text(e.EventID))
		return nil
	}
}

// about is what an event is about in a few words: what it was done to, why, or
// the run that it is of.
func about(e *ask.Event, o *term.Output) string {
	switch {
	case e.Target != "":
		return e.Target
	case e.Why != "":
		return e.Why
	case e.Execution != "":
		return "of " + shortID(o, e.Execution, whodid.PrefixExecution)
	default:
		return ""
	}
}
