package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/term"
)

// execLogs is one call of "whodid exec logs".
type execLogs struct {
	follow bool
	last   int // lines
	tail   *pflag.Flag
}

func (p *Program) execLogsCommand() *cobra.Command {
	var l execLogs
	c := &cobra.Command{
		Use:   "logs ID",
		Short: "Print the output of a run",
		Long: `Prints what a run wrote, as "whodid run" kept it: cleaned of secrets, outside the
database. At a terminal what could move the cursor is shown instead of obeyed;
behind a pipe the log comes as it is. Of a run without a log it says where its
client keeps the session, if it is on this machine.

With --follow it goes on until the run ends.`,
		Example: `  whodid exec logs 7k2m
  whodid exec logs 7k2m --tail 50 --follow`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: p.completeExecutions,
		RunE:              func(c *cobra.Command, args []string) error { return p.execLogs(c.Context(), args[0], &l) },
	}
	c.Flags().BoolVarP(&l.follow, "follow", "f", false, "go on until the run ends")
	c.Flags().IntVar(&l.last, "tail", 0, "only the last `N` lines (default all, with --json 1000)")
	l.tail = c.Flags().Lookup("tail")
	return c
}

// lines is how many lines at the end to print; below 0 is all.
func (l *execLogs) lines(p *Program) int {
	switch {
	case l.tail.Changed:
		return l.last
	case p.json:
		return jsonLines
	default:
		return -1
	}
}

// jsonLines is how many lines of a log one JSON document holds unless more are
// asked for.
const jsonLines = 1000

func (p *Program) execLogs(ctx context.Context, prefix string, l *execLogs) error {
	if p.json && l.follow {
		return usageError("--json prints one document, which --follow would never end: use one of them")
	}
	if l.last < 0 {
		return usageError("--tail: %d is less than none", l.last)
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	x, err := t.asker.Execution(ctx, prefix)
	if err != nil {
		return unresolved(err)
	}
	path, err := p.logPath(ctx, t, x)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("the log of %s is gone: %s", x.ExecutionID, path), "logs are files of the machine that ran it, and may be deleted")
	}
	if err != nil {
		return fmt.Errorf("couldn't open the log: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if p.json {
		return p.printLog(f, &ask.Log{ExecutionID: x.ExecutionID, Path: path, Lines: []string{}}, l.lines(p))
	}
	if err := seekToLast(f, l.lines(p)); err != nil {
		return err
	}
	w := &logWriter{w: p.Stdout, clean: p.out().Terminal()}
	if !l.follow {
		return w.copyAll(f)
	}
	return p.followLog(ctx, t, x.ExecutionID, f, w)
}

// logPath is where the output of an execution is kept.
func (p *Program) logPath(ctx context.Context, t *trail, x *ask.Execution) (string, error) {
	id := x.ExecutionID
	name, err := t.asker.LogName(ctx, id)
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", withHint(fmt.Errorf("%s has no log", id), "%s", p.elsewhere(x))
	}
	// The name was told by whoever recorded the start.
	if !filepath.IsLocal(name) || name != filepath.Base(name) {
		return "", fmt.Errorf("the log of %s has a name that leads elsewhere: %q", id, name)
	}
	return filepath.Join(t.place.Logs, name), nil
}

// elsewhere says where the client of a run without a log keeps what was said in it.
// The trail does not: it has no place for prompts and answers.
func (p *Program) elsewhere(x *ask.Execution) string {
	const only = `only "whodid run" keeps the output of what it runs`
	if x.SessionID == "" {
		return only
	}
	for _, f := range importer.Discover(importer.Roots(place.Home(p.Env), p.Env), func(string, error) {}) {
		if strings.Contains(filepath.ToSlash(f.Path), x.SessionID) {
			path := f.Path
			if dir := filepath.Dir(path); strings.HasPrefix(filepath.Base(dir), "-") {
				// Claude Code names the folder after a path, of which errors keep no user's
				// name: what is left would be no folder, and a shell finds this one.
				path = filepath.Join(filepath.Dir(dir), "*", filepath.Base(path))
			}
			return fmt.Sprintf("%s; its client, %s, keeps the session in %s", only, f.Client, path)
		}
	}
	return fmt.Sprintf("%s; its session is %s (told by %s), whose file is not on this machine: look on the one that ran it", only, x.SessionID, x.Source)
}

