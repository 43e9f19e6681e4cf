package laws

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// A trail that nobody touched verifies, after hundreds of sessions that
// several processes recorded, while they still do.
func TestCleanTrailVerifies(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const writers, sessions = 3, 80
		var group sync.WaitGroup
		for i := range writers {
			r, done := w.recorder(t)
			group.Go(func() {
				defer done()
				random := rand.New(rand.NewPCG(uint64(i), 11))
				for n := range sessions {
					events := session(random, fmt.Sprint(i, "-", n))
					random.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
					if _, err := r.Record(t.Context(), events...); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		over := make(chan struct{})
		go func() { group.Wait(); close(over) }()
		for last, rounds, size := false, 0, uint64(0); !last; rounds++ {
			select {
			case <-over:
				last = true
			default:
			}
			v := w.mustHold(t)
			if v.TreeSize < size {
				t.Errorf("the trail shrank from %d to %d events", size, v.TreeSize)
			}
			if size = v.TreeSize; last {
				t.Logf("verified %d times, at last %d events", rounds+1, size)
			}
		}
	})
}
