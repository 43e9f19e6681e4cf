package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var mergeTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"who opened what was merged is what the events say": testMerges,
	"merges that agents claim are found":                testClaimedMerges,
	"approvals that were not granted are found":         testApprovalsNotGranted,
}

// testMerges tells of pull requests in any order, erases some of it, and compares
// what is kept of merges with what a walk over all events finds.
func testMerges(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	NewBook(t, s, "other").Append(t, ParseClaim(t, 1, "pr.create acme/shop#1 success -99"), ParseClaim(t, 2, "forge.pr.merge acme/shop#1 - 1"))
	random := rand.New(rand.NewPCG(5, 6))
	var events []whodid.Event
	for n := range 60 {
		pull := fmt.Sprintf("%s/shop#%d", []string{"acme", "Acme"}[random.IntN(2)], random.IntN(12))
		what := []string{"pr.create", "forge.pr.merge", "forge.pr.merge", "pr.merge", "forge.pr.close"}[random.IntN(5)]
		e := ParseClaim(t, n, fmt.Sprintf("%s %s %s %d", what, pull, []string{"success", "failed", "attempted"}[random.IntN(3)], random.IntN(40)))
		switch random.IntN(5) {
		case 0:
			e.Actor = whodid.HumanActor("p2")
		case 1:
			e.Actor = whodid.AgentActor("ops/deployer")
		}
		if e.Execution != "" {
			e.Execution = []string{ExecutionID(1), ExecutionID(2), ExecutionID(3), ""}[random.IntN(4)]
		} else if list := [][]string{nil, {}, {ExecutionID(1)}, {ExecutionID(2)}, {ExecutionID(1), ExecutionID(2)}}[random.IntN(5)]; list != nil {
			e.Data["executions"] = list
		}
		events = append(events, e)
	}
	for n, agent := range []string{"engineering/issue-solver", "ops/deployer", "ops/deployer", "ops/other"} {
		e := ParseClaim(t, 100+n, fmt.Sprintf("execution.start - - %d", -n))
		e.Actor, e.Execution, e.Data = whodid.AgentActor(agent), ExecutionID(1+n%2), whodid.Data{"trigger": "manual"}
		events = append(events, e)
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	var rows []*store.Row
	alone := 0
	for len(events) > 0 {
		n := min(1+random.IntN(9), len(events))
		rows = append(rows, b.Append(t, events[:n]...)...)
		events = events[n:]
		alone += checkMerges(t, s)
	}
	if alone == 0 {
		t.Error("nothing was merged in which one run alone had a part")
	}
	for i, r := range rows[:20] {
		_, err := s.Erase(t.Context(), "default", &store.Erasure{
			ID: fmt.Sprint("evt-erase-", i), At: Epoch, Request: []byte("{}"), Events: []store.Taking{{Event: r.ID, Fields: []string{"target"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		checkMerges(t, s)
	}
	if got, err := s.Merges(t.Context(), "default", Epoch.Add(10*time.Second), Epoch.Add(11*time.Second)); err != nil || len(got) == 0 || got[0].At != whodid.Micros(Epoch.Add(10*time.Second)) {
		t.Errorf("of a time: %v, %v", got, err)
	}
}

// checkMerges returns in how many of them one run alone had a part.
func checkMerges(t *testing.T, s *store.Store) int {
	t.Helper()
	rows, err := s.Events(t.Context(), "default", store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var want []store.Merge
	var together []uint64
	openers, alone := map[uint64]store.Opener{}, map[store.MergeTally]int64{}
	agents, err := s.AgentsOf(t.Context(), "default", []string{ExecutionID(1), ExecutionID(2), ExecutionID(3)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		f := &rows[i]
		if f.What != "forge.pr.merge" {
			continue
		}
		m := store.Merge{At: whodid.Micros(f.At), Seq: f.Seq, Opener: -1}
		var first *store.Row
		for j := range rows {
			c := &rows[j]
			opens := c.What == "pr.create" && whodid.AgentOf(c.Actor) != "" && (c.Result == whodid.ResultSuccess || c.Result == whodid.ResultAttempted)
			if opens && strings.EqualFold(c.Target, f.Target) && (first == nil || cmp.Or(c.At.Compare(first.At), cmp.Compare(c.Seq, first.Seq)) < 0) {
				first = c
			}
		}
		if first != nil {
			m.Opener, m.Agent, m.Execution = int64(first.Seq), whodid.AgentOf(first.Actor), first.Execution
			openers[f.Seq] = store.Opener{ID: first.ID, Actor: first.Actor, Execution: first.Execution}
		}
		others := slices.ContainsFunc(f.Data.List("executions"), func(id string) bool { return id != m.Execution }) || slices.ContainsFunc(rows, func(o store.Row) bool {
			return o.What == f.What && o.Seq != f.Seq && strings.EqualFold(o.Target, f.Target)
		})
		if m.Execution != "" && !others {
			alone[store.MergeTally{Agent: m.Agent, Runner: agents[m.Execution]}]++
		} else {
			together = append(together, f.Seq)
		}
		want = append(want, m)
	}
	slices.SortFunc(want, func(x, y store.Merge) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.Seq, y.Seq)) })
	since, until := Epoch.Add(-time.Hour), Epoch.Add(time.Hour)
	got, err := s.Merges(t.Context(), "default", since, until)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("merges (-events +kept):\n%s", diff)
	}
	checkMergesAlone(t, s, since, until, alone, together, want)
	opened, err := s.Openers(t.Context(), "default", since, until)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(openers, opened); diff != "" {
		t.Fatalf("openers (-events +kept):\n%s", diff)
	}
	checkDerived(t, s, "default")
	return len(alone)
}

// checkMergesAlone looks that merges are counted of which one run is known and no
// other, and that the others are found.
func checkMergesAlone(t *testing.T, s *store.Store, since, until time.Time, alone map[store.MergeTally]int64, together []uint64, all []store.Merge) {
	t.Helper()
	count := func(sel store.Selection, but ...uint64) map[store.MergeTally]int64 {
		found, err := s.MergesAlone(t.Context(), "default", since, until, sel, but)
		if err != nil {
			t.Fatal(err)
		}
		out := map[store.MergeTally]int64{}
		for _, m := range found {
			out[store.MergeTally{Agent: m.Agent, Runner: m.Runner}] = m.Merges
		}
		return out
	}
	if diff := gocmp.Diff(alone, count(store.Selection{})); diff != "" {
		t.Fatalf("merges of one run (-events +counted):\n%s", diff)
	}
	got, err := s.MergesTogether(t.Context(), "default", since, until)
	slices.Sort(got)
	slices.Sort(together)
	if err != nil || !slices.Equal(got, together) {
		t.Fatalf("other merges: %v, %v, want %v", got, err, together)
	}
	var but []uint64
	for i := range all {
		but = append(but, all[i].Seq)
	}
	if left := count(store.Selection{}, but...); len(left) > 0 {
		t.Fatalf("counted though left out: %v", left)
	}
	of := map[store.MergeTally]int64{}
	for m, n := range alone {
		if m.Runner == "ops/deployer" {
			of[m] = n
		}
	}
	term := whodid.Term{Field: whodid.FilterAgent, Values: []string{"ops/dep*"}}
	if diff := gocmp.Diff(of, count(store.Selection{Terms: []whodid.Term{term}, Squads: []string{"ops"}})); diff != "" {
		t.Fatalf("merges of an agent's runs (-events +counted):\n%s", diff)
	}
}

// checkDerived fails if anything is kept for reports that the events don't say.
func checkDerived(t *testing.T, s *store.Store, org string) {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	merges, err := snapshot.Merges(t.Context())
	if err != nil || len(merges) != 0 {
		t.Fatalf("merges that are wrong: %v, %v", merges, err)
	}
	actions := store.ActionHours{}
	err = snapshot.Scan(t.Context(), 0, snapshot.Head.Frontier.Size(), func(r *store.Row, _ string) error {
		actions.Add(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	hours, err := snapshot.Actions(t.Context(), actions)
	if err != nil || len(hours) != 0 {
		t.Fatalf("hours of actions that are wrong: %v, %v", hours, err)
	}
	approvals, err := snapshot.ApprovalEnds(t.Context())
	if err != nil || len(approvals) != 0 {
		t.Fatalf("approvals that are wrong: %v, %v", approvals, err)
	}
}

func testClaimedMerges(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "other").Append(t, ParseClaim(t, 1, "pr.merge acme/shop#2 success 9"))
	rows := NewBook(t, s, "default").Append(
		t,
		ParseClaim(t, 1, "pr.merge Acme/shop#1 attempted -30"),
		ParseClaim(t, 2, "forge.pr.merge acme/shop#1 - 10"),
		ParseClaim(t, 3, "forge.pr.merge acme/shop#2 - 11"),
		ParseClaim(t, 4, "pr.merge acme/shop#3 success 200"),
		ParseClaim(t, 5, "forge.pr.merge acme/shop#3 - 12"),
		ParseClaim(t, 6, "forge.pr.merge acme/shop#1 - 100"),
	)
	got, err := s.ClaimedMerges(t.Context(), "default", Epoch, Epoch.Add(time.Minute), time.Minute)
	if want := map[uint64]bool{rows[1].Seq: true}; err != nil || !gocmp.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	events, err := s.EventsAt(t.Context(), "default", []uint64{rows[5].Seq, rows[2].Seq})
	if err != nil || len(events) != 2 || events[0].ID != rows[2].ID || events[1].ID != rows[5].ID {
		t.Errorf("events at places: %v, %v", events, err)
	}
	openers, err := s.OpenersOf(t.Context(), "default", Epoch, Epoch.Add(time.Hour), []uint64{rows[2].Seq})
	if err != nil || len(openers) != 0 {
		t.Errorf("openers of what nobody opened: %v, %v", openers, err)
	}
}

// testApprovalsNotGranted makes approvals of every kind, flawed ones too, and looks
// that what is left out was granted, or over before.
func testApprovalsNotGranted(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	random := rand.New(rand.NewPCG(7, 8))
	plain := 0
	parts := map[string][]whodid.Event{}
	var all []whodid.Event
	for n := range 150 {
		id := whodid.DeriveID(whodid.PrefixApproval, "test", fmt.Sprint(n))
		asked := random.IntN(3000)
		request := whodid.Event{
			Key: whodid.ApprovalKey(id, "request"), What: "approval.request", Approval: id, At: Epoch, RecordedAt: Epoch.Add(time.Duration(asked) * time.Second),
			Actor: whodid.AgentActor("eng/solver"), OnBehalfOf: whodid.HumanActor("p1"), Source: "cli", Target: "x",
			Data: whodid.Data{"type": "pr.merge", "for_agent": "eng/solver", "digest": "d1"},
		}
		decision := whodid.Event{
			Key: whodid.ApprovalKey(id, "decision"), What: "approval.grant", Approval: id, At: Epoch, RecordedAt: Epoch.Add(time.Duration(asked+random.IntN(900)) * time.Second),
			Actor: whodid.HumanActor("p2"), Source: "cli", Data: whodid.Data{"digest": "d1"},
		}
		for range random.IntN(3) {
			switch random.IntN(9) {
			case 0:
				request.Data["four_eyes"], decision.Actor = true, whodid.HumanActor("p1")
			case 1:
				request.Data["signature_required"] = true
			case 2:
				decision.Data["signature"] = []string{"abc", "def"}
			case 3:
				decision.Data["digest"] = "d2"
			case 4:
				request.Data["expires"] = request.RecordedAt.Add(time.Duration(random.IntN(1200)) * time.Second).UTC().Format(time.RFC3339)
			case 5:
				request.Actor = decision.Actor
			case 6:
				decision.What, decision.Data = "approval.cancel", whodid.Data{}
			case 7:
				decision.What = "approval.reject"
			case 8:
				decision.Data["expires"] = decision.RecordedAt.Add(time.Minute).UTC().Format(time.RFC3339)
			}
		}
		if all = append(all, request); random.IntN(6) > 0 {
			all = append(all, decision)
			parts[id] = []whodid.Event{request, decision}
		} else {
			parts[id] = []whodid.Event{request}
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for list := range slices.Chunk(all, 7) {
		b.Append(t, list...)
	}
	at := func(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }
	before, since, until := at(500), at(1500), at(2500)
	got, err := s.ApprovalsNotGranted(t.Context(), "default", before, since, until)
	if err != nil {
		t.Fatal(err)
	}
	for id, events := range parts {
		if slices.Contains(got, id) {
			continue
		}
		for i, end := range []time.Time{since, until} {
			known := slices.DeleteFunc(slices.Clone(events), func(e whodid.Event) bool { return !e.RecordedAt.Before(end) })
			a, ok := whodid.FoldApproval(known, end)
			decided := !a.DecidedAt.IsZero() && !a.DecidedAt.Before([]time.Time{before, since}[i])
			switch {
			case !ok || !a.DecidedAt.IsZero() && a.DecidedAt.Before(before):
			case a.State == whodid.ApprovalPending, a.State == whodid.ApprovalRejected && decided, a.State == whodid.ApprovalExpired && a.ValidUntil.IsZero():
				t.Errorf("%s was %s at %v and is left out: %+v", id, a.State, end, events)
			default:
				plain++
			}
		}
	}
	if plain < 20 || len(got) < 20 {
		t.Errorf("%d are left out, %d are not", plain, len(got))
	}
	checkDerived(t, s, "default")
}
