package spool

import (
	"hash/crc32"
	"testing"
)

// FuzzChecksum holds the checksum to that of the standard library, which wrote
// the spools of earlier versions.
func FuzzChecksum(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("123456789"))
	f.Add([]byte(`{"events":[{"key":"a","at":"2026-11-23T18:00:00Z"}]}` + "\x00\xff"))
	table := crc32.MakeTable(crc32.Castagnoli)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := checksum(b), crc32.Checksum(b, table); got != want {
			t.Errorf("checksum of %q is %08x, want %08x", b, got, want)
		}
	})
}
