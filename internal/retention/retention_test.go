package retention_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/retention"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
)

func TestWholeRunsGo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		old := w.run(execution(1))
		w.pass(20)
		w.record(w.event("file.write", execution(2), nil))
		w.pass(40) // the second run goes on
		w.record(w.event("file.edit", execution(2), nil))
		w.set()
		w.pass(40) // the first run is due, and the beginning of the second would be
		before := w.prove(w.run(execution(3))[2].ID)
		sighting := w.sighting()
		if w.searched(execution(1)) == 0 {
			t.Error("a search does not find the run before it is swept")
		}
		a := w.apply()
		if n := w.searched(execution(1)); n > 0 {
			t.Errorf("a search finds %d things of the run that was swept", n)
		}
		if w.searched(execution(2)) == 0 {
			t.Error("a search does not find the run that goes on")
		}
		if a.Events != len(old) || a.Executions != 1 || len(a.Sweeps) != 1 || a.Sweeps[0].Class != "run" {
			t.Errorf("swept %+v, want the one run with its session", a)
		}
		v := w.mustHold()
		if v.Swept != uint64(len(old)) || len(v.Sweeps) != 1 || v.Sweeps[0].Policy != "seed" || v.Sweeps[0].Version != 1 {
			t.Errorf("verify says %d were swept: %+v", v.Swept, v.Sweeps)
		}
		if _, err := w.Store.Execution(t.Context(), w.Org, execution(1)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the run that was swept: %v", err)
		}
		if _, err := w.Store.Execution(t.Context(), w.Org, execution(2)); err != nil {
			t.Errorf("the run that goes on: %v", err)
		}
		// It was told before, and is known, although it is gone.
		for _, r := range old {
			e := r.Event
			e.RecordedAt = time.Time{}
			if rows := w.record(e); len(rows) != 0 {
				t.Errorf("%s came back as %d events", e.What, len(rows))
			}
		}
		w.mustHold()
		if e, err := before.Event(); err != nil || e.What == "" {
			t.Errorf("the old proof: %v", err)
		}
		v2, err := w.Asker.Verify(t.Context(), ask.VerifyOptions{TrustedKey: w.public, KeyFrom: "the test", Sightings: []witness.Sighting{sighting}})
		if err != nil || len(v2.Problems) > 0 {
			t.Errorf("the trail does not go on where it was seen: %v %+v", err, v2)
		}
		r, err := w.Asker.Retention(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Tallies) != 1 || r.Tallies[0].Month != "2026-03" || r.Tallies[0].Runs != 1 || r.Tallies[0].ByStatus["success"] != 1 || r.Tallies[0].CostMicros != 70 || r.Tallies[0].TokensIn != 10 {
			t.Errorf("tallies %+v", r.Tallies)
		}
	})
}

// TestWhoOpenedGoesWithTheRun sweeps the action by which a pull request was opened,
// and not its merge: that is then put down to whoever opened it again.
func TestWhoOpenedGoesWithTheRun(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		tell := func(what, execution, pull string) {
			e := w.event(what, execution, nil)
			e.Target = pull
			w.record(e)
		}
		w.set()
		tell("pr.create", execution(1), "acme/shop#1")
		tell("pr.create", execution(1), "acme/shop#2")
		tell("forge.pr.merge", "", "acme/shop#3")
		w.pass(60)
		tell("pr.create", execution(2), "acme/shop#1")
		tell("forge.pr.merge", "", "acme/shop#1")
		tell("forge.pr.merge", "", "acme/shop#2")
		opened := func() (of []string) {
			merges, err := w.Store.Merges(t.Context(), w.Org, begin, w.now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range merges {
				of = append(of, m.Execution)
			}
			return of
		}
		if got, want := opened(), []string{"", execution(1), execution(1)}; !slices.Equal(got, want) {
			t.Errorf("opened by %q, want %q", got, want)
		}
		w.pass(60)
		if a := w.apply(); a.Events != 4 { // with the start that nobody told
			t.Errorf("swept %+v", a)
		}
		if got, want := opened(), []string{execution(2), ""}; !slices.Equal(got, want) {
			t.Errorf("after the sweep opened by %q, want %q", got, want)
		}
		w.mustHold()
	})
}

func TestSessionsGoBeforeRuns(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.run(execution(1))
		w.set()
		w.pass(31)
		a := w.apply()
		if a.Executions != 0 || a.Events == 0 {
			t.Errorf("swept %+v, want events of the session and no run", a)
		}
		w.mustHold()
		x, err := w.Store.Execution(t.Context(), w.Org, execution(1))
		if err != nil || x.Status != whodid.StatusSuccess {
			t.Fatalf("the run without its session: %+v, %v", x, err)
		}
		w.pass(60)
		if a = w.apply(); a.Executions != 1 {
			t.Errorf("swept %+v", a)
		}
		w.mustHold()
	})
}

func TestSessionThatTellsTheEndStays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.run(execution(1))
		w.now = w.now.Add(time.Hour)
		// It went on, and nobody told how that ended.
		w.record(w.event("session.start", execution(1), whodid.Data{"reason": "resume"}))
		w.set()
		w.pass(31)
		before, err := w.Store.Execution(t.Context(), w.Org, execution(1))
		if err != nil {
			t.Fatal(err)
		}
		w.apply()
		w.mustHold()
		after, err := w.Store.Execution(t.Context(), w.Org, execution(1))
		if err != nil || after.Status != before.Status {
			t.Errorf("the status was %s, and is %+v, %v", before.Status, after, err)
		}
	})
}

