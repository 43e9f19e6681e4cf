//go:build !linux

package store_test

import (
	"context"
	"errors"
)

// What these children do is only asked for on Linux.
func fillDisk(context.Context, string) error { return errors.ErrUnsupported }
func sayIfLocked(string) error               { return errors.ErrUnsupported }
