package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// npmPackage is a package of the npm registry that tests use, in exactly one version.
type npmPackage struct {
	name, version string
	spec          string   // what npm is asked for without the version, if that is not the name
	flags         []string // of the install
	// works tells whether the package in a folder is whole.
	works func(ctx context.Context, dir string) error
}

// install gives the folder of the package. On first use it is installed into a per-user
// cache directory, where later runs find it. Many processes may call it at once: one
// installs, the others wait.
func (p *npmPackage) install(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("couldn't find cache directory: %w", err)
	}
	dir := filepath.Join(cache, "whodid-testenv", p.name+"-"+p.version)
	if p.works(ctx, dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if p.works(ctx, dir) == nil {
		return dir, nil // another process was faster
	}
	// Installed beside its place and then renamed, so that an install which was cut short is never taken for one.
	fresh, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-")
	if err != nil {
		return "", fmt.Errorf("couldn't make cache directory: %w", err)
	}
	defer os.RemoveAll(fresh)
	spec := p.spec
	if spec == "" {
		spec = p.name
	}
	args := append([]string{"install", "--prefix", fresh, "--no-audit", "--no-fund", "--no-save"}, p.flags...)
	if out, err := exec.CommandContext(ctx, "npm", append(args, spec+"@"+p.version)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("couldn't install %s %s: `scripts/need.sh test e2e` installs the npm that it needs: %w\n%s", p.name, p.version, err, tail(out))
	}
	if err := p.works(ctx, fresh); err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("couldn't remove broken install: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return "", fmt.Errorf("couldn't put %s in place: %w", p.name, err)
	}
	return dir, nil
}

// has is what tells of packages that are whole when a file is there: npm puts it in place last, or with the others.
func has(file ...string) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		_, err := os.Stat(filepath.Join(append([]string{dir, "node_modules"}, file...)...))
		return err
	}
}