func TestHoldsWin(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		start := w.event("execution.start", execution(1), whodid.Data{"repository": "github.com/acme/shop"})
		start.OnBehalfOf = "human:p-bob"
		part := w.event("execution.start", execution(2), whodid.Data{"agent_type": "explorer", "parent": execution(1)})
		call := w.event("model.call", execution(2), whodid.Data{"model": "m", "run": execution(1), "input_tokens": int64(1), "output_tokens": int64(1)})
		loose := w.event("file.write", "", nil)
		loose.Actor, loose.Target, loose.Session = "human:p-bob", "acme/shop#44", ""
		w.record(start, part, call, loose)
		w.run(execution(3))
		w.set()
		w.pass(91)
		for scope, want := range map[string]struct{ runs, events int }{ // that may go
			"execution:" + execution(1):       {1, 7},
			"execution:" + execution(2):       {1, 7}, // a part of the first
			"execution:" + execution(9):       {3, 10},
			"agent:engineering/*":             {0, 1},
			"agent:ops/*":                     {3, 10},
			"squad:engineering":               {0, 1},
			"squad:engineer":                  {3, 10},
			"repository:acme/shop":            {1, 6},
			"repository:github.com/acme/shop": {1, 7},
			"repository:hop":                  {3, 10},
			"person:p-bob":                    {1, 6},
			"person:human:p-bob":              {1, 6},
			"person:p-eve":                    {3, 10},
			"time:2026-03-10..2026-03-11":     {0, 0},
			"time:2026-03-11..2026-03-12":     {3, 10},
		} {
			id := w.hold(scope)
			p, err := w.Asker.RetentionPreview(t.Context(), w.now)
			if err != nil {
				t.Fatal(err)
			}
			runs := p.Classes[0]
			if runs.Executions != want.runs || runs.Events != want.events || runs.HeldEvents != 10-want.events || runs.HeldExecutions != 3-want.runs {
				t.Errorf("under %s would go %+v, want %+v", scope, runs, want)
			}
			w.release(id)
		}
		id := w.hold("execution:" + execution(2))
		if a := w.apply(); a.Executions != 1 || a.Gone[0] != execution(3) {
			t.Errorf("under a hold on a part of the first run went %+v", a)
		}
		w.mustHold()
		w.release(id)
		w.apply()
		w.mustHold()
		if x, err := w.Store.Executions(t.Context(), w.Org, store.ExecutionFilter{}); err != nil || len(x) != 0 {
			t.Errorf("%d runs are left once all is released, %v", len(x), err)
		}
	})
}

// A part of a run that is recorded late keeps the run: what they add up to can't
// be told apart.
func TestLatePartKeepsRun(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.run(execution(1))
		w.set()
		w.pass(91)
		w.record(w.event("model.call", execution(2), whodid.Data{"model": "m", "run": execution(1), "input_tokens": int64(1), "output_tokens": int64(1)}))
		w.apply()
		w.mustHold()
		if _, err := w.Store.Execution(t.Context(), w.Org, execution(1)); err != nil {
			t.Error(err)
		}
		w.pass(91)
		w.apply()
		w.mustHold()
		if x, err := w.Store.Executions(t.Context(), w.Org, store.ExecutionFilter{}); err != nil || len(x) != 0 {
			t.Errorf("%d runs are left, %v", len(x), err)
		}
	})
}

// The time that counts is the trail's own: what a source says of its past does not
// get anything swept.
func TestTimeOfSourceDoesNotCount(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		e := w.event("file.write", execution(1), nil)
		e.At = begin.AddDate(-3, 0, 0)
		w.record(e)
		w.set()
		w.pass(89)
		if a := w.apply(); a.Events != 0 {
			t.Errorf("swept %+v", a)
		}
	})
}

func TestOrganisationsApart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		for n := range 5 {
			w.run(execution(n))
		}
		o := w.other("other")
		rows := o.run(execution(1))
		w.set()
		w.pass(120)
		if a := w.apply(); a.Executions != 5 {
			t.Errorf("swept %+v", a)
		}
		w.mustHold()
		o.now = w.now
		o.mustHold()
		ids := o.ids()
		for _, r := range rows {
			if !ids[r.ID] {
				t.Errorf("%s of the other organisation is gone", r.ID)
			}
		}
		o.set()
		if a := o.apply(); a.Executions != 1 {
			t.Errorf("swept %+v of the other", a)
		}
		o.mustHold()
		w.mustHold()
	})
}

func TestNothingGoesUnconfirmed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.run(execution(1))
		w.pass(1000)
		if _, err := w.Apply(t.Context(), true); !errors.Is(err, retention.ErrUnconfirmed) {
			t.Errorf("without a policy: %v", err)
		}
	})
}

func TestClockThatJumped(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.run(execution(1))
		w.set()
		w.pass(2)
		w.run(execution(2))
		if a, err := w.Apply(t.Context(), false); err != nil || a.Events != 0 {
			t.Fatalf("a clock that is right: %+v, %v", a, err)
		}
		w.pass(365) // it jumped, and the trail goes on by it
		w.run(execution(3))
		if _, err := w.Apply(t.Context(), false); !errors.Is(err, retention.ErrClock) {
			t.Errorf("a clock that jumped: %v", err)
		}
		w.pass(-365) // and is set right
		w.run(execution(4))
		if _, err := w.Apply(t.Context(), false); !errors.Is(err, retention.ErrClock) {
			t.Errorf("a trail that knows a later time: %v", err)
		}
		if len(w.ids()) < 24 {
			t.Error("something is gone")
		}
	})
}
