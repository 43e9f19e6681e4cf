package runner

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// End is how a program ended. At most one of Failed, TimedOut and Cancelled is
// true; it succeeded if none is.
type End struct {
	Failed, TimedOut, Cancelled bool
	// Reason says in a fixed phrase what that rests on: "exit 3", "SIGTERM".
	Reason string
	// ExitCode is the exit status, -1 if the program had none.
	ExitCode int
	// Signal is the name of the signal that ended it, or after which it ended
	// by itself; empty if there was none.
	Signal string
	// Code is what a shell's $? would be: the exit status, 128 and the number of
	// the signal, 127 if the program was not found, 126 if it can't be executed.
	Code int
	// Err is why the program was not started.
	Err error
}

// obedience is how soon a program that is told to end does so. One that ends
// later than this after a signal dealt with the signal and went on: agents ask
// again at the first ^C.
const obedience = 10 * time.Second

// interrupt is a signal that asked the program to end.
type interrupt struct {
	signal os.Signal
	at     time.Time
}

// ending is what was seen of a program's end.
type ending struct {
	at          time.Time
	code        int       // exit status, -1 if a signal ended it
	signal      os.Signal // that ended it
	timedOut    bool      // we asked it to end, for it took too long
	interrupts  []interrupt
	outOfMemory bool // the system killed something for lack of memory meanwhile
}

// end judges what was seen:
//
//   - what we ended for the time it took is a timeout, however it went;
//   - exit status 0 is a success, also after a signal, which it then dealt with;
//   - a signal ends it as cancelled, except those by which a program is
//     punished for its own doing (SIGSEGV and its like) and except SIGKILL when
//     memory ran out;
//   - another exit status is a failure, except right after a signal that asked
//     it to end, or when the status is that signal's.
func (e *ending) end(timeout time.Duration) End {
	out := End{ExitCode: e.code, Code: e.code, Reason: "exit " + strconv.Itoa(e.code)}
	if e.signal != nil {
		out.Signal, out.Code = signalName(e.signal), 128+signalNumber(e.signal)
		out.Reason = out.Signal
	}
	switch {
	case e.timedOut:
		out.TimedOut, out.Reason = true, "timeout after "+FormatDuration(timeout)
	case e.signal != nil && isKill(e.signal) && e.outOfMemory:
		out.Failed, out.Reason = true, out.Signal+" while memory ran out"
	case e.signal != nil:
		out.Failed = isCrash(e.signal)
		out.Cancelled = !out.Failed
	case e.code == 0:
	default:
		if s := e.obeyed(); s != nil {
			out.Cancelled, out.Signal = true, signalName(s)
			out.Reason = fmt.Sprintf("exit %d after %s", e.code, out.Signal)
		} else {
			out.Failed = true
		}
	}
	return out
}

// FormatDuration writes a length of time as it would be typed: 30m, not 30m0s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// obeyed returns the signal that the program's exit answers, or nil.
func (e *ending) obeyed() os.Signal {
	for _, s := range slices.Backward(e.interrupts) {
		if e.code == 128+signalNumber(s.signal) || e.at.Sub(s.at) <= obedience {
			return s.signal
		}
	}
	return nil
}
