//go:build unix

package store_test

import (
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store/storetest"
)

// TestWritersTakeTurns lets three processes append without a pause: none of them
// keeps the others waiting. When they only slept and looked again, one had five to
// forty times as many turns as another, which then gave up (SQLITE_BUSY).
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trail.db")
	open, k := opener(t, path), newKey(t)
	reader := open(t)
	var victims [3]*victim
	var turns [3]atomic.Int64
	var readers sync.WaitGroup
	for i := range victims {
		victims[i] = startVictim(t, path, k, 0)
		readers.Go(func() {
			for victims[i].lines.Scan() {
				turns[i].Add(1)
			}
		})
	}
	counts := func() (n []int64) {
		for i := range turns {
			n = append(n, turns[i].Load())
		}
		return n
	}
	before, after := counts(), counts()
	for until := time.Now().Add(time.Minute); slices.Max(after)-slices.Max(before) < 100 && time.Now().Before(until); after = counts() {
		time.Sleep(10 * time.Millisecond)
	}
	for i, v := range victims {
		if err := v.cmd.Process.Kill(); err != nil {
			t.Fatalf("a writer ended by itself: %v\n%s", err, &v.stderr)
		}
		after[i] -= before[i]
	}
	readers.Wait()
	for _, v := range victims {
		if _ = v.cmd.Wait(); v.stderr.Len() > 0 {
			t.Errorf("a writer failed: %s", &v.stderr)
		}
	}
	t.Logf("turns: %d", after)
	if slices.Min(after) < slices.Max(after)/3 {
		t.Errorf("the writers had %d turns, which is not fair", after)
	}
	storetest.Check(t, reader, "default")
}
