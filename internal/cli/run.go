package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/runner"
)

// runLease is how long a run may be silent before it counts as lost. It says
// that it is still going three times as often.
const runLease = 10 * time.Minute

// killGrace is how long a program has to end by itself after its timeout.
const killGrace = 10 * time.Second

// runOptions are the flags of "whodid run".
type runOptions struct {
	agent, trigger, why, model string
	tagged                     []string
	timeout, grace, lease      durationFlag
	required, quiet, log       bool
}

func (p *Program) runCommand() *cobra.Command {
	o := runOptions{grace: durationFlag(killGrace), lease: durationFlag(runLease)}
	c := &cobra.Command{
		Use:     "run --agent SQUAD/AGENT [flags] -- COMMAND [ARGUMENT…]",
		GroupID: "record",
		Short:   "Run a command as an agent's run, and record its beginning, output and end",
		Long: `Runs a command and records the run: who ran it and on whose behalf, what started
it, how long it took and how it ended. The command finds its own identity in
WHODID_EXECUTION, WHODID_AGENT, WHODID_SQUAD, WHODID_TRIGGER, WHODID_STORE and,
if a model was asked for, WHODID_MODEL, so that hooks, "whodid action record"
and runs that it starts belong to it.

Input, output, signals and exit status pass through unchanged. The output is
also kept, cleaned of secrets, for "whodid exec logs". A command that has the
terminal for itself, with input and output, keeps it, and its output is not
kept; --log keeps it, and the command writes to a pipe then.

The end is what the system says of it: exit 0 is success, another exit status is
failed, a signal is cancelled, --timeout is timeout. If this program itself is
killed the run is lost once its lease of ten minutes has run out.

What started the run is read from the surroundings unless --trigger tells it:
GitHub Actions, GitLab CI, timers of systemd and cron are known; else it is
manual.

The command runs even if nothing can be recorded. With --required it does not.`,
		Example: `  whodid run --agent ops/backup -- ./backup.sh
  whodid run --agent eng/issue-solver --why "issue 42" --timeout 30m -- claude -p "Solve issue 42"
  whodid run --agent eng/triage --trigger event:issues.labeled --tag issue=42 -- ./triage.sh`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misuse(fmt.Errorf("which command? there is none to run"), "write it at the end: whodid run --agent %s -- ./backup.sh", "ops/backup")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := p.newRun(&o, args)
			if err != nil {
				return err
			}
			return r.run(c.Context())
		},
	}
	f := c.Flags()
	f.SetInterspersed(false) // what follows the command is the command's
	f.StringVar(&o.agent, "agent", "", "whose run it is, as squad/agent")
	f.StringVar(&o.trigger, "trigger", "", "what started it: manual, scheduled, smart or event, with :DETAIL (default: read from the surroundings)")
	f.StringVar(&o.why, "why", "", "why it is run")
	f.StringVar(&o.model, "model", "", "the model that is asked for")
	f.StringArrayVar(&o.tagged, "tag", nil, "a tag, as name=value; may be repeated")
	f.Var(&o.timeout, "timeout", "end the command when it takes longer, such as 90s or 30m")
	f.Var(&o.grace, "grace", "how long it has to end by itself then, before it is killed")
	f.Var(&o.lease, "lease", "how long it may be silent before it counts as lost")
	f.BoolVar(&o.required, "required", false, "don't run the command if its start can't be recorded")
	f.BoolVar(&o.log, "log", false, "keep the output even of a command that has the terminal for itself")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "say nothing, unless something can't be recorded")
	_ = f.MarkHidden("grace")
	_ = f.MarkHidden("lease")
	return c
}

// run is one run of "whodid run".
type run struct {
	p       *Program
	o       *runOptions
	args    []string
	labels  whodid.Data
	kind    string // of the trigger
	detail  string
	subject subject
	pen     *pen // nil if it is not known where to record
	// spooled tells that the start waits in the spool.
	spooled bool
	// terminal tells that the command has the terminal for itself.
	terminal bool
	logFile  *os.File
	log      *runner.Log
}

