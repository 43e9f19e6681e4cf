package retention_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/retention"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

var begin = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// tester is a test, or one run of a property.
type tester interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// world is a trail with a clock that the test sets.
type world struct {
	*retention.Keeper
	t        tester
	location place.Location
	public   string
	private  string
	now      time.Time
	n        int
}

func onBoth(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(t, newWorld(t, engine)) })
}

func newWorld(t testing.TB, engine string) *world {
	t.Helper()
	address := "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "trail.db"))
	if engine == "postgres" {
		address = testenv.Postgres(t)
	}
	location, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, location: location, now: begin}
	w.open("default")
	return w
}

// open opens the trail for an organisation with a key of its own.
func (w *world) open(org string) {
	w.t.Helper()
	var s *store.Store
	var err error
	if w.Keeper != nil {
		s = w.Store
	} else {
		if s, err = store.Open(w.t.Context(), w.location); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = s.Close() })
	}
	if w.private == "" {
		if w.private, w.public, err = proof.GenerateKey("whodid.test/" + org); err != nil {
			w.t.Fatal(err)
		}
	}
	log, err := ledger.Open(w.t.Context(), s, org, w.private, w.public, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	cleaner, err := redact.New(redact.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	clock := func() time.Time { return w.now }
	w.Keeper = &retention.Keeper{
		Org: org, Store: s, Recorder: record.New(org, log, s, cleaner, clock), Asker: ask.New(s, org, clock), Now: clock,
	}
}

// other opens another organisation of the same trail.
func (w *world) other(org string) *world {
	o := &world{Keeper: w.Keeper, t: w.t, location: w.location, now: w.now}
	o.open(org)
	return o
}

func (w *world) record(events ...whodid.Event) []*store.Row {
	w.t.Helper()
	rows, err := w.Recorder.Record(w.t.Context(), events...)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

func agent(name string) string { return whodid.AgentActor(name) }

// event is one of an execution at the time of the clock.
func (w *world) event(what, execution string, data whodid.Data) whodid.Event {
	w.n++
	e := whodid.Event{
		Key: fmt.Sprint("test/", w.Org, "/", w.n), Actor: agent("engineering/solver"), What: what, Target: fmt.Sprint("t", w.n),
		At: w.now.Add(time.Duration(w.n) * time.Millisecond), Execution: execution, Session: "s-" + execution, Source: "cli", Data: data,
	}
	if kind, ok := whodid.KindOf(what); ok && kind.Action {
		e.Result = whodid.ResultSuccess
	}
	return e
}

// run records a whole run with its session, and returns its events.
func (w *world) run(execution string) []*store.Row {
	w.t.Helper()
	events := []whodid.Event{
		w.event("session.start", execution, whodid.Data{"reason": "startup"}),
		w.event("execution.start", execution, whodid.Data{"trigger": "manual"}),
		w.event("file.write", execution, whodid.Data{"tool": "Write"}),
		w.event("model.call", execution, whodid.Data{"model": "m", "input_tokens": int64(10), "output_tokens": int64(5), "cost_micros": int64(70)}),
		w.event("execution.finish", execution, nil),
		w.event("session.end", execution, nil),
	}
	events[4].Result = whodid.ResultSuccess
	return w.record(events...)
}

func execution(n int) string { return fmt.Sprintf("exec-%016d", n) }

// set confirms the policy of the seed.
func (w *world) set() {
	w.t.Helper()
	e := w.event("retention.set", "", whodid.Data{"run_days": int64(90), "session_days": int64(30)})
	e.Actor, e.Target, e.Session = "human:p-anna", "seed", ""
	w.record(e)
}

func (w *world) apply() *retention.Applied {
	w.t.Helper()
	a, err := w.Apply(w.t.Context(), true)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) pass(days int) { w.now = w.now.Add(time.Duration(days) * 24 * time.Hour) }

func (w *world) hold(scope string) string {
	w.t.Helper()
	e := w.event("hold.place", "", nil)
	e.Actor, e.Target, e.Session, e.Why = "human:p-anna", scope, "", "a court asks"
	return w.record(e)[0].ID
}

func (w *world) release(id string) {
	w.t.Helper()
	e := w.event("hold.release", "", nil)
	e.Actor, e.Target, e.Session = "human:p-anna", id, ""
	w.record(e)
}

func (w *world) verify() *ask.Verification {
	w.t.Helper()
	v, err := w.Asker.Verify(w.t.Context(), ask.VerifyOptions{TrustedKey: w.public, KeyFrom: "the test"})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// holds fails the test if the trail does not verify.
func (w *world) mustHold() *ask.Verification {
	w.t.Helper()
	v := w.verify()
	if len(v.Problems) > 0 || v.Verdicts.Refuted() {
		w.t.Fatalf("the trail does not verify: %+v\n%+v", v.Verdicts, v.Problems)
	}
	return v
}

// mustFind fails the test if the trail verifies, or not for a reason of the kind.
func (w *world) mustFind(kind string) {
	w.t.Helper()
	v := w.verify()
	for _, p := range v.Problems {
		if p.Kind == kind {
			return
		}
	}
	w.t.Errorf("verify finds nothing that is %s: %+v", kind, v.Problems)
}

// ids are the ids of the events that are there.
func (w *world) ids() map[string]bool {
	w.t.Helper()
	rows, err := w.Store.Events(w.t.Context(), w.Org, store.EventFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]bool{}
	for i := range rows {
		if out[rows[i].ID] {
			w.t.Errorf("event %s is there twice", rows[i].ID)
		}
		out[rows[i].ID] = true
	}
	return out
}

func (w *world) prove(id string) *proof.Bundle {
	w.t.Helper()
	b, err := w.Asker.Prove(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// sighting is the head of now, as a witness sees it.
func (w *world) sighting() witness.Sighting {
	w.t.Helper()
	head, err := w.Store.Head(context.Background(), w.Org)
	if err != nil {
		w.t.Fatal(err)
	}
	return witness.Sighting{Witness: "test", Checkpoint: head.Checkpoint, SeenAt: w.now}
}

// searched counts what a search finds of a run.
func (w *world) searched(id string) int {
	w.t.Helper()
	f := whodid.Filter{Terms: []whodid.Term{{Field: whodid.FilterExecution, Values: []string{id}}}}
	found, err := w.Asker.Search(w.t.Context(), ask.Selection{Filter: f}, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found.Hits)
}
