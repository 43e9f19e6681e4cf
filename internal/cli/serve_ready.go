package cli

import (
	"context"
	"sync"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// notReadyFor is how long a server says that it is not ready after an append has
// failed, as on a full disk. Then it lets itself be tried again: if nobody sent it
// anything, nothing could show that it is well.
const notReadyFor = 10 * time.Second

// readiness tells whether the server can take events in: the trail answers and
// takes changes, and the last append did not just fail.
func readiness(trail interface {
	Ready(ctx context.Context) error
	LastFailure() *store.AppendFailure
}, now func() time.Time,
) func(context.Context) error {
	var mu sync.Mutex
	var known *store.AppendFailure
	var since time.Time
	return func(ctx context.Context) error {
		if err := trail.Ready(ctx); err != nil {
			return err
		}
		failed := trail.LastFailure()
		if failed == nil {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if failed != known {
			known, since = failed, now()
		}
		if now().Sub(since) < notReadyFor {
			return failed.Err
		}
		return nil
	}
}
