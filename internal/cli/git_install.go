package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/place"
)

// gitInstallOptions are the flags of "whodid git install" and "uninstall".
type gitInstallOptions struct {
	repo               string
	global, submodules bool
	uninstall          bool
}

// gitInstalled is the answer of "whodid git install" and "uninstall".
type gitInstalled struct {
	// Complete is false if somebody has to do something by hand.
	Complete     bool             `json:"complete"`
	Repositories []githook.Report `json:"repositories"`
}

func (p *Program) gitInstallCommand() *cobra.Command {
	var o gitInstallOptions
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the hooks by which agents' commits say where they come from",
		Long: `Installs the hooks of git that put the trailers Agent, Squad, Trigger, Execution
and Model into the messages of commits that agents make. Commits of people are
left alone, and no commit fails because of whodid.

Hooks that are there are called first. A core.hooksPath that leads to a folder
of its own goes on to be used. husky, lefthook and overcommit write hooks
themselves: for them the command says what to add to their configuration, and
exits with 6 until it is there. Run again it changes nothing.`,
		Example: `  whodid git install                # in this repository and its worktrees
  whodid git install --submodules   # and in those that it holds
  whodid git install --global       # in all repositories without a core.hooksPath of their own
  whodid git uninstall`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.gitInstall(c.Context(), &o) },
	}
	p.gitInstallFlags(c, &o)
	c.Flags().BoolVar(&o.uninstall, "uninstall", false, "take the hooks out again")
	return c
}

func (p *Program) gitUninstallCommand() *cobra.Command {
	o := gitInstallOptions{uninstall: true}
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the hooks out of git again",
		Long: `Takes the hooks of "whodid git install" out again. What was there before stands
where it stood, to the byte.`,
		Example: `  whodid git uninstall
  whodid git uninstall --global`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.gitInstall(c.Context(), &o) },
	}
	p.gitInstallFlags(c, &o)
	return c
}

func (p *Program) gitInstallFlags(c *cobra.Command, o *gitInstallOptions) {
	f := c.Flags()
	f.StringVar(&o.repo, "repo", "", "a folder in the repository (default: this one)")
	f.BoolVar(&o.global, "global", false, "for all of your repositories, by core.hooksPath in your configuration of git")
	f.BoolVar(&o.submodules, "submodules", false, "in the submodules too")
}

func (p *Program) gitInstall(ctx context.Context, o *gitInstallOptions) error {
	if o.global && (o.repo != "" || o.submodules) {
		return misuse(fmt.Errorf("--global is for no repository alone"), "leave --repo and --submodules out")
	}
	options, err := p.githookOptions(o)
	if err != nil {
		return err
	}
	do := githook.Install
	if o.uninstall {
		do = githook.Uninstall
	}
	reports, err := do(ctx, options)
	if err != nil {
		return err
	}
	answer := newGitInstalled(reports)
	if p.json {
		err = p.printJSON(answer)
	} else {
		p.sayGit(answer)
	}
	if err == nil && !answer.Complete {
		return &exitError{code: ExitIncomplete}
	}
	return err
}

func newGitInstalled(reports []githook.Report) *gitInstalled {
	return &gitInstalled{
		Complete:     !slices.ContainsFunc(reports, func(r githook.Report) bool { return r.Action == githook.Manual }),
		Repositories: reports,
	}
}

func (p *Program) githookOptions(o *gitInstallOptions) (githook.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return githook.Options{}, fmt.Errorf("couldn't find this program: %w", err)
	}
	where, err := p.find()
	if err != nil {
		return githook.Options{}, err
	}
	options := githook.Options{
		Dir: p.Dir, Global: o.global, Submodules: o.submodules, Home: place.Home(p.Env), Program: self,
		GlobalDir: filepath.Join(filepath.Dir(where.Pins), "git"), GlobalConfig: p.globalGitConfig(),
	}
	if o.repo != "" {
		if options.Dir = o.repo; !filepath.IsAbs(o.repo) {
			options.Dir = filepath.Join(p.Dir, o.repo)
		}
	}
	if p.store != "" || p.Env("WHODID_STORE") != "" {
		options.Store = withoutPassword(where)
	}
	return options, nil
}

// globalGitConfig is the file that "git config --global" writes to.
func (p *Program) globalGitConfig() string {
	if file := p.Env("GIT_CONFIG_GLOBAL"); file != "" {
		return file
	}
	file := filepath.Join(place.Home(p.Env), ".gitconfig")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	base := p.Env("XDG_CONFIG_HOME")
	if base == "" {
		base = filepath.Join(place.Home(p.Env), ".config")
	}
	if other := filepath.Join(base, "git", "config"); isFile(other) {
		return other
	}
	return file
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (p *Program) sayGitInstalled(r *githook.Report) {
	what := r.Repository
	if what == "" {
		what = "all of your repositories"
	}
	switch r.Action {
	case githook.Manual:
		fmt.Fprintf(p.Stdout, "%s writes the hooks of %s. Add this, and run it again to see that all is there:\n", r.Manager, what)
		for _, a := range r.Advice {
			if !a.Done {
				fmt.Fprintf(p.Stdout, "\nto %s\n  %s\n", a.File, strings.ReplaceAll(strings.TrimSpace(a.Text), "\n", "\n  "))
			}
		}
		return
	case githook.Unchanged:
		fmt.Fprintf(p.Stdout, "The hooks are in %s already.\n", what)
	case githook.Absent:
		fmt.Fprintf(p.Stdout, "There is no hook of whodid in %s.\n", what)
	case githook.Removed:
		fmt.Fprintf(p.Stdout, "Took the hooks out of %s; everything is as it was before.\n", what)
	case githook.Updated:
		fmt.Fprintf(p.Stdout, "Brought the hooks in %s up to date.\n", what)
	default:
		fmt.Fprintf(p.Stdout, "Installed the hooks in %s: commits of agents say from now on where they come from.\n", what)
	}
	for _, h := range r.Hooks {
		switch {
		case h.Action == githook.Kept:
			fmt.Fprintf(p.Stdout, "  %s: what stood here before is kept as %s\n", h.Name, h.Former)
		case h.Former != "" && h.Action == githook.Installed && !r.HooksPath:
			fmt.Fprintf(p.Stdout, "  %s: what stood here before is called first\n", h.Name)
		}
	}
	if r.HooksPath && r.Action != githook.Removed {
		fmt.Fprintf(p.Stdout, "  core.hooksPath leads to %s now, which passes every hook on to where it led before\n", r.Folder)
	}
}
