package runner

import (
	"os"
	"os/exec"
	"os/signal"
)

// Signals are the signals that this process caught and has not passed on yet.
type Signals struct{ c chan os.Signal }

// Catch catches ^C, which the console tells the program by itself. Release
// must be called.
func Catch() *Signals {
	s := &Signals{c: make(chan os.Signal, 64)}
	signal.Notify(s.c, os.Interrupt)
	return s
}

// Release lets the signals do again what they did before.
func (s *Signals) Release() { signal.Stop(s.c) }

// separate does nothing: consoles know no process groups of our kind.
func separate(*exec.Cmd, bool) {}

// pass reports that the program was asked to end; the console passes ^C on.
func (p *process) pass(os.Signal) (asked bool) { return true }

// terminate kills the program: Windows has no way to ask one without a window.
func (p *process) terminate() { p.kill() }

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// read takes what the system says of the program's end.
func (e *ending) read(s *os.ProcessState) { e.code = s.ExitCode() }

func signalName(s os.Signal) string {
	if s == os.Interrupt {
		return "SIGINT"
	}
	return s.String()
}

func signalNumber(s os.Signal) int {
	if s == os.Interrupt {
		return 2
	}
	return 0
}

func isKill(os.Signal) bool  { return false }
func isCrash(os.Signal) bool { return false }

// Foreground reports true: a console treats all that runs in it as one.
func Foreground() bool { return true }
