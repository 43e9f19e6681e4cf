package gitcheck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/policy"
)

// Selection is which commits to check: those that the tips lead to, without
// those that the seen lead to.
type Selection struct {
	Tips, Seen []string
	// Alone selects the tips only.
	Alone bool
	// Branches are where the commits are or are about to be, as far as known.
	Branches []string
}

// ErrBadRange means that the words of a range name no commits.
var ErrBadRange = errors.New("no such range of commits")

// Range selects what revisions mean to git log: "main..HEAD", "HEAD", "a ^b".
func Range(ctx context.Context, repository *gitlog.Repository, revisions ...string) (Selection, error) {
	var s Selection
	for _, rev := range revisions {
		if rev == "" || strings.HasPrefix(rev, "-") || strings.ContainsAny(rev, "\x00\n") {
			return s, fmt.Errorf("%w: %q", ErrBadRange, rev)
		}
	}
	out, err := repository.Run(ctx, slices.Concat([]string{"rev-parse", "--revs-only"}, revisions, []string{"--"})...)
	if err != nil {
		return s, fmt.Errorf("%w: %s: %w", ErrBadRange, strings.Join(revisions, " "), err)
	}
	for line := range strings.Lines(out) {
		name := strings.TrimSpace(line)
		if seen, ok := strings.CutPrefix(name, "^"); ok {
			s.Seen = append(s.Seen, seen)
		} else if name != "" {
			s.Tips = append(s.Tips, name)
		}
	}
	return s, nil
}

// Unpublished selects the commits of HEAD that its upstream has not, or else no
// remote has: what the next push would send.
func Unpublished(ctx context.Context, repository *gitlog.Repository) (Selection, error) {
	if _, err := repository.Run(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
		return Selection{}, fmt.Errorf("%w: the repository has no commit yet", ErrBadRange)
	}
	s, err := Range(ctx, repository, "@{upstream}..HEAD")
	if err == nil {
		return s, nil
	}
	if s, err = Range(ctx, repository, "HEAD"); err != nil {
		return s, err
	}
	refs, err := listRefs(ctx, repository, "refs/remotes")
	for _, ref := range refs {
		s.Seen = append(s.Seen, ref.commit)
	}
	return s, err
}

// Head returns the branch that is checked out, or none.
func Head(ctx context.Context, repository *gitlog.Repository) []string {
	out, err := repository.Run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD")
	if branch := strings.TrimSpace(out); err == nil && branch != "" {
		return []string{branch}
	}
	return nil
}

// PullRequest selects the commits of a pull request of GitHub, or a merge
// request of GitLab, which it fetches from the remote. base is the branch that
// they are for; empty means the remote's default.
func PullRequest(ctx context.Context, repository *gitlog.Repository, remote string, number int, base string) (Selection, error) {
	if base == "" {
		out, err := repository.Run(ctx, "symbolic-ref", "--quiet", "--short", "refs/remotes/"+remote+"/HEAD")
		if base = strings.TrimPrefix(strings.TrimSpace(out), remote+"/"); err != nil || base == "" {
			base = "main"
		}
	}
	if !strings.HasPrefix(base, "refs/") {
		base = "refs/heads/" + base
	}
	n := strconv.Itoa(number)
	var failed error
	for _, head := range []string{"refs/pull/" + n + "/head", "refs/merge-requests/" + n + "/head"} {
		// One fetch a ref, so that FETCH_HEAD names it, into no ref of ours.
		if _, err := repository.Run(ctx, "fetch", "--quiet", "--no-tags", remote, head); err != nil {
			failed = err
			continue
		}
		tip, err := repository.Run(ctx, "rev-parse", "--verify", "FETCH_HEAD^{commit}")
		if err != nil {
			return Selection{}, fmt.Errorf("couldn't read pull request %d: %w", number, err)
		}
		if _, err := repository.Run(ctx, "fetch", "--quiet", "--no-tags", remote, base); err != nil {
			return Selection{}, fmt.Errorf("couldn't fetch the branch that pull request %d is for: %w", number, err)
		}
		onto, err := repository.Run(ctx, "rev-parse", "--verify", "FETCH_HEAD^{commit}")
		if err != nil {
			return Selection{}, fmt.Errorf("couldn't read the branch that pull request %d is for: %w", number, err)
		}
		return Selection{
			Tips: []string{strings.TrimSpace(tip)}, Seen: []string{strings.TrimSpace(onto)},
			Branches: []string{strings.TrimPrefix(base, "refs/heads/")},
		}, nil
	}
	return Selection{}, fmt.Errorf("couldn't fetch pull request %d: %w", number, failed)
}

