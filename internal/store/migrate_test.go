package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/place"
)

// TestMigrationEnds holds that a migration which has begun goes on when the time is
// over that a command has, and ends when somebody interrupts it.
func TestMigrationEnds(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), place.Location{Path: filepath.Join(t.TempDir(), "trail.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	slow := func(hurry context.Context, table string, wait time.Duration) error {
		return s.migrateUnderLock(hurry, func(ctx context.Context, c execer, _ []int) error {
			<-hurry.Done()
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			_, err := c.ExecContext(ctx, `CREATE TABLE `+table+` (n INTEGER)`)
			return err
		})
	}
	hurry, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := slow(hurry, "late", 100*time.Millisecond); err != nil {
		t.Errorf("the time was over: %v", err)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := slow(interrupted, "interrupted", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("it was interrupted: %v", err)
	}
}
