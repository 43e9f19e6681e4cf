package spool

import (
	"os"

	"golang.org/x/sys/windows"
)

// lock waits for the file's lock, alone or shared. It ends with the file. The
// locked byte lies far behind the content, so that reading and appending do
// not meet it.
func lock(f *os.File, alone bool) error {
	var flags uint32
	if alone {
		flags = windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, region())
}

// unlock gives the lock back early; closing the file would do so too.
func unlock(f *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, region())
}

func region() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// syncDir has nothing to do: Windows keeps names with their files.
func syncDir(string) error { return nil }
