package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/term"
)

// heard is when each client was last heard of; nil if the trail can't tell.
type heard map[string]time.Time

// last says when a client was last heard of.
func (h heard) last(client string, now time.Time) string {
	if at, ok := h[client]; ok {
		return "it was last heard of " + term.Ago(at, now)
	}
	return "nothing was heard of it yet"
}

// installedHooks are the hooks of ours in files of settings.
type installedHooks struct {
	events   map[string]bool
	programs map[string]string // and the file that names each
	urls     map[string]string
}

func (f *installedHooks) add(path string, hooks []install.Installed) {
	if f.events == nil {
		f.events, f.programs, f.urls = map[string]bool{}, map[string]string{}, map[string]string{}
	}
	for _, h := range hooks {
		f.events[h.Event] = true
		if h.URL != "" {
			f.urls[h.URL] = path
		} else {
			f.programs[h.Program] = path
		}
	}
}

// call says what the hooks call.
func (f *installedHooks) call() string {
	var says []string
	if len(f.programs) > 0 {
		says = append(says, "call "+strings.Join(slices.Sorted(maps.Keys(f.programs)), ", "))
	}
	if len(f.urls) > 0 {
		says = append(says, "post to "+strings.Join(slices.Sorted(maps.Keys(f.urls)), ", "))
	}
	return strings.Join(says, " and ")
}

// examineInstalled looks whether what the hooks call is there, and whether a
// hook is missing.
func (p *Program) examineInstalled(c *install.Client, found *installedHooks) []ask.Check {
	var problems []ask.Check
	for _, program := range slices.Sorted(maps.Keys(found.programs)) {
		problems = append(problems, p.examineHookProgram(c.Name, program, found.programs[program])...)
	}
	want := c.Hooks("", false)
	if len(found.urls) > 0 {
		want = c.HTTPHooks("", nil, false)
		if p.Env("WHODID_TOKEN") == "" {
			problems = append(problems, warning(c.Name, `export WHODID_TOKEN="$(cat FILE)"`,
				"Its hooks post to a server with the token in WHODID_TOKEN, which is not set here: if it is not where %s starts, nothing is recorded.", c.Title))
		}
	}
	var missing []string
	for _, h := range want {
		if !found.events[h.Event] {
			missing = append(missing, h.Event)
		}
	}
	if len(missing) > 0 {
		problems = append(problems, warning(c.Name, p.initCommandFor(c), "The hooks of %s are not complete, %s is missing: what these tell is not recorded.", c.Title, strings.Join(missing, ", ")))
	}
	return problems
}

func (p *Program) initCommandFor(c *install.Client) string {
	if c.Name == agent.ClaudeCode {
		return "whodid init"
	}
	return "whodid init --only " + c.Name
}

// isOnMachine tells whether a client is on this machine, by its program or its
// settings.
func (p *Program) isOnMachine(c *install.Client) bool {
	if p.lookPath(c.Program) != "" {
		return true
	}
	_, err := os.Stat(c.Dir(place.Home(p.Env), p.Env))
	return err == nil
}

// projectFile is the file of a client's settings in the project that this
// folder is in.
func (p *Program) projectFile(c *install.Client) string {
	root, _ := place.Repository(p.Dir)
	if root == "" {
		root = p.Dir
	}
	return filepath.Join(root, filepath.FromSlash(c.Project))
}

// examineClients looks at the hooks of every client but Claude Code, of those
// that are on this machine.
func (p *Program) examineClients(d *ask.Doctor, heard heard) {
	for _, c := range install.Clients() {
		if c.Name == agent.ClaudeCode {
			continue
		}
		for _, check := range p.examineClient(&c, heard) {
			d.Add(check)
		}
	}
	if check, ok := p.examineVSCode(heard); ok {
		d.Add(check)
	}
}

