package githook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/whodid/whodid/internal/git"
)

// redirect is a folder of ours that core.hooksPath leads to, and in which every
// hook passes on to where the setting led before. It leaves folders alone that
// are committed, or that other repositories use.
type redirect struct {
	git    git.Repository
	dir    string // of the hooks
	note   string // file that remembers what the setting was
	scope  string // --local, --worktree or --global
	config string // file that the setting is written to
	now    hooksPath
	// bare is where git looks without the setting, for the shell.
	bare string
}

func (r *repository) redirect() *redirect {
	d := &redirect{
		git: r.git, dir: filepath.Join(r.common, "whodid", "hooks"), note: filepath.Join(r.common, "whodid", "hooks.json"),
		scope: "--local", config: filepath.Join(r.common, "config"), now: r.path,
	}
	if r.path.scope == "worktree" {
		d.scope, d.config = "--worktree", "" // its file is restored by git alone
	}
	return d
}

func globalRedirect(o Options) *redirect {
	d := &redirect{
		git: git.In(o.Home), dir: filepath.Join(o.GlobalDir, "hooks"), note: filepath.Join(o.GlobalDir, "hooks.json"),
		scope: "--global", config: o.GlobalConfig, bare: repositoryHooks,
	}
	return d
}

// remembered is what the setting was before, and how to restore its file.
type remembered struct {
	Value string `json:"value"` // of core.hooksPath; empty if there was none in this scope
	Base  string `json:"base"`  // where hooks were looked for, for the shell
	// SHA256 is of the file after the change. Bytes Prefix to Suffix before the
	// end were Middle before it.
	SHA256 string `json:"sha256,omitempty"`
	Prefix int    `json:"prefix,omitempty"`
	Suffix int    `json:"suffix,omitempty"`
	Middle []byte `json:"middle,omitempty"`
	// Created tells that there was no such file.
	Created bool `json:"created,omitempty"`
}

func (d *redirect) install(ctx context.Context, o Options) (Report, error) {
	report := newReport()
	report.Folder = d.dir
	if err := d.look(ctx); err != nil {
		return report, err
	}
	if strings.ContainsFunc(d.now.value, unicode.IsControl) {
		return report, fmt.Errorf("couldn't install hooks: core.hooksPath is %q, which is no path", d.now.value)
	}
	state, known := d.recall()
	pointed := d.now.value == filepath.ToSlash(d.dir)
	if !pointed || !known {
		state = remembered{Base: d.bare}
		if d.now.value != "" && !pointed {
			state.Base = d.now.value
			if rest, ok := strings.CutPrefix(state.Base, "~/"); ok {
				state.Base = filepath.ToSlash(filepath.Join(o.Home, rest))
			}
			if "--"+d.now.scope == d.scope {
				state.Value = d.now.value
			}
		}
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return report, fmt.Errorf("couldn't make the folder of hooks: %w", err)
	}
	if err := d.fill(&report, state.Base, o); err != nil {
		return report, err
	}
	if !pointed {
		report.HooksPath = true
		if err := d.point(ctx, &state); err != nil {
			return report, err
		}
	}
	report.settle(Unchanged)
	return report, nil
}

// look reads the setting of the scope again, for the global one is not that of
// a repository.
func (d *redirect) look(ctx context.Context) error {
	if d.scope != "--global" {
		return nil
	}
	out, err := d.git.Run(ctx, "config", "-z", "--global", "--get", "core.hooksPath")
	if failure := (*git.Error)(nil); errors.As(err, &failure) && failure.ExitCode() == 1 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("couldn't read git's configuration: %w", err)
	}
	d.now = hooksPath{value: strings.TrimSuffix(out, "\x00"), scope: "global"}
	return nil
}

// fill writes the hooks, ours and those that are only passed on.
func (d *redirect) fill(report *Report, base string, o Options) error {
	for _, name := range append(append(Names(), passedOn...), passedOnIfThere...) {
		s := script{name: name, former: base + "/" + name, program: program(o), store: o.Store}
		s.pass = !slices.Contains(Names(), name)
		path := filepath.Join(d.dir, name)
		if slices.Contains(passedOnIfThere, name) && !exists(path) && !exists(filepath.Join(filepath.FromSlash(base), name)) {
			continue
		}
		h := HookReport{Name: name, Action: Installed, Former: s.former}
		if old, err := os.ReadFile(path); err == nil {
			h.Action = Updated
			if bytes.Equal(old, s.text()) {
				h.Action = Unchanged
			}
		}
		if h.Action != Unchanged {
			if err := writeHook(path, s.text()); err != nil {
				return fmt.Errorf("couldn't install hook %s: %w", name, err)
			}
		}
		if !s.pass {
			report.Hooks = append(report.Hooks, h)
		}
	}
	return nil
}

