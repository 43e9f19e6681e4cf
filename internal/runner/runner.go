// Package runner runs one program as if it had been run directly, watches it,
// and tells truthfully how it ended. What the program reads, writes and exits
// with is passed through unchanged; beside that its output can be kept in a
// [Log].
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// lingering is how long output is waited for once the program itself has
// ended: something that it left in the background may hold its output open
// for ever.
const lingering = 2 * time.Second

// Command is a program to run.
type Command struct {
	// Args are the program, as it would be typed, and its arguments.
	Args []string
	// Dir is the working directory, Env the whole environment.
	Dir string
	Env []string
	// Stdin, Stdout and Stderr are what the program gets. A file is handed over
	// as it is if its output is not kept.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// KeepStdout and KeepStderr take a copy of the output; nil keeps none. They
	// are called from two goroutines, and their errors are ignored.
	KeepStdout, KeepStderr io.Writer
	// ShareTerminal leaves the program in our process group, so that a terminal
	// treats the two as one job: its keys reach both. Otherwise the program gets
	// a group of its own, and every signal that ends us reaches it and what it
	// started.
	ShareTerminal bool
	// Timeout ends the program when it takes longer; 0 lets it run. Grace is how
	// long it has to end by itself before it is killed.
	Timeout, Grace time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Run runs the program until it ends. Signals that arrive are passed on to it;
// the caller caught them before, so that none is lost in between.
func (c *Command) Run(ctx context.Context, signals *Signals) End {
	cmd, err := c.prepare(ctx)
	if err != nil {
		return notStarted(err)
	}
	memory := outOfMemoryKills()
	if err := cmd.Start(); err != nil {
		return notStarted(err)
	}
	p := &process{cmd: cmd, shared: c.ShareTerminal}
	seen := c.watch(p, signals)
	seen.at = c.Now()
	seen.read(cmd.ProcessState)
	seen.outOfMemory = outOfMemoryKills() > memory
	return seen.end(c.Timeout)
}

func (c *Command) prepare(ctx context.Context) (*exec.Cmd, error) {
	if len(c.Args) == 0 {
		return nil, exec.ErrNotFound
	}
	// The end of ctx does not end the program: signals and Timeout do.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), c.Args[0], c.Args[1:]...)
	if cmd.Err != nil && !errors.Is(cmd.Err, exec.ErrDot) {
		return nil, cmd.Err
	}
	cmd.Err = nil // who names a program of the working directory by a PATH that holds it means it
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdin = c.Stdin
	cmd.Stdout, cmd.Stderr = through(c.Stdout, c.KeepStdout), through(c.Stderr, c.KeepStderr)
	cmd.WaitDelay = lingering
	separate(cmd, c.ShareTerminal)
	return cmd, nil
}

// watch passes signals on and minds the time until the program has ended.
func (c *Command) watch(p *process, signals *Signals) *ending {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.cmd.Wait() // ProcessState tells
	}()
	var seen ending
	var timeout, kill <-chan time.Time
	if c.Timeout > 0 {
		timeout = time.After(c.Timeout)
	}
	for {
		select {
		case <-done:
			return &seen
		case s := <-signals.c:
			if p.pass(s) {
				seen.interrupts = append(seen.interrupts, interrupt{signal: s, at: c.Now()})
			}
		case <-timeout:
			seen.timedOut = true
			p.terminate()
			kill = time.After(c.Grace)
		case <-kill:
			p.kill()
		}
	}
}

// process is the program while it runs.
type process struct {
	cmd    *exec.Cmd
	shared bool // it is in our process group
}

// tee passes output through and keeps a copy.
type tee struct {
	mu      sync.Mutex
	through io.Writer
	keep    io.Writer
}

// through returns what the program writes to. Without a copy to keep that is
// the output itself, which a file is handed over as.
func through(out, keep io.Writer) io.Writer {
	if keep == nil {
		return out
	}
	return &tee{through: out, keep: keep}
}

// Write passes p on at once. It fails only when the reader of the output has
// gone: then the program must find its output closed too. Any other failure,
// such as that of a terminal that was closed, is not the program's business.
func (t *tee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.keep.Write(p)
	if t.through == nil {
		return len(p), nil
	}
	if _, err := t.through.Write(p); err != nil {
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
			return 0, err
		}
		t.through = nil
	}
	return len(p), nil
}

// The exit codes by which shells tell that a program was not started.
const (
	codeNotExecutable = 126
	codeNotFound      = 127
)

func notStarted(err error) End {
	e := End{Failed: true, ExitCode: -1, Code: codeNotExecutable, Err: err, Reason: "the program can't be executed"}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		e.Code, e.Reason = codeNotFound, "the program was not found"
	}
	if failed, ok := errors.AsType[*exec.Error](err); ok {
		e.Err = fmt.Errorf("couldn't run %s: %w", failed.Name, failed.Err)
	}
	if path, ok := errors.AsType[*os.PathError](err); ok {
		e.Err = fmt.Errorf("couldn't run %s: %w", path.Path, path.Err)
	}
	return e
}
