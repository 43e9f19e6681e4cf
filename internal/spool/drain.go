package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/filelock"
)

// Drain hands everything that waits to take, oldest first, and forgets what
// take accepted. If take fails, the batch stays and Drain returns the error.
// A record may be handed over twice after a crash; the trail holds it once.
// Only one process drains at a time; another returns once that one is done.
func (s *Spool) Drain(now time.Time, take func(Batch) error) error {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	l, err := os.OpenFile(filepath.Join(s.dir, drainLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("couldn't drain the spool: %w", err)
	}
	defer l.Close() //nolint:errcheck // it holds nothing but a lock
	if err := filelock.Lock(l, true); err != nil {
		return fmt.Errorf("couldn't drain the spool: %w", err)
	}
	defer filelock.Unlock(l)
	if err := s.cutSegment(now); err != nil {
		return fmt.Errorf("couldn't drain the spool: %w", err)
	}
	segments, err := s.segments()
	if err != nil {
		return fmt.Errorf("couldn't drain the spool: %w", err)
	}
	for _, path := range segments {
		if err := readSegment(path, take); err != nil {
			return fmt.Errorf("couldn't drain the spool: %w", err)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("couldn't drain the spool: %w", err)
		}
	}
	return nil
}

// cutSegment takes the file that is appended to away from its writers.
func (s *Spool) cutSegment(now time.Time) error {
	path := filepath.Join(s.dir, current)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if err := filelock.Lock(f, true); err != nil {
		return err
	}
	defer filelock.Unlock(f)
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return err
	}
	// The number keeps segments of one microsecond, or of a clock that went
	// back, from taking each other's place.
	for n := 0; ; n++ {
		segment := filepath.Join(s.dir, fmt.Sprintf("%s%020d-%03d.jsonl", segmentPrefix, now.UnixMicro(), n))
		if _, err := os.Lstat(segment); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(path, segment)
		}
	}
}

func (s *Spool) segments() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), segmentPrefix) {
			out = append(out, filepath.Join(s.dir, e.Name()))
		}
	}
	slices.Sort(out)
	return out, nil
}

// Waiting is what a spool holds.
type Waiting struct {
	Records int
	Bytes   int64
	// Oldest is when the oldest file that waits was last written to.
	Oldest time.Time
}

// Waiting counts what the trail has not taken yet.
func (s *Spool) Waiting() (Waiting, error) {
	paths, err := s.segments()
	if err != nil {
		return Waiting{}, fmt.Errorf("couldn't look into the spool: %w", err)
	}
	var w Waiting
	for _, path := range append(paths, filepath.Join(s.dir, current)) {
		err := w.count(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // drained since it was listed
		}
		if err != nil {
			return Waiting{}, fmt.Errorf("couldn't look into the spool: %w", err)
		}
	}
	return w, nil
}

// count adds the records of one file.
func (w *Waiting) count(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return err
	}
	records := 0
	err = readSegment(path, func(b Batch) error {
		records += len(b.Records) + b.Torn
		return nil
	})
	if err != nil {
		return err
	}
	if w.Oldest.IsZero() || info.ModTime().Before(w.Oldest) {
		w.Oldest = info.ModTime()
	}
	w.Records += records
	w.Bytes += info.Size()
	return nil
}
