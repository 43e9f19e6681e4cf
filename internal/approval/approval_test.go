package approval_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

// clock is a clock that tests move.
type clock struct{ us atomic.Int64 }

func (c *clock) now() time.Time       { return whodid.FromMicros(c.us.Load()) }
func (c *clock) tick(d time.Duration) { c.us.Add(d.Microseconds()) }

func newClock() *clock {
	c := &clock{}
	c.us.Store(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

// onBoth runs a test on both engines. open makes a service of its own over the
// trail, as another process would.
func onBoth(t *testing.T, test func(t *testing.T, c *clock, open func() *approval.Service)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) {
		address, c := testenv.Trail(t, engine), newClock()
		private, public, err := ledger.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		test(t, c, func() *approval.Service {
			s := storetest.Open(t, address)
			return approval.New("default", recordtest.Open(t, s, "default", private, public, c.now), s, c.now)
		})
	})
}

var (
	agent = approval.Who{Actor: "agent:eng/solver", Auth: "hook", OnBehalfOf: "human:ada", Source: "hook:claude-code"}
	ada   = approval.Who{Actor: "human:ada", Auth: "os-user", Source: "cli"}
	bob   = approval.Who{Actor: "human:bob", Auth: "oidc", Source: "api"}
)

func merge() *approval.Request {
	return &approval.Request{Type: "pr.merge", Target: "acme/shop#44", Agent: "eng/solver", Arguments: whodid.Data{"method": "squash"}, Summary: "merge", TTL: time.Hour}
}

