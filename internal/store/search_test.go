package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// found are the places of the events that have a word.
func found(t *testing.T, s *store.Store, words ...string) (places []uint64) {
	t.Helper()
	for _, lane := range whodid.SearchLanes() {
		f, err := s.Search(t.Context(), "default", &store.SearchQuery{
			Words: words, Lane: lane, Before: 1 << 40, Max: 10_000, Examine: 1 << 40, Accept: func(*store.Row) bool { return true },
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Rows {
			places = append(places, f.Rows[i].Seq)
		}
	}
	slices.Sort(places)
	return places
}

// TestIndexOfOldTrail takes the index away from a trail, as if it were older than
// it: what is recorded since is found at once, and the rest once it is indexed.
func TestIndexOfOldTrail(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		b := storetest.NewBook(t, s, "default")
		var want []uint64
		events := make([]whodid.Event, 4500)
		for i := range events {
			events[i] = storetest.Action(i)
			if events[i].Target = "plain.md"; i%900 == 0 {
				events[i].Target = fmt.Sprintf("needle-%d.md", i)
				want = append(want, uint64(i))
			}
		}
		b.Append(t, events...)
		if got := found(t, s, "needle"); !slices.Equal(got, want) {
			t.Fatalf("found %v, want %v", got, want)
		}
		for _, table := range []string{"search_word", "search_block"} {
			if _, err := s.Application().ExecContext(store.Within(t.Context(), "default"), `DELETE FROM `+table); err != nil {
				t.Fatal(err)
			}
		}
		late := storetest.Action(4500)
		late.Target = "needle-late.md"
		b.Append(t, late)
		if got := found(t, s, "needle"); !slices.Equal(got, []uint64{4500}) {
			t.Errorf("without an index found %v", got)
		}
		for _, step := range []struct {
			from uint64
			want []uint64
		}{{2500, []uint64{2700, 3600, 4500}}, {500, []uint64{900, 1800, 2700, 3600, 4500}}, {0, append(want, 4500)}, {0, append(want, 4500)}} {
			from, err := s.IndexSearch(t.Context(), "default", 1)
			if err != nil || from != step.from {
				t.Fatalf("indexed from %d on, want %d: %v", from, step.from, err)
			}
			if got := found(t, s, "needle"); !slices.Equal(got, step.want) {
				t.Errorf("from %d on found %v, want %v", from, got, step.want)
			}
		}
	})
}

// TestErasedWordsLeaveTheIndex holds that not even the digest of a word stays that
// an erasure took, and those of others do.
func TestErasedWordsLeaveTheIndex(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *store.Store) {
		b := storetest.NewBook(t, s, "default")
		first, second := storetest.Action(0), storetest.Action(1)
		first.Target, second.Target = "people/quagga.md", "docs/zebra.md"
		rows := b.Append(t, first, second)
		_, err := s.Erase(t.Context(), "default", &store.Erasure{
			ID: "evt-erase", At: storetest.Epoch.Add(time.Hour), Request: []byte("{}"), Events: []store.Taking{{Event: rows[0].ID, Fields: []string{"target"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for word, want := range map[string]int{"quagga": 0, "people": 0, "zebra": 1} {
			if n, err := s.Listed(t.Context(), "default", word); err != nil || n != want {
				t.Errorf("%s is listed by %d blocks, want %d: %v", word, n, want, err)
			}
		}
		if err := s.ForgetSwept(t.Context(), "default", 1); err != nil {
			t.Fatal(err)
		}
		if got := found(t, s, "zebra"); !slices.Equal(got, []uint64{1}) {
			t.Errorf("where nothing was swept, found %v", got)
		}
	})
}
