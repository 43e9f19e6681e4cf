package gitlog

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// quiet are the settings of every git command here: no hook and no program of
// the repository's configuration is run, names are not quoted, and history is
// read as it was written, without replacements.
var quiet = []string{
	"--no-replace-objects",
	"-c", "core.hooksPath=" + os.DevNull, "-c", "core.quotePath=false", "-c", "core.fsmonitor=false",
	"-c", "log.showSignature=false", "-c", "log.showRoot=true", "-c", "diff.renames=true",
}

// stream runs git and hands its standard output to read, which need not read
// all of it. It returns git's error, or that of read.
func (r *Repository) stream(ctx context.Context, stdin io.Reader, read func(*bufio.Reader) error, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := exec.CommandContext(ctx, "git", append(append([]string{}, quiet...), args...)...)
	c.Dir = r.dir
	c.Env = append(c.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_NO_LAZY_FETCH=1")
	c.Stdin = stdin
	stderr := &lastWords{}
	c.Stderr = stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		return fmt.Errorf("couldn't run git %s: %w", args[0], err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("couldn't run git %s: %w", args[0], err)
	}
	readErr := read(bufio.NewReaderSize(stdout, 1<<18))
	if readErr != nil {
		cancel() // git would wait for ever to be read
	}
	waitErr := c.Wait()
	switch {
	case ctx.Err() != nil && readErr == nil:
		return fmt.Errorf("couldn't run git %s: %w", args[0], context.Cause(ctx))
	case readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF):
		return readErr
	case waitErr != nil:
		// A history that ends in the middle is git's failure, if it failed.
		if words, ok := strings.CutPrefix(stderr.String(), "fatal: "); ok {
			return fmt.Errorf("git %s: %s", args[0], words) // which say it better than its exit status
		}
		return fmt.Errorf("couldn't run git %s: %w: %s", args[0], waitErr, stderr.String())
	default:
		return readErr
	}
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu   sync.Mutex
	kept []byte
}

func (w *lastWords) Write(b []byte) (int, error) {
	const most = 4 << 10
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, b[max(0, len(b)-most):]...)
	w.kept = w.kept[max(0, len(w.kept)-most):]
	return len(b), nil
}

// String is the last line.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := bytes.TrimSpace(w.kept)
	return strings.ToValidUTF8(string(text[bytes.LastIndexByte(text, '\n')+1:]), "\uFFFD")
}
