package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/place"
)

// hookTimeout is after how many seconds the client goes on without the hook,
// which takes a few milliseconds unless a disk hangs.
const hookTimeout = 10

// initOptions are the flags of "whodid init".
type initOptions struct {
	user, project, remove, required, dry, print bool
	agent                                       string
	git                                         gitChoice
}

func (p *Program) initCommand() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:     "init",
		GroupID: "record",
		Short:   "Record Claude Code from now on, by hooks in its settings",
		Long: `Puts whodid's hooks into the settings of Claude Code: yours, so that every
session of yours is recorded, or with --project those of the project in this
folder. What else is in the settings stays as it is, to the byte. Run again it
changes nothing, or brings older hooks up to date; --remove takes the hooks out
again.

It also makes the trail and its keys. With --project the trail is the project's
own, in .whodid/, which git is told to leave alone. A trail that --store or
WHODID_STORE names is written into the hooks, without a password.

In a git repository it also does what "whodid git install" does, so that commits
of agents say where they come from; --git=false leaves that out.

A session that can't be recorded goes on. With --required its tools are refused
then.`,
		Example: `  whodid init                        # all your sessions
  whodid init --project              # sessions in this folder
  whodid init --agent eng/reviewer   # under this name
  whodid init --dry-run              # what would it do?
  whodid init --remove`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			o.git.told = c.Flags().Changed("git")
			return p.initialize(c.Context(), &o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.git.wanted, "git", false, "install the hooks of git too, and fail if this is no repository (default: where it is one)")
	f.BoolVar(&o.user, "user", false, "install for all your sessions (the default)")
	f.BoolVar(&o.project, "project", false, "install for the project in this folder, with a trail of its own")
	f.BoolVar(&o.remove, "remove", false, "take the hooks out again; the trail stays")
	f.BoolVar(&o.required, "required", false, "refuse the agent's tools while nothing can be recorded")
	f.StringVar(&o.agent, "agent", "", "the name of the agent, as squad/agent (default local/ and the client's name)")
	f.BoolVar(&o.dry, "dry-run", false, "say what would be done, and do nothing")
	f.BoolVar(&o.print, "print", false, "print the settings with the hooks alone, and do nothing")
	return c
}

// initialized is the answer of "whodid init".
type initialized struct {
	Settings string `json:"settings"`
	// Action is installed, updated, unchanged, removed or absent.
	Action string `json:"action"`
	// Created and Deleted tell that the file itself came or went.
	Created bool     `json:"created"`
	Deleted bool     `json:"deleted"`
	DryRun  bool     `json:"dry_run"`
	Command string   `json:"command,omitempty"`
	Events  []string `json:"events,omitempty"`
	Trail   string   `json:"trail,omitempty"`
	// Git is what became of the hooks of git; absent outside of a repository.
	Git *gitInstalled `json:"git,omitempty"`
}

func (p *Program) initialize(ctx context.Context, o *initOptions) error {
	if o.user && o.project {
		return misuse(errors.New("--user and --project can't be had at once"), "run it twice")
	}
	if o.agent != "" {
		if _, _, err := whodid.ParseAgent(o.agent); err != nil {
			return misuse(err, "write, for example, --agent eng/reviewer")
		}
	}
	where, err := p.hookedTrail(o)
	if err != nil {
		return err
	}
	command, err := p.hookCommandLine(o, where)
	if err != nil {
		return err
	}
	handlers := hooks(command, o.required)
	if o.print {
		edit, err := install.Add([]byte("{}\n"), handlers)
		if err != nil {
			return err
		}
		_, err = p.Stdout.Write(edit.Text)
		return err
	}
	file := p.settings(o, where)
	answer := initialized{Settings: file.Path, DryRun: o.dry}
	if o.remove {
		out, err := file.Uninstall(o.dry)
		if err != nil {
			return withSettingsHint(err)
		}
		answer.Action, answer.Deleted = "absent", out.Deleted
		if out.Changed {
			answer.Action = "removed"
		}
		if answer.Git, err = p.initGit(ctx, o, where); err != nil {
			return err
		}
		return p.sayRemoved(&answer, out)
	}
	// What would be refused is refused before anything is made.
	if _, err := file.Install(handlers, true); err != nil {
		return withSettingsHint(err)
	}
	if !o.dry {
		if err := p.makeTrail(ctx, o, where); err != nil {
			return err
		}
	}
	out, err := file.Install(handlers, o.dry)
	if err != nil {
		return withSettingsHint(err)
	}
	answer.Action, answer.Created, answer.Command, answer.Trail = "unchanged", out.Created, command, where.String()
	if answer.Git, err = p.initGit(ctx, o, where); err != nil {
		return err
	}
	for _, h := range handlers {
		answer.Events = append(answer.Events, h.Event)
	}
	switch {
	case out.Changed && out.Replaced > 0:
		answer.Action = "updated"
	case out.Changed:
		answer.Action = "installed"
	}
	return p.sayInstalled(&answer, o, where)
}

