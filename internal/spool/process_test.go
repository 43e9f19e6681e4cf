package spool

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests of this file run as several processes: the test program starts
// itself again in one of two roles.
const (
	roleVariable = "WHODID_SPOOL_TEST_ROLE"
	roleWriter   = "writer"  // puts records and says the key of each one that is acknowledged
	roleDrainer  = "drainer" // drains again and again and notes the keys that it took
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case roleWriter:
		os.Exit(write(os.Args[1], os.Args[2], os.Args[3]))
	case roleDrainer:
		os.Exit(drain(os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
}

// write puts n records whose keys begin with the prefix.
func write(dir, prefix, n string) int {
	var count int
	if _, err := fmt.Sscan(n, &count); err != nil {
		return 1
	}
	for i := range count {
		key := fmt.Sprint(prefix, "/", i)
		if err := In(dir).Put(record(key)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(key)
	}
	return 0
}

// drain takes records until it is killed or its standard input ends. What it took is in the file before the spool forgets it.
func drain(dir, taken string) int {
	f, err := os.OpenFile(taken, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	over := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(over) }()
	for last := false; !last; {
		select {
		case <-over:
			last = true
		default:
		}
		err := In(dir).Drain(time.Now(), func(b Batch) error {
			if b.Torn > 0 {
				if _, err := fmt.Fprintf(f, "torn %d\n", b.Torn); err != nil {
					return err
				}
			}
			if keys := keysOf(b); len(keys) > 0 {
				_, err := f.WriteString(strings.Join(keys, "\n") + "\n")
				return err
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		time.Sleep(time.Millisecond)
	}
	return 0
}

// as is the test program in a role.
func as(t testing.TB, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stderr = os.Stderr
	return c
}

// stage is a spool that processes work on, and what they said.
type stage struct {
	dir, taken string
	mu         sync.Mutex
	acked      map[string]bool
}

func newStage(t testing.TB) *stage {
	t.Helper()
	dir := t.TempDir()
	return &stage{dir: filepath.Join(dir, "spool"), taken: filepath.Join(dir, "taken"), acked: map[string]bool{}}
}

// startWriter starts a writer and returns when its first record is acknowledged. The returned function waits for its end, or makes it
// after a while if kill says so, and then every key that it acknowledged is known.
func (s *stage) startWriter(t testing.TB, prefix string, n int) (end func(kill bool, after time.Duration)) {
	t.Helper()
	c := as(t, roleWriter, s.dir, prefix, fmt.Sprint(n))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	note := func() bool {
		line, err := lines.ReadString('\n')
		if err != nil {
			return false // a key that was cut is not acknowledged
		}
		s.mu.Lock()
		s.acked[strings.TrimSuffix(line, "\n")] = true
		s.mu.Unlock()
		return true
	}
	note()
	return func(kill bool, after time.Duration) {
		if kill {
			time.Sleep(after)
			_ = c.Process.Kill()
		}
		for note() {
			continue
		}
		if err := c.Wait(); err != nil && !kill {
			t.Errorf("writer %s: %v", prefix, err)
		}
	}
}

// startDrainer starts a drainer; end lets it drain to the end, or kills it.
func (s *stage) startDrainer(t testing.TB) (end func(kill bool)) {
	t.Helper()
	c := as(t, roleDrainer, s.dir, s.taken)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func(kill bool) {
		if kill {
			_ = c.Process.Kill()
		} else {
			_ = in.Close()
		}
		if err := c.Wait(); err != nil && !kill {
			t.Errorf("drainer: %v", err)
		}
	}
}

// settle drains what is left and returns how often each key was taken, and how many records were torn.
func (s *stage) settle(t testing.TB) (taken map[string]int, torn int) {
	t.Helper()
	s.startDrainer(t)(false)
	text, err := os.ReadFile(s.taken)
	if err != nil {
		t.Fatal(err)
	}
	taken = map[string]int{}
	for line := range bytes.Lines(text) {
		var n int
		if _, err := fmt.Sscanf(string(line), "torn %d", &n); err == nil {
			torn += n
			continue
		}
		taken[strings.TrimSpace(string(line))]++
	}
	if w, err := In(s.dir).Waiting(); err != nil || w != (Waiting{}) {
		t.Errorf("waiting: %+v, %v", w, err)
	}
	return taken, torn
}

// check fails if an acknowledged key was not taken.
func (s *stage) check(t testing.TB, taken map[string]int) {
	t.Helper()
	lost := 0
	for key := range s.acked {
		if taken[key] == 0 {
			lost++
			t.Errorf("%s was acknowledged and is lost", key)
		}
	}
	t.Logf("%d acknowledged, %d taken, %d lost", len(s.acked), len(taken), lost)
}

// Without crashes everything is handed over exactly once, however many write
// and drain.
func TestProcessesLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const writers, each = 4, 150
	var drainers []func(bool)
	for range 2 {
		drainers = append(drainers, s.startDrainer(t))
	}
	var group sync.WaitGroup
	for i := range writers {
		end := s.startWriter(t, fmt.Sprint("w", i), each)
		group.Go(func() { end(false, 0) })
	}
	// What waits can be counted all the while.
	for range 50 {
		if _, err := In(s.dir).Waiting(); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
	for _, end := range drainers {
		end(false)
	}
	taken, torn := s.settle(t)
	s.check(t, taken)
	for key, n := range taken {
		if n != 1 {
			t.Errorf("%s was taken %d times", key, n)
		}
	}
	if len(taken) != writers*each || torn > 0 {
		t.Errorf("%d of %d were taken, %d are torn", len(taken), writers*each, torn)
	}
}

// Writers and drainers are killed at random moments, more than 200 of them.
// What was acknowledged is taken; what was not may be.
func TestKilled(t *testing.T) {
	t.Parallel()
	const lanes, cycles = 3, 40
	s := newStage(t)
	var group sync.WaitGroup
	for lane := range lanes {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(lane), 7))
			for cycle := range cycles {
				endDrainer := s.startDrainer(t)
				endWriter := s.startWriter(t, fmt.Sprint("lane", lane, "-", cycle), 1_000_000)
				endWriter(true, time.Duration(random.IntN(8000))*time.Microsecond)
				endDrainer(true)
			}
		})
	}
	group.Wait()
	taken, torn := s.settle(t)
	s.check(t, taken)
	t.Logf("%d processes were killed, %d records were torn", 2*lanes*cycles, torn)
	if len(s.acked) < lanes*cycles {
		t.Errorf("only %d records were acknowledged", len(s.acked))
	}
}
