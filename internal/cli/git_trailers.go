package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/term"
)

// maxMessageFile is the largest message that is read.
const maxMessageFile = 16 << 20

// linted is the answer of "whodid git trailers".
type linted struct {
	File     string           `json:"file"` // "-" for standard input
	Problems []messageProblem `json:"problems"`
	// Changes are what --fix did; Problems are then those that are left.
	Changes []messageChange `json:"changes"`
	// Message is the message after --fix of standard input.
	Message string `json:"message,omitempty"`
}

type messageProblem struct {
	Code    string `json:"code"`
	Line    int    `json:"line"` // from 1; 0 if it is about the whole message
	Text    string `json:"text"`
	Fixable bool   `json:"fixable"`
}

type messageChange struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

func (p *Program) gitTrailersCommand() *cobra.Command {
	var check, fix bool
	c := &cobra.Command{
		Use:   "trailers [--check|--fix] [FILE|-]",
		Short: "Check or repair the trailers of one message",
		Long: `Checks whether git's own tools can read the five trailers of a message, such as
that of a commit or the text of a pull request, and says what is wrong and in
which line. Exit status 5 means that something is.

With --fix it repairs what can be repaired without guessing: a file in place,
standard input to standard output. What it did goes to standard error.`,
		Example: `  git log -1 --format=%B | whodid git trailers
  whodid git trailers --fix .git/COMMIT_EDITMSG
  gh pr view 44 --json body -q .body | whodid git trailers --fix -`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if check && fix {
				return misuse(errors.New("--check and --fix can't be had at once"), "--fix also says what it could not repair")
			}
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			return p.gitTrailers(c.Context(), name, fix)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "say what is wrong (the default)")
	c.Flags().BoolVar(&fix, "fix", false, "repair it")
	return c
}

func (p *Program) gitTrailers(ctx context.Context, name string, fix bool) error {
	msg, err := p.readText(name)
	if err != nil {
		return err
	}
	rules := githook.Rules(ctx, p.Dir)
	answer := linted{File: name, Problems: []messageProblem{}, Changes: []messageChange{}}
	if fix {
		fixed, changes := rules.Fix(msg)
		for _, c := range changes {
			answer.Changes = append(answer.Changes, messageChange(c))
		}
		if err := p.writeText(name, msg, fixed); err != nil {
			return err
		}
		if name == "-" && p.json {
			answer.Message = fixed
		}
		msg = fixed
	}
	for _, f := range rules.Check(msg) {
		answer.Problems = append(answer.Problems, messageProblem{string(f.Code), f.Line, f.Text, f.Fixable})
	}
	if p.json {
		err = p.printJSON(answer)
	} else {
		p.sayLinted(&answer, fix)
	}
	if err == nil && len(answer.Problems) > 0 {
		return &exitError{code: ExitPolicy}
	}
	return err
}

// sayLinted prints what was found. What --fix says goes beside the message.
func (p *Program) sayLinted(a *linted, fix bool) {
	out := p.Stdout
	if fix {
		out = p.Stderr
	}
	for _, c := range a.Changes {
		fmt.Fprintf(out, "%s: %s\n", placeIn(a.File, c.Line), term.Clean(c.Text))
	}
	for _, f := range a.Problems {
		note := ""
		if f.Fixable {
			note = " (--fix repairs it)"
		}
		fmt.Fprintf(out, "%s: %s: %s%s\n", placeIn(a.File, f.Line), f.Code, term.Clean(f.Text), note)
	}
	if len(a.Problems) == 0 && !fix {
		fmt.Fprintf(out, "%s: git reads the trailers\n", placeIn(a.File, 0))
	}
}

func placeIn(file string, line int) string {
	if file == "-" {
		file = "message"
	}
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// readText reads a file that the command line names, or standard input.
func (p *Program) readText(name string) (string, error) {
	in := p.Stdin
	if name != "-" {
		f, err := os.Open(p.path(name))
		if err != nil {
			return "", fmt.Errorf("couldn't read the message: %w", err)
		}
		defer f.Close() //nolint:errcheck // nothing was written
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxMessageFile+1))
	if err != nil {
		return "", fmt.Errorf("couldn't read the message: %w", err)
	}
	if len(b) > maxMessageFile {
		return "", fmt.Errorf("couldn't read the message: it is larger than %d MiB", maxMessageFile>>20)
	}
	return string(b), nil
}

// writeText writes a file in place if it has changed, or to standard output; in
// a JSON document standard input's text has a field of its own.
func (p *Program) writeText(name, old, text string) error {
	var err error
	switch {
	case name == "-" && p.json:
	case name == "-":
		_, err = io.WriteString(p.Stdout, text)
	case text != old:
		err = os.WriteFile(p.path(name), []byte(text), 0o600)
	}
	if err != nil {
		return fmt.Errorf("couldn't write the message: %w", err)
	}
	return nil
}

// path is a path of the command line as the program finds it.
func (p *Program) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Dir, name)
}
