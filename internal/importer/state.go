package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// State is what was read of which file. It lies beside the trail and not in it:
// were it lost, everything would be read again, and nothing be told twice.
type State struct {
	Version int              `json:"version"`
	Files   map[string]Entry `json:"files"`

	set map[string]bool // entries that are this state's own, and not those that it was loaded with
}

// Set notes what was read of a file.
func (s *State) Set(path string, e Entry) {
	if s.set == nil {
		s.set = map[string]bool{}
	}
	s.Files[path], s.set[path] = e, true
}

// Entry is what was read of one file.
type Entry struct {
	Size    int64 `json:"size"`
	ModTime int64 `json:"mtime"` // nanoseconds
	Next    int64 `json:"next"`  // from where on to tell
	// Head is a digest of the file's beginning, by which one that was written
	// anew under the same name is known.
	Head string `json:"head"`
	// Last is the last time in it, in microseconds.
	Last int64 `json:"last"`
	Held bool  `json:"held,omitempty"` // something was left for the next time
	Over bool  `json:"over,omitempty"` // the session's end was told
}

const stateVersion = 1

// LoadState reads the state; one that can't be read is as none.
func LoadState(path string) *State {
	s := &State{Version: stateVersion, Files: map[string]Entry{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return s
	}
	var read State
	if json.Unmarshal(text, &read) == nil && read.Version == stateVersion && read.Files != nil {
		return &read
	}
	return s
}

// Save writes the state in one go, without those files that are gone. What
// another import noted meanwhile stays: were the note of a file lost between two
// that save at the same moment, that file would be read again, and no more.
func (s *State) Save(path string) error {
	for file, e := range LoadState(path).Files {
		if !s.set[file] {
			s.Files[file] = e
		}
	}
	maps.DeleteFunc(s.Files, func(file string, _ Entry) bool {
		_, err := os.Lstat(file)
		return errors.Is(err, fs.ErrNotExist)
	})
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("couldn't write what was imported: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("couldn't write what was imported: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("couldn't write what was imported: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("couldn't write what was imported: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// Waits tells whether there is something in the file to read that was not.
func (s *State) Waits(f *File, now time.Time) bool {
	e, known := s.Files[f.Path]
	if !known || e.Size != f.Size || e.ModTime != f.ModTime.UnixNano() {
		return true
	}
	since := now.Sub(time.UnixMicro(e.Last))
	return e.Held && since > time.Minute || !e.Over && e.Last != 0 && since > time.Hour
}

// headSize is how much of a file its digest covers.
const headSize = 4 << 10

// headOf is the digest of the beginning of a file of that size.
func headOf(head []byte, size int64) string {
	sum := sha256.Sum256(head[:min(int64(len(head)), size, headSize)])
	return hex.EncodeToString(sum[:8])
}

// from is where to go on with a file: at its beginning if it is another than the
// one that was read.
func (s *State) from(f *File, head []byte) int64 {
	e, known := s.Files[f.Path]
	if !known || f.Size < e.Next || f.Size < e.Size || headOf(head, e.Size) != e.Head {
		return 0
	}
	return e.Next
}

// beginning reads the first bytes of a file, and leaves it at its start.
func beginning(f *os.File, size int) ([]byte, error) {
	if info, err := f.Stat(); err == nil {
		size = int(min(int64(size), info.Size()))
	}
	head := make([]byte, size)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:n], nil
}
