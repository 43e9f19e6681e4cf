package ask_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/stamp/stamptest"
)

// provedWorld is a trail that two witnesses and an authority for time stamps see, and
// how much of it each of them has seen, by what the test itself remembers.
type provedWorld struct {
	t     *testing.T
	store *store.Store
	book  *storetest.Book
	// private is the log's own key.
	private string
	ask     *ask.Asker
	w1, w2  cosigner
	tsa     *stamptest.Authority
	file    *witness.File
	at      time.Time
	n       int
	seen    map[string]uint64
	barred  map[string]uint64 // the size at which something that proves nothing is kept of a witness
	runs    []string
}

// newProvedWorld makes one in which so many C2SP witnesses must have cosigned.
func newProvedWorld(t *testing.T, s *store.Store, quorum int) *provedWorld {
	t.Helper()
	private, public, err := proof.GenerateKey("whodid.test/" + org)
	if err != nil {
		t.Fatal(err)
	}
	at := storetest.Epoch.Add(time.Hour)
	w := &provedWorld{
		t: t, store: s, book: storetest.OpenBook(t, s, org, private, public), private: private, ask: ask.New(s, org, func() time.Time { return at }), at: at,
		w1: newCosigner("w1", 1), w2: newCosigner("w2", 2),
		tsa:  stamptest.New(t, "test.invalid clock", 60, at.AddDate(-1, 0, 0), at.AddDate(1, 0, 0), stamptest.None),
		seen: map[string]uint64{}, barred: map[string]uint64{},
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), []byte(w.tsa.RootPEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	w.file = &witness.File{}
	for _, p := range []witness.Place{
		{Name: "w1", Kind: witness.KindC2SP, URL: "https://w1.test.invalid", Key: w.w1.text()},
		{Name: "w2", Kind: witness.KindC2SP, URL: "https://w2.test.invalid", Key: w.w2.text()},
		{Name: "clock", Kind: witness.KindTSA, URL: "https://clock.test.invalid", Roots: filepath.Join(dir, "root.pem")},
	} {
		if err := w.file.Add(filepath.Join(dir, "witnesses.toml"), p, -1); err != nil {
			t.Fatal(err)
		}
	}
	w.file.Quorum = quorum
	w.ask.UseWitnesses(func() (*witness.File, error) { return w.file, nil })
	return w
}

func (w *provedWorld) size() uint64 {
	w.t.Helper()
	size, err := w.ask.Size(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return size
}

// sees notes that a witness has seen all that there is, unless something is kept of it
// already that says nothing.
func (w *provedWorld) sees(name string) {
	if size := w.size(); w.barred[name] != size {
		w.seen[name] = size
	}
}

// stamp keeps the time stamp of the trail's head.
func (w *provedWorld) stamp() {
	w.t.Helper()
	head := headOf(w.t, w.store)
	text, err := proof.CheckpointText(head)
	if err != nil {
		w.t.Fatal(err)
	}
	keep(w.t, w.store, &store.Witnessed{
		Witness: "clock", Kind: witness.KindTSA, Size: w.size(), Checkpoint: head, SeenAt: w.at,
		Evidence: base64.StdEncoding.EncodeToString(w.tsa.Stamp(w.t, []byte(text), w.at, nil, nil)),
	})
	w.sees("clock")
}

// does records one event of a run.
func (w *provedWorld) does(what, run string, result whodid.Result, data whodid.Data) {
	w.t.Helper()
	w.n++
	e := fact(what, run, w.n%50, result, data)
	e.Key, e.Target = fmt.Sprintf("step/%d", w.n), fmt.Sprintf("file%d.go", w.n)
	if run != "" {
		e.Actor = whodid.AgentActor(agentOf(run))
	}
	w.book.Append(w.t, e)
}

func agentOf(run string) string { return []string{"eng/solver", "ops/backup"}[run[len(run)-1]%2] }

// step does something at random.
func (w *provedWorld) step(r *rand.Rand) {
	w.t.Helper()
	any := func() string { return w.runs[r.IntN(len(w.runs))] }
	switch op := r.IntN(12); {
	case op < 2 || len(w.runs) == 0:
		id := fmt.Sprintf("exec-%016d", len(w.runs))
		data := whodid.Data{"trigger": "manual"}
		if len(w.runs) > 0 && r.IntN(4) == 0 {
			data["parent"], data["agent_id"], data["agent_type"] = any(), "sub-1", "explore"
		}
		w.runs = append(w.runs, id)
		w.does("execution.start", id, "", data)
	case op < 5:
		w.does("file.write", any(), whodid.ResultSuccess, nil)
	case op == 5:
		w.does("forge.pr.merge", any(), whodid.ResultSuccess, nil) // a webhook, long after the run ended
	case op == 6:
		w.does("execution.finish", any(), whodid.ResultSuccess, nil)
	case op == 7:
		w.does("checkpoint.witness", "", "", nil)
	case op == 8:
		w.w1.give(w.t, w.store, w.at)
		w.sees("w1")
	case op == 9:
		w.w2.give(w.t, w.store, w.at)
		w.sees("w2")
	case op == 10 && r.IntN(2) == 0:
		w.stamp()
	case op == 10:
		name := []string{"w1", "clock"}[r.IntN(2)]
		kind := map[string]string{"w1": witness.KindC2SP, "clock": witness.KindTSA}[name]
		if size := w.size(); w.seen[name] != size {
			keep(w.t, w.store, &store.Witnessed{Witness: name, Kind: kind, Size: size, Checkpoint: headOf(w.t, w.store), Evidence: "— w1 AAAA\n", SeenAt: w.at})
			w.barred[name] = size
		}
	default:
		rows, err := w.store.Events(w.t.Context(), org, store.EventFilter{What: "file.write"})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(rows) == 0 {
			return
		}
		w.n++
		e := &store.Erasure{ID: fmt.Sprintf("evt-erase%d", w.n), At: w.at, Request: []byte("{}"), Events: []store.Taking{{Event: rows[r.IntN(len(rows))].ID, Fields: []string{proof.FieldTarget}}}}
		if _, err := w.store.Erase(w.t.Context(), org, e); err != nil {
			w.t.Fatal(err)
		}
	}
}

// states is what every run has to be, by its own events one by one.
func (w *provedWorld) states() map[string]whodid.ProvedState {
	w.t.Helper()
	confirmed := max(min(w.seen["w1"], w.seen["w2"]), w.seen["clock"])
	rows, err := w.store.Events(w.t.Context(), org, store.EventFilter{})
	if err != nil && !errors.Is(err, store.ErrNoLog) {
		w.t.Fatal(err)
	}
	out := map[string]whodid.ProvedState{}
	for i := range rows {
		switch id := rows[i].Execution; {
		case id == "":
		case rows[i].Seq >= confirmed:
			out[id] = whodid.ProvedWaiting
		case out[id] == "":
			out[id] = whodid.ProvedWitnessed
		}
	}
	return out
}

// check holds every way to ask against that.
func (w *provedWorld) check() {
	w.t.Helper()
	want := w.states()
	got, err := w.ask.Proved(w.t.Context(), w.runs)
	if err != nil || !maps.Equal(got, want) {
		w.t.Fatalf("proved are %v, %v; want %v", got, err, want)
	}
	for _, id := range w.runs {
		show, err := w.ask.Show(w.t.Context(), id)
		if err != nil || show.Proof.Proved != string(want[id]) {
			w.t.Fatalf("%s is shown as %q, %v; want %s", id, show.Proof.Proved, err, want[id])
		}
	}
	for _, squads := range [][]string{nil, {"eng"}} {
		for _, f := range []string{"proved:waiting", "-proved:waiting", "proved:w*", "proved:witnessed,unwitnessed status:success"} {
			w.checkFilter(f, squads, want)
		}
		w.checkFacet(squads, want)
	}
}

// parse reads a filter.
func parse(t *testing.T, text string) whodid.Filter {
	t.Helper()
	f, err := whodid.ParseFilter(text, storetest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (w *provedWorld) checkFilter(text string, squads []string, want map[string]whodid.ProvedState) {
	w.t.Helper()
	f := parse(w.t, text)
	all, _, err := w.ask.SelectExecutions(w.t.Context(), ask.Selection{Squads: squads}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	fitting, runs := []string{}, int64(0)
	for _, x := range all.Executions {
		if !f.Terms[0].Fits(string(want[x.ExecutionID])) || len(f.Terms) > 1 && !f.Terms[1].Fits(x.Status) {
			continue
		}
		fitting = append(fitting, x.ExecutionID)
		if x.Subagent == "" {
			runs++
		}
	}
	sel := ask.Selection{Filter: f, Squads: squads}
	list, _, err := w.ask.SelectExecutions(w.t.Context(), sel, nil)
	if err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	if got := idsOf(list.Executions); !slices.Equal(got, fitting) {
		w.t.Fatalf("%s of %v selects %v; want %v", text, squads, got, fitting)
	}
	history, err := w.ask.History(w.t.Context(), sel, false)
	if err != nil || history.Total.Runs != runs {
		w.t.Fatalf("%s of %v adds up %d runs, %v; want %d", text, squads, history.Total.Runs, err, runs)
	}
	cost, err := w.ask.Cost(w.t.Context(), ask.CostQuestion{Filter: f, Squads: squads})
	if err != nil || cost.Total.Runs != runs {
		w.t.Fatalf("%s of %v costs as %d runs, %v; want %d", text, squads, cost.Total.Runs, err, runs)
	}
	sel.Filter.Terms = append(slices.Clip(sel.Filter.Terms), whodid.Term{Field: whodid.FilterType, Values: []string{"execution.start"}})
	sel.Limit = ask.MaxHits
	found, err := w.ask.Search(w.t.Context(), sel, "")
	if err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	var hits []string
	for i := range found.Hits {
		hits = append(hits, found.Hits[i].ExecutionID)
	}
	if slices.Sort(hits); !slices.Equal(hits, slices.Sorted(slices.Values(fitting))) && len(hits)+len(fitting) > 0 {
		w.t.Fatalf("%s of %v finds the starts of %v; want %v", text, squads, hits, fitting)
	}
}

func (w *provedWorld) checkFacet(squads []string, want map[string]whodid.ProvedState) {
	w.t.Helper()
	sel := ask.Selection{Squads: squads, RunsOnly: true}
	list, _, err := w.ask.SelectExecutions(w.t.Context(), sel, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, x := range list.Executions {
		counted[string(want[x.ExecutionID])]++
	}
	if got := provedFacet(w.t, w.ask, sel); !maps.Equal(got, counted) {
		w.t.Fatalf("of %v there are %v; want %v", squads, got, counted)
	}
}

// provedFacet is how many runs are in each state; nil if they are not counted.
func provedFacet(t *testing.T, a *ask.Asker, sel ask.Selection) map[string]int64 {
	t.Helper()
	found, err := a.Facets(t.Context(), sel)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(found.Facets, func(f ask.Facet) bool { return f.Field == string(whodid.FilterProved) })
	if i < 0 {
		return nil
	}
	counted := map[string]int64{}
	for _, v := range found.Facets[i].Values {
		counted[v.Value] = v.Count
	}
	return counted
}

func idsOf(list []ask.Execution) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ExecutionID
	}
	return ids
}

// Whatever is recorded, confirmed, erased and forged in whatever order, the facet, the
// filter and a look at each run say the same, and what the events themselves say.
func TestProved(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		const steps, every = 60, 15
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		w := newProvedWorld(t, s, 2)
		for i := range steps {
			w.step(r)
			if i%every == every-1 {
				w.check()
			}
		}
	})
}

// What is said of a run is what the verdict on time says of its proof, to somebody who
// trusts the same.
func TestProvedIsTheVerdictOnTime(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		w := newProvedWorld(t, s, 2)
		const early, late = "exec-0000000000000001", "exec-0000000000000002"
		w.runs = []string{early, late}
		w.does("execution.start", early, "", whodid.Data{"trigger": "manual"})
		w.does("execution.start", late, "", whodid.Data{"trigger": "manual"})
		w.does("execution.finish", early, whodid.ResultSuccess, nil)
		agree := func(when string, want map[string]whodid.ProvedState) {
			t.Helper()
			got, err := w.ask.Proved(t.Context(), w.runs)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("%s: %v, %v; want %v", when, got, err, want)
			}
			for id, state := range want {
				v := w.verdictOnTime(id)
				if (v.State == proof.Proved) != (state == whodid.ProvedWitnessed) {
					t.Errorf("%s: %s is %s, and the verdict on time is %s: %s", when, id, state, v.State, v.Detail)
				}
			}
		}
		agree("before anything", map[string]whodid.ProvedState{early: whodid.ProvedWaiting, late: whodid.ProvedWaiting})
		w.w1.give(t, s, w.at)
		agree("one of two", map[string]whodid.ProvedState{early: whodid.ProvedWaiting, late: whodid.ProvedWaiting})
		w.w2.give(t, s, w.at)
		w.does("execution.finish", late, whodid.ResultSuccess, nil)
		agree("a quorum", map[string]whodid.ProvedState{early: whodid.ProvedWitnessed, late: whodid.ProvedWaiting})
		w.stamp()
		agree("a time stamp", map[string]whodid.ProvedState{early: whodid.ProvedWitnessed, late: whodid.ProvedWitnessed})
		w.does("forge.pr.merge", early, whodid.ResultSuccess, nil)
		agree("an event long after", map[string]whodid.ProvedState{early: whodid.ProvedWaiting, late: whodid.ProvedWitnessed})
		if got := provedFacet(t, w.ask, ask.Selection{}); !maps.Equal(got, map[string]int64{"waiting": 1, "witnessed": 1}) {
			t.Errorf("the facet is %v", got)
		}
		verified, err := w.ask.Verify(t.Context(), ask.VerifyOptions{Quorum: 2, Sightings: w.sightings()})
		if err != nil || verified.Verdicts.Time.State != proof.Conditional || !strings.Contains(verified.Verdicts.Time.Detail, "the first 4 of 5") {
			t.Errorf("verify says of time: %+v, %v", verified.Verdicts.Time, err)
		}
	})
}

