package cli

import (
	"errors"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/retention"
)

func TestSweepsDaily(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var d daily
	at := func(passed, slip time.Duration) (bool, error) { return d.due("a", wall.Add(passed+slip), passed) }
	sweeps := 0
	for passed := time.Duration(0); passed < 72*time.Hour+5*time.Minute; passed += time.Minute {
		due, err := at(passed, 0)
		if err != nil {
			t.Fatal(err)
		}
		if due {
			sweeps++
		}
	}
	if sweeps != 4 {
		t.Errorf("%d sweeps in three days and a little, want 4", sweeps)
	}
	// The clock jumps by a year just before the next sweep is due.
	year := 365 * 24 * time.Hour
	if due, err := at(97*time.Hour, year); due || !errors.Is(err, retention.ErrClock) {
		t.Errorf("when the clock jumped: %t, %v", due, err)
	}
	for passed := 97 * time.Hour; passed < 121*time.Hour; passed += time.Minute {
		if due, err := at(passed, year); due || err != nil {
			t.Fatalf("%s after the jump: %t, %v", passed-97*time.Hour, due, err)
		}
	}
	if due, err := at(122*time.Hour, year); !due || err != nil {
		t.Errorf("a day after the jump: %t, %v", due, err)
	}
}
