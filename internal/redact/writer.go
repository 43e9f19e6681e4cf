package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"unicode/utf8"
)

const (
	longestLine = 64 << 10 // bytes of a line that are read together
	lineContext = 8 << 10  // bytes of a longer line that are read again with what follows, and kept back until it does
	longestKey  = 64 << 10 // bytes of lines that are taken for the rest of a private key
)

var errClosed = errors.New("writer is closed")

// A Writer cleans a stream, such as the log of a process, on its way to another writer. It works line by line: each line goes on as soon
// as it has ended, whatever the sizes of the writes, so that a reader can follow the log. A carriage return ends a line too.
// What goes on depends on the bytes only, not on how they were split into writes.
//
// Memory is bounded, whatever the length of a line: one of more than 64 KB is read in overlapping pieces, and one word of more than that is
// withheld. The zero value isn't usable; see NewWriter. A Writer is for one goroutine.
type Writer struct {
	r        *Redactor
	w        io.Writer
	buf      []byte // the line that hasn't ended
	sent     int    // bytes at the start of buf that have gone on and are kept as context
	out      bytes.Buffer
	counts   Counts
	key      int  // bytes of lines since a private key began, 0 outside one
	skipping bool // in a word or value that's too long to be read as a whole
	err      error
}

// NewWriter returns a Writer that writes the cleaned stream to w. The caller must Close it to get the last line.
func (r *Redactor) NewWriter(w io.Writer) *Writer {
	return &Writer{r: r, w: w, counts: Counts{}}
}

// Counts returns what has been removed so far. The caller may keep it.
func (w *Writer) Counts() Counts {
	c := make(Counts, len(w.counts))
	maps.Copy(c, w.counts)
	return c
}

// Write takes p and writes the lines that are complete. It fails when the underlying writer does, and then for good.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	taken := 0
	for taken < len(p) {
		n := min(len(p)-taken, longestLine-len(w.buf))
		seen := len(w.buf)
		w.buf = append(w.buf, p[taken:taken+n]...)
		taken += n
		w.lines(seen)
		if len(w.buf) >= longestLine {
			w.cut()
		}
		if w.out.Len() >= longestLine {
			w.flush()
		}
	}
	w.flush()
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Close writes the line that hasn't ended. It doesn't close the underlying writer.
func (w *Writer) Close() error {
	if errors.Is(w.err, errClosed) {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	if len(w.buf) > w.sent {
		w.line(w.buf)
	}
	w.buf = nil
	w.flush()
	if w.err != nil {
		return w.err
	}
	w.err = errClosed
	return nil
}

func (w *Writer) flush() {
	if w.err != nil || w.out.Len() == 0 {
		return
	}
	if _, err := w.out.WriteTo(w.w); err != nil {
		w.err = fmt.Errorf("couldn't write redacted log: %w", err)
	}
}

// lines sends the complete lines in buf. There's no line end before seen.
func (w *Writer) lines(seen int) {
	start, at := 0, seen
	for {
		i := bytes.IndexAny(w.buf[at:], "\r\n")
		if i < 0 {
			break
		}
		at += i + 1
		w.line(w.buf[start:at])
		w.sent = 0
		start = at
	}
	if start > 0 {
		w.buf = w.buf[:copy(w.buf, w.buf[start:])]
	}
}

// line sends a line or, if its start was sent before, the rest of it.
func (w *Writer) line(b []byte) {
	s := string(b)
	if w.skipping {
		s = s[skip(s):]
		w.skipping = false
	}
	if w.key > 0 {
		w.key += len(s)
		if end := pemFinish(s); end > 0 {
			w.key = 0
			if s = s[end:]; strings.Trim(s, "\r\n") == "" {
				return
			}
		} else if w.key < longestKey && isPEMLine(s) {
			return
		}
		w.key = 0
	}
	if opensKey(s) {
		w.key = len(s)
	}
	if w.sent > 0 {
		w.send(s, w.r.find(s), len(s))
		return
	}
	clean, counts := w.r.Clean(s)
	w.count(counts)
	w.out.WriteString(clean)
}

// opensKey tells whether s ends within a private key.
func opensKey(s string) bool {
	at := -1
	for i := 0; i < len(s); {
		n := strings.Index(s[i:], "-----")
		if n < 0 {
			break
		}
		i += n
		if begin := pemBegin(s[i:]); begin > 0 {
			at = i + begin
		}
		i++
	}
	return at >= 0 && pemFinish(s[at:]) == 0 && isPEMLine(s[at:])
}

// cut sends the first part of a line that's too long, up to a place that's between words and in nothing that must go.
func (w *Writer) cut() {
	s := string(w.buf)
	if w.skipping {
		n := skip(s)
		if n == len(s) {
			w.buf = w.buf[:0]
			return
		}
		w.skipping = false
		w.buf = w.buf[:copy(w.buf, w.buf[n:])]
		return
	}
	spans := w.r.find(s)
	at := len(s) - lineContext
	for at > w.sent && (isBase64(s[at-1]) && isBase64(s[at]) || !utf8.RuneStart(s[at])) {
		at--
	}
	for _, sp := range spans {
		if sp.start < at && at < sp.end {
			at = sp.start
		}
	}
	if at <= w.sent {
		// One word or value fills the buffer, so nobody can tell what it is.
		if clean := w.out.Bytes(); !bytes.HasSuffix(clean, []byte(mark(ruleOverload))) {
			w.out.WriteString(mark(ruleOverload))
			w.counts[ruleOverload]++
		}
		w.skipping = true
		w.buf, w.sent = w.buf[:0], 0
		return
	}
	w.send(s, spans, at)
	from := max(0, at-lineContext)
	w.buf = w.buf[:copy(w.buf, w.buf[from:])]
	w.sent = at - from
}

// skip returns where the word ends that s starts in.
func skip(s string) int {
	return run(s, func(c byte) bool { return !isSpace(c) && !isQuote(c) })
}

// send writes s from what was sent before to the given place, without the spans.
func (w *Writer) send(s string, spans []span, to int) {
	from := min(w.sent, len(s))
	var inside []span
	for _, sp := range spans {
		if sp.end <= from || sp.start >= to {
			continue
		}
		sp.start, sp.end = max(sp.start, from)-from, min(sp.end, to)-from
		inside = append(inside, sp)
		w.counts[sp.rule]++
	}
	clean, counts := w.r.Clean(replace(s[from:to], inside))
	w.count(counts)
	w.out.WriteString(clean)
}

func (w *Writer) count(c Counts) {
	for rule, n := range c {
		w.counts[rule] += n
	}
}
