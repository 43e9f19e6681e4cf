package runner

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/whodid/whodid"
)

// MaxLog is how many bytes of a run's output are kept, so that a program that
// writes without end does not fill the disk.
const MaxLog = 256 << 20

// Log keeps the output of a run: a line of text for each line of output, with
// the time at which the line ended and the stream that it came from, such as
//
//	2026-11-23T08:00:00.123456Z out building
//	2026-11-23T08:00:00.134567Z err warning: no tests
//
// Lines that this package adds are of the stream "log". It is safe for
// concurrent use by its streams.
type Log struct {
	mu   sync.Mutex
	w    io.Writer
	now  func() time.Time
	left int64
	err  error
}

// NewLog keeps a log in w.
func NewLog(w io.Writer, now func() time.Time) *Log {
	return &Log{w: w, now: now, left: MaxLog}
}

// Note adds a line of our own.
func (l *Log) Note(text string) { l.line("log", []byte(text)) }

// Err is why the log is not whole, nil if it is.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// line writes one line in one piece, so that the streams don't mix within it.
func (l *Log) line(stream string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	b := make([]byte, 0, len(whodid.TimeFormat)+len(stream)+len(text)+3)
	b = append(b, whodid.FormatTime(l.now())...)
	b = append(b, ' ')
	b = append(b, stream...)
	b = append(b, ' ')
	b = append(b, text...)
	b = append(b, '\n')
	if l.left -= int64(len(b)); l.left < 0 {
		l.err = fmt.Errorf("it has reached %d bytes, and no more of it is kept", int64(MaxLog))
		return
	}
	if _, err := l.w.Write(b); err != nil {
		l.err = fmt.Errorf("couldn't write it: %w", err)
	}
}

// Stream is one stream of output on its way into the log, line by line. Close
// writes the line that has not ended. It never fails.
func (l *Log) Stream(name string) io.WriteCloser { return &stream{log: l, name: name} }

// maxLine is how much of a line that does not end is held back.
const maxLine = 64 << 10

type stream struct {
	log      *Log
	name     string
	buf      []byte
	returned bool // the last line ended with a carriage return
}

// Write splits output into lines. A carriage return ends a line as a line feed
// does, and the two together end one: so progress that is drawn over itself is
// as many lines.
func (s *stream) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if s.returned {
			s.returned = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		end := bytes.IndexAny(p, "\r\n")
		if end < 0 {
			s.buf = append(s.buf, p...)
			if len(s.buf) >= maxLine {
				s.flush()
			}
			break
		}
		s.buf = append(s.buf, p[:end]...)
		s.returned = p[end] == '\r'
		s.flush()
		p = p[end+1:]
	}
	return n, nil
}

func (s *stream) flush() {
	s.log.line(s.name, s.buf)
	s.buf = s.buf[:0]
}

// Close writes what is left.
func (s *stream) Close() error {
	if len(s.buf) > 0 {
		s.flush()
	}
	return nil
}
