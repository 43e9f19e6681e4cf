package ask_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// verdictsOf checks a dossier as somebody does who got it as a file.
func verdictsOf(t testing.TB, d *dossier.Dossier) *dossier.Report {
	t.Helper()
	archive, err := d.Archive(dossier.Deflated)
	if err != nil {
		t.Fatal(err)
	}
	read, err := dossier.Parse(archive)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := dossier.ParseTrust(nil, d.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return dossier.Check(read, trust)
}

func wantStates(t *testing.T, r *dossier.Report, integrity, completeness, approval proof.State) {
	t.Helper()
	v := r.Verdicts
	if v.Integrity.State != integrity || v.Completeness.State != completeness || v.Approval.State != approval {
		t.Errorf("integrity, completeness and approval are not %s, %s and %s:\n%+v", integrity, completeness, approval, v)
	}
}

// crowd are events of other runs, one each second.
func crowd(n int) []whodid.Event {
	var out []whodid.Event
	for i := range n {
		e := fact("file.write", fmt.Sprint("exec-other", i%7), 0, whodid.ResultSuccess, nil)
		e.Key, e.Target = fmt.Sprint("crowd/", i), fmt.Sprintf("f%d.go", i)
		out = append(out, e)
	}
	return out
}

func TestProveExecution(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		const id, approval = "exec-proved", "appr-cccccccccccccccc"
		book := storetest.NewBook(t, s, org)
		digest := whodid.ApprovalDigest("pr.merge", "acme/shop#44", "ops/backup", nil)
		request := fact("approval.request", id, 2, "", whodid.Data{"type": "pr.merge", "for_agent": "ops/backup", "digest": digest})
		grant := fact("approval.grant", "", 3, "", whodid.Data{"digest": digest})
		merge := fact("pr.merge", id, 4, whodid.ResultSuccess, nil)
		request.Key, request.Approval, request.Target = whodid.ApprovalKey(approval, "request"), approval, "acme/shop#44"
		grant.Key, grant.Approval, grant.Actor = whodid.ApprovalKey(approval, "decision"), approval, whodid.HumanActor("ada")
		merge.Approval, merge.Target = approval, "acme/shop#44"
		book.Append(t, fact("execution.start", id, 1, "", whodid.Data{"trigger": "manual"}), request, grant, merge)
		book.Append(t, fact("execution.finish", id, 5, whodid.ResultSuccess, nil))

		d, err := asker(s).ProveExecution(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		r := verdictsOf(t, d)
		wantStates(t, r, proof.Proved, proof.Proved, proof.Conditional)
		if len(r.Events) != 5 || r.Others != 0 {
			t.Errorf("it shows %d events and %d entries of others", len(r.Events), r.Others)
		}

		// In a log that is too long to be shown as a whole, what lies between its
		// first and its last event is.
		book.Append(t, crowd(700)...)
		tag := fact("execution.tag", id, 6, "", whodid.Data{"release": "1"})
		book.Append(t, tag)
		book.Append(t, crowd(710)[700:]...)
		if d, err = asker(s).ProveExecution(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r = verdictsOf(t, d)
		wantStates(t, r, proof.Proved, proof.Conditional, proof.Conditional)
		if len(r.Events) != 6 || r.Others != 700 {
			t.Errorf("it shows %d events and %d entries of others", len(r.Events), r.Others)
		}

		if d, err = asker(s).ProveEvent(t.Context(), whodid.EventID(org, merge.Key)); err != nil {
			t.Fatal(err)
		}
		r = verdictsOf(t, d)
		wantStates(t, r, proof.Proved, proof.NotShown, proof.Conditional)
		if len(r.Events) != 3 {
			t.Errorf("the proof of an event shows %d", len(r.Events))
		}
		if _, err := asker(s).ProveExecution(t.Context(), "exec-nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the proof of no execution: %v", err)
		}
	})
}

