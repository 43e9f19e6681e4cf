package testenv

import (
	"fmt"
	"syscall"
	"testing"
)

// SmallDisk mounts a file system of its own, of that many bytes, for as long as the test
// runs. It skips the test of a user who may not.
func SmallDisk(t testing.TB, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skipf("this user may not mount a file system: %v", err)
	}
	t.Cleanup(func() {
		// A process that another test is just starting may still have its files: it is gone when they are.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
