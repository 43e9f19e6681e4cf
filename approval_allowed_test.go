package whodid_test

import (
	"testing"
	"time"

	"github.com/whodid/whodid"
)

// What was done is allowed by an approval for just that, and by no other.
func TestApprovalAllowed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	used := whodid.Approval{
		State: whodid.ApprovalUsed, Type: "pr.merge", Target: "acme/shop#44", Agent: "eng/solver", Decision: "evt-1", DecidedAt: at, ValidUntil: at.Add(time.Hour),
		UsedCall: "toolu_1", UsedExecution: "exec-1",
	}
	done := whodid.Event{
		What: "pr.merge", Target: "acme/shop#44", Actor: "agent:eng/solver", Execution: "exec-1", At: at.Add(time.Minute), RecordedAt: at.Add(time.Minute),
		Data: whodid.Data{"call": "toolu_1"},
	}
	for name, test := range map[string]struct {
		change  func(*whodid.Approval, *whodid.Event)
		allowed bool
	}{
		"as it was approved":             {func(*whodid.Approval, *whodid.Event) {}, true},
		"its target is known better now": {func(_ *whodid.Approval, e *whodid.Event) { e.Target = "https://shop.example" }, true},
		"by hand":                        {func(a *whodid.Approval, e *whodid.Event) { a.UsedCall, e.Data = "", nil }, true},
		"by hand, and not used up": {func(a *whodid.Approval, e *whodid.Event) {
			a.State, a.UsedCall, e.Data = whodid.ApprovalApproved, "", nil
		}, true},
		"in time, and it ran out since": {func(a *whodid.Approval, e *whodid.Event) {
			a.State, a.UsedCall, e.Data = whodid.ApprovalExpired, "", nil
		}, true},
		"not used up by its call":               {func(a *whodid.Approval, _ *whodid.Event) { a.State, a.UsedCall = whodid.ApprovalApproved, "" }, false},
		"by hand, another target":               {func(a *whodid.Approval, e *whodid.Event) { a.UsedCall, e.Target = "", "acme/shop#45" }, false},
		"by hand, another action":               {func(a *whodid.Approval, e *whodid.Event) { a.UsedCall, e.What = "", "pr.close" }, false},
		"another call":                          {func(_ *whodid.Approval, e *whodid.Event) { e.Data["call"] = "toolu_2" }, false},
		"another run":                           {func(_ *whodid.Approval, e *whodid.Event) { e.Execution = "exec-2" }, false},
		"another agent":                         {func(_ *whodid.Approval, e *whodid.Event) { e.Actor = "agent:eng/other" }, false},
		"a person":                              {func(_ *whodid.Approval, e *whodid.Event) { e.Actor = "human:p1" }, false},
		"pending":                               {func(a *whodid.Approval, _ *whodid.Event) { a.State = whodid.ApprovalPending }, false},
		"rejected":                              {func(a *whodid.Approval, _ *whodid.Event) { a.State = whodid.ApprovalRejected }, false},
		"cancelled":                             {func(a *whodid.Approval, _ *whodid.Event) { a.State = whodid.ApprovalCancelled }, false},
		"nobody decided in time":                {func(a *whodid.Approval, _ *whodid.Event) { a.State, a.ValidUntil = whodid.ApprovalExpired, time.Time{} }, false},
		"too late":                              {func(a *whodid.Approval, e *whodid.Event) { a.State, e.At = whodid.ApprovalExpired, at.Add(2*time.Hour) }, false},
		"a decision with a flaw":                {func(a *whodid.Approval, _ *whodid.Event) { a.Flaw = "it is about other arguments" }, false},
		"approved when it was already recorded": {func(a *whodid.Approval, _ *whodid.Event) { a.DecidedAt = at.Add(time.Hour) }, false},
	} {
		a, e := used, done
		e.Data = whodid.Data{"call": "toolu_1"}
		test.change(&a, &e)
		if why := a.Allowed(&e); (why == "") != test.allowed {
			t.Errorf("%s: %q, want it allowed: %t", name, why, test.allowed)
		}
	}
}
