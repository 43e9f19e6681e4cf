package cli

import (
	"slices"
	"testing"
	"time"
)

// What takes longer than a moment is told, and told again; what is quick is not.
func TestWaiting(t *testing.T) {
	t.Parallel()
	said := make(chan string)
	w := newWaiting(0, 0, func(doing string) { said <- doing })
	go w.tell("the first step")
	for _, want := range [][]string{{"the first step"}, {"still the first step"}} {
		if got := <-said; !slices.Contains(want, got) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	go w.tell("the second step")
	for got := range said {
		if got == "the second step" {
			break // it may have said once more what was before
		}
	}
	done := make(chan struct{})
	go func() { w.end(); close(done) }()
	for {
		select {
		case <-said: // until it has ended
			continue
		case <-done:
		}
		break
	}
	quick := newWaiting(time.Hour, time.Hour, func(doing string) { t.Errorf("it says %q", doing) })
	quick.tell("what is done at once")
	quick.end()
}
