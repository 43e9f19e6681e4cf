package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

var sinkTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"one process at a time sends for a sink":    testSinkLease,
	"a sink's cursor only moves for its sender": testSinkCursor,
}

func testSinkLease(t *testing.T, open func(testing.TB) *store.Store) {
	one, two := open(t), open(t)
	at := func(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }
	for i, step := range []struct {
		store  *store.Store
		org    string
		holder string
		start  uint64
		now    int
		want   string
	}{
		{one, "a", "x", 7, 0, "7 true"},
		{two, "a", "y", 9, 10, "0 false"}, // x is the sender
		{one, "a", "x", 99, 20, "7 true"}, // and stays it
		{two, "a", "y", 0, 40, "0 false"}, // for it was heard of at 20
		{two, "a", "y", 0, 50, "7 true"},  // until its lease ran out
		{one, "a", "x", 0, 60, "0 false"},
		{one, "b", "x", 3, 60, "3 true"}, // of another organisation
	} {
		next, ok, err := step.store.TakeSink(t.Context(), step.org, "siem", step.holder, step.start, at(step.now), at(step.now+30))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(next, " ", ok); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	if err := one.ReleaseSink(t.Context(), "a", "siem", "x"); err != nil { // which is not its sender
		t.Fatal(err)
	}
	if _, ok, err := one.TakeSink(t.Context(), "a", "siem", "x", 0, at(61), at(90)); ok || err != nil {
		t.Errorf("a sink is released by who does not hold it: %v", err)
	}
	if err := two.ReleaseSink(t.Context(), "a", "siem", "y"); err != nil {
		t.Fatal(err)
	}
	if next, ok, err := one.TakeSink(t.Context(), "a", "siem", "x", 0, at(61), at(90)); !ok || next != 7 || err != nil {
		t.Errorf("a released sink is not taken: %d, %t, %v", next, ok, err)
	}
}

func testSinkCursor(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	now, until := Epoch, Epoch.Add(time.Minute)
	if _, ok, err := s.TakeSink(t.Context(), "a", "siem", "x", 0, now, until); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for i, step := range []struct {
		holder   string
		from, to uint64
		want     bool
	}{
		{"y", 0, 5, false}, {"x", 0, 5, true}, {"x", 0, 9, false}, {"x", 5, 9, true},
	} {
		if ok, err := s.AdvanceSink(t.Context(), "a", "siem", step.holder, step.from, step.to, now, until); ok != step.want || err != nil {
			t.Errorf("step %d: %t, %v", i, ok, err)
		}
	}
	for range 2 {
		if err := s.FailSink(t.Context(), "a", "siem", "x", "the sink answered 500", now.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	// As another process sees it.
	got, err := open(t).Sinks(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := store.Sink{
		Name: "siem", Next: 9, Holder: "x", HeldUntil: until, SentAt: now, Failures: 2, FailedAt: now.Add(time.Second), Reason: "the sink answered 500",
	}
	if len(got) != 1 || got[0] != want {
		t.Errorf("it is %+v, want %+v", got, want)
	}
	if ok, err := s.AdvanceSink(t.Context(), "a", "siem", "x", 9, 10, now, until); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got, err = s.Sinks(t.Context(), "a"); err != nil || got[0].Failures != 0 || got[0].Reason != "" {
		t.Errorf("a success leaves %+v, %v", got, err)
	}
}