func withSettingsHint(err error) error {
	return withHint(err, "nothing was changed; correct it, or use --print and put the hooks in by hand")
}

// hooks are the hooks of everything that the adapter understands. Each waits
// for its answer: one that ran beside the client could tell of a result before
// the attempt, and would be cut off by the client's end. Only what comes before
// a tool may refuse: refused the end of a turn, the client would go on for ever.
func hooks(command string, required bool) []install.Handler {
	var out []install.Handler
	for _, event := range []string{
		"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure",
		"PermissionDenied", "PostToolBatch", "Stop", "StopFailure", "SubagentStart", "SubagentStop",
	} {
		h := install.Handler{Event: event, Command: command, Timeout: hookTimeout}
		switch event {
		case "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied":
			h.Matcher = "*"
		}
		if required && event == "PreToolUse" {
			h.Command += " --required"
		}
		out = append(out, h)
	}
	return out
}

// hookedTrail finds the trail that the hooks will find. Those of the user run
// anywhere, so this folder does not count for them.
func (p *Program) hookedTrail(o *initOptions) (place.Trail, error) {
	dir := ""
	if o.project {
		if p.store == "" && p.Env("WHODID_STORE") == "" {
			return place.Find(filepath.Join(p.Dir, place.ProjectDir, "trail.db"), "", p.Env)
		}
		dir = p.Dir
	}
	where, err := place.Find(p.store, dir, p.Env)
	if err != nil {
		return place.Trail{}, usageError("%w", err)
	}
	return where, nil
}

// hookCommandLine is the command line that the client is to run: the small
// program beside this one if it is there.
func (p *Program) hookCommandLine(o *initOptions, where place.Trail) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("couldn't find this program: %w", err)
	}
	small := filepath.Join(filepath.Dir(self), "whodid-hook")
	if runtime.GOOS == "windows" {
		small += ".exe"
	}
	command := install.Quote(filepath.ToSlash(self)) + " hook"
	if info, err := os.Stat(small); err == nil && info.Mode().IsRegular() {
		command = install.Quote(filepath.ToSlash(small))
	}
	if p.store != "" || p.Env("WHODID_STORE") != "" {
		command += " --store " + install.Quote(withoutPassword(where))
	}
	if o.agent != "" {
		command += " --agent " + o.agent
	}
	return command, nil
}

// withoutPassword is the address of a trail as it may stand in settings.
func withoutPassword(where place.Trail) string {
	if where.Path != "" {
		return where.URL
	}
	u, err := url.Parse(where.URL)
	if err != nil {
		return where.URL
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	if q.Has("password") {
		q.Del("password")
		u.RawQuery = q.Encode()
	}
	return u.String()
}

// settings is the file of the client's settings.
func (p *Program) settings(o *initOptions, where place.Trail) install.File {
	f := install.File{Mode: 0o600}
	switch dir := p.Env("CLAUDE_CONFIG_DIR"); {
	case o.project:
		f.Path, f.Mode = filepath.Join(p.Dir, ".claude", "settings.json"), 0o644
	case dir != "":
		f.Path = filepath.Join(dir, "settings.json")
	default:
		f.Path = filepath.Join(place.Home(p.Env), ".claude", "settings.json")
	}
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' {
			return '_'
		}
		return r
	}, f.Path), "_")
	f.Note = filepath.Join(filepath.Dir(where.Pins), "installed", name)
	return f
}

