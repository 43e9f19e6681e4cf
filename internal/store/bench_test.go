package store_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// benchEvents is the size of the trail that questions are asked of. A trail of
// a million takes minutes to write.
var benchEvents = flag.Int("events", 20_000, "events in the trail that the benchmarks of questions ask")

// perRun is how many events the benchmarks give an execution: its start, a
// call, two actions and its end.
const perRun = 5

// benchEvent is event n of many runs, one after the other.
func benchEvent(n int) whodid.Event {
	run := n / perRun
	e := whodid.Event{
		Key: fmt.Sprint("bench/", n), Actor: whodid.AgentActor(fmt.Sprintf("squad-%d/agent-%d", run%7, run%40)),
		At: storetest.Epoch.Add(time.Duration(n) * time.Second), Execution: storetest.ExecutionID(run), Session: "session", Source: "hook:claude-code",
	}
	e.RecordedAt = storetest.Epoch
	switch n % perRun {
	case 0:
		e.What, e.Data = "execution.start", whodid.Data{"trigger": "manual", "client": "claude-code", "model": "m"}
	case 1:
		e.What = "model.call"
		e.Data = whodid.Data{"model": "m", "input_tokens": int64(1200), "output_tokens": int64(340), "cost_micros": int64(8700), "cost_state": "computed"}
	case 4:
		e.What, e.Result = "execution.finish", whodid.ResultSuccess
	default:
		e.What, e.Result, e.Target = "file.write", whodid.ResultSuccess, fmt.Sprint("internal/server/handler_", n%300, ".go")
		e.Data = whodid.Data{"tool": "Edit", "call": fmt.Sprint("toolu_", n), "lines_added": int64(n % 90), "duration_ms": int64(12)}
	}
	return e
}

func benchEventsFrom(from, n int) []whodid.Event {
	out := make([]whodid.Event, n)
	for i := range out {
		out[i] = benchEvent(from + i)
	}
	return out
}

// BenchmarkAppend appends with all that belongs to it: leaves, tree, signed
// checkpoint, executions, on disk.
func BenchmarkAppend(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, batch := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/batch=%d", engine, batch), func(b *testing.B) {
				book := storetest.NewBook(b, engines[engine](b)(b), "default")
				n := 0
				for b.Loop() {
					book.Append(b, benchEventsFrom(n, batch)...)
					n += batch
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// BenchmarkAsk asks the questions that are asked all day.
func BenchmarkAsk(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			s := engines[engine](b)(b)
			book := storetest.NewBook(b, s, "default")
			for n := 0; n < *benchEvents; n += 1000 {
				book.Append(b, benchEventsFrom(n, 1000)...)
			}
			end := benchEvent(*benchEvents).At
			week := end.AddDate(0, 0, -7)
			for _, question := range []struct {
				name string
				ask  func() error
			}{
				{"tallies", func() error { _, err := s.Tallies(b.Context(), "default", store.Selection{}); return err }},
				{"tallies of the last week", func() error {
					_, err := s.Tallies(b.Context(), "default", store.Selection{Since: week})
					return err
				}},
				{"the last 50 executions", func() error {
					_, err := s.Executions(b.Context(), "default", store.ExecutionFilter{Limit: 50})
					return err
				}},
				{"one execution and its events", func() error {
					id := storetest.ExecutionID(*benchEvents / perRun / 2)
					if _, err := s.Execution(b.Context(), "default", id); err != nil {
						return err
					}
					_, err := s.Events(b.Context(), "default", store.EventFilter{Execution: id})
					return err
				}},
				{"the last 50 actions", func() error {
					_, err := s.Events(b.Context(), "default", store.EventFilter{ActionsOnly: true, Newest: true, Limit: 50})
					return err
				}},
				{"actions counted", func() error {
					_, err := s.CountActions(b.Context(), "default", store.Selection{Since: week})
					return err
				}},
			} {
				b.Run(question.name, func(b *testing.B) {
					for b.Loop() {
						if err := question.ask(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
