package cli

import (
	"context"

	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/place"
)

// gitChoice is the flag --git of "whodid init".
type gitChoice struct{ told, wanted bool }

// initGit installs the hooks of git, or takes them out with --remove, in the
// repository that this folder is in. That they can't be installed is said and
// no reason to go without the other hooks, unless they were asked for.
func (p *Program) initGit(ctx context.Context, o *initOptions, where place.Trail) (*gitInstalled, error) {
	if root, _ := place.Repository(p.Dir); o.dry || o.git.told && !o.git.wanted || root == "" && !o.git.wanted {
		return nil, nil //nolint:nilnil // nothing was done, and nothing went wrong
	}
	options, err := p.githookOptions(&gitInstallOptions{})
	if err == nil {
		if o.project {
			// Git calls hooks at the top of the work tree, which may lie above.
			options.Store = withoutPassword(where)
		}
		do := githook.Install
		if o.remove {
			do = githook.Uninstall
		}
		var reports []githook.Report
		if reports, err = do(ctx, options); err == nil {
			return newGitInstalled(reports), nil
		}
	}
	if o.git.wanted {
		return nil, err
	}
	p.complain(err)
	return nil, nil //nolint:nilnil // it was said
}

func (p *Program) sayGit(a *gitInstalled) {
	if a == nil {
		return
	}
	for i := range a.Repositories {
		p.sayGitInstalled(&a.Repositories[i])
	}
}
