package sink_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// trail is a store as sinks see it.
type trail struct{ *store.Store }

func (t trail) Events(ctx context.Context, org string, from uint64, limit int) ([]store.Row, error) {
	return t.Store.Events(ctx, org, store.EventFilter{AfterSeq: from, Limit: limit})
}

func (t trail) Size(ctx context.Context, org string) (uint64, error) {
	return ask.New(t.Store, org, time.Now).Size(ctx)
}

func (t trail) Take(ctx context.Context, org, name, holder string, start uint64, now, until time.Time) (uint64, bool, error) {
	return t.TakeSink(ctx, org, name, holder, start, now, until)
}

func (t trail) Advance(ctx context.Context, org, name, holder string, from, to uint64, now, until time.Time) (bool, error) {
	return t.AdvanceSink(ctx, org, name, holder, from, to, now, until)
}

func (t trail) Fail(ctx context.Context, org, name, holder, reason string, now time.Time) error {
	return t.FailSink(ctx, org, name, holder, reason, now)
}

func (t trail) Release(ctx context.Context, org, name, holder string) error {
	return t.ReleaseSink(ctx, org, name, holder)
}

// collector is a place that remembers what it was sent, and fails when it is told.
type collector struct {
	mu   sync.Mutex
	seqs []uint64
	fail func(b *sink.Batch) error
}

func (c *collector) Send(_ context.Context, b *sink.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		if err := c.fail(b); err != nil {
			return err
		}
	}
	for _, r := range b.Records {
		var e struct{ Seq uint64 }
		if err := json.Unmarshal(r, &e); err != nil {
			return err
		}
		c.seqs = append(c.seqs, e.Seq)
	}
	return nil
}

func (c *collector) Close() error { return nil }

func (c *collector) got() []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seqs)
}

// clock is a clock that sleeping moves.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	c.mu.Unlock()
	return ctx.Err()
}

func runner(s *store.Store, holder string, to sink.Sender, c *clock) *sink.Runner {
	return &sink.Runner{
		Name: "siem", Org: "default", Format: sink.JSON, Fields: sink.Public, Sender: to, Source: trail{s}, Cursors: trail{s},
		Holder: holder, Now: c.Now, Sleep: c.sleep, Failed: func(error) {}, MaxBatch: 10,
	}
}

