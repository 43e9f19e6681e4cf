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
	"slices"
	"strings"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/place"
)

// maxSettings bounds how much of a file of settings is read.
const maxSettings = 4 << 20

// claudeSettings is one file of Claude Code's settings, as far as it matters
// here (https://code.claude.com/docs/en/settings).
type claudeSettings struct {
	path    string
	managed bool

	DisableAllHooks       bool                     `json:"disableAllHooks"`
	AllowManagedHooksOnly bool                     `json:"allowManagedHooksOnly"`
	Hooks                 map[string][]claudeGroup `json:"hooks"`
}

type claudeGroup struct {
	Hooks []claudeHandler `json:"hooks"`
}

type claudeHandler struct {
	Type    string   `json:"type"`
	Command string   `json:"command"`
	Args    []string `json:"args"`
}

// examineClaude looks at the hooks of Claude Code.
func (p *Program) examineClaude(d *ask.Doctor) {
	const name = "claude-code"
	var read []claudeSettings
	events, programs := map[string]bool{}, map[string]string{}
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
		for event, program := range s.ours() {
			events[event] = true
			programs[program] = file.path
		}
	}
	if len(events) == 0 {
		d.Add(p.unrecordedClaude(name))
		return
	}
	problems := examineSwitches(name, read)
	for _, program := range slices.Sorted(mapKeys(programs)) {
		problems = append(problems, p.examineHookProgram(name, program, programs[program])...)
	}
	var missing []string
	for _, h := range hooks("", false) {
		if !events[h.Event] {
			missing = append(missing, h.Event)
		}
	}
	if len(missing) > 0 {
		problems = append(problems, warning(name, "whodid init", "The hooks of Claude Code are not complete, %s is missing: what these tell is not recorded.", strings.Join(missing, ", ")))
	}
	if len(problems) == 0 {
		problems = append(problems, fine(name, "Its hooks are installed and call %s.", strings.Join(slices.Sorted(mapKeys(programs)), ", ")))
	}
	for _, c := range problems {
		d.Add(c)
	}
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
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
		oursManaged = oursManaged || s.managed && len(s.ours()) > 0
	}
	if managedOnly != "" && !oursManaged {
		found = append(found, problem(name, "", "%s says allowManagedHooksOnly, so that Claude Code ignores the hooks of this user: the administrator must add them there.", managedOnly))
	}
	return found
}

// ours are the events that call a program of ours, and which.
func (s *claudeSettings) ours() map[string]string {
	found := map[string]string{}
	for event, groups := range s.Hooks {
		for _, g := range groups {
			for _, h := range g.Hooks {
				if program, ok := hookProgram(h); ok {
					found[event] = program
				}
			}
		}
	}
	return found
}

// hookProgram is the program that a handler calls, if it is one of ours.
func hookProgram(h claudeHandler) (string, bool) {
	if h.Type != "command" {
		return "", false
	}
	words := shellWords(h.Command)
	if len(h.Args) > 0 {
		words = append([]string{h.Command}, h.Args...)
	}
	for i, word := range words {
		base := strings.TrimSuffix(word[strings.LastIndexAny(word, `/\`)+1:], ".exe")
		if base == "whodid-hook" || base == "whodid" && slices.Contains(words[i+1:], "hook") {
			return word, true
		}
	}
	return "", false
}

// shellWords splits a simple command line as a POSIX shell would, quotes and
// backslashes included. It expands nothing.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, open := byte(0), false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '&' || c == '|'):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case c == quote && quote != 0:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(line) && strings.IndexByte(`\"'$ `, line[i+1]) >= 0:
			i++
			word.WriteByte(line[i])
			open = true
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
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
		return []ask.Check{problem(name, "chmod +x "+shellWord(path), "The hooks in %s call %s, which can't be executed: nothing is recorded.", settings, path)}
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
	return s, nil
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
	if dir := p.Env("CLAUDE_CONFIG_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(place.Home(p.Env), ".claude")
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
