// Package cli is the command line of whodid, and the place where the parts of
// the product are put together: it alone reads the environment, chooses the
// trail and ends the process. There is one file for each command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/store"
)

// The exit codes are part of the interface: scripts rely on them.
const (
	ExitOK           = 0
	ExitError        = 1
	ExitUsage        = 2
	ExitVerification = 3
	ExitNotAllowed   = 4
	ExitPolicy       = 5
	ExitIncomplete   = 6
)

// Program is what a command needs of the world around it. Tests put another
// world in its place.
type Program struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            func(name string) string
	Dir            string // the working directory
	Now            func() time.Time
	Version        string

	// The flags that every command has.
	store string
	org   string
	json  bool
	// unhelped is why there was no help where it was asked for; cobra has no way
	// to return it.
	unhelped error
	// denied is what the settings of the server keep out of the trail.
	denied denylist.List
	// policies is the folder of the policies of a server's organisations; empty where
	// this is no server.
	policies string
	// rereadDenied reads that again; nil where there are no such settings.
	rereadDenied func() (denylist.List, error)
}

// Main runs the program in the world of this process and returns its exit
// code.
func Main(version string) int {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &Program{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env: os.Getenv, Dir: dir, Now: time.Now, Version: version,
	}
	return p.Run(ctx, os.Args[1:])
}

// Run runs one command line and returns the exit code.
func (p *Program) Run(ctx context.Context, args []string) int {
	root := p.root() //nolint:contextcheck // commands get the context when they run
	root.SetArgs(termsApart(args))
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = p.unhelped
	}
	if err == nil {
		return ExitOK
	}
	if status, ok := errors.AsType[*exitError](err); ok {
		if status.err != nil {
			p.complain(status.err)
		}
		return status.code
	}
	p.complain(err)
	return ExitError
}

// complain prints an error, and what to do next if the error knows it.
//
// Errors quote what was given to the command, and standard error ends up in
// the logs of others: secrets are taken out here too.
func (p *Program) complain(err error) {
	clean := func(string) string { return "(withheld)" }
	r, broken := p.redactor()
	if broken != nil {
		// Its own settings can't be read, and somebody must be told.
		r, broken = p.redactorWith(denylist.List{})
	}
	if broken == nil {
		clean = func(s string) string {
			s, _ = r.Clean(s)
			return s
		}
	}
	fmt.Fprintf(p.Stderr, "whodid: %s\n", clean(err.Error()))
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		fmt.Fprintf(p.Stderr, "        %s\n", clean(hint.Hint()))
	}
}

// exitError ends the program with a code of its own; err may be nil where the
// output has said everything.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is an error of how a command was called.
func usageError(format string, args ...any) error {
	return &exitError{code: ExitUsage, err: fmt.Errorf(format, args...)}
}

// hintError is an error that knows what to do next.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }
func (e *hintError) Hint() string  { return e.hint }

func withHint(err error, format string, args ...any) error {
	return &hintError{err: err, hint: fmt.Sprintf(format, args...)}
}

func (p *Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "whodid",
		Short: "The audit trail for AI agents: who did what, when, why, and with what result",
		Long: `whodid records what AI agents do and proves it.

Every run of every agent becomes an execution: who ran it, what started it, what
it did, what it cost and how it ended. Every fact is a leaf of a signed Merkle
log, so that nobody can change the past without being found out.`,
		Example: `  whodid init                         # record Claude Code from now on
  whodid run --agent ops/backup -- ./backup.sh
  whodid history                      # what ran in the last seven days
  whodid exec show 7k2m               # one run, by the first letters of its id
  whodid verify                       # is the trail what it was?`,
		Version:           p.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              arguments(cobra.NoArgs),
		PersistentPreRunE: p.inJSON,
		RunE:              p.group,
	}
	root.SetVersionTemplate("whodid {{.Version}}\n")
	root.SetFlagErrorFunc(unknownFlag)
	flags := root.PersistentFlags()
	flags.StringVar(&p.store, "store", "", "the trail: sqlite:///path/to/trail.db or postgres://… (default $WHODID_STORE, else the project's .whodid, else your own)")
	flags.StringVar(&p.org, "org", store.DefaultOrg, "the organisation whose trail it is")
	flags.BoolVar(&p.json, "json", false, "print one JSON document and nothing else")
	root.AddGroup(
		&cobra.Group{ID: "record", Title: "Record:"},
		&cobra.Group{ID: "ask", Title: "Ask:"},
		&cobra.Group{ID: "prove", Title: "Prove:"},
		&cobra.Group{ID: "keep", Title: "Keep:"},
	)
	root.AddCommand(p.commands()...)
	p.onlyHelpThereIs(root)
	return root
}

// since reads the value of --since and its like against the program's clock.
func (p *Program) since(flag, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := whodid.ParseTime(value, p.Now())
	if err != nil {
		return time.Time{}, usageError("--%s: %w", flag, err)
	}
	return t, nil
}
