package githook

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/trailer"
)

// NotesRef is where commits lead to executions that their messages no longer
// name, because somebody rewrote them. A note holds blocks of trailers.
const NotesRef = "refs/notes/whodid"

// maxRewritten bounds how many rewritten commits are looked at.
const maxRewritten = 100_000

// rewritten is the hook post-rewrite, with "OLD NEW" on each line of its input.
// Messages were seen to by prepare-commit-msg already; what still got lost, such
// as when somebody replaced the whole message, is kept in a note.
func (c *Call) rewritten(ctx context.Context) error {
	olds, order, all := readRewritten(c.Stdin)
	if len(all) == 0 {
		return nil
	}
	g := git.In(c.Dir)
	notes, err := readNotes(ctx, g)
	if err != nil {
		return err
	}
	for _, hash := range all {
		if note := notes[hash]; note != "" {
			all = append(all, note)
		}
	}
	text, err := readObjects(ctx, g, all)
	if err != nil {
		return err
	}
	rules := Rules(ctx, c.Dir)
	for _, to := range order {
		var before []string
		for _, from := range olds[to] {
			before = append(before, text[from], text[notes[from]])
		}
		missing := lost(rules, before, text[to]+"\n\n"+text[notes[to]])
		if err := appendNote(ctx, g, to, missing); err != nil {
			return err
		}
	}
	return nil
}

// readRewritten reads which commits came from which: the old ones by the new,
// the new ones in order, and all that were named. What is no pair of hashes is
// passed over.
func readRewritten(r io.Reader) (olds map[string][]string, order, all []string) {
	olds = map[string][]string{}
	in := bufio.NewScanner(r)
	for n := 0; in.Scan() && n < maxRewritten; n++ {
		fields := strings.Fields(in.Text())
		if len(fields) < 2 || !isHash(fields[0]) || !isHash(fields[1]) {
			continue
		}
		from, to := fields[0], fields[1]
		if olds[to] == nil {
			order = append(order, to)
		}
		olds[to] = append(olds[to], from)
		all = append(all, from, to)
	}
	return olds, order, all
}

// lost returns the origins in messages of which another one does not name the
// execution.
func lost(rules trailer.Rules, before []string, now string) []trailer.Origin {
	have := rules.Executions(now)
	var missing []trailer.Origin
	for _, msg := range before {
		for _, b := range rules.Blocks(msg) {
			if b.Form.Has(trailer.Quoted) || b.Form.Has(trailer.Fenced) || b.Execution == "" || slices.Contains(have, b.Execution) {
				continue
			}
			have = append(have, b.Execution)
			missing = append(missing, b.Origin)
		}
	}
	return missing
}

func appendNote(ctx context.Context, g git.Repository, commit string, origins []trailer.Origin) error {
	if len(origins) == 0 {
		return nil
	}
	var b strings.Builder
	for i, o := range origins {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(o.String())
	}
	_, err := g.RunWith(ctx, []byte(b.String()), "notes", "--ref="+NotesRef, "append", "-F", "-", commit)
	if err != nil {
		return fmt.Errorf("couldn't note which executions the rewritten commit comes from: %w", err)
	}
	return nil
}

// readNotes returns the blobs of our notes by commit.
func readNotes(ctx context.Context, g git.Repository) (map[string]string, error) {
	out, err := g.Run(ctx, "notes", "--ref="+NotesRef, "list")
	if err != nil {
		return nil, fmt.Errorf("couldn't list the notes on rewritten commits: %w", err)
	}
	notes := map[string]string{}
	for line := range strings.Lines(out) {
		if blob, commit, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			notes[commit] = blob
		}
	}
	return notes, nil
}

// readObjects returns the messages of commits and the texts of blobs.
func readObjects(ctx context.Context, g git.Repository, hashes []string) (map[string]string, error) {
	out, err := g.RunWith(ctx, []byte(strings.Join(hashes, "\n")+"\n"), "cat-file", "--batch")
	if err != nil {
		return nil, fmt.Errorf("couldn't read rewritten commits: %w", err)
	}
	found := map[string]string{}
	for b := []byte(out); len(b) > 0; {
		head, rest, _ := bytes.Cut(b, []byte("\n"))
		fields := strings.Fields(string(head)) // HASH TYPE SIZE, or HASH missing
		b = rest
		if len(fields) != 3 {
			continue
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil || size > len(rest) {
			return nil, fmt.Errorf("couldn't read rewritten commits: git said %q", head)
		}
		text := string(rest[:size])
		if fields[1] == "commit" {
			_, text, _ = strings.Cut(text, "\n\n")
		}
		found[fields[0]] = text
		b = rest[min(size+1, len(rest)):]
	}
	return found, nil
}

func isHash(s string) bool {
	return len(s) >= 40 && len(s) <= 64 && strings.Trim(s, "0123456789abcdef") == ""
}
