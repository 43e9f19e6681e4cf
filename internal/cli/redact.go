package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/term"
)

// maxTrial is the largest text that is tried, in bytes.
const maxTrial = 16 << 20

func (p *Program) redactCommand() *cobra.Command {
	var files []string
	var show, check bool
	c := &cobra.Command{
		Use:     "redact --test FILE",
		GroupID: "keep",
		Short:   "See what would be taken out of a text, and what was taken out so far",
		Long: `Shows what of a text the trail would not keep: where it is and which rule says
so, and never what it is. Lines and columns count from 1, columns and lengths in
bytes.

The rules are those of every trail (secrets, user names in home directories,
e-mail addresses, what looks random) and your own: patterns, deny and identities
in the table [redact] of the settings, see docs/redaction.md.

With --check it ends with 5 if anything would be taken out: for a git hook.`,
		Example: `  whodid redact --test notes.md
  whodid redact --test notes.md --show > clean.md
  git diff --cached | whodid redact --test - --check
  whodid redact stats --since 30d`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(files) == 0 {
				if show || check {
					return misuse(errors.New("--test is missing"), "say which file is to be tried: --test FILE, or --test - for standard input")
				}
				return p.group(c, nil)
			}
			return p.tryRedaction(files, show, check)
		},
	}
	c.Flags().StringArrayVar(&files, "test", nil, "the `FILE` to try, - for standard input; may be repeated")
	c.Flags().BoolVar(&show, "show", false, "print the text as it would be kept; where what is told goes to standard error")
	c.Flags().BoolVar(&check, "check", false, "end with 5 if anything would be taken out")
	c.AddCommand(p.redactStatsCommand())
	return c
}

// trial is the answer of "redact --test".
type trial struct {
	Files []triedFile `json:"files"`
	// Found is how much would be taken out of all of them.
	Found int `json:"found"`
}

// triedFile is what would be taken out of one file.
type triedFile struct {
	// File is its name as it was given; - is standard input.
	File     string         `json:"file"`
	Findings []triedFinding `json:"findings"`
	// Cleaned is the text as it would be kept; null unless it is asked for.
	Cleaned *string `json:"cleaned"`
}

// triedFinding is one place, and never what stands there.
type triedFinding struct {
	// Line and Column are where it begins, from 1; columns and Length are bytes.
	Line   int `json:"line"`
	Column int `json:"column"`
	Length int `json:"length"`
	// Rule is what takes it out.
	Rule string `json:"rule"`
}

func (p *Program) tryRedaction(files []string, show, check bool) error {
	redactor, err := p.redactor()
	if err != nil {
		return err
	}
	answer := trial{Files: []triedFile{}}
	for _, name := range files {
		text, err := p.readTrial(name)
		if err != nil {
			return err
		}
		cleaned, found := redactor.Try(text)
		tried := triedFile{File: name, Findings: placesOf(text, found)}
		if show {
			tried.Cleaned = &cleaned
		}
		answer.Files = append(answer.Files, tried)
		answer.Found += len(found)
	}
	switch {
	case p.json:
		err = p.printJSON(answer)
	case show:
		err = p.showTrial(&answer)
	default:
		err = printTrial(p.out(), &answer)
	}
	if err == nil && check && answer.Found > 0 {
		return &exitError{code: ExitPolicy}
	}
	return err
}

func (p *Program) readTrial(name string) (string, error) {
	in := p.Stdin
	if name != "-" {
		f, err := os.Open(p.path(name))
		if err != nil {
			return "", fmt.Errorf("couldn't read the text: %w", err)
		}
		defer f.Close() //nolint:errcheck // nothing was written
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxTrial+1))
	if err != nil {
		return "", fmt.Errorf("couldn't read the text: %w", err)
	}
	if len(text) > maxTrial {
		return "", fmt.Errorf("%s has more than %d bytes: try it in parts", name, maxTrial)
	}
	return string(text), nil
}

// placesOf turns places in a text, which are in order, into lines and columns.
func placesOf(text string, found []redact.Finding) []triedFinding {
	places := make([]triedFinding, len(found))
	line, lineStart, at := 1, 0, 0
	for i, f := range found {
		for {
			n := strings.IndexByte(text[at:f.Start], '\n')
			if n < 0 {
				break
			}
			at += n + 1
			line, lineStart = line+1, at
		}
		places[i] = triedFinding{Line: line, Column: f.Start - lineStart + 1, Length: f.Length, Rule: f.Rule}
	}
	return places
}

func printTrial(o *term.Output, answer *trial) error {
	if answer.Found == 0 {
		if o.Terminal() {
			o.Printf("Nothing would be taken out.\n")
		}
		return nil
	}
	t := o.Table(term.Column{Title: "FILE"}, term.Column{Title: "LINE", Right: true, Whole: true}, term.Column{Title: "COLUMN", Right: true, Whole: true},
		term.Column{Title: "LENGTH", Right: true, Whole: true}, term.Column{Title: "RULE", Whole: true})
	for _, f := range answer.Files {
		for _, x := range f.Findings {
			t.Row(term.Text(f.File), term.Int(int64(x.Line)), term.Int(int64(x.Column)), term.Int(int64(x.Length)), term.Text(x.Rule))
		}
	}
	return t.Write()
}

// showTrial prints the text to standard output and where it was changed to
// standard error.
func (p *Program) showTrial(answer *trial) error {
	if err := printTrial(term.New(p.Stderr, p.Env, p.Now()), answer); err != nil {
		return err
	}
	for _, f := range answer.Files {
		if _, err := io.WriteString(p.Stdout, *f.Cleaned); err != nil {
			return fmt.Errorf("couldn't print the text: %w", err)
		}
	}
	return nil
}

func (p *Program) redactStatsCommand() *cobra.Command {
	var since, until string
	c := &cobra.Command{
		Use:   "stats",
		Short: "How often each rule took something out of what was recorded",
		Long: `Counts what was taken out of the events of the trail, by rule and by the day on
which they were recorded, in UTC. Only the counts are kept, and never what it was.
An event that was told several times counts once.`,
		Example: `  whodid redact stats --since 30d
  whodid redact stats --json | jq '.rules[] | {rule, count}'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := p.since("since", since)
			if err != nil {
				return err
			}
			to, err := p.since("until", until)
			if err != nil {
				return err
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.RedactionStats, error) {
				return a.Redactions(ctx, from, to)
			}, p.printRedactions)
		},
	}
	c.Flags().StringVar(&since, "since", "", "from the day of this `TIME` on: 7d, yesterday, 2026-11-01 (default: all)")
	c.Flags().StringVar(&until, "until", "", "before this `TIME`")
	return c
}

func (p *Program) printRedactions(stats *ask.RedactionStats) error {
	o := p.out()
	if len(stats.Rules) == 0 {
		p.advise(o, "Nothing was taken out of what was recorded.")
		return nil
	}
	t := o.Table(term.Column{Title: "RULE", Whole: true}, term.Column{Title: "COUNT", Right: true, Whole: true}, term.Column{Title: "LAST ON", Whole: true})
	for i := range stats.Rules {
		r := &stats.Rules[i]
		t.Row(term.Text(r.Rule), term.Int(r.Count), term.Text(r.Days[0].Day))
	}
	return t.Write()
}
