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
)

// Line is one line of a file with the commit that it came from.
type Line struct {
	Number int // in the file that was asked about, from 1
	// Commit is the commit that wrote it; empty if it is not committed yet.
	Commit string
	// Path and OriginalNumber say where the line was in that commit.
	Path           string
	OriginalNumber int
	// Boundary says that the history that is there ends with this commit.
	Boundary bool
	// Text is the line without its end.
	Text string
}

// BlameOptions say how lines are followed.
type BlameOptions struct {
	// Revision is the commit at which the file is looked at; empty is the
	// working tree, or HEAD where there is none.
	Revision string
	// First and Last bound the lines; zero is no bound.
	First, Last int
	// IgnoreRevs are commits that are passed over, such as reformattings;
	// IgnoreRevsFiles hold a list of them each.
	IgnoreRevs, IgnoreRevsFiles []string
	// Plain follows lines within their file only, which is several times
	// faster. Otherwise they are followed through renames, moves between files
	// and changes of white space, as `git blame -M -C -w` does.
	Plain bool
}

// BlameArgs are the arguments by which lines are followed.
func BlameArgs(path string, o BlameOptions) []string {
	args := []string{"blame", "--porcelain", "--encoding=UTF-8"}
	if !o.Plain {
		args = append(args, "-M", "-C", "-w")
	}
	for _, rev := range o.IgnoreRevs {
		args = append(args, "--ignore-rev="+rev)
	}
	for _, file := range o.IgnoreRevsFiles {
		args = append(args, "--ignore-revs-file="+file)
	}
	if o.First > 0 {
		last := ""
		if o.Last > 0 {
			last = strconv.Itoa(o.Last)
		}
		args = append(args, fmt.Sprintf("-L%d,%s", o.First, last))
	}
	if o.Revision != "" {
		args = append(args, o.Revision)
	}
	return append(args, "--", path)
}

// Blame yields the lines of a file, given by its path from the top of the
// repository, with the commits that they came from.
func (r *Repository) Blame(ctx context.Context, path string, o BlameOptions, yield func(Line) error) error {
	if o.Revision == "" && r.Bare() {
		o.Revision = "HEAD"
	}
	err := r.stream(ctx, nil, func(in *bufio.Reader) error { return readBlame(in, yield) }, BlameArgs(path, o)...)
	if err != nil {
		return fmt.Errorf("couldn't follow the lines of %s: %w", path, err)
	}
	return nil
}

// blamed is what git tells of a commit the first time that it names it.
type blamed struct {
	path     string
	boundary bool
}

// maxBlameLine is the longest line whose text is kept whole, in bytes.
const maxBlameLine = 64 << 10

// readBlame reads what `git blame --porcelain` prints: for each line a head with
// commit and numbers, at times facts about the commit, and the text behind a
// tab.
func readBlame(in *bufio.Reader, yield func(Line) error) error {
	commits := map[string]*blamed{}
	var l Line
	var about *blamed
	for {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("couldn't read from git: %w", err)
		}
		switch {
		case len(text) > 0 && text[0] == '\t':
			if about == nil || l.Number == 0 {
				return errors.New("couldn't read from git: a line has no commit")
			}
			l.Text, l.Path, l.Boundary = strings.ToValidUTF8(string(text[1:]), "\uFFFD"), about.path, about.boundary
			if err := yield(l); err != nil {
				return err
			}
			l = Line{}
		case l.Number == 0:
			words := strings.Fields(string(text))
			if len(words) < 3 || !isObjectName(words[0]) {
				return fmt.Errorf("couldn't read from git: %.60q is no line", text)
			}
			id := words[0]
			l.OriginalNumber, _ = strconv.Atoi(words[1])
			if l.Number, err = strconv.Atoi(words[2]); err != nil || l.Number < 1 {
				return fmt.Errorf("couldn't read from git: %.60q is no line", text)
			}
			if about = commits[id]; about == nil {
				about = &blamed{}
				commits[id] = about
			}
			if strings.Trim(id, "0") != "" {
				l.Commit = id
			}
		case bytes.HasPrefix(text, []byte("filename ")):
			// A commit that has the line from another file says so again.
			about.path = unquote(string(text[len("filename "):]))
		case string(text) == "boundary":
			about.boundary = true
		}
	}
}

// readLine reads a line without its end, cut at maxBlameLine.
func readLine(in *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		switch {
		case err == nil && long == nil:
			return part[:min(len(part)-1, maxBlameLine)], nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			if errors.Is(err, io.EOF) && len(part)+len(long) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if long == nil {
			long = []byte{}
		}
		long = append(long, part[:min(len(part), maxBlameLine-len(long))]...)
		if err == nil {
			return bytes.TrimSuffix(long, []byte{'\n'}), nil
		}
	}
}

// unquote reads a path that git quoted because of its control characters.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	plain, err := strconv.Unquote(s)
	if err != nil {
		return s
	}
	return plain
}

// Commits reads the named commits alone, without what they changed.
func (r *Repository) Commits(ctx context.Context, ids []string) (map[string]*Commit, error) {
	found := make(map[string]*Commit, len(ids))
	err := r.Log(ctx, LogOptions{Tips: ids, Alone: true}, func(batch []Commit) error {
		for i := range batch {
			found[batch[i].ID] = &batch[i]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read %d commits: %w", len(ids), err)
	}
	return found, nil
}

// Resolve returns the commit that a name means: an object name or its unique
// beginning, a branch, a tag. It returns "" if there is none.
func (r *Repository) Resolve(ctx context.Context, name string) string {
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "\x00\n") {
		return ""
	}
	out, err := r.Run(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return ""
	}
	// Older versions print the option back.
	words := strings.Fields(out)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// Has tells whether a commit is still there.
func (r *Repository) Has(ctx context.Context, id string) bool {
	_, err := r.Run(ctx, "cat-file", "-e", id+"^{commit}")
	return err == nil
}
