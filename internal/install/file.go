package install

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is a file of settings, and the note that this package keeps of what it
// inserted there, so that it can take out exactly that again. The note holds
// nothing of what others wrote.
type File struct {
	// Path is the file. It may be missing, or a link to the real one.
	Path string
	// Note is where the note is kept.
	Note string
	// Mode is what a file that is made gets; one that is there keeps its own.
	Mode fs.FileMode
	// Fresh is what a file that is made is before the hooks come; an empty
	// object if it is empty.
	Fresh string
}

// Outcome says what was done to a file, or would be.
type Outcome struct {
	// Changed is false if everything was as it should be.
	Changed bool
	// Created and Deleted tell that the file was made, or removed again.
	Created, Deleted bool
	// Replaced counts the hooks of ours that were there before.
	Replaced int
	// Restored tells that the file is again, to the byte, what it was before the
	// hooks came. It is not if somebody else has edited it meanwhile: then only
	// our hooks were taken out.
	Restored bool
}

// note is what is remembered of an insertion.
type note struct {
	Settings   string `json:"settings"`
	SHA256     string `json:"sha256"` // of the file as it was written
	Spans      []Span `json:"spans"`
	Created    bool   `json:"created,omitempty"`
	CreatedDir bool   `json:"created_dir,omitempty"`
}

// fresh is an empty file of settings.
const fresh = "{}\n"

// Install puts the handlers into the file, in the place of those of ours that
// are there. With dry nothing is written.
func (f File) Install(handlers []Handler, dry bool) (Outcome, error) {
	return f.install(func(text []byte) (Edit, error) { return Add(text, handlers) }, dry)
}

// install edits the file by what add makes of its text.
func (f File) install(add func(text []byte) (Edit, error), dry bool) (Outcome, error) {
	path, text, err := f.read()
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return Outcome{}, err
	}
	if missing {
		text = []byte(cmp.Or(f.Fresh, fresh))
	}
	direct, err := add(text)
	if err != nil {
		return Outcome{}, fmt.Errorf("couldn't edit %s: %w", path, err)
	}
	if bytes.Equal(direct.Text, text) {
		return Outcome{}, nil
	}
	out := Outcome{Changed: true, Created: missing, Replaced: direct.Removed}
	if dry {
		return out, nil
	}
	n := note{Settings: path, Created: missing}
	edit := direct
	if old, ok := f.note(text); ok && !missing {
		// Begin again from what was there before the hooks came.
		if edit, err = add(old.without(text)); err != nil {
			return Outcome{}, fmt.Errorf("couldn't edit %s: %w", path, err)
		}
		n.Created, n.CreatedDir = old.Created, old.CreatedDir
	}
	if missing {
		n.CreatedDir = errors.Is(statError(filepath.Dir(path)), fs.ErrNotExist)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return Outcome{}, fmt.Errorf("couldn't make the folder of the settings: %w", err)
		}
		text = nil
	}
	if err := f.write(path, text, edit.Text); err != nil {
		return Outcome{}, err
	}
	n.SHA256, n.Spans = digest(edit.Text), edit.Spans
	return out, f.remember(n)
}

// Uninstall takes our hooks out of the file. With dry nothing is written.
func (f File) Uninstall(dry bool) (Outcome, error) { return f.uninstall(Remove, dry) }

// uninstall takes out of the file what remove finds.
func (f File) uninstall(remove func(text []byte) (rest []byte, removed int, err error), dry bool) (Outcome, error) {
	path, text, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		return Outcome{}, nil
	}
	if err != nil {
		return Outcome{}, err
	}
	rest, removed, err := remove(text)
	if err != nil {
		return Outcome{}, fmt.Errorf("couldn't edit %s: %w", path, err)
	}
	if removed == 0 {
		return Outcome{}, nil
	}
	out := Outcome{Changed: true, Replaced: removed}
	n, exact := f.note(text)
	if exact {
		rest, out.Restored = n.without(text), true
	}
	out.Deleted = n.Created && strings.TrimSpace(string(rest)) == strings.TrimSpace(cmp.Or(f.Fresh, fresh))
	switch {
	case dry:
		return out, nil
	case out.Deleted:
		if err := os.Remove(path); err != nil {
			return Outcome{}, fmt.Errorf("couldn't remove the settings: %w", err)
		}
		if n.CreatedDir {
			_ = os.Remove(filepath.Dir(path)) // stays if anything else is in it
		}
	default:
		if err := f.write(path, text, rest); err != nil {
			return Outcome{}, err
		}
	}
	if err := os.Remove(f.Note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Outcome{}, fmt.Errorf("couldn't forget what was installed: %w", err)
	}
	return out, nil
}

// read reads the file, and returns where it really is.
func (f File) read() (path string, text []byte, err error) {
	if path, err = follow(f.Path); err != nil {
		return "", nil, fmt.Errorf("couldn't find the settings: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return path, nil, fmt.Errorf("couldn't read the settings: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > MaxSettings {
		return path, nil, fmt.Errorf("couldn't read the settings: %s is no file of settings", path)
	}
	if text, err = os.ReadFile(path); err != nil {
		return path, nil, fmt.Errorf("couldn't read the settings: %w", err)
	}
	return path, text, nil
}

// follow follows links to where the file is or would be.
func follow(path string) (string, error) {
	const most = 40
	for range most {
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil //nolint:nilerr // it is no link
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", fmt.Errorf("%s is a link to a link, and so on", path)
}

// write puts text in the place of old in one step. It fails if the file is no
// longer what was read.
func (f File) write(path string, old, text []byte) error {
	mode := f.Mode
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".whodid-*")
	if err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it is gone if all went well
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't read the settings again: %w", err)
	}
	if !bytes.Equal(now, old) {
		return fmt.Errorf("somebody else has just changed %s; nothing was written, run it again", path)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	return nil
}

// note returns what is remembered of the file, and whether text is what was
// written then.
func (f File) note(text []byte) (note, bool) {
	var n note
	b, err := os.ReadFile(f.Note)
	if err != nil || json.Unmarshal(b, &n) != nil {
		return note{}, false
	}
	if n.SHA256 != digest(text) {
		return n, false
	}
	last := 0
	for _, s := range n.Spans {
		if s.Start < last || s.Start > len(text) || s.Len < 0 || s.Len > len(text)-s.Start {
			return note{}, false
		}
		last = s.Start + s.Len
	}
	return n, true
}

// without is the text before the insertion.
func (n *note) without(text []byte) []byte {
	var out []byte
	last := 0
	for _, s := range n.Spans {
		out = append(out, text[last:s.Start]...)
		last = s.Start + s.Len
	}
	return append(out, text[last:]...)
}

func (f File) remember(n note) error {
	b, err := json.Marshal(n)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(f.Note), 0o700)
	}
	if err == nil {
		err = os.WriteFile(f.Note, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("couldn't remember what was installed: %w", err)
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func statError(path string) error {
	_, err := os.Stat(path)
	return err
}