// verdictOnTime is that of the proof of a run, for who trusts the same witnesses.
func (w *provedWorld) verdictOnTime(id string) proof.Verdict {
	w.t.Helper()
	d := proveRun(w.t, w.ask, id)
	file, err := json.Marshal(map[string]any{
		"keys": []string{d.PublicKey}, "witnesses": []string{w.w1.text(), w.w2.text()}, "quorum": 2, "time_authorities": []string{w.tsa.RootPEM()},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	trust, err := dossier.ParseTrust(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return dossier.Check(d, trust).Verdicts.Time
}

// sightings are what the witnesses have seen, as a verification is told.
func (w *provedWorld) sightings() (seen []witness.Sighting) {
	w.t.Helper()
	for i := range w.file.Witnesses {
		more, err := w.ask.SeenBy(w.t.Context(), &w.file.Witnesses[i])
		if err != nil {
			w.t.Fatal(err)
		}
		seen = append(seen, more...)
	}
	return seen
}

// checkpoint signs one with the log's own key.
func (w *provedWorld) checkpoint(c proof.Checkpoint) string {
	w.t.Helper()
	signer, err := proof.NewSigner(w.private)
	if err != nil {
		w.t.Fatal(err)
	}
	c.Origin = signer.Origin()
	signed, err := signer.Sign(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

// Where witnesses are far behind, runs are not counted and not selected by what they
// confirmed; single ones are looked up all the same.
func TestFarBehind(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		w := newProvedWorld(t, s, 2)
		const early, late = "exec-0000000000000001", "exec-0000000000000002"
		w.does("execution.start", early, "", whodid.Data{"trigger": "manual"})
		w.stamp()
		for range 4 {
			w.does("file.write", late, whodid.ResultSuccess, nil)
		}
		w.ask.SetMostBehind(4)
		if got := provedFacet(t, w.ask, ask.Selection{}); !maps.Equal(got, map[string]int64{"witnessed": 1}) {
			t.Errorf("four behind the facet is %v", got)
		}
		w.ask.SetMostBehind(3)
		found, err := w.ask.Facets(t.Context(), ask.Selection{})
		if err != nil || found.Behind != 4 || len(provedFacet(t, w.ask, ask.Selection{})) > 0 {
			t.Errorf("too far behind the facets are %+v, %v", found, err)
		}
		for text, refused := range map[string]bool{"proved:witnessed": true, "-proved:waiting": true, "proved:w*": false, "proved:unwitnessed": false} {
			_, _, err := w.ask.SelectExecutions(t.Context(), ask.Selection{Filter: parse(t, text)}, nil)
			if refused != errors.Is(err, whodid.ErrFilter) || refused && !strings.Contains(err.Error(), "more than 3 events behind, and they are 4: whodid witness push") {
				t.Errorf("%s: %v", text, err)
			}
		}
		got, err := w.ask.Proved(t.Context(), []string{early, late})
		if err != nil || !maps.Equal(got, map[string]whodid.ProvedState{early: whodid.ProvedWitnessed, late: whodid.ProvedWaiting}) {
			t.Errorf("single runs are %v, %v", got, err)
		}
	})
}

// Whose word counts is a matter of the file of witnesses, and what is kept of them
// counts only if it is theirs and of this very tree.
func TestWhoseWordCounts(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		w := newProvedWorld(t, s, 1)
		const id = "exec-0000000000000001"
		w.does("execution.start", id, "", whodid.Data{"trigger": "manual"})
		w.does("execution.finish", id, whodid.ResultSuccess, nil)
		state := func() whodid.ProvedState {
			t.Helper()
			got, err := w.ask.Proved(t.Context(), []string{id})
			if err != nil {
				t.Fatal(err)
			}
			return got[id]
		}
		newCosigner("w1", 9).give(t, s, w.at) // somebody who calls itself so
		if got := state(); got != whodid.ProvedWaiting {
			t.Errorf("by another's word it is %s", got)
		}
		w.w2.cosign(t, s, w.checkpoint(proof.Checkpoint{Size: 2, Root: proof.LeafHash([]byte("another tree"))}), w.at)
		w.w2.cosign(t, s, w.checkpoint(proof.Checkpoint{Size: 9, Root: proof.LeafHash([]byte("a longer one"))}), w.at)
		if got := state(); got != whodid.ProvedWaiting {
			t.Errorf("by what was seen of another tree it is %s", got)
		}
		w.does("file.write", id, whodid.ResultSuccess, nil)
		w.w2.give(t, s, w.at)
		if got := state(); got != whodid.ProvedWitnessed {
			t.Errorf("one is enough, and it is %s", got)
		}
		for name, file := range map[string]*witness.File{
			"no witness":      {},
			"no quorum":       {Witnesses: []witness.Place{{Name: "w2", Kind: witness.KindC2SP}}},
			"of others":       {Quorum: 1, Witnesses: []witness.Place{{Name: "w2", Kind: witness.KindC2SP, Orgs: []string{"other"}}}},
			"a repository":    {Witnesses: []witness.Place{{Name: "code", Kind: witness.KindGit}}},
			"too few of ours": {Quorum: 2, Witnesses: []witness.Place{{Name: "w2", Kind: witness.KindC2SP}, {Name: "w3", Kind: witness.KindC2SP, Orgs: []string{"other"}}}},
		} {
			w.ask.UseWitnesses(func() (*witness.File, error) { return file, nil })
			if got := state(); got != whodid.ProvedUnwitnessed {
				t.Errorf("%s: it is %s", name, got)
			}
			if got := provedFacet(t, w.ask, ask.Selection{}); !maps.Equal(got, map[string]int64{"unwitnessed": 1}) {
				t.Errorf("%s: the facet is %v", name, got)
			}
			for text, want := range map[string]int{"proved:unwitnessed": 1, "proved:waiting": 0, "-proved:waiting": 1} {
				list, _, err := w.ask.SelectExecutions(t.Context(), ask.Selection{Filter: parse(t, text)}, nil)
				if err != nil || len(list.Executions) != want {
					t.Errorf("%s: %s selects %d, %v; want %d", name, text, len(list.Executions), err, want)
				}
			}
		}
		// A file that can't be read keeps nothing else from being shown.
		w.ask.UseWitnesses(func() (*witness.File, error) { return nil, os.ErrPermission })
		if show, err := w.ask.Show(t.Context(), id); err != nil || show.Proof.Proved != "" || show.Proof.Events != 3 {
			t.Errorf("without the file it is shown as %+v, %v", show.Proof, err)
		}
		if got := provedFacet(t, w.ask, ask.Selection{}); got != nil {
			t.Errorf("without the file the facet is %v", got)
		}
		if _, _, err := w.ask.SelectExecutions(t.Context(), ask.Selection{Filter: parse(t, "proved:waiting")}, nil); !errors.Is(err, ask.ErrWitnesses) {
			t.Errorf("without the file the filter says %v", err)
		}
	})
}
