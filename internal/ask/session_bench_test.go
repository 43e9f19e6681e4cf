package ask_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// benchSessions is how many sessions the trail has that is asked for some. One
// of a hundred thousand takes a minute to write.
var benchSessions = flag.Int("sessions", 5000, "sessions in the trail whose list the benchmarks ask for")

// BenchmarkSessions lists the newest sessions of many, and those of one day.
func BenchmarkSessions(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			address := testenv.Trail(b, engine)
			s := storetest.Open(b, address)
			book := storetest.NewBook(b, s, "default")
			var events []whodid.Event
			for n := range *benchSessions {
				events = append(events, benchSession(n)...)
				if len(events) >= 2000 || n == *benchSessions-1 {
					book.Append(b, events...)
					events = nil
				}
			}
			if engine == "postgres" {
				analyze(b, address)
			}
			middle := storetest.Epoch.Add(time.Duration(*benchSessions/2) * time.Minute)
			a := ask.New(s, "default", func() time.Time { return storetest.Epoch.Add(time.Duration(*benchSessions+1) * time.Minute) })
			for name, f := range map[string]ask.SessionFilter{
				"newest": {Limit: 50},
				"hours":  {Since: middle, Until: middle.Add(2 * time.Hour), Limit: 50},
				"agent":  {Agent: "ops/agent-7", Limit: 50},
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						list, err := a.Sessions(b.Context(), f)
						if err != nil || len(list.Sessions) == 0 {
							b.Fatalf("%d sessions, %v", len(list.Sessions), err)
						}
					}
				})
			}
		})
	}
}

// benchSession are the events of a session: its start, a call, a file and its end.
func benchSession(n int) []whodid.Event {
	execution, at := storetest.ExecutionID(n), storetest.Epoch.Add(time.Duration(n)*time.Minute)
	event := func(what string, result whodid.Result, data whodid.Data) whodid.Event {
		at = at.Add(time.Second)
		return whodid.Event{
			Key: fmt.Sprint("session/", n, "/", what), Actor: whodid.AgentActor(fmt.Sprintf("ops/agent-%d", n%40)), What: what, Result: result, At: at,
			Execution: execution, Session: fmt.Sprintf("5e55-%08d", n), Source: "import:claude-code", Data: data,
		}
	}
	file := event("file.edit", whodid.ResultSuccess, whodid.Data{"lines_added": int64(3), "lines_removed": int64(1)})
	file.Target = fmt.Sprintf("f%d.go", n%300)
	return []whodid.Event{
		event("execution.start", "", whodid.Data{"client": "claude-code", "cwd": "~/shop"}),
		event("session.start", "", whodid.Data{"client": "claude-code", "cwd": "~/shop"}),
		event("model.call", "", whodid.Data{"model": "m", "input_tokens": int64(1), "output_tokens": int64(2)}),
		file, event("session.end", "", nil), event("execution.finish", whodid.ResultSuccess, nil),
	}
}
