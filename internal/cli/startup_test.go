package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// What a start may cost: ten milliseconds on a quiet machine, where an empty Go
// program, the floor of the same machine at the same time, takes 1.4. Git starts
// the program on every commit (what agents start on every tool call is
// whodid-hook), so that a library with a heavy start is one too many.
const (
	maxStartRatio = 7
	// maxInit is how long the packages may take to start together, in
	// milliseconds; on a quiet machine they take four, and up to twice as much
	// beside other tests. Most are those of the server and of the forges' client
	// libraries.
	maxInit = 8
)

// TestStart measures how long "whodid --version" takes, as a ratio to a
// program that does nothing.
func TestStart(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs")
	}
	dir := t.TempDir()
	whodid, empty := filepath.Join(dir, "whodid.exe"), filepath.Join(dir, "empty.exe")
	source := filepath.Join(dir, "empty.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build(t, empty, source)
	build(t, whodid, "../../cmd/whodid")
	// Other tests run at the same time, and one bad moment says nothing.
	var ratio float64
	for range 6 {
		ratio = startRatio(t, whodid, empty)
		if ratio <= maxStartRatio {
			break
		}
	}
	if ratio > maxStartRatio {
		t.Errorf("whodid --version takes %.1f times as long as an empty program, %d times are allowed", ratio, maxStartRatio)
	}
	slowest, total := initTimes(t, whodid)
	// Of several the best, for a busy machine makes them longer and never shorter.
	for range 9 {
		if s, again := initTimes(t, whodid); again < total {
			slowest, total = s, again
		}
	}
	if total > maxInit {
		t.Errorf("packages take %.1f ms to start, %d ms are allowed; the slowest: %s", total, maxInit, slowest)
	}
	t.Logf("--version takes %.1f times as long as an empty program; packages start in %.2f ms, the slowest is %s", ratio, total, slowest)
}

func build(t *testing.T, to, from string) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-trimpath", "-o", to, from).CombinedOutput(); err != nil {
		t.Fatalf("couldn't build %s: %v\n%s", from, err, out)
	}
}

// startRatio is the ratio of the medians of starts that took turns.
func startRatio(t *testing.T, program, floor string) float64 {
	t.Helper()
	const starts = 15
	var ours, theirs []time.Duration
	for range starts {
		ours = append(ours, start(t, program, "--version"))
		theirs = append(theirs, start(t, floor))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	return float64(ours[starts/2]) / float64(theirs[starts/2])
}

func start(t *testing.T, program string, args ...string) time.Duration {
	t.Helper()
	began := time.Now()
	if err := exec.Command(program, args...).Run(); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// initTimes sums what the runtime says that packages took to start, in
// milliseconds, and names the slowest (see GODEBUG in package runtime).
func initTimes(t *testing.T, program string) (slowest string, total float64) {
	t.Helper()
	var trace bytes.Buffer
	c := exec.Command(program, "--version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	c.Stderr = &trace
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	longest := 0.0
	for _, m := range regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, ([0-9.]+) ms clock`).FindAllStringSubmatch(trace.String(), -1) {
		ms, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		total += ms
		if ms > longest {
			longest, slowest = ms, m[1]
		}
	}
	if total == 0 {
		t.Fatalf("the runtime told nothing of the packages' start:\n%s", trace.String())
	}
	return slowest, total
}
