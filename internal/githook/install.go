package githook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
)

// Options say where hooks are to be installed, or taken out.
type Options struct {
	// Dir is a folder in the repository; not looked at with Global.
	Dir string
	// Global is for all repositories of the user that do not choose their own
	// core.hooksPath.
	Global bool
	// Submodules is for those of the repository too, and for theirs.
	Submodules bool
	// GlobalDir is the folder for the hooks of Global.
	GlobalDir string
	// Home is the user's home directory.
	Home string
	// GlobalConfig is the file that git writes global settings to.
	GlobalConfig string
	// Program is the path of whodid. If it is gone when a hook runs, PATH is
	// asked; if it is not there either, the hook does nothing.
	Program string
	// Store is the trail as --store has it; empty for the usual one.
	Store string
}

// The values of Action.
const (
	Installed = "installed"
	Updated   = "updated"
	Unchanged = "unchanged"
	Removed   = "removed"
	Absent    = "absent" // there was nothing to take out
	Manual    = "manual" // a person has to do it: see the advice
	Kept      = "kept"   // a file that was there before stays under its new name
)

// Report says what was done to one repository, or to the user's configuration.
type Report struct {
	// Repository is the folder of git that its worktrees share; empty for what
	// is global.
	Repository string `json:"repository"`
	// Folder is where git looks for the hooks now.
	Folder string `json:"folder"`
	// Manager is the program that writes the hooks here, such as husky.
	Manager string `json:"manager"`
	Action  string `json:"action"`
	// HooksPath tells that git's setting core.hooksPath was changed, or set back.
	HooksPath bool         `json:"hooks_path"`
	Hooks     []HookReport `json:"hooks"`
	Advice    []Advice     `json:"advice"`
}

// HookReport says what was done to one hook.
type HookReport struct {
	Name   string `json:"name"`
	Action string `json:"action"`
	// Former is what stood there before; it is called first.
	Former string `json:"former,omitempty"`
}

func newReport() Report { return Report{Hooks: []HookReport{}, Advice: []Advice{}} }

// settle derives what was done as a whole from what was done to each hook.
func (r *Report) settle(nothing string) {
	if r.Action != "" {
		return
	}
	r.Action = nothing
	for _, h := range r.Hooks {
		switch {
		case h.Action == nothing || h.Action == Kept:
		case r.Action == nothing:
			r.Action = h.Action
		case r.Action != h.Action:
			r.Action = Updated
		}
	}
	if r.Action == nothing && r.HooksPath {
		r.Action = map[string]string{Unchanged: Updated, Absent: Removed}[nothing]
	}
}

// Install installs the hooks beside what is there, and brings older ones of
// ours up to date. It changes nothing a second time.
//
// Where hooks lie in the folder of git, ours take the place of those that are
// there, which are renamed and called first. Where core.hooksPath leads
// elsewhere, such as to a folder that is committed or that all repositories
// share, git is told to use a folder of ours that passes every hook on. Where
// husky, lefthook or overcommit write the hooks, nothing is done but to say
// what to add to their configuration.
func Install(ctx context.Context, o Options) ([]Report, error) {
	if o.Global {
		r, err := globalRedirect(o).install(ctx, o)
		return []Report{r}, err
	}
	return each(ctx, o, func(r *repository) (Report, error) { return r.install(ctx, o) })
}

// Uninstall takes the hooks out again. What was there before stands where it
// stood, to the byte.
func Uninstall(ctx context.Context, o Options) ([]Report, error) {
	if o.Global {
		r, err := globalRedirect(o).uninstall(ctx)
		return []Report{r}, err
	}
	return each(ctx, o, func(r *repository) (Report, error) { return r.uninstall(ctx, o) })
}

// each visits the repository and, where asked for, its submodules.
func each(ctx context.Context, o Options, do func(*repository) (Report, error)) ([]Report, error) {
	r, err := open(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	report, err := do(r)
	if err != nil {
		return nil, err
	}
	reports := []Report{report}
	if !o.Submodules {
		return reports, nil
	}
	dirs, err := r.submodules(ctx)
	if err != nil {
		return reports, err
	}
	for _, dir := range dirs {
		sub, err := open(ctx, dir)
		if err == nil {
			report, err = do(sub)
		}
		if err != nil {
			return reports, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

func (r *repository) install(ctx context.Context, o Options) (Report, error) {
	folder := r.folder(o.Home)
	own := r.redirect()
	switch m := r.manager(folder); {
	case resolved(folder) == resolved(globalRedirect(o).dir):
		report := newReport()
		report.Repository, report.Folder, report.Action = r.common, folder, Unchanged
		return report, nil
	case m != nil:
		report := newReport()
		report.Repository, report.Folder, report.Manager, report.Advice = r.common, folder, m.name, m.advice
		report.Action = Manual
		if m.done() {
			report.Action = Unchanged
		}
		return report, nil
	case resolved(folder) == resolved(own.dir), !inside(folder, r.common):
		report, err := own.install(ctx, o)
		report.Repository = r.common
		return report, err
	}
	report := newReport()
	report.Repository, report.Folder = r.common, folder
	var err error
	report.Hooks, err = (&hookFolder{dir: folder, program: program(o), store: o.Store}).install()
	if err != nil {
		return report, readOnly(err, folder)
	}
	report.settle(Unchanged)
	return report, nil
}

func (r *repository) uninstall(ctx context.Context, o Options) (Report, error) {
	own := r.redirect()
	report, err := own.uninstall(ctx)
	report.Repository = r.common
	if err != nil {
		return report, err
	}
	path, err := readHooksPath(ctx, r.git)
	if err != nil {
		return report, err
	}
	r.path = path
	report.Folder = r.folder(o.Home)
	if m := r.manager(report.Folder); m != nil {
		report.Manager = m.name
	}
	if inside(report.Folder, r.common) {
		hooks, err := (&hookFolder{dir: report.Folder}).uninstall()
		if err != nil {
			return report, readOnly(err, report.Folder)
		}
		for _, h := range hooks {
			if h.Action != Absent || len(report.Hooks) < len(hooks) {
				report.Hooks = append(report.Hooks, h)
			}
		}
	}
	report.Action = ""
	report.settle(Absent)
	return report, nil
}

// program is the path of whodid as a shell of git takes it.
func program(o Options) string {
	if runtime.GOOS == "windows" {
		return filepath.ToSlash(o.Program)
	}
	return o.Program
}

// readOnlyError is about a folder that can't be written to.
type readOnlyError struct {
	err    error
	folder string
}

func (e *readOnlyError) Error() string { return e.err.Error() }
func (e *readOnlyError) Unwrap() error { return e.err }

// Hint says what to do next.
func (e *readOnlyError) Hint() string {
	return fmt.Sprintf("nothing was changed; make %s writable, or use --global, which leaves it alone", e.folder)
}

func readOnly(err error, folder string) error {
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		return &readOnlyError{err, folder}
	}
	return err
}
