package export_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/retention"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/population"
)

// What was erased says so in every format and is still proved; what was swept is
// accounted for, and its certificate is there.
func TestErasedAndSweptAreAccountedFor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.append(rows(t, story()))
		now := october.AddDate(0, 2, 0)
		clock := func() time.Time { return now }
		cleaner, err := redact.New(redact.Options{})
		if err != nil {
			t.Fatal(err)
		}
		recorder := record.New(store.DefaultOrg, w.ledger, w.store, cleaner, clock)
		dir := t.TempDir()
		s := &privacy.Service{Org: store.DefaultOrg, Store: w.store, Recorder: recorder, Now: clock, List: privacy.ListIn(filepath.Join(dir, "erasures")), Logs: dir}
		plan, err := s.Plan(t.Context(), privacy.Selector{Kind: privacy.ByPath, Value: "late.go"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Erase(t.Context(), plan, "asked", privacy.Who{Actor: "human:p7k2m9q4tz8w1c3a", Source: "cli"}); err != nil {
			t.Fatal(err)
		}
		o := w.options()
		if done := w.export(o); done.Manifest.Log.Erased != 1 {
			t.Errorf("the log is accounted for as %+v, want one erased", done.Manifest.Log)
		}
		r := check(t, o.Dir, w.public)
		if states(r) != "ppccn" || !strings.Contains(r.Verdicts.Integrity.Detail, "of 1 of them values were erased") {
			t.Errorf("verdicts %s: %+v", states(r), r.Verdicts)
		}
		files := contents(t, o.Dir)
		for name, want := range map[string]string{
			"csv/actions.csv": population.ErasedCell, "jsonl/actions.jsonl": `"erased":["target"`, "parquet/actions.parquet": `["target"`,
		} {
			if !strings.Contains(files[name], want) || strings.Contains(files[name], "late.go") {
				t.Errorf("%s does not say of the target that it was erased", name)
			}
		}

		// Four months later all runs are due but the one that is held.
		now = october.AddDate(0, 6, 0)
		k := &retention.Keeper{Org: store.DefaultOrg, Store: w.store, Recorder: recorder, Asker: ask.New(w.store, store.DefaultOrg, clock), Now: clock}
		applied, err := k.Apply(t.Context(), true)
		if err != nil || applied.Events == 0 {
			t.Fatalf("%+v, %v: nothing was swept", applied, err)
		}
		o = w.options()
		done := w.export(o)
		if done.Manifest.Log.Swept == 0 {
			t.Errorf("the log is accounted for as %+v, want some swept", done.Manifest.Log)
		}
		r = check(t, o.Dir, w.public)
		if states(r) != "pcccn" || !strings.Contains(r.Verdicts.Completeness.Detail, "as the certificates of sweeps tell") {
			t.Errorf("verdicts %s: %+v", states(r), r.Verdicts)
		}
		o = w.options()
		o.From, o.To = october.AddDate(0, 6, 0).Add(-time.Hour), october.AddDate(0, 7, 0)
		if done := w.export(o); counts(done)["sweeps"] == 0 {
			t.Errorf("rows %v, want certificates of sweeps", counts(done))
		}
		if r := check(t, o.Dir, w.public); states(r)[0] != 'p' {
			t.Errorf("verdicts %s: %+v", states(r), r.Verdicts)
		}
	})
}

// A trail without events, and a period without, are exported all the same.
func TestNothingIsExportedToo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		o := w.options()
		if done := w.export(o); done.Rows != 0 {
			t.Errorf("%d rows of nothing", done.Rows)
		}
		if r := check(t, o.Dir, w.public); states(r) != "cnnnn" {
			t.Errorf("of an empty log: verdicts %s: %+v", states(r), r.Verdicts)
		}
		w.append(rows(t, story()))
		for _, basis := range []population.Basis{population.Happened, population.Recorded} {
			o = w.options()
			o.Basis, o.From, o.To = basis, october.AddDate(1, 0, 0), october.AddDate(1, 1, 0)
			if done := w.export(o); done.Rows != 0 {
				t.Errorf("%d rows of a period without any", done.Rows)
			}
			if r := check(t, o.Dir, w.public); states(r) != "pcncn" {
				t.Errorf("of a period without events by %s: verdicts %s: %+v", basis, states(r), r.Verdicts)
			}
		}
	})
}

// An execution of which nothing is known is not made of zeros.
func TestUnknownIsNotZero(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	w := newWorld(t, "sqlite", private, public)
	w.append(rows(t, []told{{what: "execution.start", recorded: 1, execution: "exec-0000000000000009"}}))
	o := w.options()
	w.export(o)
	row := lines(t, o.Dir, population.Executions)[0]
	for name, value := range row {
		if strings.HasPrefix(name, "tokens_") || strings.HasPrefix(name, "cost_") && name != "cost_state" || name == "completed_at" || name == "model_calls" {
			if value != nil {
				t.Errorf("%s is %v, want null", name, value)
			}
		}
	}
	if row["cost_state"] != "unknown" || row["status"] != string(whodid.StatusRunning) {
		t.Errorf("the row is %v", row)
	}
}
