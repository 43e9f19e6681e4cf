package gitlog

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// logFormat has every field of a commit behind a NUL byte, which none of them
// can hold: git itself ends a message at its first one.
const logFormat = "--format=tformat:%H%x00%P%x00%at%x00%ct%x00%an%x00%ae%x00%cn%x00%ce%x00%B"

// LogArgs are the arguments by which a history is read: the benchmark runs git
// alone with the same ones.
func LogArgs(files bool) []string {
	args := []string{
		"log", "-z", logFormat, "--no-color", "--no-notes", "--no-show-signature", "--no-mailmap",
		"--encoding=UTF-8", "--no-ext-diff", "--no-textconv", "--diff-merges=off",
	}
	if files {
		args = append(args, "-M", "--numstat")
	}
	return append(args, "--stdin")
}

// LogOptions say which commits to read.
type LogOptions struct {
	// Tips are the commits to begin at; Seen are those at which to stop, with
	// all that they lead to. Both must be there.
	Tips, Seen []string
	// Alone reads the tips only, not what they lead to.
	Alone bool
	// Files reads what each commit changed too.
	Files bool
}

// batchCommits and batchBytes bound how much is read ahead.
const (
	batchCommits = 512
	batchBytes   = 4 << 20
)

// Log reads commits, newest first, and yields them in batches that the callee
// may keep.
func (r *Repository) Log(ctx context.Context, o LogOptions, yield func([]Commit) error) error {
	if len(o.Tips) == 0 {
		return nil
	}
	args := LogArgs(o.Files)
	if o.Alone {
		args = append(args, "--no-walk=unsorted")
	}
	var stdin strings.Builder
	for _, tip := range o.Tips {
		stdin.WriteString(tip + "\n")
	}
	for _, seen := range o.Seen {
		stdin.WriteString("^" + seen + "\n")
	}
	return r.stream(ctx, strings.NewReader(stdin.String()), func(in *bufio.Reader) error {
		return readLog(in, yield)
	}, args...)
}

// readLog reads what git prints for logFormat, with or without --numstat.
func readLog(in *bufio.Reader, yield func([]Commit) error) error {
	p := logParser{in: in}
	var batch []Commit
	size := 0
	for {
		c, err := p.commit()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		batch = append(batch, c)
		size += len(c.Message) + 64*len(c.Files)
		if len(batch) >= batchCommits || size >= batchBytes {
			if err := yield(batch); err != nil {
				return err
			}
			batch, size = make([]Commit, 0, batchCommits), 0
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return yield(batch)
}

type logParser struct {
	in   *bufio.Reader
	long []byte // of a token that did not fit the reader's buffer
}

// token reads up to the next NUL. The bytes are good until the next call. Of a
// token longer than maxMessage only the end is kept.
func (p *logParser) token() (text []byte, cut bool, err error) {
	p.long = p.long[:0]
	for {
		part, err := p.in.ReadSlice(0)
		if err == nil && len(p.long) == 0 {
			return part[:len(part)-1], false, nil
		}
		p.long = append(p.long, part...)
		if len(p.long) > 2*maxMessage {
			n := copy(p.long, p.long[len(p.long)-maxMessage:])
			p.long, cut = p.long[:n], true
		}
		switch {
		case err == nil:
			whole := p.long[:len(p.long)-1]
			if len(whole) > maxMessage {
				whole, cut = whole[len(whole)-maxMessage:], true
			}
			return whole, cut, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(p.long) == 0:
			return nil, false, io.EOF
		case errors.Is(err, io.EOF):
			return nil, false, io.ErrUnexpectedEOF
		default:
			return nil, false, fmt.Errorf("couldn't read from git: %w", err)
		}
	}
}

// commit reads one commit, or returns io.EOF at the end.
func (p *logParser) commit() (Commit, error) {
	var c Commit
	var fields [8]string
	for i := range fields {
		text, _, err := p.token()
		if err != nil {
			if i > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return c, err
		}
		fields[i] = string(text)
	}
	c.ID = fields[0]
	if !isObjectName(c.ID) {
		return c, fmt.Errorf("couldn't read from git: %.60q is no commit", c.ID)
	}
	c.Parents = strings.Fields(fields[1])
	c.AuthoredAt, c.CommittedAt = seconds(fields[2]), seconds(fields[3])
	c.AuthorName, c.AuthorEmail = fields[4], fields[5]
	c.CommitterName, c.CommitterEmail = fields[6], fields[7]
	message, cut, err := p.token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return c, err
	}
	c.Message, c.Cut = string(message), cut
	c.Files, err = p.files()
	return c, err
}

// maxTime is the last second of the year 9999, which JSON can still write.
const maxTime = 253402300799

// seconds reads a time of git; one that is none, or that no clock ever showed,
// is zero.
func seconds(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > maxTime {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// files reads the list of changes behind a commit. It begins with a line feed,
// and none of what may follow instead does.
func (p *logParser) files() ([]File, error) {
	next, err := p.in.Peek(1)
	if err != nil || next[0] != '\n' {
		return nil, nil //nolint:nilerr // what is wrong, the next token tells
	}
	_, _ = p.in.Discard(1)
	var files []File
	for p.atFile() {
		entry, _, err := p.token()
		if err != nil {
			return nil, err
		}
		f, moved, ok := parseFile(entry)
		if !ok {
			return nil, fmt.Errorf("couldn't read from git: %.60q is no change", entry)
		}
		if moved {
			for _, name := range []*string{&f.From, &f.Path} {
				text, _, err := p.token()
				if err != nil {
					return nil, err
				}
				*name = string(text)
			}
		}
		files = append(files, f)
	}
	return files, nil
}

// atFile tells a change from the next commit: it begins with a number or a dash
// and a tab, and an object name is followed by no tab.
func (p *logParser) atFile() bool {
	const most = 20 // digits of a number, at least
	for n := 1; n <= most; n++ {
		b, err := p.in.Peek(n)
		if err != nil {
			return false
		}
		switch c := b[n-1]; {
		case c == '\t':
			return n > 1
		case c != '-' && (c < '0' || c > '9'):
			return false
		}
	}
	return false
}

// parseFile reads "12\t3\tpath", or "12\t3\t" for a file that moved.
func parseFile(entry []byte) (f File, moved, ok bool) {
	added, rest, ok1 := bytes.Cut(entry, []byte{'\t'})
	removed, path, ok2 := bytes.Cut(rest, []byte{'\t'})
	if !ok1 || !ok2 {
		return f, false, false
	}
	if len(added) == 1 && added[0] == '-' {
		f.Binary = true
	} else {
		var err1, err2 error
		f.Added, err1 = strconv.Atoi(string(added))
		f.Removed, err2 = strconv.Atoi(string(removed))
		if err1 != nil || err2 != nil {
			return f, false, false
		}
	}
	f.Path = string(path)
	return f, len(path) == 0, true
}

// isObjectName tells whether s is the whole name of an object.
func isObjectName(s string) bool {
	return (len(s) == 40 || len(s) == 64) && isHex(s)
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}