func TestLife(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c *clock, open func() *approval.Service) {
		s := open()
		r := merge()
		a, err := s.Request(t.Context(), r, agent)
		if err != nil || a.State != whodid.ApprovalPending {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, err := s.Use(t.Context(), a.ID, "eng/solver", r.Digest(), "", "", agent); !errors.Is(err, approval.ErrNotCovered) {
			t.Errorf("what is pending can be used: %v", err)
		}
		for _, who := range []approval.Who{agent, {Actor: whodid.System, Source: "system"}} {
			if _, err := s.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "me"}, who); !errors.Is(err, approval.ErrNotAllowed) {
				t.Errorf("%s decides: %v", who.Actor, err)
			}
		}
		if a, err = s.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "fine", TTL: time.Minute}, bob); err != nil || a.State != whodid.ApprovalApproved {
			t.Fatalf("%+v, %v", a, err)
		}
		if a, err := s.Decide(t.Context(), a.ID, &approval.Decision{Reason: "no"}, ada); !errors.Is(err, approval.ErrDecided) || a.State != whodid.ApprovalApproved {
			t.Errorf("a second decision: %v, %v", a.State, err)
		}
		other := merge()
		other.Arguments = whodid.Data{"method": "rebase"}
		if _, err := s.Use(t.Context(), a.ID, "eng/solver", other.Digest(), "", "", agent); !errors.Is(err, approval.ErrNotCovered) {
			t.Errorf("other arguments are covered: %v", err)
		}
		if _, err := s.Use(t.Context(), a.ID, "eng/other", r.Digest(), "", "", agent); !errors.Is(err, approval.ErrNotCovered) {
			t.Errorf("another agent is covered: %v", err)
		}
		if a, err := s.Use(t.Context(), a.ID, "eng/solver", r.Digest(), "Bash", "call-1", agent); err != nil || a.State != whodid.ApprovalUsed {
			t.Errorf("%+v, %v", a, err)
		}
		if _, err := s.Use(t.Context(), a.ID, "eng/solver", r.Digest(), "", "", agent); !errors.Is(err, approval.ErrNotCovered) {
			t.Errorf("it can be used again: %v", err)
		}
		// A grant and a request run out.
		b, _ := s.Request(t.Context(), r, agent)
		if _, err := s.Decide(t.Context(), b.ID, &approval.Decision{Approve: true, Reason: "fine", TTL: time.Minute}, bob); err != nil {
			t.Fatal(err)
		}
		c.tick(2 * time.Minute)
		if _, err := s.Use(t.Context(), b.ID, "eng/solver", r.Digest(), "", "", agent); !errors.Is(err, approval.ErrNotCovered) {
			t.Errorf("what ran out covers: %v", err)
		}
		d, _ := s.Request(t.Context(), r, agent)
		c.tick(2 * time.Hour)
		if d, err := s.Decide(t.Context(), d.ID, &approval.Decision{Approve: true, Reason: "late"}, bob); !errors.Is(err, approval.ErrExpired) {
			t.Errorf("%+v, %v", d, err)
		}
		if d, err := s.Get(t.Context(), d.ID); err != nil || d.State != whodid.ApprovalExpired || d.Decision == "" {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

// TestClicksAtOnce lets many people decide, cancel and use at once, each through
// a service of its own: one decision stands, everybody sees the same one, and
// what was approved is used once.
func TestClicksAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, _ *clock, open func() *approval.Service) {
		services := []*approval.Service{open(), open(), open()}
		r := merge()
		for round := range 6 {
			a, err := services[0].Request(t.Context(), r, agent)
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			var decided, used atomic.Int64
			for i := range 12 {
				s := services[i%len(services)]
				who := approval.Who{Actor: fmt.Sprint("human:p", i), Auth: "oidc", Source: "api"}
				group.Go(func() {
					var err error
					switch i % 4 {
					case 0, 1:
						_, err = s.Decide(t.Context(), a.ID, &approval.Decision{Approve: i%4 == 0, Reason: "r"}, who)
					case 2:
						_, err = s.Cancel(t.Context(), a.ID, "r", who)
					default:
						if _, err := s.Use(t.Context(), a.ID, "eng/solver", r.Digest(), "", "", agent); err == nil {
							used.Add(1)
						} else if !errors.Is(err, approval.ErrNotCovered) {
							t.Error(err)
						}
						return
					}
					if err == nil {
						decided.Add(1)
					} else if !errors.Is(err, approval.ErrDecided) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			final, err := services[1].Get(t.Context(), a.ID)
			if err != nil {
				t.Fatal(err)
			}
			if decided.Load() != 1 {
				t.Errorf("round %d: %d decisions", round, decided.Load())
			}
			if used.Load() > 1 || used.Load() == 1 && final.State != whodid.ApprovalUsed || final.State == whodid.ApprovalPending {
				t.Errorf("round %d: used %d times, it is %s", round, used.Load(), final.State)
			}
			if final.State == whodid.ApprovalApproved {
				if _, err := services[2].Use(t.Context(), a.ID, "eng/solver", r.Digest(), "", "", agent); err != nil {
					t.Errorf("what is approved can't be used: %v", err)
				}
			}
		}
	})
}

// TestOrderOfClicks draws orders of clicks: the first that may decide does, and
// every later one leaves what stands.
func TestOrderOfClicks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c *clock, open func() *approval.Service) {
		s := open()
		rapid.Check(t, func(rt *rapid.T) {
			r := merge()
			r.FourEyes = rapid.Bool().Draw(rt, "four eyes")
			a, err := s.Request(t.Context(), r, agent)
			if err != nil {
				rt.Fatal(err)
			}
			want := whodid.ApprovalPending
			expires := c.now().Add(time.Hour)
			for _, click := range rapid.SliceOfN(rapid.SampledFrom([]string{"approve", "reject", "cancel", "use", "wait", "agent approves", "ada approves"}), 1, 6).Draw(rt, "clicks") {
				open := want == whodid.ApprovalPending && c.now().Before(expires)
				if want == whodid.ApprovalPending && !open {
					want = whodid.ApprovalExpired
				}
				switch click {
				case "approve":
					_, _ = s.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "r"}, bob)
					want = orStay(open, whodid.ApprovalApproved, want)
				case "reject":
					_, _ = s.Decide(t.Context(), a.ID, &approval.Decision{Reason: "r"}, bob)
					want = orStay(open, whodid.ApprovalRejected, want)
				case "cancel":
					_, _ = s.Cancel(t.Context(), a.ID, "r", agent)
					want = orStay(open, whodid.ApprovalCancelled, want)
				case "ada approves":
					_, _ = s.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "r"}, ada)
					want = orStay(open && !r.FourEyes, whodid.ApprovalApproved, want)
				case "agent approves":
					_, _ = s.Decide(t.Context(), a.ID, &approval.Decision{Approve: true, Reason: "r"}, agent)
				case "use":
					_, err := s.Use(t.Context(), a.ID, "eng/solver", r.Digest(), "", "", agent)
					if (err == nil) != (want == whodid.ApprovalApproved) {
						rt.Fatalf("using what is %s: %v", want, err)
					}
					want = orStay(want == whodid.ApprovalApproved, whodid.ApprovalUsed, want)
				case "wait":
					c.tick(40 * time.Minute)
				}
				got, err := s.Get(t.Context(), a.ID)
				if want == whodid.ApprovalPending && !c.now().Before(expires) {
					want = whodid.ApprovalExpired
				}
				if err != nil || got.State != want {
					rt.Fatalf("after %q it is %s, want %s (%v)", click, got.State, want, err)
				}
			}
		})
	})
}

func orStay(changes bool, to, from whodid.ApprovalState) whodid.ApprovalState {
	if changes {
		return to
	}
	return from
}