func (p *Program) examineClient(c *install.Client, heard heard) []ask.Check {
	var problems []ask.Check
	found := installedHooks{}
	dir := c.Dir(place.Home(p.Env), p.Env)
	for _, path := range []string{c.Path(dir), p.projectFile(c)} {
		text, err := readSettings(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var hooks []install.Installed
		if err == nil {
			hooks, err = install.Find(text)
		}
		if err != nil {
			problems = append(problems, problem(c.Name, "", "The settings %s of %s can't be read, so that it runs none of their hooks: %v.", path, c.Title, err))
			continue
		}
		found.add(path, hooks)
	}
	if len(found.events) == 0 {
		if p.isOnMachine(c) {
			problems = append(problems, warning(c.Name, p.initCommandFor(c), "%s is on this machine and nothing records it.", c.Title))
		}
		return problems
	}
	problems = append(problems, p.examineInstalled(c, &found)...)
	if switched := hooksOff(c, dir); switched != "" {
		problems = append(problems, problem(c.Name, "", "%s, so that %s calls no hook and nothing is recorded.", switched, c.Title))
	}
	_, wasHeard := heard[c.Name]
	switch {
	case len(problems) > 0:
	case c.Name == agent.Codex && !wasHeard:
		return []ask.Check{warning(c.Name, "codex", "Its hooks are installed, and nothing was heard of it yet. Codex runs a hook only once you have trusted it: start it, say /hooks and trust those of whodid.")}
	default:
		detail := ""
		if c.Name == agent.Copilot && !found.in(p.projectFile(c)) {
			detail = " Copilot's cloud agent runs only what is in .github/hooks of a repository's default branch."
		}
		if c.Name == agent.Cursor && !wasHeard {
			detail = " Cursor says in its settings, under Hooks, which it runs."
		}
		return []ask.Check{fine(c.Name, "Its hooks are installed and %s; %s.%s", found.call(), heard.last(c.Name, p.Now()), detail)}
	}
	return problems
}

func (f *installedHooks) in(path string) bool {
	for _, files := range []map[string]string{f.programs, f.urls} {
		for _, file := range files {
			if file == path {
				return true
			}
		}
	}
	return false
}

// hooksOff says which setting of the user's switches a client's hooks off;
// empty if none does.
func hooksOff(c *install.Client, dir string) string {
	switch c.Name {
	case agent.Codex:
		path := filepath.Join(dir, "config.toml")
		var s struct {
			Features struct {
				Hooks      *bool `toml:"hooks"`
				CodexHooks *bool `toml:"codex_hooks"`
			} `toml:"features"`
		}
		text, err := readSettings(path)
		if err != nil || toml.Unmarshal(text, &s) != nil {
			return ""
		}
		if off(s.Features.Hooks) || off(s.Features.CodexHooks) {
			return path + " says features.hooks = false"
		}
	case agent.Gemini:
		path := c.Path(dir)
		var s struct {
			HooksConfig struct {
				Enabled *bool `json:"enabled"`
			} `json:"hooksConfig"`
		}
		text, err := readSettings(path)
		if err == nil && json.Unmarshal(text, &s) == nil && off(s.HooksConfig.Enabled) {
			return path + " says hooksConfig.enabled is false"
		}
	case agent.Copilot:
		for _, name := range []string{"settings.json", "config.json", c.Settings} {
			path := filepath.Join(dir, filepath.FromSlash(name))
			var s struct {
				DisableAllHooks bool `json:"disableAllHooks"`
			}
			text, err := readSettings(path)
			if err == nil && json.Unmarshal(text, &s) == nil && s.DisableAllHooks {
				return path + " says disableAllHooks"
			}
		}
	}
	return ""
}

func off(b *bool) bool { return b != nil && !*b }

// examineVSCode tells whether VS Code's agent is recorded: it runs the hooks of
// Claude Code's settings and those of Copilot's folder.
func (p *Program) examineVSCode(heard heard) (ask.Check, bool) {
	if !p.hasVSCode() {
		return ask.Check{}, false
	}
	home := place.Home(p.Env)
	for _, name := range []string{agent.Copilot, agent.ClaudeCode} {
		c, _ := install.ClientNamed(name)
		path := c.Path(c.Dir(home, p.Env))
		text, err := readSettings(path)
		if err != nil {
			continue
		}
		if hooks, err := install.Find(text); err == nil && len(hooks) > 0 {
			return fine(agent.VSCode, "VS Code's agent runs the hooks in %s, unless chat.hookFilesLocations says otherwise; %s.", path, heard.last(agent.VSCode, p.Now())), true
		}
	}
	return warning(agent.VSCode, "whodid init --only copilot", "VS Code is on this machine, and nothing records its agent."), true
}

func (p *Program) hasVSCode() bool {
	_, err := os.Stat(filepath.Join(place.Home(p.Env), ".vscode"))
	return err == nil || p.lookPath("code") != ""
}

// readSettings reads a file of settings.
func readSettings(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSettings {
		return nil, errors.New("it is no file of settings")
	}
	text, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(text))) == 0 {
		text = []byte("{}")
	}
	return text, err
}
