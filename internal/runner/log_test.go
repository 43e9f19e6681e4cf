package runner

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func clock() time.Time { return time.Date(2026, 11, 1, 8, 0, 0, 5000, time.UTC) }

func TestLogLines(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l := NewLog(&b, clock)
	out := l.Stream("out")
	for _, part := range []string{"one\ntw", "o\r", "\nthree\rfour\r\r\n\nlast"} {
		if _, err := out.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	l.Note("a note")
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	const at = "2026-11-01T08:00:00.000005Z "
	want := at + "out one\n" + at + "out two\n" + at + "out three\n" + at + "out four\n" + at + "out \n" + at + "out \n" + at + "log a note\n" + at + "out last\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestLogIgnoresHowItWasWritten checks that the lines depend on the bytes only.
func TestLogIgnoresHowItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune("ab\r\n")))).Draw(t, "parts")
		keep := func(parts ...string) string {
			var b bytes.Buffer
			l := NewLog(&b, clock)
			s := l.Stream("out")
			for _, p := range parts {
				_, _ = s.Write([]byte(p))
			}
			_ = s.Close()
			return b.String()
		}
		if diff := cmp.Diff(keep(strings.Join(parts, "")), keep(parts...)); diff != "" {
			t.Fatalf("in one write (-) and in several (+):\n%s", diff)
		}
	})
}

// TestLogStreamsDontMix writes two streams at once: each line stays whole.
func TestLogStreamsDontMix(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l := NewLog(&b, clock)
	var writers sync.WaitGroup
	for _, name := range []string{"out", "err"} {
		s := l.Stream(name)
		writers.Go(func() {
			for i := range 500 {
				fmt.Fprintf(s, "%s line %d\n", name, i)
			}
		})
	}
	writers.Wait()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 1000 {
		t.Errorf("%d lines, want 1000", len(lines))
	}
	form := regexp.MustCompile(`^\S+Z (out out|err err) line \d+$`)
	for _, line := range lines {
		if !form.MatchString(line) {
			t.Fatalf("the line %q is mixed", line)
		}
	}
}

// TestLogIsBounded checks that neither a line without end nor output without
// end is kept without end.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l := NewLog(&b, clock)
	l.left = 1 << 20
	s := l.Stream("out")
	chunk := bytes.Repeat([]byte("x"), 10_000)
	for range 1000 {
		if _, err := s.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() > 1<<20 {
		t.Errorf("%d bytes are kept", b.Len())
	}
	if l.Err() == nil {
		t.Error("nobody is told that the log is not whole")
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > maxLine+len(chunk)+64 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
}

type brokenDisk struct{}

func (brokenDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestLogThatCannotBeWritten checks that the program does not feel it.
func TestLogThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	l := NewLog(brokenDisk{}, clock)
	s := l.Stream("out")
	for range 3 {
		if n, err := s.Write([]byte("line\n")); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("the error is %v", err)
	}
}
