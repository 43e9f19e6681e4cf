package server

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// errBusy means that more came at once than the server takes.
var errBusy = errors.New("the server has more to do at once than it takes")

// hurriedError means that a credential sends more requests than it may.
type hurriedError struct{ wait time.Duration }

func (e *hurriedError) Error() string {
	return "this credential sends more requests than the server takes; wait for " + e.seconds() + " s"
}

// seconds is how long to wait, as Retry-After has it.
func (e *hurriedError) seconds() string {
	return strconv.Itoa(max(1, int(math.Ceil(e.wait.Seconds()))))
}

// rates bounds how many requests each credential sends.
type rates struct {
	perSecond float64
	burst     int

	mu   sync.Mutex // guards what follows
	of   map[string]*rate.Limiter
	next time.Time // when to forget those that are idle
}

// newRates bounds to so many requests in a second; 0 is no bound.
func newRates(perSecond float64, burst int) *rates {
	return &rates{perSecond: perSecond, burst: burst, of: map[string]*rate.Limiter{}}
}

// idleCheck is how often limiters that nobody uses are looked for.
const idleCheck = time.Minute

// take lets one request of a credential pass, or says that it must wait.
func (r *rates) take(credential string, now time.Time) error {
	if r.perSecond == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.After(r.next) {
		// One whose bucket is full again is as good as none.
		for name, l := range r.of {
			if l.TokensAt(now) >= float64(r.burst) {
				delete(r.of, name)
			}
		}
		r.next = now.Add(idleCheck)
	}
	l := r.of[credential]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(r.perSecond), r.burst)
		r.of[credential] = l
	}
	if l.AllowN(now, 1) {
		return nil
	}
	missing := 1 - l.TokensAt(now)
	return &hurriedError{wait: time.Duration(missing / r.perSecond * float64(time.Second))}
}

// budget is the memory that the bodies of one request hold, out of what all may
// hold together.
type budget struct {
	all *semaphore.Weighted

	mu   sync.Mutex // guards held
	held int64
}

// hold takes so many bytes more.
func (b *budget) hold(bytes int64) error {
	if b == nil || bytes <= 0 {
		return nil
	}
	if !b.all.TryAcquire(bytes) {
		return errBusy
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held += bytes
	return nil
}

// release gives everything back, when the request is answered.
func (b *budget) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.Release(b.held)
	b.held = 0
}

type budgetKey struct{}

func withBudget(ctx context.Context, b *budget) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

func budgetOf(ctx context.Context) *budget {
	b, _ := ctx.Value(budgetKey{}).(*budget)
	return b
}
