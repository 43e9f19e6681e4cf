//go:build unix

package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// serverUser gives the user that runs PostgreSQL when we are root, as which its programs refuse to run; nil when we are not.
var serverUser = sync.OnceValues(func() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil means: as we are
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("couldn't run PostgreSQL as root: there is neither a user postgres nor a user nobody")
})

// giveToServer makes the server's user the owner of a path.
func giveToServer(path string) error {
	credential, err := serverUser()
	if err != nil || credential == nil {
		return err
	}
	if err := os.Chown(path, int(credential.Uid), int(credential.Gid)); err != nil {
		return fmt.Errorf("couldn't give %s to the server's user: %w", path, err)
	}
	return nil
}

// runAsServer lets a command run as the server's user. giveToServer has refused before where there is none.
func runAsServer(cmd *exec.Cmd) {
	if credential, err := serverUser(); err == nil && credential != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	}
}

// detach gives a command a session of its own, so that no Ctrl-C reaches it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// alive says whether a process runs, be it ours or not.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func ownedByUs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// Kill ends all processes of the server at once with SIGKILL, as the crash of a machine does (but for what its disk had not written
// yet: that is safe in the system's cache). Start brings it back.
func (c *PostgresCluster) Kill(ctx context.Context) error {
	server, family, err := c.processes(ctx)
	if err != nil {
		return err
	}
	if server == 0 {
		return errors.New("couldn't kill PostgreSQL: it doesn't run")
	}
	// The server first, so that it doesn't see its children die and say so in its log, which no crash does.
	for _, pid := range append([]int{server}, family...) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("couldn't kill PostgreSQL process %d: %w", pid, err)
		}
	}
	if err := waitUntil(ctx, func(all []process) bool {
		return !slices.ContainsFunc(all, func(p process) bool { return !p.dead && (p.id == server || slices.Contains(family, p.id)) })
	}); err != nil {
		return err
	}
	// PostgreSQL takes a dead server that nobody has collected yet for a live one and would not start. Init collects it in a moment; where
	// there is no real init, as in some containers, we do what an operator would.
	patience, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if waitUntil(patience, func(all []process) bool {
		return !slices.ContainsFunc(all, func(p process) bool { return p.id == server })
	}) != nil {
		if err := os.Remove(filepath.Join(c.data(), "postmaster.pid")); err != nil {
			return fmt.Errorf("couldn't remove the dead server's lock: %w", err)
		}
	}
	return ctx.Err()
}

// waitUntil looks at the process table until it is as wanted or ctx ends.
func waitUntil(ctx context.Context, wanted func([]process) bool) error {
	for {
		all, err := processTable(ctx)
		if err != nil {
			return err
		}
		if wanted(all) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("couldn't wait for PostgreSQL to be gone: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// processes gives the ids of the server and of its children; 0 and none when the server doesn't run. A file that names a process is not
// believed before the process names the cluster too: after a restart of the machine the id may be anybody's.
func (c *PostgresCluster) processes(ctx context.Context) (server int, family []int, err error) {
	named := c.postmaster()
	if named == 0 {
		return 0, nil, nil
	}
	all, err := processTable(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, p := range all {
		switch {
		case p.id == named && !p.dead && strings.Contains(p.command, c.data()):
			server = p.id
		case p.parent == named:
			family = append(family, p.id)
		}
	}
	if server == 0 {
		return 0, nil, nil
	}
	return server, family, nil
}

type process struct {
	id, parent int
	dead       bool // ended, and not yet collected by its parent
	command    string
}

// processTable lists the machine's processes. ps is asked since the system call differs on every system.
func processTable(ctx context.Context) ([]process, error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args=").Output()
	if err != nil {
		return nil, fmt.Errorf("couldn't list processes: %w", err)
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		id, idErr := strconv.Atoi(fields[0])
		parent, parentErr := strconv.Atoi(fields[1])
		if idErr == nil && parentErr == nil {
			all = append(all, process{id: id, parent: parent, dead: strings.HasPrefix(fields[2], "Z"), command: strings.Join(fields[3:], " ")})
		}
	}
	return all, nil
}
