package ask_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// reconciled is a world in which the trail explains everything, and what was
// planted in it since.
type reconciled struct {
	org     string
	book    *storetest.Book
	events  []whodid.Event
	commits []store.Commit
	in      ask.ReconcileInput
	planted []string // as source and subject
}

const sound = 4 // runs

func runOf(n int) string { return fmt.Sprintf("exec-%016d", n) }
func shaOf(n int) string { return strings.Repeat(fmt.Sprintf("%02x", n), 20) }
func (w *reconciled) at(minutes int) time.Time {
	return storetest.Epoch.Add(time.Duration(minutes) * time.Minute)
}

func (w *reconciled) tell(what, execution, session string, minute int, data whodid.Data) *whodid.Event {
	e := fact(what, execution, minute, "", data)
	e.Key, e.Session = fmt.Sprintf("%s/%s/%s/%d", what, execution, session, len(w.events)), session
	w.events = append(w.events, e)
	return &w.events[len(w.events)-1]
}

func (w *reconciled) commit(n int, agent, execution string) {
	c := store.Commit{ID: shaOf(n), Repository: "example.com/acme/shop", Kind: "agent", Evidence: []string{"trailers"}, CommittedAt: w.at(n), AuthoredAt: w.at(n), Author: "p1", Agent: agent}
	if execution == "" {
		c.Evidence, c.Credits = []string{"co-author"}, []string{"Claude"}
	} else {
		c.Origins = []store.CommitOrigin{{Agent: agent, Execution: execution}}
	}
	w.commits = append(w.commits, c)
}

func newReconciled(org string) *reconciled {
	w := &reconciled{org: org}
	w.in = ask.ReconcileInput{Since: storetest.Epoch, Until: storetest.Epoch.Add(24 * time.Hour), Tolerance: 0.5}
	bill := ask.Billed{Name: "cost.csv", Format: "a table of usage"}
	total := int64(0)
	for n := 1; n <= sound; n++ {
		run, session := runOf(n), fmt.Sprint("s-", n)
		w.tell("execution.start", run, session, n, whodid.Data{"trigger": "manual"})
		w.tell("model.call", run, session, n+1, whodid.Data{"model": "m", "cost_micros": int64(1000 * n), "input_tokens": int64(10), "output_tokens": int64(5), "cache_read_tokens": int64(0), "cache_write_tokens": int64(0)})
		total += int64(1000 * n)
		w.tell("record.receive", run, session, n+1, whodid.Data{"first": int64(3), "last": int64(9)})
		w.tell("record.receive", run, session, n+2, whodid.Data{"first": int64(0), "last": int64(2)})
		w.tell("hook.register", run, session, n, whodid.Data{"event": "PostToolUse"})
		w.tell("file.read", run, session, n+2, whodid.Data{"call": fmt.Sprint("c-", n)}).Result = whodid.ResultSuccess
		w.commit(n, "ops/backup", run)
		merge := w.tell("forge.pr.merge", "", "", n+3, whodid.Data{"executions": []string{run}})
		merge.Actor, merge.Target = "system:github", fmt.Sprint("acme/shop#", n)
		w.in.Sessions = append(w.in.Sessions, ask.DiskSession{
			Client: "claude-code", Session: session, Path: session + ".jsonl", Known: true,
			Calls: []ask.DiskCall{{Execution: run, Call: fmt.Sprint("c-", n), At: w.at(n + 2)}},
		})
	}
	tokens := int64(15 * sound)
	bill.Lines = []ask.BilledLine{{Day: storetest.Epoch.Format(time.DateOnly), Model: "m", Micros: &total, Tokens: &tokens}}
	w.in.Bills = []ask.Billed{bill}
	return w
}