// maxRefs bounds the refs of one push.
const maxRefs = 100_000

// Update is one ref that a push changes.
type Update struct {
	Ref      string
	Old, New string // object names; all zeros for none
}

// ReadUpdates reads what git writes to a hook: "OLD NEW REF" for pre-receive,
// "LOCAL-REF LOCAL-NAME REMOTE-REF REMOTE-NAME" for pre-push. Each line decides
// for itself; one that is neither is an error. pushing tells that it was
// pre-push.
func ReadUpdates(in io.Reader) (updates []Update, pushing bool, err error) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		f := strings.Split(lines.Text(), " ")
		var u Update
		switch len(f) {
		case 3:
			u = Update{Old: f[0], New: f[1], Ref: f[2]}
		case 4:
			u, pushing = Update{Old: f[3], New: f[1], Ref: f[2]}, true
		default:
			return nil, false, fmt.Errorf("line %d is neither of pre-receive (OLD NEW REF) nor of pre-push", len(updates)+1)
		}
		if !isObject(u.Old) || !isObject(u.New) || !strings.HasPrefix(u.Ref, "refs/") {
			return nil, false, fmt.Errorf("line %d is neither of pre-receive (OLD NEW REF) nor of pre-push", len(updates)+1)
		}
		if updates = append(updates, u); len(updates) > maxRefs {
			return nil, false, fmt.Errorf("more than %d refs are pushed at once", maxRefs)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, false, fmt.Errorf("couldn't read what is pushed: %w", err)
	}
	return updates, pushing, nil
}

func isObject(s string) bool {
	return (len(s) == 40 || len(s) == 64) && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// Push selects the commits that a push brings. What a ref has already was
// judged when it came, but only by the rules for that ref: it is judged again
// where more is demanded.
func Push(ctx context.Context, repository *gitlog.Repository, p *policy.Policy, updates []Update, pushing bool) (Selection, error) {
	var s Selection
	demands := map[string]bool{}
	for _, u := range updates {
		if strings.Trim(u.New, "0") == "" || !judged(u.Ref) {
			continue // deleted, or no place for work
		}
		s.Tips = append(s.Tips, u.New)
		branch := strings.TrimPrefix(u.Ref, "refs/heads/")
		if !slices.Contains(s.Branches, branch) {
			s.Branches = append(s.Branches, branch)
		}
		for _, rule := range p.Demands(branch) {
			demands[rule] = true
		}
	}
	if len(s.Tips) == 0 {
		return s, nil
	}
	places := []string{"refs/heads", "refs/tags"}
	if pushing {
		places = []string{"refs/remotes"}
	}
	refs, err := listRefs(ctx, repository, places...)
	if err != nil {
		return s, err
	}
	narrow := p.NarrowsBranches()
	for _, ref := range refs {
		if !narrow || meets(p.Demands(ref.branch()), demands) {
			s.Seen = append(s.Seen, ref.commit)
		}
	}
	return s, nil
}

// judged reports whether commits are judged when they come by a ref: what comes
// by others does not count as seen either.
func judged(ref string) bool {
	return strings.HasPrefix(ref, "refs/heads/") || strings.HasPrefix(ref, "refs/tags/")
}

func meets(met []string, demands map[string]bool) bool {
	for rule := range demands {
		if !slices.Contains(met, rule) {
			return false
		}
	}
	return true
}

type ref struct{ commit, name string }

// branch is the ref as the globs of a policy name it.
func (r ref) branch() string {
	if rest, ok := strings.CutPrefix(r.name, "refs/remotes/"); ok {
		_, branch, _ := strings.Cut(rest, "/")
		return branch
	}
	return strings.TrimPrefix(r.name, "refs/heads/")
}

// listRefs lists the refs below some places that lead to a commit.
func listRefs(ctx context.Context, repository *gitlog.Repository, places ...string) ([]ref, error) {
	out, err := repository.Run(ctx, append([]string{"for-each-ref", "--format=%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)"}, places...)...)
	if err != nil {
		return nil, fmt.Errorf("couldn't list the refs: %w", err)
	}
	var refs []ref
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 5)
		if len(f) != 5 {
			continue
		}
		switch {
		case f[1] == "commit":
			refs = append(refs, ref{f[0], f[4]})
		case f[3] == "commit":
			refs = append(refs, ref{f[2], f[4]})
		}
	}
	return refs, nil
}
