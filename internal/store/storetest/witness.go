package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/store"
)

var witnessTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"what witnesses gave stays as it is": testWitnessed,
	"how it went with witnesses":         testWitnessStates,
}

func testWitnessed(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	give := func(org, witness string, size uint64, evidence string, second int) {
		t.Helper()
		w := store.Witnessed{Witness: witness, Kind: "c2sp", Size: size, Checkpoint: fmt.Sprint("note ", size), Evidence: evidence, SeenAt: Epoch.Add(time.Duration(second) * time.Second)}
		if err := s.KeepWitnessed(t.Context(), org, &w, Epoch.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	give("a", "w1", 5, "first", 1)
	give("a", "w1", 5, "again", 2) // is later, and proves less
	give("a", "w1", 9, "longer", 3)
	give("a", "w2", 7, "other", 4)
	give("b", "w1", 8, "of b", 5)
	read := func(org, witness string, limit int) string {
		t.Helper()
		found, err := open(t).Witnessed(t.Context(), org, witness, limit)
		if err != nil {
			t.Fatal(err)
		}
		var out string
		for i := range found {
			w := &found[i]
			out += fmt.Sprint(w.Witness, " ", w.Kind, " ", w.Size, " ", w.Checkpoint, " ", w.Evidence, " ", w.SeenAt.Sub(Epoch), "\n")
		}
		return out
	}
	for _, c := range []struct {
		org, witness string
		limit        int
		want         string
	}{
		{"a", "w1", 10, "w1 c2sp 9 note 9 longer 3s\nw1 c2sp 5 note 5 first 1s\n"},
		{"a", "w1", 1, "w1 c2sp 9 note 9 longer 3s\n"},
		{"b", "w1", 10, "w1 c2sp 8 note 8 of b 5s\n"},
		{"b", "w2", 10, ""},
	} {
		if got := read(c.org, c.witness, c.limit); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.witness, c.org, got, c.want)
		}
	}
	found, err := s.WitnessedFrom(t.Context(), "a", 6, 10)
	if err != nil || len(found) != 2 || found[0].Witness != "w2" || found[1].Size != 9 {
		t.Errorf("from 6 on: %+v, %v", found, err)
	}
}

func testWitnessStates(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	if got, err := s.WitnessStates(t.Context(), "a"); err != nil || len(got) > 0 {
		t.Errorf("before anything: %v, %v", got, err)
	}
	at := func(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }
	fail := func(name string, refused bool, second int) {
		t.Helper()
		if err := s.FailWitness(t.Context(), "a", name, "it said no", refused, at(second)); err != nil {
			t.Fatal(err)
		}
	}
	keep := func(size uint64, second int) {
		t.Helper()
		w := store.Witnessed{Witness: "w1", Kind: "c2sp", Size: size, Checkpoint: "c", Evidence: "e", SeenAt: at(second)}
		if err := s.KeepWitnessed(t.Context(), "a", &w, at(second)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(states ...store.WitnessState) {
		t.Helper()
		got, err := open(t).WitnessStates(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(states, got); diff != "" {
			t.Error(diff)
		}
	}
	fail("w2", false, 1)
	keep(9, 2)
	keep(7, 3) // by a process that was slower
	want(store.WitnessState{Name: "w1", Size: 9, TriedAt: at(3)}, store.WitnessState{Name: "w2", TriedAt: at(1), Failures: 1, Reason: "it said no"})
	fail("w1", true, 4)
	fail("w1", true, 5)
	want(store.WitnessState{Name: "w1", Size: 9, TriedAt: at(5), Failures: 2, Refused: true, Reason: "it said no"}, store.WitnessState{Name: "w2", TriedAt: at(1), Failures: 1, Reason: "it said no"})
	keep(10, 6)
	want(store.WitnessState{Name: "w1", Size: 10, TriedAt: at(6)}, store.WitnessState{Name: "w2", TriedAt: at(1), Failures: 1, Reason: "it said no"})
}
