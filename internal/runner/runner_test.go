//go:build unix

package runner

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs a shell's program, and gives it back with what it writes.
func shell(script string) (*Command, *bytes.Buffer) {
	var out bytes.Buffer
	return &Command{
		Args: []string{"sh", "-c", script}, Env: os.Environ(), Dir: ".",
		Stdout: &out, Stderr: &out, Grace: time.Second, Now: time.Now,
	}, &out
}

// none are signals that never come.
func none() *Signals { return &Signals{c: make(chan os.Signal)} }

func TestRunPassesThrough(t *testing.T) {
	t.Parallel()
	c, out := shell(`read line; echo "got $line in $PLACE"; exit 5`)
	c.Stdin, c.Env = strings.NewReader("hello\n"), append(c.Env, "PLACE=here")
	end := c.Run(t.Context(), none())
	if !end.Failed || end.Code != 5 {
		t.Errorf("end %+v", end)
	}
	if out.String() != "got hello in here\n" {
		t.Errorf("output %q", out)
	}
}

func TestRunKeepsACopy(t *testing.T) {
	t.Parallel()
	c, out := shell("echo out; echo err >&2")
	var keptOut, keptErr bytes.Buffer
	c.Stderr, c.KeepStdout, c.KeepStderr = io.Discard, &keptOut, &keptErr
	c.Run(t.Context(), none())
	if out.String() != "out\n" || keptOut.String() != "out\n" || keptErr.String() != "err\n" {
		t.Errorf("output %q, kept %q and %q", out, &keptOut, &keptErr)
	}
}

func TestRunWhatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		program string
		code    int
	}{{"no-such-program-anywhere", 127}, {filepath.Join(dir, "nothing"), 127}, {plain, 126}, {dir, 126}} {
		cmd := Command{Args: []string{c.program}, Dir: dir, Now: time.Now}
		end := cmd.Run(t.Context(), none())
		if end.Code != c.code || !end.Failed || end.Err == nil || end.ExitCode != -1 {
			t.Errorf("%s: %+v, want %d", c.program, end, c.code)
		}
		if end.Err != nil && strings.Count(end.Err.Error(), c.program) != 1 {
			t.Errorf("the error reads %q", end.Err)
		}
	}
	if end := (&Command{Now: time.Now}).Run(t.Context(), none()); end.Code != 127 {
		t.Errorf("nothing to run: %+v", end)
	}
}

// TestRunEndsTheWholeGroup checks that a signal reaches what the program
// started too, and that USR1 goes to the program alone.
func TestRunEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	c, out := shell(`trap 'echo usr1' USR1; sh -c 'trap "echo inner; exit 0" TERM; echo ready; while :; do sleep 0.02; done' & trap 'wait; exit 0' TERM; while :; do sleep 0.02; done`)
	signals := &Signals{c: make(chan os.Signal, 2)}
	ready := &onWrite{w: out, then: map[string]syscall.Signal{"ready\n": syscall.SIGUSR1, "usr1\n": syscall.SIGTERM}, signals: signals}
	c.Stdout, c.Stderr = ready, nil
	end := c.Run(t.Context(), signals)
	if end.Code != 0 {
		t.Errorf("end %+v", end)
	}
	for _, want := range []string{"usr1", "inner"} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("%q is not once in %q", want, out)
		}
	}
}

// onWrite sends a signal when a line is written.
type onWrite struct {
	w       io.Writer
	then    map[string]syscall.Signal
	signals *Signals
}

func (o *onWrite) Write(p []byte) (int, error) {
	if signal, ok := o.then[string(p)]; ok {
		o.signals.c <- signal
	}
	return o.w.Write(p)
}

func TestRunTimesOut(t *testing.T) {
	t.Parallel()
	c, _ := shell("trap '' TERM; while :; do sleep 0.02; done")
	c.Timeout, c.Grace = 2*time.Second, 100*time.Millisecond // the trap is set by then
	begun := time.Now()
	end := c.Run(t.Context(), none())
	if !end.TimedOut || end.Signal != "SIGKILL" {
		t.Errorf("end %+v", end)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// TestRunDoesNotWaitForOthers checks that output which stays open in the
// background holds nothing up.
func TestRunDoesNotWaitForOthers(t *testing.T) {
	t.Parallel()
	c, out := shell("sleep 10 & echo begun")
	begun := time.Now()
	end := c.Run(t.Context(), none())
	if end.Failed || time.Since(begun) > 8*time.Second {
		t.Errorf("end %+v after %s", end, time.Since(begun))
	}
	if out.String() != "begun\n" {
		t.Error("the output is lost")
	}
}

// TestTee checks what a writer that fails does to the program: only a reader
// that has gone is its business.
func TestTee(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{{syscall.EPIPE, true}, {io.ErrClosedPipe, true}, {syscall.EIO, false}, {errors.New("else"), false}} {
		var kept bytes.Buffer
		w := through(failing{c.err}, &kept)
		_, err := w.Write([]byte("one "))
		if (err != nil) != c.want {
			t.Errorf("after %v: %v", c.err, err)
		}
		_, _ = w.Write([]byte("two"))
		if kept.String() != "one two" {
			t.Errorf("after %v %q is kept", c.err, &kept)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAncestors(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	if names := Ancestors(); len(names) == 0 || slices.Contains(names, "") {
		t.Errorf("ancestors %q", names)
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stat, name string
		parent     int
		ok         bool
	}{
		{"12 (cron) S 11 12 12 0", "cron", 11, true},
		{"12 (a) b (c)) S 7 1", "a) b (c)", 7, true},
		{"12 (cron) S", "", 0, false},
		{"12 )cron( S 1", "", 0, false},
		{"", "", 0, false},
		{"1 (x) S y", "x", 0, false},
	} {
		name, parent, ok := parseStat(c.stat)
		if ok != c.ok || ok && (name != c.name || parent != c.parent) {
			t.Errorf("%q: %q, %d, %t", c.stat, name, parent, ok)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("12 (cron) S 11 12")
	f.Fuzz(func(t *testing.T, stat string) {
		if name, _, ok := parseStat(stat); ok && !strings.Contains(stat, "("+name+")") {
			t.Errorf("%q is not in %q", name, stat)
		}
	})
}
