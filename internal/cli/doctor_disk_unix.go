//go:build !windows

package cli

import "golang.org/x/sys/unix"

// freeSpace is how many bytes this user can still write to the disk of a
// folder.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(max(s.Bavail, 0)) * uint64(max(s.Bsize, 0)), nil //nolint:unconvert // the types differ between systems
}
