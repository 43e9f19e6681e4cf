package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/proof"
)

// TestFaults lets the system calls of a process that appends fail, or kills it
// in the middle of one: it stops with an error, and what it was acknowledged
// is there.
func TestFaults(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace on this machine to make system calls fail")
	}
	if out, err := exec.CommandContext(t.Context(), strace, "-f", "-o", os.DevNull, "-e", "trace=fsync", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v\n%s", err, out)
	}
	for _, fault := range []string{
		"fsync,fdatasync:error=EIO:when=12+",
		"fsync,fdatasync:error=EIO:when=20",
		"pwrite64:error=ENOSPC:when=60+",
		"pwrite64:error=EIO:when=75",
		"pwrite64:error=ENOSPC:when=90..92",
		"fsync,fdatasync:signal=KILL:when=9",
		"fsync,fdatasync:signal=KILL:when=15",
		"pwrite64:signal=KILL:when=40",
		"pwrite64:signal=KILL:when=67",
		"pwrite64:signal=KILL:when=81",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "trail.db")
			open, k := opener(t, path), newKey(t)
			// The trail is there already: it's the appends that are tried.
			storetest.OpenBook(t, open(t), "default", k.private, k.public)
			calls, _, _ := strings.Cut(fault, ":")
			v := startVictim(t, path, k, 0, strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+calls, "-e", "inject="+fault)
			err := v.end(t)
			if err == nil {
				t.Error("the process went on as if nothing had happened")
			}
			if strings.Contains(fault, "error=") && !strings.Contains(v.stderr.String(), "couldn't append") {
				t.Errorf("the process ended with %v and said %q", err, v.stderr.String())
			}
			s := open(t)
			size := checkKept(t, s, v.acked, 0)
			t.Logf("%d acknowledged, %d kept; %v %s", v.acked+1, size, err, strings.TrimSpace(v.stderr.String()))
			// It goes on where it stood.
			b := storetest.OpenBook(t, s, "default", k.private, k.public)
			b.Append(t, storetest.Actions(0, size+5)...)
			if got := len(storetest.Check(t, s, "default")); got != size+5 {
				t.Errorf("%d events, want %d", got, size+5)
			}
		})
	}
}

// TestFullDisk appends on a disk until it is full, and goes on when there is
// room again. The disk is a small tmpfs in a mount namespace of a process of
// its own, so that nothing is left of it whatever happens.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	cmd := childCommand(t.Context(), "full", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), errNoMount.Error()) {
		t.Skipf("nobody may mount a disk here: %v %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestSecondStoreKeepsLocks opens a trail a second time in one process, which
// must not take away the locks of the first: another process would take itself
// for the only one.
func TestSecondStoreKeepsLocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.db")
	open := opener(t, path)
	storetest.NewBook(t, open(t), "default").Append(t, storetest.Action(1))
	for _, moment := range []string{"opened once", "opened twice", "opened three times"} {
		// Only another process can see the locks of this one.
		out, err := childCommand(t.Context(), "locked", path).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if string(out) != "locked" {
			t.Errorf("%s, the trail's file is %s", moment, out)
		}
		open(t)
	}
}

// sayIfLocked prints whether another process has a lock of SQLite's on a file.
func sayIfLocked(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// The bytes of a shared lock: https://www.sqlite.org/fileformat.html#the_lock_byte_page
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 0x40000002, Len: 510}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return err
	}
	state := "locked"
	if lock.Type == syscall.F_UNLCK {
		state = "unlocked"
	}
	_, err = fmt.Print(state)
	return err
}

var errNoMount = errors.New("couldn't mount a disk for the test")

// fillDisk is what the process of TestFullDisk does.
func fillDisk(ctx context.Context, dir string) error {
	// What is mounted here must not be seen outside.
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1536k"); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	reserve := filepath.Join(dir, "reserve")
	if err := os.WriteFile(reserve, make([]byte, 600<<10), 0o600); err != nil {
		return err
	}
	location, err := place.Parse(filepath.Join(dir, "trail.db"))
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, location)
	if err != nil {
		return err
	}
	private, public, err := proof.GenerateKey("whodid.test/default")
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, s, "default", private, public, storetest.Epoch)
	if err != nil {
		return err
	}
	book := func(from, to int) error {
		rows := make([]*store.Row, 0, to-from)
		for n := from; n < to; n++ {
			row, err := storetest.NewRow("default", storetest.Action(n))
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		_, err := l.Append(ctx, rows)
		return err
	}
	acked := 0
	for err = nil; err == nil; {
		if err = book(acked, acked+10); err == nil {
			acked += 10
		}
		if acked > 100_000 {
			return errors.New("the disk never became full")
		}
	}
	if !errors.Is(err, store.ErrDiskFull) {
		return fmt.Errorf("a full disk is reported as %w, want ErrDiskFull", err)
	}
	if s.LastFailure() == nil || !errors.Is(s.LastFailure().Err, store.ErrDiskFull) {
		return fmt.Errorf("the last append is told as %+v", s.LastFailure())
	}
	fmt.Printf("%d events, then: %v\n", acked, err)
	if err := kept(ctx, s, acked); err != nil {
		return fmt.Errorf("on the full disk: %w", err)
	}
	if err := os.Remove(reserve); err != nil {
		return err
	}
	if err := book(acked, acked+50); err != nil {
		return fmt.Errorf("there is room again, but: %w", err)
	}
	if s.LastFailure() != nil {
		return fmt.Errorf("an append that went well is told as %+v", s.LastFailure())
	}
	return errors.Join(kept(ctx, s, acked+50), s.Close())
}

// kept tells whether a log holds so many events and a tree over them.
func kept(ctx context.Context, s *store.Store, n int) error {
	head, err := s.Head(ctx, "default")
	if err != nil {
		return err
	}
	events, err := s.Events(ctx, "default", store.EventFilter{})
	if err != nil {
		return err
	}
	root, err := proof.Root(head.Frontier.Size(), s.Tiles(ctx, "default"))
	if err != nil {
		return err
	}
	if len(events) != n || head.Frontier.Size() != uint64(n) || root != head.Frontier.Root() {
		return fmt.Errorf("%d events in a log of %d, want %d", len(events), head.Frontier.Size(), n)
	}
	return nil
}
