package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/gitindex"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/term"
)

// indexed is the answer of "git index".
type indexed struct {
	Repositories []gitindex.Result `json:"repositories"`
}

func (p *Program) gitIndexCommand() *cobra.Command {
	var o gitindex.Options
	c := &cobra.Command{
		Use:   "index [DIR…]",
		Short: "Read the history of repositories into the trail",
		Long: `Reads the commits of all branches, tags and other refs of a repository into the
trail: of every commit its id, times, files with lines added and removed and a
pseudonym of its author; of an agent's commit also which agent, squad, trigger,
run and model it names, and what that rests on. Each of these is an event that
can be proved; the rest is an index that git can fill again.

No message, name or address is kept. What was read before is not read again,
whatever was rewritten since; bare clones will do, and many repositories go
into one trail. A repository is known by its origin (host/owner/name), or else
by the first commit of its history, never by where it lies.`,
		Example: `  whodid git index                        # the repository here
  whodid git index ~/src/shop ~/src/site.git
  whodid git index --name git.acme.dev/shop /srv/mirror/shop.git
  whodid git index --rebuild --json`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error { return p.gitIndex(c.Context(), args, o) },
	}
	c.Flags().StringVar(&o.Name, "name", "", "identity of the repository, as host/owner/name (default: that of its origin)")
	c.Flags().BoolVar(&o.Rebuild, "rebuild", false, "forget the index of the repository, and fill it anew")
	return c
}

func (p *Program) gitIndex(ctx context.Context, dirs []string, o gitindex.Options) error {
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	if o.Name != "" && len(dirs) > 1 {
		return usageError("--name can only name one repository, and there are %d", len(dirs))
	}
	t, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	x := gitindex.Indexer{
		Org: p.org, Store: t.store, Recorder: t.recorder, Pseudonym: t.ring.Pseudonym, Now: p.Now,
		Clean: func(s string) string { clean, _ := t.redactor.Clean(s); return clean },
	}
	answer := indexed{Repositories: []gitindex.Result{}}
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(p.Dir, dir)
		}
		done, err := p.gitIndexOne(ctx, &x, dir, o)
		if err != nil {
			return err
		}
		answer.Repositories = append(answer.Repositories, *done)
	}
	if err := p.pin(ctx, t); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(answer)
	}
	printIndexed(p.out(), &answer)
	return nil
}

func (p *Program) gitIndexOne(ctx context.Context, x *gitindex.Indexer, dir string, o gitindex.Options) (*gitindex.Result, error) {
	repo, err := gitlog.Open(ctx, dir)
	if err != nil {
		return nil, inRepository(err)
	}
	o.Progress = p.gitProgress("reading " + filepath.Base(dir))
	res, err := x.Index(ctx, repo, o)
	if o.Progress != nil {
		p.clearLine()
	}
	if errors.Is(err, gitlog.ErrNoCommit) {
		return nil, withHint(fmt.Errorf("couldn't index %s: %w", dir, err), "make a commit first, then run whodid git index again")
	}
	return res, err
}

// inRepository says what to do where there is no repository.
func inRepository(err error) error {
	if errors.Is(err, gitlog.ErrNoRepository) {
		return withHint(err, "call it in a repository, or name one")
	}
	return err
}

// gitProgress shows a person how far a long reading of git is.
func (p *Program) gitProgress(doing string) func(done int) {
	f, ok := p.Stderr.(*os.File)
	if !ok || p.json {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	last := p.Now()
	return func(done int) {
		if now := p.Now(); now.Sub(last) >= 200*time.Millisecond {
			last = now
			fmt.Fprintf(f, "\r%s: %d\x1b[K", term.Clean(doing), done)
		}
	}
}

// clearLine takes the last progress away.
func (p *Program) clearLine() { fmt.Fprint(p.Stderr, "\r\x1b[K") }

func printIndexed(o *term.Output, answer *indexed) {
	for i := range answer.Repositories {
		r := &answer.Repositories[i]
		o.Printf("%s: %s read, %s by agents or with their help, %s naming a run, %s\n", term.Clean(r.Repository), term.Count(int64(r.Commits), "commit"),
			term.Tokens(int64(r.Attributed)), term.Tokens(int64(r.Named)), term.Count(int64(r.Events), "new event"))
		if r.Shallow {
			o.Printf("  it is a shallow clone: what was before is not known (git fetch --unshallow)\n")
		}
		if r.Partial {
			o.Printf("  it was cloned without files: what the commits changed is not known\n")
		}
		if r.Cut > 0 {
			o.Printf("  %s too long to be read whole\n", term.Count(int64(r.Cut), "message"))
		}
	}
}
