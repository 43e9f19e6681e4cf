package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// appendsFail is a trail whose last append is what a test says.
type appendsFail struct {
	down error
	last *store.AppendFailure
}

func (a *appendsFail) Ready(context.Context) error       { return a.down }
func (a *appendsFail) LastFailure() *store.AppendFailure { return a.last }

// TestReadiness lets appends fail as they do on a full disk, which
// internal/store tries on a real one.
func TestReadiness(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var a appendsFail
	ready := readiness(&a, func() time.Time { return now })
	full := &store.AppendFailure{Err: store.ErrDiskFull}
	for _, step := range []struct {
		name string
		last *store.AppendFailure
		down error
		wait time.Duration
		want error
	}{
		{"nothing failed", nil, nil, 0, nil},
		{"the disk is full", full, nil, 0, store.ErrDiskFull},
		{"and still is", full, nil, notReadyFor - 1, store.ErrDiskFull},
		{"it is tried again", full, nil, 1, nil},
		{"and fails again", &store.AppendFailure{Err: store.ErrDiskFull}, nil, time.Hour, store.ErrDiskFull},
		{"there is room", nil, nil, 0, nil},
		{"the database is down", nil, store.ErrOld, 0, store.ErrOld},
	} {
		now, a.last, a.down = now.Add(step.wait), step.last, step.down
		if err := ready(t.Context()); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
	}
}
