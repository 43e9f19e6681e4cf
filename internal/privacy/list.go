package privacy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// List is the requests to erase that were carried out, kept apart from the
// trail: who restores an older copy of the trail does not restore them too. It
// holds event ids, and nothing that says whose or what.
type List struct{ dir string }

// ListIn is the list in a folder, which need not be there.
func ListIn(dir string) List { return List{dir: dir} }

// path is the file of a log's requests: its origin is a random name.
func (l List) path(origin string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToLower(origin))
	return filepath.Join(l.dir, name+".jsonl")
}

// Read returns a log's requests, the oldest first.
func (l List) Read(origin string) ([]*Request, error) {
	text, err := os.ReadFile(l.path(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was erased: %w", err)
	}
	// A line that was cut short by a crash was not acknowledged: what it asked for
	// was not begun.
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	var out []*Request
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<30)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		r, err := parseRequest(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.path(origin), err)
		}
		if r.Origin == origin {
			out = append(out, r)
		}
	}
	return out, lines.Err()
}

// Add puts a request at the end of its log's list. When it returns it survives
// the loss of power. A line that a crash cut short is ended first.
func (l List) Add(r *Request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("couldn't write what is erased: %w", err)
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return fmt.Errorf("couldn't make the folder of what is erased: %w", err)
	}
	f, err := os.OpenFile(l.path(r.Origin), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("couldn't write what is erased: %w", err)
	}
	err = endLine(f)
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("couldn't write what is erased: %w", err)
	}
	return nil
}

// endLine takes away a line that was cut short.
func endLine(f *os.File) error {
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return f.Truncate(int64(bytes.LastIndexByte(text, '\n') + 1))
}
