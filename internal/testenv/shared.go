package testenv

import (
	"context"
	_ "embed" // the watchdog is data until it is given to a shell
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How clusters are shared and removed. All of a user's clusters live in one directory:
//
//	<base>/lock              held while a shared cluster is looked for or started
//	<base>/current           the name of the shared cluster
//	<base>/cluster-N/open    there while the cluster takes new users
//	<base>/cluster-N/users/  one empty file for each process that uses it, named by its id
//	<base>/cluster-N/watchdog.pid
//
// A process joins by writing its file and then looking whether the cluster is still open. The watchdog leaves by removing `open` and then
// looking whether there is a user after all. In whatever order the two do it, nobody is left with a cluster that goes away.
const (
	openFile     = "open"
	usersDir     = "users"
	watchdogFile = "watchdog.pid"
	// sharedGrace is how long a shared cluster waits for its next user: the pause between two test processes of one `go test`.
	sharedGrace = 20 * time.Second
)

//go:embed watchdog.sh
var watchdog string

// clusterBase gives the directory of this user's clusters, which nobody else can write to.
func clusterBase() (string, error) {
	base := filepath.Join(os.TempDir(), "whodid-testenv-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(base, 0o711); err != nil && !errors.Is(err, os.ErrExist) { // another user's server must pass through
		return "", fmt.Errorf("couldn't make directory for clusters: %w", err)
	}
	// In a world-writable directory somebody else may have been there first.
	info, err := os.Lstat(base)
	if err != nil {
		return "", fmt.Errorf("couldn't look at directory for clusters: %w", err)
	}
	if !info.IsDir() || !ownedByUs(info) || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("couldn't use %s: it must be a directory of ours that others cannot write to", base)
	}
	return base, nil
}

// joinSharedCluster makes this process a user of the shared cluster, which it starts if there is none.
func joinSharedCluster(ctx context.Context) (*PostgresCluster, error) {
	base, err := clusterBase()
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, filepath.Join(base, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	current := filepath.Join(base, "current")
	if c := joinCurrent(ctx, base, current); c != nil {
		return c, nil
	}
	if err := sweep(ctx, base); err != nil {
		return nil, err
	}
	c, err := newCluster(ctx, base, sharedGrace)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(current, []byte(filepath.Base(c.dir)), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("couldn't announce cluster: %w", err), c.Remove(ctx))
	}
	return c, nil
}

// joinCurrent joins the cluster that `current` names, if that one is alive and stays so.
func joinCurrent(ctx context.Context, base, current string) *PostgresCluster {
	name, err := os.ReadFile(current)
	if err != nil || !strings.HasPrefix(string(name), clusterPrefix) || strings.ContainsAny(string(name), `/\`) {
		return nil
	}
	c, err := openCluster(filepath.Join(base, string(name)))
	if err != nil || c.register() != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(c.dir, openFile)); err != nil || !alive(c.watchdog()) {
		return nil
	}
	if server, _, err := c.processes(ctx); err != nil || server == 0 {
		return nil
	}
	return c
}

// sweep removes clusters that nobody watches any more: somebody killed the watchdog, or the machine went down.
func sweep(ctx context.Context, base string) error {
	dirs, err := filepath.Glob(filepath.Join(base, clusterPrefix+"*"))
	if err != nil {
		return fmt.Errorf("couldn't list clusters: %w", err)
	}
	var failed []error
	for _, dir := range dirs {
		c := &PostgresCluster{dir: dir}
		if !alive(c.watchdog()) && !c.used() {
			failed = append(failed, c.Remove(ctx))
		}
	}
	return errors.Join(failed...)
}

// reserve makes the directory of a new cluster. It gets its name only when this process is entered as its user: a sweep by another process,
// or by another test of this one, must not take it for one that was left.
func reserve(base string) (*PostgresCluster, error) {
	fresh, err := os.MkdirTemp(base, "new-")
	if err != nil {
		return nil, fmt.Errorf("couldn't make cluster directory: %w", err)
	}
	c := &PostgresCluster{dir: fresh}
	if err := os.Mkdir(c.users(), 0o700); err != nil {
		return nil, fmt.Errorf("couldn't make cluster directory: %w", err)
	}
	if err := c.register(); err != nil {
		return nil, err
	}
	c.dir = filepath.Join(base, clusterPrefix+strings.TrimPrefix(filepath.Base(fresh), "new-"))
	if err := os.Rename(fresh, c.dir); err != nil {
		return nil, fmt.Errorf("couldn't name cluster directory: %w", err)
	}
	return c, nil
}

// register enters this process among the users of the cluster.
func (c *PostgresCluster) register() error {
	if err := os.WriteFile(filepath.Join(c.users(), strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
		return fmt.Errorf("couldn't join cluster: %w", err)
	}
	return nil
}

// used says whether one of the registered users still runs.
func (c *PostgresCluster) used() bool {
	entries, err := os.ReadDir(c.users())
	if err != nil {
		return false
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && alive(pid) {
			return true
		}
	}
	return false
}

// guard starts the watchdog, in a session of its own, so that it outlives this process and whatever ends that.
func (c *PostgresCluster) guard(ctx context.Context, grace time.Duration) error {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", watchdog, "whodid-testenv-watchdog", c.dir, strconv.Itoa(int(grace.Seconds())))
	cmd.Dir = "/"
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("couldn't start watchdog: %w", err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, watchdogFile), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return fmt.Errorf("couldn't note watchdog: %w", err)
	}
	// Waited for, so that it is no zombie (which looks alive) while this process goes on.
	go func() { _ = cmd.Wait() }() // its end is what counts, not how it ended
	return nil
}

// watchdog gives the process id of the cluster's watchdog, 0 if it never had one.
func (c *PostgresCluster) watchdog() int {
	text, err := os.ReadFile(filepath.Join(c.dir, watchdogFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	return pid
}
