package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
)

// File writes lines into a folder, one file for each organisation. A full file is
// put aside under the place of its last event. The lines of a batch are on disk
// when Send returns.
type File struct {
	dir     string
	maxSize int64
}

// DefaultFileSize is when a file is put aside, in bytes.
const DefaultFileSize = 100 << 20

// NewFile makes the folder. A file that has grown to maxSize bytes is put aside; 0
// is [DefaultFileSize].
func NewFile(dir string, maxSize int64) (*File, error) {
	if maxSize <= 0 {
		maxSize = DefaultFileSize
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("couldn't make the folder of the sink: %w", err)
	}
	return &File{dir: dir, maxSize: maxSize}, nil
}

// Send appends the batch.
func (f *File) Send(_ context.Context, b *Batch) (err error) {
	path := filepath.Join(f.dir, url.PathEscape(b.Org)+".jsonl")
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("couldn't open the sink's file: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	size, err := whole(out)
	if err != nil {
		return fmt.Errorf("couldn't mend the sink's file: %w", err)
	}
	text := append(bytes.Join(b.Records, []byte{'\n'}), '\n')
	if _, err := out.WriteAt(text, size); err != nil {
		// A part of it, which the next batch would go on from, is none.
		_ = out.Truncate(size)
		return fmt.Errorf("couldn't write to the sink's file: %w", err)
	}
	if err := out.Sync(); err != nil {
		return fmt.Errorf("couldn't write to the sink's file: %w", err)
	}
	if size+int64(len(text)) < f.maxSize {
		return nil
	}
	aside := filepath.Join(f.dir, fmt.Sprintf("%s-%020d.jsonl", url.PathEscape(b.Org), b.Last))
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("couldn't put the sink's file aside: %w", err)
	}
	return nil
}

// whole cuts off a line that a crash left unfinished, and returns the size.
func whole(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	const step = 64 << 10
	end := size
	for end > 0 {
		from := max(0, end-step)
		block := make([]byte, end-from)
		if _, err := f.ReadAt(block, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(block, '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if end < size {
		return end, f.Truncate(end)
	}
	return end, nil
}

// Close has nothing to do.
func (f *File) Close() error { return nil }