// newRun checks the command line. Nothing has happened when it fails.
func (p *Program) newRun(o *runOptions, args []string) (*run, error) {
	r := &run{p: p, o: o, args: args}
	r.terminal = isTerminal(p.Stdin) && isTerminal(p.Stdout)
	trigger := o.trigger
	if trigger == "" {
		s := p.surroundings(r.terminal)
		kind, detail := s.trigger()
		trigger = joinTrigger(kind, detail)
	}
	var err error
	if r.kind, r.detail, err = startArguments(o.agent, trigger); err != nil {
		return nil, err
	}
	if r.labels, err = tags("--tag", o.tagged); err != nil {
		return nil, err
	}
	r.subject = subject{
		execution: whodid.NewID(whodid.PrefixExecution), agent: o.agent,
		actor: whodid.AgentActor(o.agent), auth: "run",
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	r.pen, err = p.newPen()
	switch {
	case err == nil:
	case p.store != "" || o.required:
		return nil, err
	default: // a variable that is wrong must not keep the command from its work
		p.complain(fmt.Errorf("this run is not recorded: %w", err))
	}
	return r, nil
}

// check finds what could not be recorded of the command line while nothing has
// happened yet. What is only too long is cut, as the text of others is.
func (r *run) check() error {
	for _, e := range r.startEvents(r.p.Now()) {
		if err := e.Validate(); err != nil {
			return &exitError{code: ExitUsage, err: err}
		}
	}
	return nil
}

// startEvents are the events of the run's beginning.
func (r *run) startEvents(at time.Time) []whodid.Event {
	start := r.subject.event("execution.start", "start/"+r.subject.execution, at)
	start.Why = r.o.why
	start.Data = startData(r.kind, r.detail, r.o.model, r.p.around(), time.Duration(r.o.lease))
	start.Data["program"] = filepath.Base(r.args[0])
	locate(start.Data, r.p.Dir)
	if r.log != nil {
		start.Data["log"] = filepath.Base(r.logFile.Name())
	}
	start.Cut()
	events := []whodid.Event{start}
	if len(r.labels) > 0 {
		tag := r.subject.event("execution.tag", "tag/"+r.subject.execution, at)
		tag.Data = r.labels
		tag.Cut()
		events = append(events, tag)
	}
	return events
}

func joinTrigger(kind, detail string) string {
	if detail == "" {
		return kind
	}
	return kind + ":" + detail
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// run records the start, runs the command and records the end.
func (r *run) run(ctx context.Context) error {
	// Signals are for the command, and what is recorded about it must be
	// recorded when they come.
	ctx = context.WithoutCancel(ctx)
	signals := runner.Catch()
	defer signals.Release()
	if err := r.start(ctx); err != nil {
		if r.o.required {
			return withHint(fmt.Errorf("not run, for its start can't be recorded: %w", err), "leave --required out to run it all the same")
		}
		r.p.complain(fmt.Errorf("this run is not recorded: %w", err))
		r.forget()
	}
	stopBeating := r.beat(ctx)
	end := r.supervise(ctx, signals)
	stopBeating()
	r.finish(ctx, end)
	if end.Err != nil {
		r.p.complain(end.Err)
	}
	if end.Code != 0 {
		return &exitError{code: end.Code}
	}
	return nil
}

// start makes the start durable.
func (r *run) start(ctx context.Context) error {
	if r.pen == nil {
		return nil
	}
	defer r.pen.close()
	if err := r.pen.open(ctx); err != nil {
		if r.o.required {
			return err
		}
		r.p.complain(err)
	}
	r.subject.onBehalf, r.subject.behalfBy = r.pen.person()
	r.openLog()
	done, err := r.pen.write(ctx, r.startEvents(r.p.Now())...)
	r.spooled = done.spooled
	if err == nil && r.spooled {
		fmt.Fprintln(r.p.Stderr, "        the run is kept in the spool until the trail can be reached")
	}
	return err
}

// openLog makes the file of the run's output. Without it the run goes on.
func (r *run) openLog() {
	err := os.MkdirAll(r.pen.place.Logs, 0o700)
	if err == nil {
		name := filepath.Join(r.pen.place.Logs, r.subject.execution+".log")
		r.logFile, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	}
	if err != nil {
		r.p.complain(fmt.Errorf("the output is not kept: %w", err))
		return
	}
	r.log = runner.NewLog(r.logFile, r.p.Now)
}

// forget gives up recording the run: what nobody can find is not kept.
func (r *run) forget() {
	if r.log != nil {
		_ = r.logFile.Close()
		_ = os.Remove(r.logFile.Name())
	}
	r.pen, r.log = nil, nil
}

// supervise runs the command.
func (r *run) supervise(ctx context.Context, signals *runner.Signals) runner.End {
	c := runner.Command{
		Args: r.args, Dir: r.p.Dir, Env: r.environment(),
		Stdin: r.p.Stdin, Stdout: r.p.Stdout, Stderr: r.p.Stderr,
		ShareTerminal: isTerminal(r.p.Stdin) || runner.Foreground(),
		Timeout:       time.Duration(r.o.timeout), Grace: time.Duration(r.o.grace), Now: r.p.Now,
	}
	if r.log == nil {
		return c.Run(ctx, signals)
	}
	defer r.closeLog()
	if r.terminal && !r.o.log {
		r.log.Note("the command has the terminal for itself; its output is not kept (whodid run --log keeps it)")
		return c.Run(ctx, signals)
	}
	for _, s := range []struct {
		name string
		keep *io.Writer
	}{{"out", &c.KeepStdout}, {"err", &c.KeepStderr}} {
		lines := r.log.Stream(s.name)
		clean := r.pen.redactor.NewWriter(lines)
		*s.keep = clean
		defer lines.Close()
		defer clean.Close() //nolint:errcheck // and so neither does this
	}
	return c.Run(ctx, signals)
}

func (r *run) closeLog() {
	err := r.log.Err()
	if closing := r.logFile.Close(); err == nil {
		err = closing
	}
	if err != nil {
		r.p.complain(fmt.Errorf("the log of the output is not whole: %w", err))
	}
}

// environment is ours, with the identity of the run.
func (r *run) environment() []string {
	env := []string{
		"WHODID_EXECUTION=" + r.subject.execution,
		"WHODID_AGENT=" + r.o.agent,
		"WHODID_SQUAD=" + whodid.Squad(r.o.agent),
		"WHODID_TRIGGER=" + joinTrigger(r.kind, r.detail),
	}
	if r.pen == nil {
		// Nobody knows of this run, so nothing may claim to belong to it.
		env = []string{"WHODID_AGENT=" + r.o.agent}
	} else {
		env = append(env, "WHODID_STORE="+r.pen.place.URL)
		if r.o.model != "" {
			env = append(env, "WHODID_MODEL="+r.o.model)
		}
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch strings.ToUpper(name) {
		case "WHODID_EXECUTION", "WHODID_AGENT", "WHODID_SQUAD", "WHODID_TRIGGER", "WHODID_MODEL":
			continue
		case "WHODID_STORE":
			if r.pen != nil {
				continue
			}
		}
		env = append(env, v)
	}
	return env
}
