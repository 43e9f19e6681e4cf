//go:build !linux

package testenv

import "testing"

// SmallDisk skips the test: only Linux has such a disk.
func SmallDisk(t testing.TB, _ int) string {
	t.Helper()
	t.Skip("there is no small disk to be had here")
	return ""
}