func TestProvePeriod(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		book := storetest.NewBook(t, s, org)
		var at []time.Time
		for i := range 3 {
			events := crowd(400 * (i + 1))[400*i:]
			for j := range events {
				events[j].RecordedAt = storetest.Epoch.Add(time.Duration(i)*time.Hour + time.Duration(j)*time.Second)
			}
			book.Append(t, events...)
			at = append(at, events[0].RecordedAt)
		}
		d, err := asker(s).ProvePeriod(t.Context(), at[1], at[2])
		if err != nil {
			t.Fatal(err)
		}
		r := verdictsOf(t, d)
		wantStates(t, r, proof.Proved, proof.Conditional, proof.NotShown)
		if len(r.Events) != 400 || r.Others != 2 {
			t.Errorf("it shows %d events and %d entries of others", len(r.Events), r.Others)
		}
		if d, err = asker(s).ProvePeriod(t.Context(), at[0], at[2].Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		wantStates(t, verdictsOf(t, d), proof.Proved, proof.Proved, proof.NotShown)
		if _, err := asker(s).ProvePeriod(t.Context(), at[0].Add(-2*time.Hour), at[0].Add(-time.Hour)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the proof of a time when nothing was: %v", err)
		}
	})
}

// benchEvents is the size of the trail that is proved. One of a million takes
// minutes to write.
var benchEvents = flag.Int("events", 20_000, "events in the trail that the benchmarks prove")

// BenchmarkProve makes the proofs of a run of a hundred events among others, and
// of the busiest period that fits, and checks the latter.
func BenchmarkProve(b *testing.B) {
	s := openSQLite(b)
	book := storetest.NewBook(b, s, org)
	events := crowd(*benchEvents)
	for i := range events[:min(len(events), 2000)] {
		if i%20 == 0 {
			events[len(events)/2+i-1000].Execution = "exec-proved"
		}
	}
	events[len(events)/2-1000].What = "execution.start"
	for len(events) > 0 {
		n := min(len(events), 2000)
		book.Append(b, events[:n]...)
		events = events[n:]
	}
	a := ask.New(s, org, time.Now)
	b.Run("execution", func(b *testing.B) {
		for b.Loop() {
			d, err := a.ProveExecution(b.Context(), "exec-proved")
			if err != nil {
				b.Fatal(err)
			}
			archive, err := d.Archive(dossier.Deflated)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(len(archive)), "bytes")
		}
	})
	d, err := a.ProveExecution(b.Context(), "exec-proved")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if r := verdictsOf(b, d); r.Verdicts.Integrity.State != proof.Proved || len(r.Events) != 100 {
				b.Fatal(r.Verdicts)
			}
		}
	})
}

// The proof of a report holds all that happened in its time, whenever it was
// recorded, and the approvals that were given before.
func TestProveReport(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		const approval = "appr-cccccccccccccccc"
		book := storetest.NewBook(t, s, org)
		hour := func(n int) time.Time { return storetest.Epoch.Add(time.Duration(n) * time.Hour) }
		events := crowd(1000)
		for i := range events {
			events[i].At, events[i].RecordedAt = hour(i/10), hour(i/10)
		}
		request := fact("approval.request", "", 0, "", whodid.Data{"type": "pr.merge"})
		request.Key, request.Approval, request.At, request.RecordedAt = whodid.ApprovalKey(approval, "request"), approval, hour(10), hour(10)
		events[701].Approval = approval
		late := fact("file.write", "", 0, whodid.ResultSuccess, nil)
		late.Key, late.At, late.RecordedAt = "late", hour(75), hour(100)
		book.Append(t, request)
		book.Append(t, events...)
		book.Append(t, late)
		const id = "sha256:ab"
		d, err := asker(s).ProveReport(t.Context(), id, hour(70), hour(80))
		if err != nil {
			t.Fatal(err)
		}
		r := verdictsOf(t, d)
		wantStates(t, r, proof.Proved, proof.Conditional, proof.NotShown)
		if len(r.Events) != 102 || d.Subject.String() != "report:"+id {
			t.Errorf("the proof of %s shows %d events, want 102", d.Subject, len(r.Events))
		}
		// Without what came late it is refuted, and cut before it nothing is shown.
		cut := *d
		cut.Events = d.Events[:len(d.Events)-1]
		delete(cut.Disclosed, d.Events[len(d.Events)-1])
		wantStates(t, verdictsOf(t, &cut), proof.Proved, proof.Refuted, proof.NotShown)
		short := *d
		short.Complete = &dossier.Span{First: d.Complete.First, End: d.Complete.End - 1}
		wantStates(t, verdictsOf(t, &short), proof.Proved, proof.NotShown, proof.NotShown)
		moved := *d
		moved.Subject.To = whodid.FormatTime(hour(79))
		if v := verdictsOf(t, &moved).Verdicts.Integrity; v.State != proof.Refuted {
			t.Errorf("the proof for another time: %+v", v)
		}
	})
}
