package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Lock waits for the file's lock, alone or shared. It ends with the file. The
// locked byte lies far behind the content, so that reading and appending do
// not meet it.
func Lock(f *os.File, alone bool) error {
	var flags uint32
	if alone {
		flags = windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, region())
}

// TryLock takes the file's lock alone if nobody has it, and tells whether it did.
func TryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, region())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// Unlock gives the lock back early; closing the file would do so too.
func Unlock(f *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, region())
}

func region() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }
