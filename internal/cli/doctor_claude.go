package cli

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/place"
)

// maxSettings bounds how much of a file of settings is read.
const maxSettings = 4 << 20

// claudeSettings is one file of Claude Code's settings, as far as it matters
// here (https://code.claude.com/docs/en/settings).
type claudeSettings struct {
	path    string
	managed bool
	ours    []install.Installed

	DisableAllHooks       bool `json:"disableAllHooks"`
	AllowManagedHooksOnly bool `json:"allowManagedHooksOnly"`
}

// examineClaude looks at the hooks of Claude Code.
func (p *Program) examineClaude(d *ask.Doctor, heard heard) {
	client, _ := install.ClientNamed(agent.ClaudeCode)
	name := client.Name
	var read []claudeSettings
	found := installedHooks{}
	for _, file := range p.claudeSettingsFiles() {
		s, err := readClaudeSettings(file.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			d.Add(problem(name, "", "Claude Code's settings %s can't be read, so that it runs none of their hooks: %v.", file.path, err))
			continue
		}
		s.path, s.managed = file.path, file.managed
		read = append(read, s)
		found.add(file.path, s.ours)
	}
	if len(found.events) == 0 {
		d.Add(p.unrecordedClaude(name))
		return
	}
	problems := append(examineSwitches(name, read), p.examineInstalled(&client, &found)...)
	if len(problems) == 0 {
		problems = append(problems, fine(name, "Its hooks are installed and %s; %s.", found.call(), heard.last(name, p.Now())))
	}
	for _, c := range problems {
		d.Add(c)
	}
}

// unrecordedClaude is what to say where no hook of ours is installed.
func (p *Program) unrecordedClaude(name string) ask.Check {
	if _, err := os.Stat(p.claudeDir()); err != nil && p.lookPath("claude") == "" {
		return fine(name, "Claude Code is not on this machine.")
	}
	return warning(name, "whodid init", "Claude Code is on this machine and nothing records it.")
}

// examineSwitches looks for settings that switch hooks off.
func examineSwitches(name string, read []claudeSettings) []ask.Check {
	var found []ask.Check
	managedOnly, oursManaged := "", false
	for i := range read {
		s := &read[i]
		if s.DisableAllHooks {
			found = append(found, problem(name, "", "%s says disableAllHooks, so that Claude Code calls no hook and nothing is recorded.", s.path))
		}
		if s.managed && s.AllowManagedHooksOnly {
			managedOnly = s.path
		}
		oursManaged = oursManaged || s.managed && len(s.ours) > 0
	}
	if managedOnly != "" && !oursManaged {
		found = append(found, problem(name, "", "%s says allowManagedHooksOnly, so that Claude Code ignores the hooks of this user: the administrator must add them there.", managedOnly))
	}
	return found
}

// examineHookProgram looks whether the program that hooks call is there, can be
// run and is of this version. It reads the program and does not run it: who
// wrote the settings may not be who asks.
func (p *Program) examineHookProgram(name, program, settings string) []ask.Check {
	path := p.expand(program)
	if !strings.ContainsAny(path, `/\`) {
		if path = p.lookPath(path); path == "" {
			return []ask.Check{problem(name, "whodid init", "The hooks in %s call %s, which is not in PATH: nothing is recorded.", settings, program)}
		}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return []ask.Check{problem(name, "whodid init", "The hooks in %s call %s, which is not there: nothing is recorded.", settings, path)}
	case info.IsDir() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return []ask.Check{problem(name, "chmod +x "+install.Quote(path), "The hooks in %s call %s, which can't be executed: nothing is recorded.", settings, path)}
	}
	if theirs, ours := versionOf(path), ownVersion(); theirs != "" && ours != "" && theirs != ours {
		return []ask.Check{warning(name, "whodid init", "The hooks call %s of version %s, and this is %s.", path, theirs, ours)}
	}
	return nil
}

// expand puts the home directory in the place of ~ and $HOME, as the shell will.
func (p *Program) expand(path string) string {
	for _, prefix := range []string{"~/", "$HOME/", "${HOME}/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return filepath.Join(place.Home(p.Env), rest)
		}
	}
	return path
}

// versionOf reads the version of a Go program out of its file; empty if it is
// none or does not tell.
func versionOf(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}

func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}

func readClaudeSettings(path string) (claudeSettings, error) {
	var s claudeSettings
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSettings {
		return s, fmt.Errorf("it is no file of settings: %d bytes", info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if len(strings.TrimSpace(string(b))) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, err
	}
	s.ours, err = install.Find(b)
	return s, err
}

// settingsFile is where settings may be.
type settingsFile struct {
	path    string
	managed bool // by the administrator of the machine
}

// claudeSettingsFiles are the files that Claude Code would read here.
func (p *Program) claudeSettingsFiles() []settingsFile {
	managed := "/etc/claude-code/managed-settings.json"
	switch runtime.GOOS {
	case "darwin":
		managed = "/Library/Application Support/ClaudeCode/managed-settings.json"
	case "windows":
		managed = `C:\Program Files\ClaudeCode\managed-settings.json`
	}
	files := []settingsFile{{managed, true}, {filepath.Join(p.claudeDir(), "settings.json"), false}}
	root, _ := place.Repository(p.Dir)
	if root == "" {
		root = p.Dir
	}
	project := filepath.Join(root, ".claude")
	if project == p.claudeDir() {
		return files
	}
	return append(files, settingsFile{filepath.Join(project, "settings.json"), false}, settingsFile{filepath.Join(project, "settings.local.json"), false})
}

// claudeDir is the folder of this user's settings of Claude Code.
func (p *Program) claudeDir() string {
	client, _ := install.ClientNamed(agent.ClaudeCode)
	return client.Dir(place.Home(p.Env), p.Env)
}

// lookPath finds a program in the PATH of the program's world.
func (p *Program) lookPath(name string) string {
	if runtime.GOOS == "windows" && filepath.Ext(name) == "" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(p.Env("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
			return path
		}
	}
	return ""
}