// plants are the holes, each of which must be found.
var plants = map[string]func(w *reconciled){
	"a commit whose run the trail lacks": func(w *reconciled) {
		w.commit(40, "ops/backup", runOf(99))
		w.planted = append(w.planted, "commits commit "+shaOf(40))
	},
	"an agent's commit without trailers": func(w *reconciled) {
		w.commit(41, "", "")
		w.planted = append(w.planted, "commits commit "+shaOf(41))
	},
	"a commit that names another agent's run": func(w *reconciled) {
		w.commit(42, "ops/other", runOf(1))
		w.planted = append(w.planted, "commits commit "+shaOf(42))
	},
	"a merge whose run the trail lacks": func(w *reconciled) {
		e := w.tell("forge.pr.merge", "", "", 50, whodid.Data{"executions": []string{runOf(98)}})
		e.Actor, e.Target = "system:github", "acme/shop#98"
		w.planted = append(w.planted, "forge pull_request acme/shop#98")
	},
	"a push by an agent's account": func(w *reconciled) {
		e := w.tell("forge.commit.push", "", "", 51, whodid.Data{"sha": shaOf(77)})
		e.Actor, e.Target = "agent:github/copilot", "acme/shop@main"
		w.planted = append(w.planted, "forge push acme/shop@main")
	},
	"a deployment by an agent's account": func(w *reconciled) {
		e := w.tell("forge.deploy.status", "", "", 52, whodid.Data{"environment": "production"})
		e.Actor, e.Target, e.Result = "agent:github/copilot", "acme/shop", whodid.ResultSuccess
		w.planted = append(w.planted, "forge deployment acme/shop")
	},
	"records that did not arrive": func(w *reconciled) {
		w.tell("record.receive", runOf(1), "s-1", 53, whodid.Data{"first": int64(14), "last": int64(15)})
		w.planted = append(w.planted, "telemetry records s-1 10-13")
	},
	"the first records of a session": func(w *reconciled) {
		w.tell("record.receive", runOf(2), "s-late", 54, whodid.Data{"first": int64(1), "last": int64(4)})
		w.tell("hook.register", runOf(2), "s-late", 54, whodid.Data{"event": "PreToolUse"})
		w.planted = append(w.planted, "telemetry records s-late 0")
	},
	"a session without a hook": func(w *reconciled) {
		w.tell("record.receive", runOf(3), "s-bare", 55, whodid.Data{"first": int64(0), "last": int64(4)})
		w.tell("hook.register", runOf(3), "s-bare", 55, whodid.Data{"event": "Stop"})
		w.planted = append(w.planted, "hooks session s-bare")
	},
	"a call that no hook told of": func(w *reconciled) {
		w.in.Sessions[0].Calls = append(w.in.Sessions[0].Calls, ask.DiskCall{Execution: runOf(1), Call: "c-untold", At: w.at(5)})
		w.planted = append(w.planted, "transcripts calls s-1 "+runOf(1))
	},
	"a session that the trail does not know": func(w *reconciled) {
		w.in.Sessions = append(w.in.Sessions, ask.DiskSession{Client: "gemini", Session: "s-new", Calls: []ask.DiskCall{{Execution: runOf(70), Key: "k", At: w.at(5)}}})
		w.planted = append(w.planted, "transcripts session s-new "+runOf(70))
	},
	"a bill that is three per cent higher": func(w *reconciled) {
		l := &w.in.Bills[0].Lines[0]
		more := *l.Micros * 103 / 100
		l.Micros = &more
		w.planted = append(w.planted, "usage usage "+l.Day+" m")
	},
	"a model on the bill that nothing recorded": func(w *reconciled) {
		n := int64(500)
		w.in.Bills = append(w.in.Bills, ask.Billed{Name: "more.csv", Lines: []ask.BilledLine{{Day: storetest.Epoch.Format(time.DateOnly), Model: "other", Micros: &n}}})
		w.planted = append(w.planted, "usage usage "+storetest.Epoch.Format(time.DateOnly)+" other")
	},
}

