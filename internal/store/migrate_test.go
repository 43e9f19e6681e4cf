package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

// Who waits for a migration is told each of its steps, and nothing of a trail that is
// new or current.
func TestMigrationIsTold(t *testing.T) {
	t.Parallel()
	where := place.Location{Path: filepath.Join(t.TempDir(), "trail.db")}
	list, err := migrations("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	const behind = 2
	older(t, where, list[:len(list)-behind])
	want := []string{"waiting for another process that migrates the trail"}
	for i, m := range list[len(list)-behind:] {
		want = append(want, fmt.Sprintf("migrating the trail to %s (%d of %d)", m.Name, i+1, behind))
	}
	for _, trail := range []struct {
		name  string
		where place.Location
		want  []string
	}{
		{"behind", where, want},
		{"current", where, nil},
		{"new", place.Location{Path: filepath.Join(t.TempDir(), "trail.db")}, nil},
	} {
		var told []string
		s, err := OpenTelling(t.Context(), trail.where, func(doing string) { told = append(told, doing) })
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		if !slices.Equal(told, trail.want) {
			t.Errorf("%s: told %q, want %q", trail.name, told, trail.want)
		}
	}
}

// older makes the trail of a program that knew these migrations only.
func older(t *testing.T, where place.Location, known []Migration) {
	t.Helper()
	s, err := connect(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.migrateUnderLock(t.Context(), func(ctx context.Context, c execer, _ []int) error {
		for _, m := range known {
			if err := m.apply(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