// printLog prints the end of the log as one JSON document.
func (p *Program) printLog(f *os.File, answer *ask.Log, tail int) error {
	if err := seekToLast(f, tail); err != nil {
		return err
	}
	r := bufio.NewReader(f)
	for len(answer.Lines) < tail {
		line, err := r.ReadString('\n')
		if line != "" {
			answer.Lines = append(answer.Lines, string(bytes.TrimRight([]byte(line), "\r\n")))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("couldn't read the log: %w", err)
		}
	}
	return p.printJSON(answer)
}

// seekToLast puts the file to where its last n lines begin; below 0 is its
// beginning. It reads no more than those lines.
func seekToLast(f *os.File, n int) error {
	if n < 0 {
		return nil
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 {
		return err
	}
	block := make([]byte, 64<<10)
	for at := end; at > 0; {
		size := min(at, int64(len(block)))
		at -= size
		if _, err := f.ReadAt(block[:size], at); err != nil {
			return fmt.Errorf("couldn't read the log: %w", err)
		}
		for i := size - 1; i >= 0; i-- {
			// A line feed at the very end ends the last line and begins none.
			if block[i] != '\n' || at+i == end-1 {
				continue
			}
			if n--; n == 0 {
				_, err := f.Seek(at+i+1, io.SeekStart)
				return err
			}
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// followPoll is how often a log or the trail is asked for more. Only every so
// many times it is asked whether the run has ended.
const (
	followPoll = 250 * time.Millisecond
	askedEvery = 4
)

// followLog copies the log until its run has ended, or the reader has enough.
func (p *Program) followLog(ctx context.Context, t *trail, id string, f *os.File, w *logWriter) error {
	tick := time.NewTicker(followPoll)
	defer tick.Stop()
	for n := 0; ; n++ {
		ended := false
		if n%askedEvery == 0 {
			if t.recorder != nil {
				if _, err := p.drain(ctx, t); err != nil && ctx.Err() == nil {
					return err
				}
			}
			x, err := t.asker.Execution(ctx, id)
			if err != nil && ctx.Err() == nil {
				return err
			}
			ended = err == nil && x.Status != string(whodid.StatusRunning)
		}
		// What was written before the end is known to be there now.
		if err := w.copy(f); err != nil {
			return err
		}
		if ended {
			return w.flush()
		}
		select {
		case <-ctx.Done():
			return w.flush()
		case <-tick.C:
		}
	}
}

// maxLine bounds how much of a line without an end is held back.
const maxLine = 64 << 10

// logWriter writes a log to the reader; for a terminal it makes each line
// harmless.
type logWriter struct {
	w     io.Writer
	clean bool
	held  []byte // a line whose end is not there yet
}

func (l *logWriter) copyAll(f io.Reader) error {
	if err := l.copy(f); err != nil {
		return err
	}
	return l.flush()
}

// copy writes what the file has to offer by now.
func (l *logWriter) copy(f io.Reader) error {
	if !l.clean {
		if _, err := io.Copy(l.w, f); err != nil {
			return fmt.Errorf("couldn't copy the log: %w", err)
		}
		return nil
	}
	block := make([]byte, 32<<10)
	for {
		n, err := f.Read(block)
		l.held = append(l.held, block[:n]...)
		for {
			line, rest, found := bytes.Cut(l.held, []byte("\n"))
			if !found && len(l.held) < maxLine {
				break
			}
			if _, err := fmt.Fprintln(l.w, term.CleanLine(line)); err != nil {
				return fmt.Errorf("couldn't print the log: %w", err)
			}
			l.held = rest
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("couldn't read the log: %w", err)
		}
	}
}

// flush writes a last line that has no end.
func (l *logWriter) flush() error {
	if len(l.held) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(l.w, term.CleanLine(l.held))
	l.held = nil
	return err
}
