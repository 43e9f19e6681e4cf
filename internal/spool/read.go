package spool

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// A batch ends at whichever of these it reaches first: so many records that a
// week of them drains in seconds, so few bytes that they fit in memory.
const (
	batchRecords = 2000
	batchBytes   = 16 << 20
)

// Batch is what Drain hands over at once.
type Batch struct {
	Records []Record
	// Torn counts records that a crash left unfinished or that were damaged
	// since. None of them was acknowledged, or all of them were tampered with.
	Torn int
	// Damage names what was torn, and is the same whenever the same damage is
	// handed over again; empty if nothing was.
	Damage string
}

// segment is a file of the spool while it is read.
type segment struct {
	take   func(Batch) error
	batch  Batch
	size   int       // bytes of the lines in batch
	damage hash.Hash // over the torn lines in batch; nil if there are none
	name   string
}

// readSegment hands the records of a file to take, in batches.
func readSegment(path string, take func(Batch) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	s := segment{take: take, name: filepath.Base(path)}
	r := bufio.NewReaderSize(f, 64<<10)
	var line []byte
	for {
		var long bool
		line, long, err = readLine(r, line[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		s.add(line, long)
		switch {
		case errors.Is(err, io.EOF):
			return s.hand()
		case len(s.batch.Records) >= batchRecords || s.size >= batchBytes:
			if err := s.hand(); err != nil {
				return err
			}
		}
	}
}

// readLine appends the next line to buf, without its line feed. Of a line that
// is longer than any record it keeps the beginning, and says so.
func readLine(r *bufio.Reader, buf []byte) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > maxLine {
			long = true
		} else {
			buf = append(buf, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(buf, []byte("\n")), long, err
		}
	}
}

// add takes one line. Empty ones separate records.
func (s *segment) add(line []byte, long bool) {
	if !long && len(bytes.TrimSpace(line)) == 0 {
		return
	}
	s.size += len(line)
	if !long {
		if record, ok := decode(line); ok {
			s.batch.Records = append(s.batch.Records, record)
			return
		}
	}
	s.batch.Torn++
	if s.damage == nil {
		s.damage = sha256.New()
		s.damage.Write([]byte(s.name + "\n"))
	}
	s.damage.Write(append(line, '\n'))
}

// hand hands over what was read so far.
func (s *segment) hand() error {
	b := s.batch
	if len(b.Records) == 0 && b.Torn == 0 {
		return nil
	}
	if s.damage != nil {
		b.Damage = hex.EncodeToString(s.damage.Sum(nil)[:16])
	}
	s.batch, s.size, s.damage = Batch{}, 0, nil
	return s.take(b)
}
