package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/term"
)

// commitSelection are the flags by which a question selects commits.
type commitSelection struct {
	selection
	execution, model, kind string
	path, repo             string
	everywhere             bool
}

func (s *commitSelection) bind(c *cobra.Command) {
	c.Flags().StringVar(&s.agent, "agent", "", "only this agent: squad/name, a beginning followed by *, or a name such as Claude")
	c.Flags().StringVar(&s.squad, "squad", "", "only agents of this squad")
	c.Flags().StringVar(&s.model, "model", "", "only this model")
	c.Flags().StringVar(&s.kind, "kind", "", "only commits of this kind: agent, assisted, bot, human")
	c.Flags().StringVar(&s.path, "path", "", "only commits that changed this file or folder")
	c.Flags().StringVar(&s.repo, "repository", "", "only this repository, as host/owner/name (default: the one here)")
	c.Flags().BoolVar(&s.everywhere, "all", false, "all repositories of the trail")
	s.bindWhen(c, "")
}

// commits reads the flags against the repository at hand.
func (s *commitSelection) commits(ctx context.Context, p *Program, g *ask.Git) (ask.CommitFilter, error) {
	f, err := s.filter(p)
	if err != nil {
		return ask.CommitFilter{}, err
	}
	m, err := s.match()
	if err != nil {
		return ask.CommitFilter{}, err
	}
	out := ask.CommitFilter{
		Repository: s.repo, Agent: f.Agent, Squad: f.Squad, Execution: s.execution, Trigger: m.Trigger, Model: s.model, Kind: s.kind,
		Path: s.path, Since: f.Since, Until: f.Until, Limit: f.Limit,
	}
	if s.kind != "" && !strings.Contains(" "+joined(gitlog.Kinds())+",", " "+s.kind+",") {
		return out, usageError("--kind: %q is none of %s", s.kind, joined(gitlog.Kinds()))
	}
	if g.Repo == nil {
		return out, nil
	}
	if out.Path != "" && s.repo == "" && !s.everywhere {
		out.Path = g.FromTop(out.Path)
		if out.Path == "." {
			out.Path = ""
		}
	}
	if out.Repository == "" && !s.everywhere {
		out.Repository, err = g.Repo.Name(ctx)
		if errors.Is(err, gitlog.ErrNoCommit) {
			return out, nil
		}
	}
	return out, err
}

// askGit readies a question to the repository here, if this is in one, and to the
// trail, if there is one. The caller closes the trail, which may be nil.
func (p *Program) askGit(ctx context.Context) (*ask.Git, *trail, error) {
	repo, err := gitlog.Open(ctx, p.Dir)
	if err != nil && !errors.Is(err, gitlog.ErrNoRepository) {
		return nil, nil, err
	}
	g := &ask.Git{}
	if err == nil {
		g.Repo = repo
	}
	if !p.trailIsThere() {
		return g, nil, nil
	}
	t, err := p.openToAsk(ctx)
	if err != nil {
		return nil, nil, err
	}
	g.Trail = t.asker
	if t.ring != nil {
		g.Pseudonym = t.ring.Pseudonym
	}
	return g, t, nil
}