// point lets core.hooksPath lead to our folder, and remembers what it was. The
// note is written first: a change without one could not be undone to the byte.
func (d *redirect) point(ctx context.Context, state *remembered) error {
	before, err := os.ReadFile(d.config)
	state.Created = errors.Is(err, fs.ErrNotExist) && d.config != ""
	if err := d.remember(state); err != nil {
		return err
	}
	if err := d.set(ctx, before); err != nil {
		return readOnly(fmt.Errorf("couldn't set core.hooksPath: %w", err), filepath.Dir(d.config))
	}
	after, err := os.ReadFile(d.config)
	if err != nil {
		return nil //nolint:nilerr // git will undo it
	}
	state.SHA256 = digest(after)
	for state.Prefix < min(len(before), len(after)) && before[state.Prefix] == after[state.Prefix] {
		state.Prefix++
	}
	for most := min(len(before), len(after)) - state.Prefix; state.Suffix < most &&
		before[len(before)-1-state.Suffix] == after[len(after)-1-state.Suffix]; {
		state.Suffix++
	}
	state.Middle = before[state.Prefix : len(before)-state.Suffix]
	return d.remember(state)
}

// set sets the setting. Git writes it into the first section that fits; where a
// file that is included below says otherwise, it is written at the end.
func (d *redirect) set(ctx context.Context, before []byte) error {
	dir := filepath.ToSlash(d.dir)
	if _, err := d.git.Run(ctx, "config", d.scope, "core.hooksPath", dir); err != nil {
		return err
	}
	now, err := readHooksPath(ctx, d.git)
	if err != nil || now.value == dir || d.config == "" {
		return err
	}
	text := string(before)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	value := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(dir)
	return replaceFile(d.config, []byte(text+"[core]\n\thooksPath = \""+value+"\"\n"))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (d *redirect) remember(state *remembered) error {
	b, err := json.Marshal(state)
	if err == nil {
		err = os.WriteFile(d.note, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("couldn't remember what core.hooksPath was: %w", err)
	}
	return nil
}

func (d *redirect) recall() (remembered, bool) {
	var state remembered
	b, err := readSmall(d.note)
	if err != nil || json.Unmarshal(b, &state) != nil {
		return remembered{}, false
	}
	return state, true
}

func (d *redirect) uninstall(ctx context.Context) (Report, error) {
	report := newReport()
	report.Folder = d.dir
	if err := d.look(ctx); err != nil {
		return report, err
	}
	state, _ := d.recall()
	if d.now.value == filepath.ToSlash(d.dir) {
		report.HooksPath = true
		if err := d.restore(ctx, &state); err != nil {
			return report, fmt.Errorf("couldn't set core.hooksPath back: %w", err)
		}
	}
	if exists(d.dir) {
		for _, name := range Names() {
			report.Hooks = append(report.Hooks, HookReport{Name: name, Action: Removed})
		}
		if err := errors.Join(os.RemoveAll(d.dir), remove(d.note)); err != nil {
			return report, fmt.Errorf("couldn't take out the hooks: %w", err)
		}
		_ = os.Remove(filepath.Dir(d.dir)) // stays if anything else is in it
	}
	report.settle(Absent)
	return report, nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// restore sets core.hooksPath to what it was: to the byte if nobody else has
// changed the file meanwhile.
func (d *redirect) restore(ctx context.Context, state *remembered) error {
	now, err := os.ReadFile(d.config)
	if err == nil && state.SHA256 != "" && digest(now) == state.SHA256 && state.Prefix+state.Suffix <= len(now) {
		if state.Created {
			return os.Remove(d.config)
		}
		before := append(append(bytes.Clone(now[:state.Prefix]), state.Middle...), now[len(now)-state.Suffix:]...)
		return replaceFile(d.config, before)
	}
	if state.Value != "" {
		_, err = d.git.Run(ctx, "config", d.scope, "core.hooksPath", state.Value)
		return err
	}
	_, err = d.git.Run(ctx, "config", d.scope, "--unset-all", "core.hooksPath")
	return err
}

// replaceFile writes a file in one step and keeps its mode. Where it is a link,
// the file that it leads to is written.
func replaceFile(path string, text []byte) error {
	path = resolved(path)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".whodid-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it is gone if all went well
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(info.Mode().Perm()), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
