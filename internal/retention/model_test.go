package retention_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

// model is what must hold of a trail, kept in memory, beside the trail itself.
type model struct {
	*world
	told   []whodid.Event              // everything that was ever recorded
	at     map[string]time.Time        // when the trail took it, by id
	holds  map[string]whodid.HoldScope // that stand, by id
	proofs []*proof.Bundle
	seen   []witness.Sighting
	gone   map[string]bool // what was found to be gone, by id
	dir    string          // for what erasures keep apart
}

// laws checks everything that must hold after every step.
func (m *model) laws(t *rapid.T) {
	v, err := m.Asker.Verify(t.Context(), ask.VerifyOptions{TrustedKey: m.public, KeyFrom: "the test", Sightings: m.seen})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Problems) > 0 || v.Verdicts.Integrity.State != proof.Proved {
		t.Fatalf("the trail does not verify: %+v\n%+v", v.Verdicts, v.Problems)
	}
	rows, err := m.Store.Events(t.Context(), m.Org, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for i := range rows {
		if there[rows[i].ID] {
			t.Fatalf("%s is there twice", rows[i].ID)
		}
		there[rows[i].ID] = true
	}
	if v.TreeSize != uint64(len(rows))+v.Swept {
		t.Fatalf("%d events are there and %d were swept, of %d", len(rows), v.Swept, v.TreeSize)
	}
	m.nothingIsMissing(t, rows, there)
	keys, err := proof.ParseKeys(m.public)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.proofs {
		if v := proof.Check(b, keys); v.Integrity.State != proof.Proved {
			t.Fatalf("a proof from before does not verify: %+v", v.Integrity)
		}
	}
}

// nothingIsMissing checks that what is gone is due, and not held.
func (m *model) nothingIsMissing(t *rapid.T, rows []store.Row, there map[string]bool) {
	last := map[string]time.Time{} // by run
	for i := range m.told {
		e := &m.told[i]
		kind, _ := whodid.KindOf(e.What)
		// What a session left keeps its run only as long as it is there: it may be
		// due long before the run is.
		counts := kind.Class == whodid.ClassRun || kind.Class == whodid.ClassSession && there[e.ID]
		if counts && m.at[e.ID].After(last[e.Execution]) {
			last[e.Execution] = m.at[e.ID]
		}
	}
	heldRuns := map[string]bool{}
	for _, h := range m.holds {
		for i := range rows {
			if e := &rows[i].Event; h.Covers(e) {
				heldRuns[e.Execution] = true
			}
		}
	}
	for i := range m.told {
		e := &m.told[i]
		if there[e.ID] || m.gone[e.ID] {
			continue
		}
		m.gone[e.ID] = true // what was right to go stays so, whatever comes
		kind, _ := whodid.KindOf(e.What)
		age := m.now.Sub(m.at[e.ID])
		period := 90 * 24 * time.Hour
		switch kind.Class {
		case whodid.ClassPermanent:
			t.Fatalf("%s is gone, and permanent", e.What)
		case whodid.ClassSession:
			period = 30 * 24 * time.Hour
		case whodid.ClassRun:
			if e.Execution != "" {
				age = m.now.Sub(last[e.Execution])
			}
		}
		if age <= period {
			t.Fatalf("%s is gone after %s, and its period is %s", e.What, age, period)
		}
		if e.Execution != "" && heldRuns[e.Execution] && kind.Class == whodid.ClassRun {
			t.Fatalf("%s of %s is gone, and the run is held", e.What, e.Execution)
		}
	}
}

// record records events and remembers them.
func (m *model) recordAll(t *rapid.T, events ...whodid.Event) []*store.Row {
	rows, err := m.Recorder.Record(t.Context(), events...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		m.told = append(m.told, r.Event)
		m.at[r.ID] = r.RecordedAt
	}
	return rows
}

