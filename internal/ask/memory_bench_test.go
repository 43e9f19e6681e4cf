package ask_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// benchDecisions is the size of the memory that is searched. One of a hundred
// thousand takes a minute to write.
var benchDecisions = flag.Int("decisions", 5000, "decisions in the memory that the benchmarks search")

// BenchmarkMemory searches a memory for a word of few decisions, of a hundredth
// and of all, lists the newest, and shows what became of one.
func BenchmarkMemory(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			address := testenv.Trail(b, engine)
			s := storetest.Open(b, address)
			book := storetest.NewBook(b, s, "default")
			var events []whodid.Event
			for n := range *benchDecisions {
				events = append(events, benchDecision(n))
				if len(events) == 1000 || n == *benchDecisions-1 {
					book.Append(b, events...)
					events = nil
				}
			}
			if engine == "postgres" {
				analyze(b, address)
			}
			a := ask.New(s, "default", time.Now)
			for name, f := range map[string]ask.MemoryFilter{
				"search=rare":   {Search: fmt.Sprintf("unique%d", *benchDecisions/2), Limit: 100},
				"search=some":   {Search: "team7 rotate", Limit: 100},
				"search=all":    {Search: "decided", Limit: 100},
				"search=prefix": {Search: "uni rot", Limit: 100},
				"subject":       {Subject: "subject/7", Limit: 100},
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						list, err := a.Memory(b.Context(), f)
						if err != nil || len(list.Decisions) == 0 {
							b.Fatalf("%d decisions, %v", len(list.Decisions), err)
						}
					}
				})
			}
		})
	}
}

func benchDecision(n int) whodid.Event {
	return whodid.Event{
		Key: fmt.Sprint("decision/", n), Actor: whodid.AgentActor("engineering/solver"), What: "decision.record", Source: "cli",
		At: storetest.Epoch.Add(time.Duration(n) * time.Second), Target: fmt.Sprint("subject/", n%1000),
		Why:  fmt.Sprintf("team%d wanted it so, and measured that it takes %d ms less", n%100, n%977),
		Data: whodid.Data{"decided": fmt.Sprintf("We decided to rotate unique%d every %d days", n, n%31), "alternatives": []string{"leave it", "do it by hand"}},
	}
}

// analyze does what autovacuum does in the background of a server.
func analyze(b *testing.B, address string) {
	b.Helper()
	c, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Exec(b.Context(), `VACUUM ANALYZE`); err != nil {
		b.Fatal(err)
	}
	if err := c.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
