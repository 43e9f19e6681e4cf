package gitlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/whodid/whodid/internal/authorship"
	"github.com/whodid/whodid/internal/git"
)

// Repository is a git repository that is read: one with a working tree, a linked
// working tree, or a bare one.
type Repository struct {
	git.Repository
	dir string
	// Root is the top of the working tree; empty for a bare repository.
	Root string
	// Prefix is the path from Root to the directory that was opened, with a
	// slash at its end, or empty.
	Prefix string
	// Shallow says that history was cut off when it was cloned, Partial that
	// its files are only fetched when they are needed.
	Shallow, Partial bool
}

// ErrNoRepository means that a directory is in no git repository.
var ErrNoRepository = errors.New("this is no git repository")

// Open opens the repository that a directory is in.
func Open(ctx context.Context, dir string) (*Repository, error) {
	r := &Repository{Repository: git.In(dir), dir: dir}
	// One answer a line; those about a working tree are empty in a bare one.
	out, err := r.Run(ctx, "rev-parse", "--is-shallow-repository", "--is-inside-work-tree", "--show-cdup", "--show-prefix")
	if err != nil {
		var failed *git.Error
		if errors.As(err, &failed) && strings.Contains(failed.Stderr, "not a git repository") {
			return nil, fmt.Errorf("%w: %s", ErrNoRepository, dir)
		}
		return nil, fmt.Errorf("couldn't open the repository in %s: %w", dir, err)
	}
	facts := strings.SplitN(out, "\n", 4)
	if len(facts) < 2 {
		return nil, fmt.Errorf("couldn't open the repository in %s: git answered %.60q", dir, out)
	}
	r.Shallow = facts[0] == "true"
	if facts[1] == "true" && len(facts) == 4 {
		r.Root, r.Prefix = filepath.Join(dir, facts[2]), strings.TrimSuffix(facts[3], "\n")
		// So that a path of git's is a path here, wherever we are called.
		r.Repository, r.dir = git.In(r.Root), r.Root
	}
	return r, nil
}

// Bare tells whether there is no working tree.
func (r *Repository) Bare() bool { return r.Root == "" }

// Remote returns the identity that the remote "origin" gives the repository,
// "host/owner/name", or "" if there is none that others would know too.
func (r *Repository) Remote(ctx context.Context) string {
	out, err := r.Run(ctx, "config", "--get", "remote.origin.url")
	if err != nil {
		return ""
	}
	return remoteName(strings.TrimSpace(out))
}

// remoteName turns a remote's address into "host/owner/name". User, password
// and port are left out; an address on this machine names nothing.
func remoteName(address string) string {
	var host, path string
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.Scheme == "file" {
			return ""
		}
		host, path = u.Hostname(), u.Path
	} else {
		// scp's form: [user@]host:path. A colon behind a slash is none of it.
		before, after, ok := strings.Cut(address, ":")
		if !ok || strings.Contains(before, "/") || len(before) < 2 {
			return ""
		}
		host, path = before[strings.LastIndexByte(before, '@')+1:], after
	}
	path = strings.Trim(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	path = strings.TrimPrefix(path, "~")
	const odd = "\\?#@"
	if host == "" || path == "" || len(host)+len(path) > 255 || !utf8.ValidString(host+path) || strings.ContainsFunc(host+path, func(c rune) bool {
		return c <= ' ' || unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(odd, c)
	}) {
		return ""
	}
	return strings.ToLower(host) + "/" + path
}

// Name returns the identity of the repository: that of its origin, or else
// "root/" and the first commit of its history, which all clones share. It never
// is a path of this machine.
func (r *Repository) Name(ctx context.Context) (string, error) {
	if name := r.Remote(ctx); name != "" {
		return name, nil
	}
	if r.Shallow {
		return "", errors.New("the repository has no origin, and its first commit is not known because it is a shallow clone")
	}
	args := []string{"rev-list", "--max-parents=0", "--timestamp", "HEAD"}
	out, err := r.Run(ctx, args...)
	if err != nil {
		args[len(args)-1] = "--all" // HEAD may be on a branch that has no commit yet
		if out, err = r.Run(ctx, args...); err != nil {
			return "", fmt.Errorf("couldn't find the first commit: %w", err)
		}
	}
	var roots []string
	for line := range strings.Lines(out) {
		at, id, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && isObjectName(id) {
			roots = append(roots, fmt.Sprintf("%20s %s", at, id))
		}
	}
	if len(roots) == 0 {
		return "", ErrNoCommit
	}
	// The oldest: a history that was merged later has another root.
	_, id, _ := strings.Cut(strings.TrimSpace(slices.Min(roots)), " ")
	return "root/" + id, nil
}

// ErrNoCommit means that a repository has no commit yet.
var ErrNoCommit = errors.New("the repository has no commit yet")

// Refs is where a history stands.
type Refs struct {
	// Tips are the commits of all branches, tags and other refs, and of HEAD,
	// each once, sorted. Refs that hold no work of the project are left out.
	Tips []string
	// Notes are the commits of the notes that are read, by ref.
	Notes map[string]string
}

// noWork are refs that hold no work: notes, stashes, and what tools keep beside
// the history.
var noWork = []string{"refs/notes/", "refs/stash", "refs/whodid/", "refs/bisect/", "refs/rewritten/", "refs/original/"}

// Refs returns where the history stands.
func (r *Repository) Refs(ctx context.Context) (Refs, error) {
	out, err := r.Run(ctx, "for-each-ref", "--format=%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)")
	if err != nil {
		return Refs{}, fmt.Errorf("couldn't list the refs: %w", err)
	}
	refs := Refs{Notes: map[string]string{}}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 5 {
			continue
		}
		name := f[4]
		if slices.Contains(noteRefs(), name) {
			refs.Notes[name] = f[0]
		}
		if holdsNoWork(name) {
			continue
		}
		switch {
		case f[1] == "commit":
			refs.Tips = append(refs.Tips, f[0])
		case f[3] == "commit": // an annotated tag
			refs.Tips = append(refs.Tips, f[2])
		}
	}
	// A detached HEAD is no ref.
	if head, err := r.Run(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err == nil {
		refs.Tips = append(refs.Tips, strings.TrimSpace(head))
	}
	slices.Sort(refs.Tips)
	refs.Tips = slices.Compact(refs.Tips)
	return refs, nil
}

func holdsNoWork(ref string) bool {
	for _, prefix := range noWork {
		if strings.HasPrefix(ref, prefix) {
			return true
		}
	}
	// Entire's branch, here and as a remote's.
	return strings.HasSuffix(ref, "/"+authorship.CheckpointBranch)
}

// Existing returns those of the objects that are there, without fetching any.
func (r *Repository) Existing(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var found []string
	stdin := strings.NewReader(strings.Join(ids, "\n") + "\n")
	err := r.stream(ctx, stdin, func(in *bufio.Reader) error {
		for {
			line, err := in.ReadString('\n')
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("couldn't read from git: %w", err)
			}
			if id, ok := strings.CutSuffix(strings.TrimSpace(line), " commit"); ok {
				found = append(found, id)
			}
		}
	}, "cat-file", "--batch-check=%(objectname) %(objecttype)")
	return found, err
}

// FindPartial learns whether the repository was cloned without its files, and
// so whether asking for changes would fetch them one by one.
func (r *Repository) FindPartial(ctx context.Context) {
	out, err := r.Run(ctx, "config", "--get-regexp", `^(remote\..*\.promisor|extensions\.partialclone)$`)
	r.Partial = err == nil && strings.TrimSpace(out) != ""
}
