package githook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/whodid/whodid/internal/git"
)

// repository is where a git repository keeps its hooks.
type repository struct {
	git    git.Repository
	common string // the folder of git that all its worktrees share
	top    string // of the work tree; empty for a bare one
	path   hooksPath
}

// hooksPath is git's setting core.hooksPath.
type hooksPath struct {
	value string // as it is written; empty if there is none
	scope string // local, worktree, global, system
}

// open finds the repository that holds a folder.
func open(ctx context.Context, dir string) (*repository, error) {
	r := &repository{git: git.In(dir)}
	out, err := r.git.Run(ctx, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return nil, fmt.Errorf("couldn't find a git repository in %s: %w", dir, err)
	}
	r.common = filepath.FromSlash(strings.TrimSuffix(out, "\n"))
	if out, err := r.git.Run(ctx, "rev-parse", "--show-toplevel"); err == nil {
		r.top = filepath.FromSlash(strings.TrimSuffix(out, "\n"))
	}
	r.path, err = readHooksPath(ctx, r.git)
	return r, err
}

// readHooksPath reads core.hooksPath, files that the configuration includes
// among them, as git does: the last one holds. A value of the command line is
// none: package git gives one itself.
func readHooksPath(ctx context.Context, g git.Repository) (hooksPath, error) {
	out, err := g.Run(ctx, "config", "-z", "--show-scope", "--get-all", "core.hooksPath")
	if failure := (*git.Error)(nil); errors.As(err, &failure) && failure.ExitCode() == 1 {
		return hooksPath{}, nil // there is none
	}
	if err != nil {
		return hooksPath{}, fmt.Errorf("couldn't read git's configuration: %w", err)
	}
	var p hooksPath
	parts := strings.Split(out, "\x00")
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] != "command" {
			p = hooksPath{scope: parts[i], value: parts[i+1]}
		}
	}
	return p, nil
}

// folder is where git looks for hooks when it works in the repository. A
// relative path begins where hooks run: at the top of the work tree, or in the
// folder of git itself if there is none.
func (r *repository) folder(home string) string {
	switch p := r.path.value; {
	case p == "":
		return filepath.Join(r.common, "hooks")
	case strings.HasPrefix(p, "~/"):
		return filepath.Join(home, p[2:])
	case filepath.IsAbs(p):
		return filepath.Clean(p)
	case r.top == "":
		return filepath.Join(r.common, p)
	default:
		return filepath.Join(r.top, p)
	}
}

// inside reports whether path lies in dir, or is dir. Links are followed as far
// as they lead.
func inside(path, dir string) bool {
	rel, err := filepath.Rel(resolved(dir), resolved(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func resolved(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

// submodules returns the work trees of the submodules that are checked out,
// and of theirs.
func (r *repository) submodules(ctx context.Context) ([]string, error) {
	const most = 1000 // and then somebody links folders in a circle
	if r.top == "" {
		return nil, nil
	}
	var found []string
	for queue := []string{r.top}; len(queue) > 0 && len(found) < most; queue = queue[1:] {
		out, err := git.In(queue[0]).Run(ctx, "ls-files", "-z", "--stage", "--", ":/")
		if err != nil {
			return nil, fmt.Errorf("couldn't look for submodules: %w", err)
		}
		for entry := range strings.SplitSeq(out, "\x00") {
			meta, path, _ := strings.Cut(entry, "\t")
			if !strings.HasPrefix(meta, "160000 ") {
				continue
			}
			dir := filepath.Join(queue[0], filepath.FromSlash(path))
			if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
				found, queue = append(found, dir), append(queue, dir)
			}
		}
	}
	return found, nil
}
