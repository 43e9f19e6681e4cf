package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
)

// waiting tells what keeps a command, once that takes longer than a moment, and
// from time to time from then on. What is quick says nothing.
type waiting struct {
	say  func(doing string)
	tick *time.Timer

	mu    sync.Mutex // held while something is said
	doing string
	late  bool // a moment is over
	over  bool
}

// How long a command does something without a word, and how long it does so after
// one.
const (
	moment   = 1500 * time.Millisecond
	reminder = 30 * time.Second
)

func newWaiting(moment, reminder time.Duration, say func(doing string)) *waiting {
	w := &waiting{say: say}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tick = time.AfterFunc(moment, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.over {
			return
		}
		if w.doing != "" {
			text := w.doing
			if w.late {
				text = "still " + text
			}
			say(text)
		}
		w.late = true
		w.tick.Reset(reminder)
	})
	return w
}

// tell says what is being done from now on.
func (w *waiting) tell(doing string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doing = doing
	if w.late {
		w.say(doing)
	}
}

// end ends the waiting: nothing is said any more when it returns.
func (w *waiting) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.tick.Stop()
}

// openTold opens a trail, and says what that waits for.
func openTold(say func(doing string)) func(context.Context, place.Location) (*store.Store, error) {
	return func(ctx context.Context, l place.Location) (*store.Store, error) {
		w := newWaiting(moment, reminder, say)
		defer w.end()
		return store.OpenTelling(ctx, l, w.tell)
	}
}

// remark says on standard error what a command does meanwhile.
func (p *Program) remark(doing string) { fmt.Fprintf(p.Stderr, "whodid: %s …\n", doing) }
