package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

var redactedTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"what was redacted is counted with the event, once": testRedacted,
}

func testRedacted(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	for _, org := range []string{"a", "b"} {
		book := NewBook(t, s, org)
		add := func(n int, day int, counts map[string]int) {
			t.Helper()
			e := Action(n)
			e.RecordedAt = Epoch.AddDate(0, 0, day)
			row, err := NewRow(org, e)
			if err != nil {
				t.Fatal(err)
			}
			row.Redacted = counts
			if _, err := book.ledger.Append(t.Context(), []*store.Row{row}); err != nil {
				t.Fatal(err)
			}
		}
		add(1, 0, map[string]int{"email": 2, "token": 1})
		add(2, 0, map[string]int{"email": 3})
		add(2, 0, map[string]int{"email": 3}) // known already
		add(3, 1, map[string]int{"token": 4})
		add(4, 2, nil)
	}
	for _, want := range []struct {
		since, until time.Time
		counts       []string
	}{
		{time.Time{}, time.Time{}, []string{"2 token 4", "1 email 5", "1 token 1"}},
		{Epoch.AddDate(0, 0, 1), time.Time{}, []string{"2 token 4"}},
		{time.Time{}, Epoch.AddDate(0, 0, 1).Truncate(24 * time.Hour), []string{"1 email 5", "1 token 1"}},
	} {
		counts, err := open(t).Redactions(t.Context(), "a", want.since, want.until)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range counts {
			got = append(got, fmt.Sprint(c.Day.Day(), " ", c.Rule, " ", c.Count))
		}
		if !reflect.DeepEqual(got, want.counts) {
			t.Errorf("since %v until %v: %q, want %q", want.since, want.until, got, want.counts)
		}
	}
}
