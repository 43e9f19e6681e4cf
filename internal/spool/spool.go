// Package spool keeps events on disk between the moment they happen and the
// moment the trail takes them. A hook appends one record and is done: no
// database is opened, and nothing but this package and its few imports loads.
// Every question drains the spool first, so that no answer lacks what waits.
package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/filelock"
)

// Record is one line of the spool: what one hook call or one command told.
type Record struct {
	Events []whodid.Event `json:"events,omitempty"`
	// Redacted says, event by event, how often each rule took something out. It
	// may be shorter than the events.
	Redacted []map[string]int `json:"redacted,omitempty"`
	// Transcripts are files to read usage from once the trail takes the record.
	Transcripts []Transcript `json:"transcripts,omitempty"`
}

// Transcript says where a client keeps the record of a session, or of a
// sub-agent, that ended, and to what it belongs.
type Transcript struct {
	Client     string    `json:"client"`
	Path       string    `json:"path"` // the home directory written as ~
	Execution  string    `json:"execution"`
	Parent     string    `json:"parent,omitempty"`
	Session    string    `json:"session"`
	Agent      string    `json:"agent"` // squad/agent
	SubagentID string    `json:"subagent_id,omitempty"`
	Subagents  bool      `json:"subagents,omitempty"` // read those of its sub-agents too
	At         time.Time `json:"at"`
}

// Spool is a folder of records. Any number of processes may append to it and
// drain it at once.
type Spool struct{ dir string }

// The files of a spool: current is appended to; a drainer renames it to a
// segment, takes the segment's records and removes it.
const (
	current       = "current.jsonl"
	drainLock     = "drain.lock"
	segmentPrefix = "segment-"
)

// MaxRecord is the largest record that the spool takes, in bytes of JSON. One
// hook call tells a few hundred.
const MaxRecord = 64 << 20

// maxLine is the longest line that can be a record: its checksum, a space and
// a line feed come with it.
const maxLine = MaxRecord + 10

// In names the spool in a folder. It touches nothing.
func In(dir string) *Spool { return &Spool{dir: dir} }

// Dir is the folder of the spool.
func (s *Spool) Dir() string { return s.dir }

// Put appends a record and returns when it is on disk. The caller has cut its
// events to what the catalogue allows: what is put is written as it is.
func (s *Spool) Put(r Record) error {
	body, err := appendRecord(make([]byte, 0, 1024), &r)
	if err != nil {
		return fmt.Errorf("couldn't write to the spool: %w", err)
	}
	if len(body) > MaxRecord {
		return fmt.Errorf("couldn't write to the spool: the record has %d bytes, %d are allowed", len(body), MaxRecord)
	}
	// The line feed before a record ends a torn one that a crash left behind.
	line := make([]byte, 0, len(body)+11)
	line = append(line, '\n')
	line = fmt.Appendf(line, "%08x ", checksum(body))
	line = append(line, body...)
	line = append(line, '\n')
	if err := s.append(line); err != nil {
		return fmt.Errorf("couldn't write to the spool: %w", err)
	}
	return nil
}

func (s *Spool) append(line []byte) error {
	path := filepath.Join(s.dir, current)
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = s.create(path)
		}
		if err != nil {
			return err
		}
		done, err := appendShared(f, path, line)
		err = errors.Join(err, f.Close())
		if done || err != nil {
			return err
		}
		// A drainer took the file away between open and lock: use the new one.
	}
}

// create makes the file that is appended to and sees to it that its name, too,
// survives a loss of power.
func (s *Spool) create(path string) (*os.File, error) {
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncDir(s.dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// makeDir makes the folder if it is not there, and sees to it that its name
// survives too.
func (s *Spool) makeDir() error {
	if _, err := os.Stat(s.dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.dir))
}

// appendShared writes the line under a lock that other writers share and that
// a drainer must have alone. It reports false if the path is another file by
// now.
func appendShared(f *os.File, path string, line []byte) (bool, error) {
	if err := filelock.Lock(f, false); err != nil {
		return false, err
	}
	defer filelock.Unlock(f)
	ours, err := f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err != nil || !os.SameFile(ours, now) {
		return false, nil
	}
	if _, err := f.Write(line); err != nil {
		return false, err
	}
	return true, f.Sync()
}

// decode reads one line; ok is false if it was torn or changed.
func decode(line []byte) (r Record, ok bool) {
	sum, body, found := bytes.Cut(line, []byte(" "))
	if !found || len(sum) != 8 {
		return Record{}, false
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != checksum(body) {
		return Record{}, false
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return Record{}, false
	}
	return r, true
}
