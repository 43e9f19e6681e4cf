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
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/place"
)

// initOptions are the flags of "whodid init".
type initOptions struct {
	user, project, remove, required, dry, print bool
	timer, mcp                                  bool
	agent                                       string
	only                                        []string
	server, tokenFile                           string
	git                                         gitChoice
}

func (p *Program) initCommand() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:     "init",
		GroupID: "record",
		Short:   "Record the agents of this machine from now on, by hooks in their settings",
		Long: `Puts whodid's hooks into the settings of each agent's client that it finds on
this machine: Claude Code, Codex, Gemini CLI, Copilot CLI and Cursor. VS Code's
agent runs those of Claude Code and of Copilot. They are put into your own
settings, so that every session of yours is recorded, or with --project into
those of the project in this folder. What else is in the settings stays as it is,
to the byte. Run again it changes nothing, or brings older hooks up to date;
--remove takes the hooks out again. --only names the clients, found or not.

It also makes the trail and its keys. With --project the trail is the project's
own, in .whodid/, which git is told to leave alone. A trail that --store or
WHODID_STORE names is written into the hooks, without a password.

With --server the hooks of Claude Code post to a server of your company instead,
with the token that is in WHODID_TOKEN where Claude Code starts; no token is
written into the settings. The other clients have no such hooks: theirs go on
recording on this machine, and "whodid sync" sends that to the server, whose
address is kept in your config.toml with the file of the token.

With --mcp it tells the clients of "whodid mcp" too, by which agents ask the
trail; with --project in the files of the project, where VS Code finds it as
well. A server that is called whodid and starts something else is left alone.

In a git repository it also does what "whodid git install" does, so that commits
of agents say where they come from; --git=false leaves that out.

On a terminal it asks whether the system is to import what clients keep of their
sessions every day, as "whodid import --install-timer" lets it; elsewhere that is
done only with --import-timer. --remove takes the timer away too.

A session that can't be recorded goes on. With --required its tools are refused
then.`,
		Example: `  whodid init                        # all your sessions, of every client
  whodid init --only codex,gemini    # of these clients
  whodid init --project              # sessions in this folder
  whodid init --agent eng/reviewer   # under this name
  whodid init --mcp                  # and let agents ask the trail
  whodid init --server https://whodid.example --token-file ~/.config/whodid/token
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
	f.StringSliceVar(&o.only, "only", nil, "only these `CLIENTS`: "+strings.Join(clientNames(), ", ")+" (default: each that is found)")
	f.StringVar(&o.server, "server", "", "the `URL` of a server that records, where a client can post to it")
	f.StringVar(&o.tokenFile, "token-file", "", "the `FILE` that holds the token for the server, for whodid sync")
	f.BoolVar(&o.required, "required", false, "refuse the agent's tools while nothing can be recorded")
	f.StringVar(&o.agent, "agent", "", "the name of the agent, as squad/agent (default local/ and the client's name)")
	f.BoolVar(&o.mcp, "mcp", false, "tell the clients of \"whodid mcp\" too, so that agents can ask the trail")
	f.BoolVar(&o.timer, "import-timer", false, "let the system import sessions every day, without asking")
	f.BoolVar(&o.dry, "dry-run", false, "say what would be done, and do nothing")
	f.BoolVar(&o.print, "print", false, "print the settings with the hooks alone, and do nothing")
	return c
}

// initialized is the answer of "whodid init". What it tells of settings is that
// of the first client; Clients has all of them.
type initialized struct {
	hooked
	DryRun  bool     `json:"dry_run"`
	Command string   `json:"command,omitempty"`
	Trail   string   `json:"trail,omitempty"`
	Clients []hooked `json:"clients"`
	// Server is where hooks post to, and what is recorded here is sent.
	Server string `json:"server,omitempty"`
	// Config is the file that says so to "whodid sync".
	Config string `json:"config,omitempty"`
	// Git is what became of the hooks of git; absent outside of a repository.
	Git *gitInstalled `json:"git,omitempty"`
	// MCP is what became of "whodid mcp" in the clients' lists of servers; absent if
	// nothing did.
	MCP []registered `json:"mcp,omitempty"`
	// Timer is what became of the timer that imports sessions every day:
	// installed or removed; absent if nothing did.
	Timer string `json:"timer,omitempty"`

	timerText string
}

// hooked is what became of one client's settings.
type hooked struct {
	Client   string `json:"client"`
	Settings string `json:"settings"`
	// Action is installed, updated, unchanged, removed or absent.
	Action string `json:"action"`
	// Created and Deleted tell that the file itself came or went.
	Created bool     `json:"created"`
	Deleted bool     `json:"deleted"`
	Events  []string `json:"events,omitempty"`
	// Note says what else is to be done; empty if nothing is.
	Note string `json:"note,omitempty"`

	title string
	out   install.Outcome
}

func (p *Program) initialize(ctx context.Context, o *initOptions) error {
	if o.user && o.project {
		return misuse(errors.New("--user and --project can't be had at once"), "run it twice")
	}
	if o.timer && (o.project || o.remove) {
		return misuse(errors.New("--import-timer imports the sessions of all projects, and goes with neither --project nor --remove"), "leave it out")
	}
	if o.agent != "" {
		if _, _, err := whodid.ParseAgent(o.agent); err != nil {
			return misuse(err, "write, for example, --agent eng/reviewer")
		}
	}
	address, err := serverAddress(o)
	if err != nil {
		return err
	}
	clients, err := p.clientsToHook(o)
	if err != nil {
		return err
	}
	where, err := p.hookedTrail(o)
	if err != nil {
		return err
	}
	command, err := p.hookCommandLine(o, where)
	if err != nil {
		return err
	}
	if o.print {
		return p.printHooks(o, clients, command, address)
	}
	answer := initialized{DryRun: o.dry, Trail: where.String(), Server: address}
	if o.remove {
		return p.removeHooks(ctx, o, clients, where, &answer)
	}
	answer.Command = command
	// What would be refused is refused before anything is made.
	for i := range clients {
		file := p.settings(o, &clients[i], where)
		if _, err := file.Install(handlersFor(&clients[i], o, command, address), true); err != nil {
			return withSettingsHint(err)
		}
	}
	if answer.MCP, err = p.registerMCP(o, clients, where, true); err != nil {
		return err
	}
	if !o.dry {
		if err := p.makeTrail(ctx, o, where); err != nil {
			return err
		}
	}
	if address != "" {
		if answer.Config, err = p.rememberServer(address, o); err != nil {
			return err
		}
	}
	for i := range clients {
		h, err := p.hookClient(o, &clients[i], where, command, address)
		if err != nil {
			return withSettingsHint(err)
		}
		answer.Clients = append(answer.Clients, *h)
	}
	answer.hooked = answer.Clients[0]
	if !o.dry {
		if answer.MCP, err = p.registerMCP(o, clients, where, false); err != nil {
			return err
		}
	}
	if answer.Git, err = p.initGit(ctx, o, where); err != nil {
		return err
	}
	if answer.Timer, answer.timerText, err = p.initTimer(ctx, o); err != nil {
		return err
	}
	return p.sayInstalled(&answer, o, where)
}

// hookClient puts the hooks into the settings of one client.
func (p *Program) hookClient(o *initOptions, c *install.Client, where place.Trail, command, address string) (*hooked, error) {
	file, handlers := p.settings(o, c, where), handlersFor(c, o, command, address)
	out, err := file.Install(handlers, o.dry)
	if err != nil {
		return nil, err
	}
	h := &hooked{Client: c.Name, title: c.Title, Settings: file.Path, Action: "unchanged", Created: out.Created, Note: noteFor(c, o, out, address), out: out}
	for _, handler := range handlers {
		h.Events = append(h.Events, handler.Event)
	}
	switch {
	case out.Changed && out.Replaced > 0:
		h.Action = "updated"
	case out.Changed:
		h.Action = "installed"
	}
	return h, nil
}

// removeHooks takes the hooks out of the settings of the clients.
func (p *Program) removeHooks(ctx context.Context, o *initOptions, clients []install.Client, where place.Trail, answer *initialized) error {
	var err error
	// What came last goes first, so that a file that has both is what it was.
	if answer.MCP, err = p.unregisterMCP(o, clients, where); err != nil {
		return err
	}
	for i := range clients {
		c := &clients[i]
		file := p.settings(o, c, where)
		out, err := file.Uninstall(o.dry)
		if err != nil {
			return withSettingsHint(err)
		}
		h := hooked{Client: c.Name, title: c.Title, Settings: file.Path, Action: "absent", Deleted: out.Deleted, out: out}
		if out.Changed {
			h.Action = "removed"
		}
		if out.Changed || i == 0 || len(o.only) > 0 {
			answer.Clients = append(answer.Clients, h)
		}
	}
	if len(answer.Clients) > 1 && answer.Clients[0].Action == "absent" && len(o.only) == 0 {
		answer.Clients = answer.Clients[1:] // another client's hooks are what was taken out
	}
	answer.hooked = answer.Clients[0]
	if answer.Git, err = p.initGit(ctx, o, where); err != nil {
		return err
	}
	if answer.Timer, err = p.removeInitTimer(ctx, o); err != nil {
		return err
	}
	return p.sayRemoved(answer)
}

// printHooks prints the settings of each client with the hooks alone.
func (p *Program) printHooks(o *initOptions, clients []install.Client, command, address string) error {
	for i := range clients {
		edit, err := install.Add([]byte(clients[i].Fresh), handlersFor(&clients[i], o, command, address))
		if err != nil {
			return err
		}
		if _, err := p.Stdout.Write(edit.Text); err != nil {
			return err
		}
	}
	return nil
}

// handlersFor are the hooks of a client: those that post to a server where there
// is one and the client has such.
func handlersFor(c *install.Client, o *initOptions, command, address string) []install.Handler {
	if address == "" || c.Name != agent.ClaudeCode {
		return c.Hooks(command, o.required)
	}
	to := address + "/hooks"
	if o.agent != "" {
		to += "?agent=" + url.QueryEscape(o.agent)
	}
	return c.HTTPHooks(to, map[string]string{
		"Authorization": "Bearer ${WHODID_TOKEN}",
		// What "whodid run" tells those that it runs; empty outside of a run.
		"Whodid-Execution": "${WHODID_EXECUTION}", "Whodid-Agent": "${WHODID_AGENT}", "Whodid-Trigger": "${WHODID_TRIGGER}",
	}, o.required)
}

// noteFor says what a client's user has to do yet.
func noteFor(c *install.Client, o *initOptions, out install.Outcome, address string) string {
	switch {
	case address != "" && c.Name == agent.ClaudeCode && o.tokenFile != "":
		return `start Claude Code with the token in its environment: export WHODID_TOKEN="$(cat ` + install.Quote(o.tokenFile) + `)"`
	case address != "" && c.Name == agent.ClaudeCode:
		return "start Claude Code with the server's token in the variable WHODID_TOKEN"
	case !out.Changed:
		return ""
	case c.Name == agent.Codex:
		return "Codex runs a hook only once you have trusted it: start codex, say /hooks and trust those of whodid"
	case c.Name == agent.Gemini && o.project:
		return "Gemini CLI runs a project's hooks only in a folder that you trust, and asks you for it"
	case c.Name == agent.Copilot && o.project:
		return "Copilot's cloud agent runs them once they are on the default branch, and only where whodid is installed there"
	default:
		return ""
	}
}

func clientNames() []string {
	var names []string
	for _, c := range install.Clients() {
		names = append(names, c.Name)
	}
	return names
}

// clientsToHook are the clients that were named, else those that are on this
// machine, else Claude Code. Hooks are taken out of the settings of all.
func (p *Program) clientsToHook(o *initOptions) ([]install.Client, error) {
	all := install.Clients()
	if len(o.only) > 0 {
		var named []install.Client
		for _, name := range o.only {
			c, ok := install.ClientNamed(name)
			if !ok {
				return nil, misuse(fmt.Errorf("there is no client %q", name), "choose from %s", strings.Join(clientNames(), ", "))
			}
			named = append(named, c)
		}
		return named, nil
	}
	if o.remove {
		return all, nil
	}
	var found []install.Client
	for i := range all {
		if p.isOnMachine(&all[i]) {
			found = append(found, all[i])
		}
	}
	if len(found) == 0 || o.print {
		return all[:1], nil
	}
	return found, nil
}

// serverAddress checks the address of a server.
func serverAddress(o *initOptions) (string, error) {
	if o.server == "" {
		if o.tokenFile != "" {
			return "", misuse(errors.New("--token-file is the token for a server"), "name the server with --server URL")
		}
		return "", nil
	}
	u, err := url.Parse(o.server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", misuse(fmt.Errorf("%q is not the address of a server", o.server), "write, for example, --server https://whodid.example")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

func withSettingsHint(err error) error {
	return withHint(err, "nothing was changed; correct it, or use --print and put the hooks in by hand")
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

// settings is the file of a client's settings.
func (p *Program) settings(o *initOptions, c *install.Client, where place.Trail) install.File {
	f := install.File{Mode: 0o600, Fresh: c.Fresh, Path: c.Path(c.Dir(place.Home(p.Env), p.Env))}
	if o.project {
		f.Path, f.Mode = filepath.Join(p.Dir, filepath.FromSlash(c.Project)), 0o644
	}
	f.Note = noteOf(where, f.Path)
	return f
}

// noteOf is where it is kept what was put into a file of settings.
func noteOf(where place.Trail, path string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' {
			return '_'
		}
		return r
	}, path), "_")
	return filepath.Join(filepath.Dir(where.Pins), "installed", name)
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
