package githook

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// hookFolder is a folder of hooks in which ours stand among others.
type hookFolder struct {
	dir            string
	program, store string
	undo           []func() error
}

// formerSuffix is what is put behind the name of a hook that ours replaces. It
// stays in the folder, for links and hooks that look beside themselves.
const formerSuffix = ".whodid-former"

// laterSuffixes are what managers put behind the name of a hook that theirs
// replace: pre-commit, which goes on calling it, and lefthook and others, which
// do not.
var laterSuffixes = []string{".legacy", ".old"}

// install installs all hooks or, if it fails, none.
func (f *hookFolder) install() ([]HookReport, error) {
	reports := []HookReport{}
	made := !exists(f.dir)
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, fmt.Errorf("couldn't make the folder of hooks: %w", err)
	}
	if made {
		f.undo = append(f.undo, func() error { return os.Remove(f.dir) })
	}
	for _, name := range Names() {
		report, err := f.put(script{name: name, program: f.program, store: f.store, madeDir: made})
		if err != nil {
			for _, undo := range slices.Backward(f.undo) {
				err = errors.Join(err, undo())
			}
			return nil, fmt.Errorf("couldn't install hook %s: %w", name, err)
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// put installs one hook.
func (f *hookFolder) put(s script) (HookReport, error) {
	report := HookReport{Name: s.name, Action: Installed}
	path := filepath.Join(f.dir, s.name)
	old, found, err := f.find(path)
	if err != nil {
		return report, err
	}
	switch {
	case found.path != "":
		path, s.former, s.madeDir = found.path, found.script.former, found.script.madeDir
		report.Action, report.Former = Updated, s.former
		if bytes.Equal(found.text, s.text()) {
			report.Action = Unchanged
			return report, nil
		}
		f.undo = append(f.undo, func() error { return writeHook(path, found.text) })
	case old:
		former, err := f.free(s.name + formerSuffix)
		if err != nil {
			return report, err
		}
		if err := os.Rename(path, filepath.Join(f.dir, former)); err != nil {
			return report, err
		}
		f.undo = append(f.undo, func() error { return os.Rename(filepath.Join(f.dir, former), path) })
		s.former, report.Former = former, former
	default:
		f.undo = append(f.undo, func() error { return os.Remove(path) })
	}
	return report, writeHook(path, s.text())
}

// ourHook is a hook of ours that was found.
type ourHook struct {
	path   string // empty if there is none
	text   []byte
	script script
}

// find looks for a hook of ours at path, or where pre-commit has put it, and
// tells whether somebody else's stands at path.
func (f *hookFolder) find(path string) (foreign bool, ours ourHook, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, ourHook{}, nil
	}
	if err != nil {
		return false, ourHook{}, err
	}
	if info.IsDir() {
		return false, ourHook{}, fmt.Errorf("%s is a folder", path)
	}
	if s, text, ok := readOurs(path); ok {
		return false, ourHook{path, text, s}, nil
	}
	legacy := path + laterSuffixes[0]
	if s, text, ok := readOurs(legacy); ok && mentions(path, preCommit) {
		return true, ourHook{legacy, text, s}, nil
	}
	return true, ourHook{}, nil
}

// readOurs reads a hook if it is one of ours. A link is somebody else's,
// wherever it leads.
func readOurs(path string) (script, []byte, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return script{}, nil, false
	}
	text, err := readSmall(path)
	if err != nil {
		return script{}, nil, false
	}
	s, ok := readScript(text)
	return s, text, ok
}

// free returns a name that no file of the folder has.
func (f *hookFolder) free(name string) (string, error) {
	const most = 100
	for i := range most {
		candidate := name
		if i > 0 {
			candidate += "." + strconv.Itoa(i+1)
		}
		if _, err := os.Lstat(filepath.Join(f.dir, candidate)); errors.Is(err, fs.ErrNotExist) {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("there are more than %d files named %s", most, name)
}

// writeHook puts a hook in place in one step.
func writeHook(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".whodid-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it is gone if all went well
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(0o755), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// uninstall takes our hooks out and puts back what they replaced.
func (f *hookFolder) uninstall() ([]HookReport, error) {
	reports, made := []HookReport{}, false
	for _, name := range Names() {
		path := filepath.Join(f.dir, name)
		s, _, ours := readOurs(path)
		report := HookReport{Name: name, Action: Absent}
		var err error
		if ours {
			made = made || s.madeDir
			report.Action, report.Former = Removed, s.former
			err = f.restore(path, s.former)
		}
		for _, suffix := range laterSuffixes {
			if s, _, ours := readOurs(path + suffix); ours && err == nil {
				made = made || s.madeDir
				report.Action = Removed
				report.Former, err = f.drop(path, path+suffix, s.former)
				if report.Former != "" {
					report.Action = Kept
				}
			}
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't take out hook %s: %w", name, err)
		}
		reports = append(reports, report)
	}
	if made {
		_ = os.Remove(f.dir) // stays if anything else is in it
	}
	return reports, nil
}

// restore puts what was there before in the place of our hook.
func (f *hookFolder) restore(path, former string) error {
	if former != "" {
		err := os.Rename(filepath.Join(f.dir, former), path)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Remove(path)
}

// drop removes a hook of ours that a manager has set aside, and what it
// replaced if the manager's newer one stands there again. Else that is kept.
func (f *hookFolder) drop(path, aside, former string) (kept string, err error) {
	if err := os.Remove(aside); err != nil || former == "" {
		return "", err
	}
	old, err := readSmall(filepath.Join(f.dir, former))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	current, currentErr := readSmall(path)
	if err != nil || currentErr != nil || !superseded(old, current) {
		return former, nil //nolint:nilerr // what can't be read is left alone
	}
	return "", os.Remove(filepath.Join(f.dir, former))
}
