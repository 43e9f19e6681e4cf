package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

func (p *Program) whyCommand() *cobra.Command {
	var flags lineFlags
	var prove bool
	var o disclosure
	c := &cobra.Command{
		Use:     "why FILE:LINE | COMMIT | PULL-REQUEST | EXECUTION | EVENT",
		GroupID: "ask",
		Short:   "Say why a line, a commit or a pull request is there: which run, why, who approved, what it cost",
		Long: `Leads from a line of code to its commit, from the commit to the runs that made
it, and from these to what started them and why, the action that wrote the line,
what was decided meanwhile, who approved, and what it cost. What could not be
established is said, with what would mend it.

It asks git and the trail. Without a trail it says what git alone tells: the
trailers of commits, notes, and what other tools left. Lines are followed through
renames, moves and changes of white space, as git blame -M -C -w does.

A pull request is #44, owner/name#44 or its URL. An event leads to its run.

With --prove the answer is written as a proof that somebody can check who trusts
neither you nor the trail: see whodid prove.`,
		Example: `  whodid why auth.go:1
  whodid why internal/auth/session.go:42 --ignore-rev 1f2e3d4c
  whodid why HEAD~3
  whodid why '#44'
  whodid why exec-7k2m9q4tz8w1c3ab --json
  whodid why auth.go:1 --prove -o proof.zip --withhold why`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case prove && o.out == "":
				return usageError("--prove writes a zip archive: name its file with --out")
			case prove:
				return p.proveWhy(c.Context(), args[0], &flags, &o)
			case o.out != "" || len(o.disclose)+len(o.withhold) > 0:
				return usageError("--out, --disclose and --withhold are about the proof: ask for it with --prove")
			default:
				return p.why(c.Context(), args[0], &flags)
			}
		},
	}
	flags.bind(c)
	c.Flags().BoolVar(&prove, "prove", false, "write the proof of the answer to the file of --out")
	c.Flags().StringVarP(&o.out, "out", "o", "", "write the proof to this `FILE`")
	o.bind(c)
	return c
}

func (p *Program) why(ctx context.Context, question string, flags *lineFlags) error {
	g, t, err := p.askGit(ctx)
	if err != nil {
		return err
	}
	if t != nil {
		defer t.close()
	}
	o, err := flags.options(ctx, g)
	if err != nil {
		return err
	}
	w, err := g.Why(ctx, question, o)
	if err != nil {
		return unexplained(err, g)
	}
	if p.json {
		return p.printJSON(w)
	}
	v := whyPage{out: p.out(), why: w}
	v.print()
	return nil
}

// unexplained adds to the error of a question about nothing what to ask.
func unexplained(err error, g *ask.Git) error {
	var many *store.AmbiguousError
	switch {
	case errors.As(err, &many):
		return unresolved(err)
	case errors.Is(err, ask.ErrNoSubject) && g.Repo == nil && g.Trail == nil:
		return withHint(err, "there is neither a repository nor a trail here: call it in a repository, or name a trail with --store")
	case errors.Is(err, ask.ErrNoSubject) && g.Repo == nil:
		return withHint(err, "call it in a repository to ask about lines")
	case errors.Is(err, ask.ErrNoSubject):
		return withHint(err, "ask for FILE:LINE, a commit, #44, owner/name#44, the URL of a pull request, or the id of a run or an event")
	case errors.Is(err, store.ErrNotFound):
		return withHint(err, "see: whodid exec list")
	case errors.Is(err, gitlog.ErrNoRepository):
		return inRepository(err)
	default:
		return fmt.Errorf("couldn't say why: %w", err)
	}
}
