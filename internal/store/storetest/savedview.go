package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var savedViewTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"saved views": testSavedViews,
}

func testSavedViews(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	save := func(org, owner, name, query string, shared bool) {
		t.Helper()
		if err := s.SaveView(t.Context(), org, &whodid.SavedView{Owner: owner, Name: name, Query: query, Shared: shared, SavedAt: Epoch}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(owner string, shared bool, names ...string) {
		t.Helper()
		list, err := s.SavedViews(t.Context(), "a", owner, shared)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range list {
			got = append(got, v.Owner+" "+v.Name+" "+v.Query)
			if !v.SavedAt.Equal(Epoch) {
				t.Errorf("%s was saved at %s", v.Name, v.SavedAt)
			}
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("the views of %s (-want +got):\n%s", owner, diff)
		}
	}
	want("human:p1", true)
	save("a", "human:p1", "mine", "q=1", false)
	save("a", "human:p1", "ours", "q=2", true)
	save("a", "human:p2", "mine", "q=3", false)
	save("b", "human:p1", "elsewhere", "q=4", true)
	want("human:p1", true, "human:p1 mine q=1", "human:p1 ours q=2")
	want("human:p2", true, "human:p2 mine q=3", "human:p1 ours q=2")
	want("human:p2", false, "human:p2 mine q=3")
	save("a", "human:p1", "mine", "q=5", true) // again, in its place
	want("human:p2", true, "human:p1 mine q=5", "human:p2 mine q=3", "human:p1 ours q=2")

	for _, step := range []struct {
		owner, from, to string
		want            bool
	}{
		{"human:p1", "mine", "ours", false}, // which is taken
		{"human:p1", "none", "other", false},
		{"human:p2", "ours", "theirs", false}, // which is another's
		{"human:p1", "mine", "first", true},
	} {
		if done, err := s.RenameView(t.Context(), "a", step.owner, step.from, step.to); done != step.want || err != nil {
			t.Errorf("renaming %s: %t, %v", step.from, done, err)
		}
	}
	for _, step := range []struct {
		owner, name string
		want        bool
	}{{"human:p2", "ours", false}, {"human:p1", "ours", true}, {"human:p1", "ours", false}} {
		if done, err := s.DropView(t.Context(), "a", step.owner, step.name); done != step.want || err != nil {
			t.Errorf("deleting %s of %s: %t, %v", step.name, step.owner, done, err)
		}
	}
	want("human:p1", false, "human:p1 first q=5")
	known, err := s.KnownPeople(t.Context(), "a")
	if err != nil || !known("p2") || known("p3") {
		t.Errorf("who saved a view is not known, or somebody else is: %v", err)
	}
}
