package gitlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/authorship"
)

// OurNotesRef is where the trailers of commits are kept that their messages lost
// when they were rewritten: notes that hold blocks of the five. The hooks that
// "whodid git install" sets write them.
const OurNotesRef = "refs/notes/whodid"

// noteRefs are the refs of notes that are read.
func noteRefs() []string { return []string{OurNotesRef, authorship.NotesRef} }

// CommitNotes are the notes on one commit.
type CommitNotes struct {
	// Trailers is the text of our own, empty if there is none.
	Trailers string
	// Authorship is what git-ai says, nil if it says nothing.
	Authorship *authorship.Log
}

// add puts the text of a note of one ref to the others. A note that is none of
// its ref's kind is left out.
func (n *CommitNotes) add(ref string, text []byte) {
	switch ref {
	case OurNotesRef:
		n.Trailers = string(text)
	case authorship.NotesRef:
		if log, err := authorship.ParseLog(text); err == nil {
			n.Authorship = log
		}
	}
}

// Notes are notes by the commit that they are on.
type Notes map[string]CommitNotes

// Notes reads the notes as they are in the commits now, given by ref, and of
// those only what changed since they were in the commits then, if those are
// still there.
func (r *Repository) Notes(ctx context.Context, then, now map[string]string) (Notes, error) {
	notes := Notes{}
	for _, ref := range noteRefs() {
		if now[ref] == "" || now[ref] == then[ref] {
			continue
		}
		list, err := r.noteBlobs(ctx, ref, then[ref], now[ref])
		if err == nil {
			err = r.readNotes(ctx, list, notes)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't read the notes of %s: %w", ref, err)
		}
	}
	if len(then) == 0 || len(now) < 2 {
		return notes, nil
	}
	// What one ref says of a commit stands also if only the other changed.
	ids := slices.Sorted(maps.Keys(notes))
	return r.NotesOn(ctx, ids)
}

// NotesOn reads the notes on some commits.
func (r *Repository) NotesOn(ctx context.Context, commits []string) (Notes, error) {
	notes := Notes{}
	var list []noteBlob
	for _, ref := range noteRefs() {
		for _, id := range commits {
			// One of the names is right, depending on how many notes there are.
			for _, name := range []string{id, id[:2] + "/" + id[2:], id[:2] + "/" + id[2:4] + "/" + id[4:]} {
				list = append(list, noteBlob{commit: id, ref: ref, object: ref + ":" + name})
			}
		}
	}
	if err := r.readNotes(ctx, list, notes); err != nil {
		return nil, fmt.Errorf("couldn't read the notes on %d commits: %w", len(commits), err)
	}
	return notes, nil
}

// noteBlob is a note: the commit that it is on, its ref, and where its text is.
type noteBlob struct{ commit, ref, object string }

// noteBlobs lists the notes that are in now and were not so in then. git's notes
// lie under their commit's name, cut by slashes where there are many.
func (r *Repository) noteBlobs(ctx context.Context, ref, then, now string) ([]noteBlob, error) {
	if then != "" {
		if there, err := r.Existing(ctx, []string{then}); err != nil || len(there) == 0 {
			then = ""
		}
	}
	args := []string{"ls-tree", "-r", "-z", now}
	if then != "" {
		args = []string{"diff-tree", "-r", "-z", "--no-renames", "--diff-filter=AM", then, now}
	}
	out, err := r.Run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var list []noteBlob
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for i := 0; i < len(fields); i++ {
		// ls-tree: "100644 blob ID\tPATH"; diff-tree: ":100644 100644 ID ID M", then PATH.
		meta, path, ok := strings.Cut(fields[i], "\t")
		words := strings.Fields(meta)
		var object string
		switch {
		case ok && len(words) == 3:
			object = words[2]
		case !ok && len(words) == 5 && i+1 < len(fields):
			i++
			object, path = words[3], fields[i]
		default:
			continue
		}
		if commit := strings.ReplaceAll(path, "/", ""); isObjectName(commit) && isObjectName(object) {
			list = append(list, noteBlob{commit, ref, object})
		}
	}
	return list, nil
}

// readNotes reads the texts of notes in one process.
func (r *Repository) readNotes(ctx context.Context, list []noteBlob, into Notes) error {
	if len(list) == 0 {
		return nil
	}
	var stdin strings.Builder
	for _, n := range list {
		stdin.WriteString(n.object + "\n")
	}
	return r.stream(ctx, strings.NewReader(stdin.String()), func(in *bufio.Reader) error {
		for _, n := range list {
			text, err := readObject(in)
			if err != nil {
				return err
			}
			if text != nil {
				notes := into[n.commit]
				notes.add(n.ref, text)
				into[n.commit] = notes
			}
		}
		return nil
	}, "cat-file", "--batch")
}

// readObject reads one answer of `git cat-file --batch`: "ID TYPE SIZE", the
// object and a line feed, or "NAME missing". An object too large to be a note is
// skipped.
func readObject(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	words := strings.Fields(line)
	if len(words) != 3 || words[2] == "missing" {
		return nil, nil
	}
	size, err := strconv.Atoi(words[2])
	if err != nil || size < 0 {
		return nil, fmt.Errorf("couldn't read from git: %.60q", line)
	}
	if size > authorship.MaxNote {
		_, err := in.Discard(size + 1)
		return nil, err
	}
	text := make([]byte, size+1)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, fmt.Errorf("couldn't read from git: %w", err)
	}
	return text[:size], nil
}