// all sends until nothing is left.
func all(t testing.TB, r *sink.Runner) {
	t.Helper()
	for {
		n, err := r.Once(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func upTo(n int) []uint64 {
	var out []uint64
	for i := range n {
		out = append(out, uint64(i))
	}
	return out
}

func TestCursor(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	book := storetest.NewBook(t, s, "default")
	book.Append(t, storetest.Actions(0, 25)...)
	c, to := &clock{now: noon}, &collector{}
	all(t, runner(s, "a", to, c))
	book.Append(t, storetest.Actions(25, 27)...)
	// Another process goes on once the first is gone.
	second := runner(s, "b", to, c)
	if n, err := second.Once(t.Context()); n != 0 || err != nil || second.State.Lag.Load() != -1 {
		t.Errorf("two processes send at once: %d, %v", n, err)
	}
	c.now = c.now.Add(2 * time.Minute)
	all(t, second)
	if got := to.got(); !slices.Equal(got, upTo(27)) {
		t.Errorf("sent %v", got)
	}
	if lag := second.State.Lag.Load(); lag != 0 {
		t.Errorf("%d events wait", lag)
	}
	// A new one that begins at the end sends what comes after.
	late := runner(s, "b", &collector{}, c)
	late.Name, late.FromNow = "late", true
	all(t, late)
	book.Append(t, storetest.Actions(27, 28)...)
	all(t, late)
	if got := late.Sender.(*collector).got(); !slices.Equal(got, []uint64{27}) {
		t.Errorf("a sink that begins now was sent %v", got)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	storetest.NewBook(t, s, "default").Append(t, storetest.Actions(0, 25)...)
	c, to := &clock{now: noon}, &collector{}
	failures := 0
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	to.fail = func(b *sink.Batch) error {
		switch {
		case len(b.Records) > 6:
			return sink.ErrTooLarge
		case b.First >= 15:
			if failures++; failures == 3 {
				return &sink.Delay{After: 90 * time.Second, Err: errors.New("the sink answered 429")}
			} else if failures < 6 {
				return errors.New("the sink answered 500")
			}
		}
		if b.Last == 24 {
			time.AfterFunc(0, stop)
		}
		return nil
	}
	runner(s, "a", to, c).Run(ctx)
	if got := to.got(); !slices.Equal(got, upTo(25)) {
		t.Errorf("sent %v", got)
	}
	want := []time.Duration{time.Second, 2 * time.Second, 90 * time.Second, 8 * time.Second, 16 * time.Second}
	if got := c.slept[:min(len(c.slept), len(want))]; !slices.Equal(got, want) {
		t.Errorf("it waited %v, want %v", got, want)
	}
	state, err := s.Sinks(t.Context(), "default")
	if err != nil || len(state) != 1 || state[0].Next != 25 || state[0].Failures != 0 || state[0].Holder != "" {
		t.Errorf("its state is %+v, %v", state, err)
	}
}

// TestMain lets the test's own program be the sender that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("WHODID_TEST_SINK"); dir != "" {
		send(dir)
		return
	}
	os.Exit(m.Run())
}

// send sends from the trail in the folder to files beside it, until it is killed.
func send(dir string) {
	location, err := place.Parse(filepath.Join(dir, "trail.db"))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	s, err := store.Open(ctx, location)
	if err != nil {
		panic(err)
	}
	to, err := sink.NewFile(filepath.Join(dir, "out"), 20_000)
	if err != nil {
		panic(err)
	}
	r := runner(s, fmt.Sprint("pid-", os.Getpid()), to, &clock{now: time.Now()})
	// The lease of one that was killed must not make the test wait.
	began, round := time.Now(), 0
	if _, err := fmt.Sscan(os.Getenv("WHODID_TEST_ROUND"), &round); err != nil {
		panic(err)
	}
	r.Now = func() time.Time { return noon.Add(time.Since(began)).Add(time.Duration(round) * time.Hour) }
	r.Sleep = func(context.Context, time.Duration) error {
		time.Sleep(time.Millisecond)
		return nil
	}
	r.Failed = func(err error) { fmt.Fprintln(os.Stderr, err) }
	fmt.Println("ready")
	r.Run(ctx)
}

// TestKilled kills the sender again and again, at any moment, and looks whether an
// event is missing.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := storetest.Open(t, filepath.Join(dir, "trail.db"))
	book := storetest.NewBook(t, s, "default")
	const events = 3000
	book.Append(t, storetest.Actions(0, events)...)
	sent := func() (count int, seqs map[uint64]int) {
		files, err := filepath.Glob(filepath.Join(dir, "out", "*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(files, func(a, b string) int { return strings.Compare(b, a) })
		seqs = map[uint64]int{}
		for _, name := range files {
			f, err := os.Open(name)
			if err != nil {
				continue // it was put aside meanwhile
			}
			lines := bufio.NewScanner(f)
			for lines.Scan() {
				var e struct{ Seq uint64 }
				if json.Unmarshal(lines.Bytes(), &e) == nil {
					seqs[e.Seq]++
				}
			}
			_ = f.Close()
		}
		return len(seqs), seqs
	}
	kills := 0
	begin := func() *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), "WHODID_TEST_SINK="+dir, fmt.Sprint("WHODID_TEST_ROUND=", kills))
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(out).ReadString('\n')
		return c
	}
	end := func(c *exec.Cmd) {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	enough := time.Now().Add(30 * time.Second)
	for ; time.Now().Before(enough); kills++ {
		if n, _ := sent(); n >= events {
			break
		}
		c := begin()
		time.Sleep(time.Duration(10+kills*7%90) * time.Millisecond)
		end(c)
	}
	// On a busy machine the last one may take its time.
	last := begin()
	for patience := time.Now().Add(2 * time.Minute); time.Now().Before(patience); time.Sleep(50 * time.Millisecond) {
		if n, _ := sent(); n >= events {
			break
		}
	}
	end(last)
	_, seqs := sent()
	for seq := range uint64(events) {
		if seqs[seq] == 0 {
			t.Fatalf("event %d was skipped; %d were sent, after %d kills", seq, len(seqs), kills)
		}
	}
	if kills < 2 {
		t.Errorf("it was killed %d times only", kills)
	}
}
