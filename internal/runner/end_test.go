//go:build unix

package runner

import (
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEnd is the truth table of how a run ended.
func TestEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	asked := func(s syscall.Signal, ago time.Duration) []interrupt {
		return []interrupt{{signal: s, at: now.Add(-ago)}}
	}
	for _, c := range []struct {
		name string
		seen ending
		want End
	}{
		{"exit 0", ending{}, End{Reason: "exit 0"}},
		{"exit 3", ending{code: 3}, End{Failed: true, Reason: "exit 3", ExitCode: 3, Code: 3}},
		{"a signal", ending{code: -1, signal: syscall.SIGTERM}, End{Cancelled: true, Reason: "SIGTERM", Signal: "SIGTERM", ExitCode: -1, Code: 143}},
		{"a crash", ending{code: -1, signal: syscall.SIGSEGV}, End{Failed: true, Reason: "SIGSEGV", Signal: "SIGSEGV", ExitCode: -1, Code: 139}},
		{"killed", ending{code: -1, signal: syscall.SIGKILL}, End{Cancelled: true, Reason: "SIGKILL", Signal: "SIGKILL", ExitCode: -1, Code: 137}},
		{
			"killed for want of memory",
			ending{code: -1, signal: syscall.SIGKILL, outOfMemory: true},
			End{Failed: true, Reason: "SIGKILL while memory ran out", Signal: "SIGKILL", ExitCode: -1, Code: 137},
		},
		{
			"memory ran out elsewhere",
			ending{code: -1, signal: syscall.SIGTERM, outOfMemory: true},
			End{Cancelled: true, Reason: "SIGTERM", Signal: "SIGTERM", ExitCode: -1, Code: 143},
		},
		{
			"timeout",
			ending{code: -1, signal: syscall.SIGTERM, timedOut: true},
			End{TimedOut: true, Reason: "timeout after 1m30s", Signal: "SIGTERM", ExitCode: -1, Code: 143},
		},
		{"timeout that it obeyed", ending{timedOut: true}, End{TimedOut: true, Reason: "timeout after 1m30s"}},
		{
			"exit right after a signal",
			ending{code: 1, interrupts: asked(syscall.SIGINT, time.Second)},
			End{Cancelled: true, Reason: "exit 1 after SIGINT", Signal: "SIGINT", ExitCode: 1, Code: 1},
		},
		{
			"exit long after a signal that it dealt with",
			ending{code: 1, interrupts: asked(syscall.SIGINT, time.Hour)},
			End{Failed: true, Reason: "exit 1", ExitCode: 1, Code: 1},
		},
		{
			"exit with the status of a signal long ago",
			ending{code: 130, interrupts: asked(syscall.SIGINT, time.Hour)},
			End{Cancelled: true, Reason: "exit 130 after SIGINT", Signal: "SIGINT", ExitCode: 130, Code: 130},
		},
		{"success after a signal", ending{interrupts: asked(syscall.SIGINT, time.Second)}, End{Reason: "exit 0"}},
		{"the status of a signal that nobody sent", ending{code: 137}, End{Failed: true, Reason: "exit 137", ExitCode: 137, Code: 137}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.seen.at = now
			if diff := cmp.Diff(c.want, c.seen.end(90*time.Second)); diff != "" {
				t.Errorf("end (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFormatDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		30 * time.Minute: "30m", 24 * time.Hour: "24h", 90 * time.Second: "1m30s", 300 * time.Millisecond: "300ms",
		time.Hour + 10*time.Second: "1h0m10s", 10 * time.Second: "10s", 100 * time.Minute: "1h40m",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
