//go:build unix

package runner

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signals are the signals that this process caught and has not passed on yet.
type Signals struct {
	c    chan os.Signal
	pipe chan os.Signal
}

// Catch catches the signals that a program must get if we do. One that is
// ignored, as nohup has it for SIGHUP, stays ignored. Release must be called.
func Catch() *Signals {
	s := &Signals{c: make(chan os.Signal, 64), pipe: make(chan os.Signal, 1)}
	for _, sig := range []os.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
	} {
		if !signal.Ignored(sig) {
			signal.Notify(s.c, sig)
		}
	}
	// Else a reader of our output that goes away would end us before the
	// program's end is known.
	signal.Notify(s.pipe, syscall.SIGPIPE)
	return s
}

// Release lets the signals do again what they did before.
func (s *Signals) Release() {
	signal.Stop(s.c)
	signal.Stop(s.pipe)
}

// separate gives the program a process group of its own.
func separate(c *exec.Cmd, shared bool) {
	if !shared {
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
}

// pass passes a signal on and reports whether it asked the program to end. In
// a shared group the terminal's own signals have reached the program already.
func (p *process) pass(s os.Signal) (asked bool) {
	sig, ok := s.(syscall.Signal)
	if !ok {
		return false
	}
	switch sig {
	case syscall.SIGINT, syscall.SIGQUIT:
		if !p.shared {
			p.signalAll(sig)
		}
		return true
	case syscall.SIGTERM, syscall.SIGHUP:
		p.signalAll(sig)
		return true
	case syscall.SIGWINCH:
		if !p.shared {
			_ = p.cmd.Process.Signal(sig)
		}
	default:
		_ = p.cmd.Process.Signal(sig)
	}
	return false
}

// signalAll signals the program and, where it has a group of its own, all that
// it started.
func (p *process) signalAll(sig syscall.Signal) {
	if p.shared {
		_ = p.cmd.Process.Signal(sig)
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, sig)
}

func (p *process) terminate() {
	p.signalAll(syscall.SIGTERM)
	p.signalAll(syscall.SIGCONT) // one that is stopped could not end
}

func (p *process) kill() { p.signalAll(syscall.SIGKILL) }

// read takes what the system says of the program's end.
func (e *ending) read(s *os.ProcessState) {
	e.code = s.ExitCode()
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		e.signal = w.Signal()
	}
}

func signalName(s os.Signal) string {
	if sig, ok := s.(syscall.Signal); ok {
		if name := unix.SignalName(sig); name != "" {
			return name
		}
	}
	return s.String()
}

func signalNumber(s os.Signal) int {
	sig, _ := s.(syscall.Signal)
	return int(sig)
}

func isKill(s os.Signal) bool { return s == syscall.SIGKILL }

// isCrash tells the signals that a program gets for what it does itself.
func isCrash(s os.Signal) bool {
	switch s {
	case syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE,
		syscall.SIGSEGV, syscall.SIGSYS, syscall.SIGPIPE, syscall.SIGXCPU, syscall.SIGXFSZ:
		return true
	default:
		return false
	}
}

// Foreground reports whether this process is in the foreground of a terminal:
// then a program that it runs must share its process group, or it could not
// read from the terminal and would not get its keys.
func Foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close() //nolint:errcheck // nothing was written
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