// gitignore keeps the trail and its keys out of a project's commits.
const gitignore = `# The trail and its keys stay on this machine. What else is here, such as a
# policy, may be committed.
trail.*
.new-key-*
`

// makeTrail makes the trail and its keys, so that the first hook knows the
// pseudonym of who works here.
func (p *Program) makeTrail(ctx context.Context, o *initOptions, where place.Trail) error {
	if dir := filepath.Join(p.Dir, place.ProjectDir); o.project && filepath.Dir(where.Path) == dir {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("couldn't make the project's trail: %w", err)
		}
		ignore := filepath.Join(dir, ".gitignore")
		if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
			if err := os.WriteFile(ignore, []byte(gitignore), 0o644); err != nil {
				return fmt.Errorf("couldn't keep the project's trail out of git: %w", err)
			}
		}
	}
	there := *p
	there.store = where.URL
	t, err := there.openOnly(ctx)
	if err != nil {
		return err
	}
	t.close()
	return nil
}

func (p *Program) sayInstalled(a *initialized, o *initOptions, where place.Trail) error {
	if p.json {
		return p.printJSON(a)
	}
	switch {
	case a.Action == "unchanged":
		fmt.Fprintf(p.Stdout, "Claude Code is recorded already: %s has the hooks.\n", a.Settings)
	case a.DryRun:
		fmt.Fprintf(p.Stdout, "Would put %d hooks into %s%s.\n", len(a.Events), a.Settings, createdNote(a.Created))
	case a.Action == "updated":
		fmt.Fprintf(p.Stdout, "Brought the %d hooks in %s up to date.\n", len(a.Events), a.Settings)
	default:
		fmt.Fprintf(p.Stdout, "Put %d hooks into %s%s.\n", len(a.Events), a.Settings, createdNote(a.Created))
	}
	fmt.Fprintf(p.Stdout, "  command  %s\n  trail    %s\n", a.Command, a.Trail)
	p.sayGit(a.Git)
	if o.required {
		fmt.Fprintln(p.Stdout, "  required: a tool is refused if its call can't be recorded")
	}
	if where.Path == "" && withoutPassword(where) != where.URL {
		fmt.Fprintln(p.Stderr, "whodid: the password of the trail is not written into the settings; put it into ~/.pgpass, so that hooks can use it")
	}
	if a.DryRun {
		return nil
	}
	if o.project {
		fmt.Fprintln(p.Stdout, "\nThe command is this machine's: others who work on the project run \"whodid init --project\" too.")
	}
	_, err := fmt.Fprintln(p.Stdout, `
Next: start Claude Code and let it do something, then ask
  whodid history
  whodid doctor     # is everything recorded?
To undo this: whodid init --remove`+map[bool]string{true: " --project"}[o.project])
	return err
}

func createdNote(created bool) string {
	if created {
		return ", a new file"
	}
	return ""
}

func (p *Program) sayRemoved(a *initialized, out install.Outcome) error {
	if p.json {
		return p.printJSON(a)
	}
	p.sayGit(a.Git)
	would := ""
	if a.DryRun {
		would = "Would do this: "
	}
	var err error
	switch {
	case !out.Changed:
		_, err = fmt.Fprintf(p.Stdout, "There is no hook of whodid in %s.\n", a.Settings)
	case out.Deleted:
		_, err = fmt.Fprintf(p.Stdout, "%sRemoved %s, which held nothing but the hooks. The trail stays.\n", would, a.Settings)
	case out.Restored:
		_, err = fmt.Fprintf(p.Stdout, "%s%s is what it was before the hooks. The trail stays.\n", would, a.Settings)
	default:
		_, err = fmt.Fprintf(p.Stdout, "%sTook the hooks out of %s, which somebody else has edited meanwhile. The trail stays.\n", would, a.Settings)
	}
	return err
}
