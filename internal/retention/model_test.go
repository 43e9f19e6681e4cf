package retention_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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
	erased map[string]bool // ids of events that lost values
	shared *world          // of all sequences, whose database this one's log is in
	copied *copied         // an older copy of it
	copies int
	tally  *tally
}

// tally counts what the sequences did.
type tally struct{ sequences, steps, copies, restores, found, erasures int }

// copied is what was known when a copy was made.
type copied struct {
	name  string // of the file or the database
	size  uint64
	told  int
	holds map[string]whodid.HoldScope
	gone  map[string]bool
	seen  int
}

// laws checks everything that must hold after every step.
func (m *model) laws(t *rapid.T) {
	m.tally.steps++
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
		switch erased := rows[i].ErasedBy != ""; {
		case erased:
			m.erased[rows[i].ID] = true
		case m.erased[rows[i].ID]:
			t.Fatalf("what was erased of %s is back", rows[i].What)
		}
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
		"copy":    m.copy,
		"restore": m.restore,
		"erase": func(t *rapid.T) {
			holding, err := m.Asker.Holding(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s := m.privacy()
			s.Holds = holding
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

func (m *model) privacy() *privacy.Service {
	return &privacy.Service{Org: m.Org, Store: m.Store, Recorder: m.Recorder, Now: m.Now, List: privacy.ListIn(filepath.Join(m.dir, m.Org)), Logs: m.dir}
}

// maxCopies is how many copies a sequence makes: on PostgreSQL each takes a moment.
const maxCopies = 2

// copy makes a copy of the database, as an administrator does.
func (m *model) copy(t *rapid.T) {
	if m.copies++; m.copies > maxCopies {
		t.Skip("enough was copied")
	}
	head, err := m.Store.Head(t.Context(), m.Org)
	if err != nil {
		t.Fatal(err)
	}
	m.copied = &copied{size: head.Frontier.Size(), told: len(m.told), holds: maps.Clone(m.holds), gone: maps.Clone(m.gone), seen: len(m.seen)}
	m.copied.name = m.shared.swap(t, "")
	m.tally.copies++
	m.reopen()
}

// restore puts the copy in the place of the trail. What was recorded since is lost,
// and whoever saw it finds that out; what was swept since is there again; what was
// erased since is erased before anything is asked.
func (m *model) restore(t *rapid.T) {
	c := m.copied
	if c == nil {
		t.Skip("there is no copy")
	}
	m.shared.swap(t, c.name)
	m.reopen()
	lost := slices.ContainsFunc(m.seen[c.seen:], func(s witness.Sighting) bool {
		p, err := proof.PeekCheckpoint(s.Checkpoint)
		return err == nil && p.Size > c.size
	})
	v, err := m.Asker.Verify(t.Context(), ask.VerifyOptions{TrustedKey: m.public, KeyFrom: "the test", Sightings: m.seen})
	if err != nil {
		t.Fatal(err)
	}
	m.tally.restores++
	if lost {
		m.tally.found++
	}
	if found := slices.ContainsFunc(v.Problems, func(p ask.Problem) bool { return p.Kind == "rewritten" }); found != lost {
		t.Fatalf("an older copy of %d events was found out: %t, and somebody had seen more: %t\n%+v", c.size, found, lost, v.Problems)
	}
	for _, e := range m.told[c.told:] {
		delete(m.at, e.ID)
	}
	m.told, m.seen, m.holds, m.gone = m.told[:c.told:c.told], m.seen[:c.seen:c.seen], maps.Clone(c.holds), maps.Clone(c.gone)
	again, err := m.privacy().Reapply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.tally.erasures += len(again.Requests)
}

// reopen opens this sequence's log in the database that is there now.
func (m *model) reopen() {
	org := m.Org // of the keeper that goes
	m.Keeper = m.shared.Keeper
	m.open(org)
}

// swap copies the database if no copy is named, and else puts a copy of that in its
// place. It returns the name of the copy. The trail is closed meanwhile.
func (w *world) swap(t *rapid.T, from string) string {
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	w.Keeper = nil
	to := from
	if w.location.Path != "" {
		if from == "" {
			to = filepath.Join(filepath.Dir(w.location.Path), whodid.NewID("copy"))
			copyFile(t, w.location.Path, to)
		} else {
			copyFile(t, from, w.location.Path)
		}
	} else {
		name := w.name(t)
		if from == "" {
			to = strings.ReplaceAll(whodid.NewID("copy"), "-", "_")
			w.admin(t, `CREATE DATABASE `+to+` TEMPLATE `+name)
			w.t.Cleanup(func() { w.admin(w.t, `DROP DATABASE `+to+` WITH (FORCE)`) })
		} else {
			w.admin(t, `DROP DATABASE `+name+` WITH (FORCE)`)
			w.admin(t, `CREATE DATABASE `+name+` TEMPLATE `+from)
		}
	}
	w.open("default")
	return to
}

func copyFile(t *rapid.T, from, to string) {
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(to + suffix)
	}
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// name is that of the database, on PostgreSQL.
func (w *world) name(t tester) string {
	u, err := url.Parse(w.location.URL)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// admin runs a statement in the server's own database.
func (w *world) admin(t tester, statement string) {
	u, err := url.Parse(w.location.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/postgres"
	ctx := context.Background() // a clean-up comes after the test's own has ended
	c, err := pgx.Connect(ctx, u.String())
	if err == nil {
		_, err = c.Exec(ctx, statement)
	}
	if err == nil {
		err = c.Close(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLaws runs random sequences of everything that changes a trail, on both
// stores, and checks the laws after each step. Each sequence has an organisation of
// its own, all of them in one database.
func TestLaws(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var count tally
		began, dir := time.Now(), t.TempDir()
		rapid.Check(t, func(rt *rapid.T) {
			if time.Since(began) > 8*time.Second {
				return // the machine is slow; what was tried is enough
			}
			o := &world{Keeper: w.Keeper, t: rt, location: w.location, now: begin}
			count.sequences++
			o.open(fmt.Sprint("org-", count.sequences))
			m := &model{world: o, at: map[string]time.Time{}, gone: map[string]bool{}, holds: map[string]whodid.HoldScope{}, dir: dir, erased: map[string]bool{}, shared: w, tally: &count}
			e := m.event("retention.set", "", whodid.Data{"run_days": int64(90), "session_days": int64(30)})
			e.Actor, e.Target, e.Session = "human:p-anna", "seed", ""
			m.recordAll(rt, e)
			rt.Repeat(m.actions())
		})
		t.Logf("%+v", count)
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