func (p *Program) gitLogCommand() *cobra.Command {
	var s commitSelection
	c := &cobra.Command{
		Use:   "log",
		Short: "List commits of the index with the agents and runs that made them",
		Long: `Lists the commits of the repository here, or of all repositories of the trail, the
last committed first: who made each, which run it names, and what that rests on.
All that is asked for must hold.

With --execution it lists everything that came of a run: commits that name it,
what they were rewritten into as far as the index saw it, and what reverts or
squashes them. "whodid git index" fills the index.`,
		Example: `  whodid git log --since 7d
  whodid git log --execution 7k2m
  whodid git log --agent 'engineering/*' --path internal/auth
  whodid git log --all --squad growth --json | jq -r '.commits[].commit'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.gitLog(c.Context(), &s) },
	}
	s.bind(c)
	c.Flags().StringVar(&s.execution, "execution", "", "only what came of this run")
	c.Flags().StringVar(&s.trigger, "trigger", "", "only runs started so: manual, scheduled, event, smart")
	s.bindLimit(c)
	return c
}

// askIndex opens the trail and the repository here for a question about commits of
// the index, and reads which are meant.
func (p *Program) askIndex(ctx context.Context, s *commitSelection) (g *ask.Git, t *trail, f ask.CommitFilter, err error) {
	if g, t, err = p.askGit(ctx); err != nil {
		return nil, nil, f, err
	}
	if t == nil {
		return nil, nil, f, withHint(errors.New("there is no trail yet"), "make one of this repository: whodid git index")
	}
	if f, err = s.commits(ctx, p, g); err != nil {
		t.close()
		return nil, nil, f, err
	}
	return g, t, f, nil
}

func (p *Program) gitLog(ctx context.Context, s *commitSelection) error {
	g, t, f, err := p.askIndex(ctx, s)
	if err != nil {
		return err
	}
	defer t.close()
	list, err := t.asker.Commits(ctx, f)
	if err != nil {
		return unresolved(err)
	}
	state, err := g.State(ctx)
	if err != nil {
		return err
	}
	list.State = *state
	if p.json {
		return p.printJSON(list)
	}
	o := p.out()
	p.adviseIndex(o, state)
	if len(list.Commits) == 0 {
		p.advise(o, "No such commit is in the index.")
		return nil
	}
	return printSome(p, &s.selection, list.Commits, printCommits)
}

// adviseIndex says that the index does not know all of the repository here.
func (p *Program) adviseIndex(o *term.Output, s *ask.GitState) {
	switch {
	case s.Repository == "":
	case !s.Indexed:
		p.advise(o, "This repository is not in the index yet: whodid git index")
	case s.Behind:
		p.advise(o, "The refs of this repository have moved since it was read: whodid git index")
	}
}

func printCommits(o *term.Output, commits []ask.Commit) error {
	t := o.Table(
		term.Column{Title: "COMMIT", Whole: true}, term.Column{Title: "COMMITTED", Whole: true}, term.Column{Title: "KIND", Whole: true},
		term.Column{Title: "WHO"}, term.Column{Title: "RUN", Whole: true}, term.Column{Title: "MODEL"},
		term.Column{Title: "FILES", Right: true, Whole: true}, term.Column{Title: "LINES", Right: true, Whole: true}, term.Column{Title: "EVIDENCE"},
	)
	for i := range commits {
		c := &commits[i]
		t.Row(
			term.Text(shortCommit(o, c.Commit)), term.Text(o.Time(c.CommittedAt)), kindCell(c.Kind), term.Text(c.Who()),
			term.Text(runsInWords(o, c.Executions())), term.Text(c.Model),
			term.Text(countOf(c.FilesChanged)), term.Text(linesOf(c)), term.Text(strings.Join(c.Evidence, " ")),
		)
	}
	return t.Write()
}

// shortCommit is a commit's id as git shows it to people.
func shortCommit(o *term.Output, id string) string {
	const digits = 10
	if o.Terminal() && len(id) > digits {
		return id[:digits]
	}
	return id
}

func runsInWords(o *term.Output, ids []string) string {
	if !o.Terminal() {
		return strings.Join(ids, " ")
	}
	if len(ids) == 0 {
		return "-"
	}
	first := shortID(o, ids[0], whodid.PrefixExecution)
	if len(ids) > 1 {
		return fmt.Sprintf("%s +%d", first, len(ids)-1)
	}
	return first
}

func kindCell(kind string) term.Cell {
	style := term.Plain
	switch gitlog.Kind(kind) {
	case gitlog.Agent:
		style = term.Cyan
	case gitlog.Assisted:
		style = term.Yellow
	case gitlog.Bot:
		style = term.Dim
	case gitlog.Human:
		style = term.Green
	}
	return term.Cell{Text: kind, Style: style}
}

func countOf(n *int64) string {
	if n == nil {
		return term.Unknown
	}
	return strconv.FormatInt(*n, 10)
}

func linesOf(c *ask.Commit) string {
	if c.LinesAdded == nil || c.LinesRemoved == nil {
		return term.Unknown
	}
	return fmt.Sprintf("+%d -%d", *c.LinesAdded, *c.LinesRemoved)
}
