package record_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

// told is the n-th of the actions that many runs tell of, as hooks do: twenty
// of each run, after its start.
func told(n int) whodid.Event {
	run := n / 21
	e := whodid.Event{
		Key: fmt.Sprint("bench/", n), Actor: whodid.AgentActor(fmt.Sprintf("squad-%d/agent-%d", run%7, run%40)), ActorAuth: "hook",
		OnBehalfOf: whodid.HumanActor(fmt.Sprintf("p%015d", run%60)), OnBehalfAuth: "os-user",
		At: epoch.Add(time.Duration(n) * time.Millisecond), Execution: whodid.DeriveID(whodid.PrefixExecution, "bench", fmt.Sprint(run)),
		Session: fmt.Sprintf("5e55-%08d", run), Source: "hook:claude-code",
	}
	if n%21 == 0 {
		e.What, e.Data = "execution.start", whodid.Data{"trigger": "manual", "client": "claude-code", "model": "m"}
		return e
	}
	e.What, e.Result, e.Target = "file.edit", whodid.ResultSuccess, fmt.Sprint("internal/server/handler_", n%300, ".go")
	e.Data = whodid.Data{"tool": "Edit", "call": fmt.Sprint("toolu_", n), "lines_added": int64(n % 90), "duration_ms": int64(12), "permission_mode": "default"}
	return e
}

// BenchmarkRecord records with many clients at once, each of which waits until
// its events are kept.
func BenchmarkRecord(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, shape := range []struct{ clients, events int }{{1, 1}, {64, 1}, {1, 500}, {8, 500}} {
			b.Run(fmt.Sprintf("%s/clients=%d/events=%d", engine, shape.clients, shape.events), func(b *testing.B) {
				r, _ := newShared(b, engine).open(b)
				var next atomic.Int64
				var all sync.WaitGroup
				b.ReportAllocs()
				b.ResetTimer()
				for range shape.clients {
					all.Go(func() {
						batch := make([]whodid.Event, shape.events)
						for {
							n := int(next.Add(1)) - 1
							if n >= b.N {
								return
							}
							for i := range batch {
								batch[i] = told(n*shape.events + i)
							}
							if _, err := r.Record(b.Context(), batch...); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N*shape.events)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
