package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) gitStatsCommand() *cobra.Command {
	var s commitSelection
	var noLines bool
	c := &cobra.Command{
		Use:   "stats",
		Short: "Show how much is the work of agents: commits and surviving lines",
		Long: `Counts the commits of the index by whose work they are, and agents' work by squad,
model and month; and, in a repository, the lines of HEAD by whose commit wrote
them. Every share has its count beside it.

A commit is an agent's if it says so (our trailers, a note of git-ai, a checkpoint
of Entire, a co-author or author with a known agent's address), assisted if a
person says that an agent helped, and a person's if nothing is said: work of
agents that leaves no trace counts as people's. Following every line takes its
time; --no-lines leaves it out, --path narrows it.`,
		Example: `  whodid git stats
  whodid git stats --no-lines --since 2026-01-01
  whodid git stats --path internal/auth --json
  whodid git stats --all --no-lines`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.gitStats(c.Context(), &s, !noLines) },
	}
	s.bind(c)
	c.Flags().BoolVar(&noLines, "no-lines", false, "do not count the lines that survive")
	return c
}

func (p *Program) gitStats(ctx context.Context, s *commitSelection, lines bool) error {
	g, t, f, err := p.askIndex(ctx, s)
	if err != nil {
		return err
	}
	defer t.close()
	f.Limit = 0
	// Lines are those of the repository here, as a whole or below a path.
	lines = lines && g.Repo != nil && !s.everywhere && s.repo == ""
	o := ask.StatsOptions{Lines: lines, Progress: p.gitProgress("following the lines of files")}
	stats, err := g.Stats(ctx, f, o)
	if o.Progress != nil {
		p.clearLine()
	}
	if err != nil {
		return err
	}
	state, err := g.State(ctx)
	if err != nil {
		return err
	}
	stats.State = *state
	if p.json {
		return p.printJSON(stats)
	}
	out := p.out()
	p.adviseIndex(out, state)
	return printGitStats(out, stats)
}

func printGitStats(o *term.Output, s *ask.GitStats) error {
	parts := []struct {
		name   string
		shares *ask.GitShares
	}{{"commits", &s.Commits}, {"lines", s.Lines}}
	t := o.Table(term.Column{Title: "OF", Whole: true}, term.Column{Title: "BY", Whole: true}, term.Column{Title: "NAME"},
		term.Column{Title: "AGENTS", Right: true, Whole: true}, term.Column{Title: "ALL", Right: true, Whole: true})
	for _, part := range parts {
		if part.shares == nil {
			continue
		}
		total := part.shares.Total
		for _, kind := range gitlog.Kinds() {
			n := part.shares.ByKind[string(kind)]
			t.Row(term.Text(part.name), term.Text("kind"), kindCell(string(kind)), term.Text(term.Share(n, total)), term.Text(term.Tokens(total)))
		}
		for _, by := range []struct {
			name string
			list []ask.GitShare
		}{{"squad", part.shares.BySquad}, {"model", part.shares.ByModel}, {"month", part.shares.ByMonth}} {
			for _, x := range by.list {
				of := x.Total
				if by.name != "month" {
					of = total // the share of all, for all of a squad's is an agent's
				}
				t.Row(term.Text(part.name), term.Text(by.name), term.Text(orUnknown(x.Name)), term.Text(term.Share(x.Agent, of)), term.Text(term.Tokens(of)))
			}
		}
	}
	if err := t.Write(); err != nil {
		return err
	}
	if s.Unmeasured > 0 && o.Terminal() {
		o.Printf("\nOf %s what they changed is not known.\n", term.Count(s.Unmeasured, "commit"))
	}
	if s.FilesSkipped > 0 && o.Terminal() {
		o.Printf("\n%s not looked at: binary, or larger than 2 MiB.\n", term.Count(s.FilesSkipped, "file"))
	}
	return nil
}
