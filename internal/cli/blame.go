package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/term"
)

// lineFlags are the flags of how lines are followed.
type lineFlags struct {
	revision        string
	ignore, ignores []string
	plain           bool
}

func (l *lineFlags) bind(c *cobra.Command) {
	c.Flags().StringVar(&l.revision, "rev", "", "look at the file as it was in this commit (default: the working tree)")
	c.Flags().StringArrayVar(&l.ignore, "ignore-rev", nil, "pass over this commit, such as a reformatting; may be given several times")
	c.Flags().StringArrayVar(&l.ignores, "ignore-revs-file", nil, "pass over the commits that this file lists")
	c.Flags().BoolVar(&l.plain, "plain", false, "do not follow lines from other files, nor through changes of white space: faster")
}

// options checks the commits that are named.
func (l *lineFlags) options(ctx context.Context, g *ask.Git) (gitlog.BlameOptions, error) {
	o := gitlog.BlameOptions{IgnoreRevsFiles: l.ignores, Plain: l.plain}
	if g.Repo == nil {
		return o, nil
	}
	if l.revision != "" {
		if o.Revision = g.Repo.Resolve(ctx, l.revision); o.Revision == "" {
			return o, usageError("--rev: %q is no commit", l.revision)
		}
	}
	for _, rev := range l.ignore {
		id := g.Repo.Resolve(ctx, rev)
		if id == "" {
			return o, usageError("--ignore-rev: %q is no commit", rev)
		}
		o.IgnoreRevs = append(o.IgnoreRevs, id)
	}
	return o, nil
}

func (p *Program) blameCommand() *cobra.Command {
	var flags lineFlags
	var lines string
	c := &cobra.Command{
		Use:     "blame FILE",
		GroupID: "ask",
		Short:   "Show of each line which agent or person wrote it, in which run, and when",
		Long: `Shows of each line of a file the commit that last changed it, whether that is an
agent's or a person's, the run that it names, and its age. Lines are followed
through renames, moves and changes of white space, as git blame -M -C -w does.

People are pseudonyms. A run in parentheses is named by the commit, and the trail
at hand does not hold it.`,
		Example: `  whodid blame auth.go
  whodid blame auth.go -L 10,20
  whodid blame auth.go:42
  whodid blame auth.go --ignore-rev 1f2e3d4c --rev v1.2.0
  whodid blame auth.go --json | jq .by_kind`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return p.blame(c.Context(), args[0], lines, &flags) },
	}
	flags.bind(c)
	c.Flags().StringVarP(&lines, "lines", "L", "", "only these lines: FIRST,LAST")
	return c
}

func (p *Program) blame(ctx context.Context, file, lines string, flags *lineFlags) error {
	if name, line, ok := strings.Cut(file, ":"); ok && lines == "" {
		if _, err := strconv.Atoi(line); err == nil {
			file, lines = name, line+","+line // as why takes it
		}
	}
	first, last, err := lineRange(lines)
	if err != nil {
		return err
	}
	g, t, err := p.askGit(ctx)
	if err != nil {
		return err
	}
	if t != nil {
		defer t.close()
	}
	if g.Repo == nil {
		return inRepository(gitlog.ErrNoRepository)
	}
	o, err := flags.options(ctx, g)
	if err != nil {
		return err
	}
	o.First, o.Last = first, last
	b, err := g.Blame(ctx, g.FromTop(file), o)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(b)
	}
	return p.printBlame(b)
}

// lineRange reads FIRST,LAST, either of which may be missing.
func lineRange(s string) (first, last int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	from, to, ranged := strings.Cut(s, ",")
	first = 1
	if from != "" {
		if first, err = strconv.Atoi(from); err != nil || first < 1 {
			return 0, 0, usageError("-L: %q is not FIRST,LAST, counted from 1", s)
		}
	}
	switch {
	case !ranged:
		return first, first, nil
	case to == "":
		return first, 0, nil
	}
	if last, err = strconv.Atoi(to); err != nil || last < first {
		return 0, 0, usageError("-L: %q is not FIRST,LAST, counted from 1", s)
	}
	return first, last, nil
}

func (p *Program) printBlame(b *ask.Blame) error {
	o := p.out()
	commits := map[string]*ask.BlamedCommit{}
	for i := range b.Commits {
		commits[b.Commits[i].Commit.Commit] = &b.Commits[i]
	}
	t := o.Table(term.Column{Title: "COMMIT", Whole: true}, term.Column{Title: "KIND", Whole: true}, term.Column{Title: "WHO"},
		term.Column{Title: "RUN", Whole: true}, term.Column{Title: "WRITTEN", Whole: true}, term.Column{Title: "LINE", Right: true, Whole: true}, term.Column{Title: ""})
	for i := range b.Lines {
		l := &b.Lines[i]
		run, when := "", ""
		if c := commits[l.Commit]; c != nil {
			run, when = blameRun(o, c), o.Time(c.AuthoredAt)
		}
		t.Row(term.Text(shortCommit(o, l.Commit)), kindCell(l.Kind), term.Text(l.Who), term.Text(run), term.Text(when),
			term.Text(strconv.Itoa(l.Line)), term.Text(strings.ReplaceAll(l.Text, "\t", "    ")))
	}
	return t.Write()
}

// blameRun names the runs of a commit, in parentheses where the trail does not
// hold them.
func blameRun(o *term.Output, c *ask.BlamedCommit) string {
	runs := c.Executions()
	name := runsInWords(o, runs)
	if o.Terminal() && len(runs) > 0 && len(c.Known) == 0 {
		return "(" + name + ")"
	}
	return name
}
