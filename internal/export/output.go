package export

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// folder is the folder that is written, with the sums of its files. It is safe
// for concurrent use.
type folder struct {
	dir   string
	mu    sync.Mutex
	sums  map[string]string
	bytes int64
}

// output is a file that is written, and hashed on the way.
type output struct {
	*bufio.Writer
	folder *folder
	name   string
	file   *os.File
	hash   hash.Hash
	n      int64
}

// create makes a new file, of its owner alone.
func (f *folder) create(name string) (*output, error) {
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("couldn't write %s: %w", name, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("couldn't write %s: %w", name, err)
	}
	o := &output{folder: f, name: name, file: file, hash: sha256.New()}
	o.Writer = bufio.NewWriterSize((*hashed)(o), 256<<10)
	return o, nil
}

// hashed is the end of an output at which bytes are hashed and written.
type hashed output

func (h *hashed) Write(b []byte) (int, error) {
	_, _ = h.hash.Write(b)
	h.n += int64(len(b))
	return h.file.Write(b)
}

// close completes the file and notes its sum. It is not forced to the disk: forty
// files would take longer than what is in most of them, and of one that a loss of
// power cut the sum is another.
func (o *output) close() error {
	err := o.Flush()
	if err = errors.Join(err, o.file.Close()); err != nil {
		return fmt.Errorf("couldn't write %s: %w", o.name, err)
	}
	o.folder.mu.Lock()
	defer o.folder.mu.Unlock()
	if o.folder.sums == nil {
		o.folder.sums = map[string]string{}
	}
	o.folder.sums[o.name] = hex.EncodeToString(o.hash.Sum(nil))
	o.folder.bytes += o.n
	return nil
}

// abandon closes a file that nobody will read.
func (o *output) abandon() { _ = o.file.Close() }

// put writes a small file.
func (f *folder) put(name string, content []byte) error {
	o, err := f.create(name)
	if err != nil {
		return err
	}
	_, err = o.Write(content)
	return errors.Join(err, o.close())
}

// names lists the files that are complete.
func (f *folder) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.sums))
	for name := range f.sums {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