func (w *reconciled) reconcile(t testing.TB, s *store.Store) *ask.Reconciliation {
	t.Helper()
	w.book = storetest.NewBook(t, s, w.org)
	w.book.Append(t, w.events...)
	if err := s.PutCommits(t.Context(), w.org, w.commits); err != nil {
		t.Fatal(err)
	}
	if err := s.PutGitRepository(t.Context(), w.org, store.GitRepository{Name: "example.com/acme/shop", IndexedAt: storetest.Epoch}); err != nil {
		t.Fatal(err)
	}
	r, err := ask.New(s, w.org, func() time.Time { return storetest.Epoch.Add(48 * time.Hour) }).Reconcile(t.Context(), &w.in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found is what a reconciliation lists, and checks that its figures agree.
func found(t testing.TB, r *ask.Reconciliation) []string {
	t.Helper()
	var out []string
	for i := range r.Sources {
		s := &r.Sources[i]
		for _, u := range s.Items {
			out = append(out, s.Source+" "+u.Kind+" "+u.Subject)
			if u.Reason == "" || u.Next == "" {
				t.Errorf("%s %s says neither why nor what to do", s.Source, u.Subject)
			}
		}
		if s.Coverage != nil && (*s.Coverage == 100) != (len(s.Items) == 0) {
			t.Errorf("%s is covered to %v%%, with %d items", s.Source, *s.Coverage, len(s.Items))
		}
	}
	if all := len(out) == 0; r.Coverage == nil || (*r.Coverage == 100) != all || (r.Unexplained == 0) != all {
		t.Errorf("coverage %v with %d unexplained of %v", r.Coverage, r.Unexplained, out)
	}
	slices.Sort(out)
	return out
}

// TestReconcile plants holes, whichever together: each is found, and nothing else,
// and no coverage is whole where there is one.
func TestReconcile(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		names := make([]string, 0, len(plants))
		for name := range plants {
			names = append(names, name)
		}
		slices.Sort(names)
		n := 0
		check := func(t testing.TB, chosen []string) {
			n++
			w := newReconciled(fmt.Sprint("reconcile-", n))
			for _, name := range chosen {
				plants[name](w)
			}
			r := w.reconcile(t, s)
			slices.Sort(w.planted)
			if diff := cmp.Diff(w.planted, found(t, r)); diff != "" {
				t.Errorf("planted %v (-planted +found):\n%s", chosen, diff)
			}
			if short := r.Short(100); (len(short) > 0) != (len(chosen) > 0) {
				t.Errorf("planted %v, and under 100%% it says %v", chosen, short)
			}
		}
		check(t, nil)
		check(t, names)
		for _, name := range names {
			check(t, []string{name})
		}
		for range 3 {
			check(t, rapid.SliceOfNDistinct(rapid.SampledFrom(names), 2, len(names), rapid.ID).Example(n))
		}
	})
}

// TestReconcileUnchecked shows that what can't be looked at is no coverage.
func TestReconcileUnchecked(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		empty := ask.New(s, "empty", func() time.Time { return storetest.Epoch })
		r, err := empty.Reconcile(t.Context(), &ask.ReconcileInput{NoSessions: "left out"})
		if err != nil || r.Coverage != nil || r.Unexplained != 0 {
			t.Fatalf("of nothing it says %+v, %v", r, err)
		}
		for _, c := range r.Sources {
			if c.Checked || c.Coverage != nil || c.Reason == "" {
				t.Errorf("of nothing it says %+v", c)
			}
		}
		if why := r.Short(1); !slices.Equal(why, []string{"nothing outside of the trail was checked"}) {
			t.Errorf("it is short for %v", why)
		}
		w := newReconciled("broken")
		w.in.Bills = append(w.in.Bills, ask.Billed{Name: "torn.csv", Err: errors.New("torn")})
		w.in.Sessions = append(w.in.Sessions, ask.DiskSession{Path: "x.jsonl", Err: errors.New("torn")})
		w.in.Repos = []ask.ReconcileRepo{{Dir: "/nowhere", Err: errors.New("no repository")}}
		r = w.reconcile(t, s)
		var failed []string
		for _, c := range r.Sources {
			if c.Failed {
				failed = append(failed, c.Source)
			}
		}
		if !slices.Equal(failed, []string{"commits", "transcripts", "usage"}) || len(r.Short(0.01)) != 3 {
			t.Errorf("failed: %v, short: %v", failed, r.Short(0.01))
		}
	})
}

// TestReconciledIsKept records a result twice: gaps are told once.
func TestReconciledIsKept(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		w := newReconciled("kept")
		plants["an agent's commit without trailers"](w)
		plants["a bill that is three per cent higher"](w)
		r := w.reconcile(t, s)
		a := ask.New(s, w.org, func() time.Time { return storetest.Epoch.Add(48 * time.Hour) })
		if last, err := a.LastReconciliation(t.Context()); err != nil || last != nil {
			t.Errorf("before, the last is %v, %v", last, err)
		}
		last := r.Events()
		if len(last) != 3 || last[0].What != "reconcile.result" || last[1].What != "record.gap" {
			t.Fatalf("events: %v", last)
		}
		w.book.Append(t, last...)
		kept, err := a.LastReconciliation(t.Context())
		if err != nil || kept == nil || kept.Unexplained != 2 || kept.Coverage != last[0].Data.String("coverage") || !slices.Contains(kept.Sources, "commits=4/5") {
			t.Errorf("kept is %+v, %v", kept, err)
		}
		if last[0].Data.String("coverage") == "100.00" || last[0].Data.String("coverage") == "" {
			t.Errorf("coverage is %q", last[0].Data.String("coverage"))
		}
		r.At = r.At.Add(time.Hour)
		later := r.Events()
		if later[0].Key == last[0].Key || later[1].Key != last[1].Key {
			t.Error("a result is a new fact, and its gaps are not")
		}
	})
}
