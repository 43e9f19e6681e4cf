package retention_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// million is how many events BenchmarkSweep sweeps.
const million = 1_000_000

// BenchmarkSweep sweeps a million events of runs on PostgreSQL, in two months that
// are over, while four writers record one event after the other and one run in a
// hundred is held. It tells how long the sweep takes, and how long the writers wait
// before and meanwhile.
func BenchmarkSweep(b *testing.B) {
	w := newWorld(b, "postgres")
	fill(b, w)
	// Months that are over were vacuumed long ago, by the server itself.
	w.vacuum(b)
	w.set()
	w.hold("squad:held")
	w.pass(150)
	for b.Loop() {
		var stop atomic.Bool
		var sweeping atomic.Bool
		var mu sync.Mutex
		waits := map[bool][]time.Duration{}
		var writers sync.WaitGroup
		for writer := range 4 {
			writers.Go(func() {
				for n := 0; !stop.Load(); n++ {
					meanwhile, began := sweeping.Load(), time.Now()
					_, err := w.Recorder.Record(b.Context(), benchEvent(fmt.Sprint("w", writer, "/", n), whodid.AgentActor("engineering/solver"), execution(900_000+writer), w.now))
					if err != nil {
						b.Error(err)
						return
					}
					mu.Lock()
					waits[meanwhile] = append(waits[meanwhile], time.Since(began))
					mu.Unlock()
				}
			})
		}
		time.Sleep(3 * time.Second)
		sweeping.Store(true)
		began, busy := time.Now(), processorTime(w.name(b))
		a := w.apply()
		took := time.Since(began)
		busy = processorTime(w.name(b)) - busy
		sweeping.Store(false)
		stop.Store(true)
		writers.Wait()
		b.ReportMetric(took.Seconds(), "s/sweep")
		b.ReportMetric(busy.Seconds(), "processor-s/sweep-and-writers")
		b.ReportMetric(float64(a.Events), "events")
		for meanwhile, name := range map[bool]string{false: "before", true: "meanwhile"} {
			d := waits[meanwhile]
			slices.Sort(d)
			if len(d) == 0 {
				continue
			}
			b.ReportMetric(float64(len(d)), "writes-"+name)
			b.ReportMetric(float64(d[len(d)*99/100].Microseconds())/1000, "ms-p99-"+name)
			b.ReportMetric(float64(d[len(d)-1].Microseconds())/1000, "ms-max-"+name)
		}
	}
	w.mustHold()
}

func (w *world) vacuum(b *testing.B) {
	b.Helper()
	c, err := pgx.Connect(b.Context(), w.location.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(b.Context())
	if _, err := c.Exec(b.Context(), `VACUUM (ANALYZE)`); err != nil {
		b.Fatal(err)
	}
}

// processorTime is what this process and the server's processes for a database have
// used of the processors, where the system tells: a machine that is busy with other
// things makes a sweep longer, and not more work.
func processorTime(database string) time.Duration {
	const ticks = 100 // a second, on every Linux
	var used time.Duration
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // nothing elsewhere
	for _, stat := range stats {
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(stat), "cmdline"))
		if filepath.Base(filepath.Dir(stat)) != strconv.Itoa(os.Getpid()) && !strings.Contains(string(command), " "+database+" ") {
			continue
		}
		text, _ := os.ReadFile(stat)
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		for _, field := range fields[11:13] {
			n, _ := strconv.Atoi(field)
			used += time.Duration(n) * time.Second / ticks
		}
	}
	return used
}

func benchEvent(key, actor, execution string, at time.Time) whodid.Event {
	return whodid.Event{
		Key: "bench/" + key, Actor: actor, What: "file.write", Target: "internal/server/route.go", At: at, Execution: execution,
		Result: whodid.ResultSuccess, Source: "hook:claude-code", Data: whodid.Data{"tool": "Write", "lines_added": int64(12)},
	}
}

// fill records a million events and a few that are held, fifty to a run, half of
// them in one month and half in the next.
func fill(b *testing.B, w *world) {
	b.Helper()
	const perRun, runs = 50, million / 50
	var batch []whodid.Event
	flush := func() {
		if _, err := w.Recorder.Record(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
		batch = batch[:0]
	}
	for run := range runs + runs/100 {
		if run == runs/2 {
			flush()
			w.pass(25)
		}
		actor := whodid.AgentActor("engineering/solver")
		if run%101 == 0 {
			actor = whodid.AgentActor("held/solver")
		}
		for n := range perRun {
			e := benchEvent(fmt.Sprint(run, "/", n), actor, execution(run), w.now.Add(time.Duration(n)*time.Second))
			switch n {
			case 0:
				e.What, e.Result = "execution.start", ""
				e.Data = whodid.Data{"trigger": "manual"}
			case perRun - 1:
				e.What, e.Data = "execution.finish", nil
			}
			batch = append(batch, e)
		}
		if len(batch) >= 5000 {
			flush()
		}
	}
	flush()
	if n, err := w.Store.PlanSweep(b.Context(), w.Org, store.SweepRequest{Class: whodid.ClassRun, Cutoff: w.now.Add(-90 * 24 * time.Hour)}); err != nil || n.Events != 0 {
		b.Fatal(n, err)
	}
}
