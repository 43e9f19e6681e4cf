package auth

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// How many wrong credentials one address may send at once, and how soon it may
// send another one after that.
const (
	failuresAtOnce = 20
	failureEvery   = time.Second
	maxAddresses   = 10_000
)

// failures counts wrong credentials by the address that sent them. The zero
// value is ready to use.
type failures struct {
	mu sync.Mutex
	// until is up to when the failures of an address are used up, at one in
	// failureEvery.
	until map[string]time.Time
}

// may tells whether the address may fail again.
func (f *failures) may(from string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mayLocked(from, now)
}

func (f *failures) mayLocked(from string, now time.Time) bool {
	return !f.until[from].After(now.Add((failuresAtOnce - 1) * failureEvery))
}

// allow counts a failure and tells whether it is within what is allowed.
func (f *failures) allow(from string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.mayLocked(from, now) {
		return false
	}
	if f.until == nil || len(f.until) >= maxAddresses {
		f.until = map[string]time.Time{}
	}
	start := f.until[from]
	if start.Before(now) {
		start = now
	}
	f.until[from] = start.Add(failureEvery)
	return true
}

// addressOf is where a request came from: its address, and of IPv6 the network
// of one customer.
func addressOf(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := at.Addr().Unmap()
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