// actions are the steps that a sequence is made of.
func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": m.laws,
		"record": func(t *rapid.T) {
			run := execution(rapid.IntRange(0, 5).Draw(t, "run"))
			what := rapid.SampledFrom([]string{"execution.start", "session.start", "file.write", "model.call", "execution.finish", "session.end", "execution.tag"}).Draw(t, "what")
			e := m.event(what, run, nil)
			e.Result = map[string]whodid.Result{"execution.finish": whodid.ResultSuccess, "file.write": whodid.ResultSuccess}[what]
			switch what {
			case "model.call":
				e.Data = whodid.Data{"model": "m", "input_tokens": int64(3), "output_tokens": int64(2)}
				if rapid.Bool().Draw(t, "part") {
					e.Data["run"] = execution(rapid.IntRange(0, 5).Draw(t, "of"))
				}
			case "execution.tag":
				e.Data = whodid.Data{"k": "v"}
			}
			rows := m.recordAll(t, e)
			if rapid.IntRange(0, 3).Draw(t, "prove") == 0 && len(rows) > 0 {
				m.proofs = append(m.proofs, m.prove(rows[0].ID))
			}
		},
		"record what belongs to no run": func(t *rapid.T) {
			e := m.event("file.write", "", nil)
			e.Actor, e.OnBehalfOf, e.Session = "human:p-bob", "", ""
			m.recordAll(t, e)
		},
		"approve": func(t *rapid.T) {
			id := whodid.NewID(whodid.PrefixApproval)
			ask := m.event("approval.request", execution(0), whodid.Data{"type": "pr.merge", "for_agent": "engineering/solver", "digest": "sha256:00"})
			ask.Key, ask.Approval = whodid.ApprovalKey(id, whodid.ApprovalRequestPart), id
			grant := m.event("approval.grant", "", whodid.Data{"digest": "sha256:00"})
			grant.Key, grant.Approval, grant.Actor = whodid.ApprovalKey(id, whodid.ApprovalDecisionPart), id, "human:p-anna"
			m.recordAll(t, ask, grant)
		},
		"tell again": func(t *rapid.T) {
			if len(m.told) == 0 {
				t.Skip("nothing was told yet")
			}
			e := rapid.SampledFrom(m.told).Draw(t, "event")
			e.RecordedAt = time.Time{}
			if rows, err := m.Recorder.Record(t.Context(), e); err != nil || len(rows) > 0 {
				// Only the start of its run may be supposed again.
				for _, r := range rows {
					if r.ID == e.ID {
						t.Fatalf("%s came back", e.What)
					}
					m.told = append(m.told, r.Event)
					m.at[r.ID] = r.RecordedAt
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		},
		"hold": func(t *rapid.T) {
			scope := rapid.SampledFrom([]string{"execution:" + execution(1), "agent:engineering/*", "person:p-bob", "squad:ops", "execution:" + execution(3)}).Draw(t, "scope")
			e := m.event("hold.place", "", nil)
			e.Actor, e.Target, e.Session, e.Why = "human:p-anna", scope, "", "a court asks"
			rows := m.recordAll(t, e)
			h, err := whodid.ParseHoldScope(scope)
			if err != nil {
				t.Fatal(err)
			}
			m.holds[rows[0].ID] = h
		},
		"release": func(t *rapid.T) {
			for id := range m.holds {
				e := m.event("hold.release", "", nil)
				e.Actor, e.Target, e.Session = "human:p-anna", id, ""
				m.recordAll(t, e)
				delete(m.holds, id)
				return
			}
			t.Skip("no hold stands")
		},
		"wait": func(t *rapid.T) { m.pass(rapid.IntRange(1, 60).Draw(t, "days")) },
		"sweep": func(t *rapid.T) {
			if _, err := m.Apply(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		},
		"witness": func(*rapid.T) { m.seen = append(m.seen, m.sighting()) },
		"erase": func(t *rapid.T) {
			holding, err := m.Asker.Holding(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s := &privacy.Service{Org: m.Org, Store: m.Store, Recorder: m.Recorder, Now: m.Now, Holds: holding, List: privacy.ListIn(filepath.Join(m.dir, m.Org)), Logs: m.dir}
			sel := privacy.Selector{Kind: privacy.ByExecution, Value: execution(rapid.IntRange(0, 5).Draw(t, "run"))}
			p, err := s.Plan(t.Context(), sel)
			if err != nil {
				t.Fatal(err)
			}
			if p.Empty() {
				t.Skip("there is nothing to erase")
			}
			if _, err := s.Erase(t.Context(), p, "asked", privacy.Who{Actor: "human:p-anna", Source: "cli"}); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// TestLaws runs random sequences of everything that changes a trail, on both
// stores, and checks the laws after each step. Each sequence has an organisation of
// its own, all of them in one database.
func TestLaws(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var n atomic.Int64
		began, dir := time.Now(), t.TempDir()
		rapid.Check(t, func(rt *rapid.T) {
			if time.Since(began) > 8*time.Second {
				return // the machine is slow; what was tried is enough
			}
			o := &world{Keeper: w.Keeper, t: rt, location: w.location, now: begin}
			o.open(fmt.Sprint("org-", n.Add(1)))
			m := &model{world: o, at: map[string]time.Time{}, gone: map[string]bool{}, holds: map[string]whodid.HoldScope{}, dir: dir}
			e := m.event("retention.set", "", whodid.Data{"run_days": int64(90), "session_days": int64(30)})
			e.Actor, e.Target, e.Session = "human:p-anna", "seed", ""
			m.recordAll(rt, e)
			rt.Repeat(m.actions())
		})
	})
}

// TestRestoredCopy puts an older copy in the place of a trail that was swept since:
// whoever saw it later finds that out, and the sweep can be done again.
func TestRestoredCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	w.run(execution(1))
	w.set()
	if _, err := w.Store.CountSweeps(t.Context(), w.Org); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := w.Store.Close(); err != nil { // so that all of it is in the one file
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.location.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Keeper = nil
	w.open("default")
	w.pass(100)
	w.apply()
	later := w.sighting()
	w.mustHold()
	w.location.Path, w.Keeper = copied, nil
	w.open("default")
	v, err := w.Asker.Verify(t.Context(), ask.VerifyOptions{TrustedKey: w.public, KeyFrom: "the test", Sightings: []witness.Sighting{later}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(v.Problems, func(p ask.Problem) bool { return p.Kind == "rewritten" }) {
		t.Errorf("an older copy was not found out: %+v", v.Problems)
	}
	if a := w.apply(); a.Executions != 1 {
		t.Errorf("swept %+v in the older copy", a)
	}
}
