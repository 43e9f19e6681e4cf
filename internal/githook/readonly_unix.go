//go:build unix

package githook

import (
	"errors"
	"syscall"
)

// isReadOnly reports whether an error comes from a file system that can only be
// read.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
