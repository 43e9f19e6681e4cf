package ask

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// subject is what a question is about.
type subject struct {
	kind      string
	path      string // from the top of the repository
	line      int
	commit    string
	execution string
	// slug is "owner/name" or "host/owner/name" of a pull request, empty for
	// the repository at hand.
	slug   string
	number int64
}

// subject reads what a question is about. What has a form that nothing else has
// comes first; a word may be a commit or a run.
func (g *Git) subject(ctx context.Context, question, revision string) (*subject, error) {
	if s, ok := pullRequestOf(question); ok {
		return s, nil
	}
	if strings.HasPrefix(question, whodid.PrefixExecution+"-") {
		return g.executionSubject(ctx, question)
	}
	if strings.HasPrefix(question, whodid.PrefixEvent+"-") && g.Trail != nil {
		return g.eventSubject(ctx, question)
	}
	if s, err := g.lineOf(ctx, question, revision); s != nil || err != nil {
		return s, err
	}
	if g.Repo != nil {
		if id := g.Repo.Resolve(ctx, question); id != "" {
			return &subject{kind: WhyOfCommit, commit: id}, nil
		}
	}
	if g.Trail != nil {
		if id, err := g.Trail.indexedCommit(ctx, question); id != "" || err != nil {
			return &subject{kind: WhyOfCommit, commit: id}, err
		}
		s, err := g.executionSubject(ctx, question)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return s, err
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoSubject, question)
}

func (g *Git) executionSubject(ctx context.Context, prefix string) (*subject, error) {
	if g.Trail == nil {
		if !whodid.ValidID(prefix) {
			return nil, fmt.Errorf("%w: %q", ErrNoSubject, prefix)
		}
		return &subject{kind: WhyOfExecution, execution: prefix}, nil
	}
	id, err := g.Trail.Resolve(ctx, prefix)
	if errors.Is(err, store.ErrNotFound) && whodid.ValidID(prefix) {
		// Only commits may know it.
		id, err = prefix, nil
	}
	return &subject{kind: WhyOfExecution, execution: id}, err
}

// eventSubject is the run that an event belongs to.
func (g *Git) eventSubject(ctx context.Context, prefix string) (*subject, error) {
	e, err := g.Trail.Event(ctx, prefix, g.squads)
	if err != nil {
		return nil, err
	}
	if e.Execution == "" {
		return nil, fmt.Errorf("%w: the event %s belongs to no run", ErrNoSubject, e.EventID)
	}
	return &subject{kind: WhyOfExecution, execution: e.Execution}, nil
}

// indexedCommit is the commit of the index whose id begins so, or "".
func (a *Asker) indexedCommit(ctx context.Context, prefix string) (string, error) {
	prefix = strings.ToLower(prefix)
	if len(prefix) < 4 || len(prefix) > 64 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return "", nil
	}
	found, err := a.store.Commits(ctx, a.org, store.CommitFilter{ID: prefix, Limit: 5})
	if err != nil || len(found) == 0 {
		return "", err
	}
	for i := range found {
		if found[i].ID != found[0].ID {
			return "", &store.AmbiguousError{Prefix: prefix, IDs: []string{found[0].ID, found[i].ID}}
		}
	}
	return found[0].ID, nil
}

// pullRequestOf reads #44, !44, owner/name#44, and the URLs of GitHub and
// GitLab.
func pullRequestOf(question string) (*subject, bool) {
	if u, err := url.Parse(question); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		for _, mark := range []string{"/pull/", "/-/merge_requests/", "/merge_requests/", "/pulls/"} {
			slug, rest, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), mark)
			digits, _, _ := strings.Cut(rest, "/")
			if n, err := strconv.ParseInt(digits, 10, 32); ok && err == nil && n > 0 {
				return &subject{kind: WhyOfPullRequest, slug: strings.ToLower(u.Hostname()) + "/" + slug, number: n}, true
			}
		}
		return nil, false
	}
	i := strings.LastIndexAny(question, "#!")
	if i < 0 {
		return nil, false
	}
	slug := question[:i]
	n, err := strconv.ParseInt(question[i+1:], 10, 32)
	if err != nil || n < 1 || slug != "" && (!strings.Contains(slug, "/") || strings.ContainsAny(slug, " :")) {
		return nil, false
	}
	return &subject{kind: WhyOfPullRequest, slug: slug, number: n}, true
}

// lineOf reads FILE:LINE, with a column behind it as compilers print it. Neither
// an error nor a subject means that it is none.
func (g *Git) lineOf(ctx context.Context, question, revision string) (*subject, error) {
	file, digits, ok := cutLast(question, ":")
	if !ok {
		return nil, nil
	}
	line, err := strconv.Atoi(digits)
	if err != nil || file == "" {
		return nil, nil //nolint:nilerr // it is something else then
	}
	if before, inner, ok := cutLast(file, ":"); ok && !g.isFile(ctx, file, revision) {
		if n, err := strconv.Atoi(inner); err == nil {
			file, line = before, n
		}
	}
	switch {
	case g.Repo == nil:
		return nil, fmt.Errorf("%w: %s is in no git repository", ErrNoSubject, file)
	case line < 1:
		return nil, fmt.Errorf("%w: lines are counted from 1, not from %d", ErrNoSubject, line)
	case !g.isFile(ctx, file, revision):
		return nil, fmt.Errorf("%w: there is no file %s", ErrNoSubject, file)
	}
	return &subject{kind: WhyOfLine, path: g.FromTop(file), line: line}, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// FromTop is the path of a file from the top of the repository, given from the
// directory that was opened, or absolutely.
func (g *Git) FromTop(file string) string {
	if filepath.IsAbs(file) && !g.Repo.Bare() {
		if real, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
			file = filepath.Join(real, filepath.Base(file))
		}
		top, err := filepath.EvalSymlinks(g.Repo.Root)
		if err != nil {
			top = g.Repo.Root
		}
		if rel, err := filepath.Rel(top, file); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return path.Clean(g.Repo.Prefix + filepath.ToSlash(file))
}

// isFile tells whether a file is there: in the working tree, or in a revision.
func (g *Git) isFile(ctx context.Context, file, revision string) bool {
	if g.Repo == nil {
		return false
	}
	if !g.Repo.Bare() && revision == "" {
		info, err := os.Lstat(filepath.Join(g.Repo.Root, filepath.FromSlash(g.FromTop(file))))
		if err == nil && !info.IsDir() {
			return true
		}
	}
	if revision == "" {
		revision = "HEAD"
	}
	out, err := g.Repo.Run(ctx, "cat-file", "-t", revision+":"+g.FromTop(file))
	return err == nil && strings.TrimSpace(out) == "blob"
}
