//go:build !linux

package laws

import "testing"

func smallDisk(t testing.TB, _ int) string {
	t.Helper()
	t.Skip("there is no small disk to be had here")
	return ""
}
