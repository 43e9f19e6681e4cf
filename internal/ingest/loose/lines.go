package loose

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	// MaxLine is the longest line that is read as a whole. Answers of models
	// stay far below; results of tools, which are hardly needed, may be longer.
	MaxLine = 8 << 20
	// lineHead is how much of a longer line is looked at to tell what it is.
	lineHead = 64 << 10
)

// Line is a line of a file.
type Line struct {
	// Text is the line without its end; it is good until the next one is read.
	Text Value
	// Start and End are where in the file it begins and the next one begins.
	Start, End int64
	// Cut tells that the line is longer than MaxLine, and Text its beginning;
	// Open that the file ends within it or right behind it, so that more of it
	// may come.
	Cut, Open bool
}

// Lines reads a file line by line, at a constant cost in memory.
type Lines struct {
	r   *bufio.Reader
	buf []byte
	at  int64
}

// spare are readers that were released: most files are smaller than a buffer.
var spare = sync.Pool{New: func() any { return &Lines{r: bufio.NewReaderSize(nil, 256<<10)} }}

// NewLines reads from r. Release gives its buffers to the next.
func NewLines(r io.Reader) *Lines {
	l, _ := spare.Get().(*Lines)
	l.r.Reset(r)
	l.at = 0
	return l
}

// Release ends the reading; neither l nor what it returned is used any more.
func (l *Lines) Release() {
	l.r.Reset(nil)
	if cap(l.buf) > 1<<20 {
		l.buf = nil
	}
	spare.Put(l)
}

// Next reads the next line. At the end of the file it returns io.EOF.
func (l *Lines) Next() (Line, error) {
	line := Line{Start: l.at}
	part, err := l.r.ReadSlice('\n')
	l.at += int64(len(part))
	text := part
	if errors.Is(err, bufio.ErrBufferFull) {
		l.buf = append(l.buf[:0], part...)
		for errors.Is(err, bufio.ErrBufferFull) {
			part, err = l.r.ReadSlice('\n')
			l.at += int64(len(part))
			switch {
			case !line.Cut && len(l.buf)+len(part) <= MaxLine:
				l.buf = append(l.buf, part...)
			case !line.Cut:
				line.Cut = true
				l.buf = l.buf[:min(len(l.buf), lineHead)]
			}
		}
		text = l.buf
	}
	line.End = l.at
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF):
		return line, fmt.Errorf("couldn't read a transcript: %w", err)
	case len(text) == 0:
		return line, io.EOF
	default:
		line.Open = true
	}
	line.Text = Document(bytes.TrimRight(text, " \t\r\n"))
	return line, nil
}
