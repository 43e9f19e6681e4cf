package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/runner"
)

// beat says from time to time that the run is still going, until the returned
// function is called. The trail is open only for the moment of each time.
func (r *run) beat(ctx context.Context) (stop func()) {
	lease := time.Duration(r.o.lease)
	if r.pen == nil || lease < time.Second {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		t := time.NewTicker(lease / 3)
		defer t.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			renew := r.subject.event("execution.renew", fmt.Sprintf("renew/%s/%d", r.subject.execution, n), r.p.Now())
			renew.Data = whodid.Data{"lease_seconds": int64(lease / time.Second)}
			// One that is missed is made up for by the next, and the end.
			_ = r.pen.open(ctx)
			_, _ = r.pen.write(ctx, renew)
			r.pen.close()
		}
	})
	return func() {
		cancel()
		beating.Wait()
	}
}

// finish makes the end durable, and takes in what the run's own hooks have
// left. What fails here is told; the exit status stays that of the command.
func (r *run) finish(ctx context.Context, end runner.End) {
	if r.pen == nil {
		return
	}
	defer r.pen.close()
	opening := r.pen.open(ctx)
	events := []whodid.Event{r.finishEvent(end)}
	if r.log != nil && r.log.Err() != nil {
		gap := record.Gap("the log of the run's output is not whole", "cli", nil, r.p.Now())
		gap.Execution = r.subject.execution
		events = append(events, gap)
	}
	if r.spooled && r.pen.trail != nil {
		// The start comes first.
		opening = r.pen.drain(ctx)
	}
	done, err := r.pen.write(ctx, events...)
	switch {
	case err != nil:
		r.p.complain(fmt.Errorf("the end of this run is not recorded: %w", err))
		return
	case done.spooled && !r.spooled:
		r.p.complain(fmt.Errorf("the end of this run is kept in the spool until the trail can be reached: %w", r.pen.unreached))
	case r.pen.trail != nil && opening == nil:
		opening = r.pen.drain(ctx)
	}
	if opening != nil && r.pen.trail != nil {
		r.p.complain(fmt.Errorf("what its hooks told is not taken in yet: %w", opening))
	}
	if !r.o.quiet && isTerminal(r.p.Stderr) {
		id := r.subject.execution
		short := strings.TrimPrefix(id, whodid.PrefixExecution+"-")[:6]
		fmt.Fprintf(r.p.Stderr, "whodid: recorded as %s (%s); see: whodid exec show %s\n", id, statusOf(end), short)
	}
}

func (r *run) finishEvent(end runner.End) whodid.Event {
	e := r.subject.event("execution.finish", "finish/"+r.subject.execution, r.p.Now())
	e.Result = statusOf(end)
	e.Data = whodid.Data{"reason": end.Reason}
	if end.ExitCode >= 0 {
		e.Data["exit_code"] = int64(end.ExitCode)
	}
	if end.Signal != "" {
		e.Data["signal"] = end.Signal
	}
	return e
}

func statusOf(end runner.End) whodid.Result {
	switch {
	case end.TimedOut:
		return whodid.ResultTimeout
	case end.Cancelled:
		return whodid.ResultCancelled
	case end.Failed:
		return whodid.ResultFailed
	default:
		return whodid.ResultSuccess
	}
}
