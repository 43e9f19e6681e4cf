package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var attemptTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"an attempt and its result in every order": testAttempts,
	"an attempt without a result stays":        testOpenAttempt,
}

// testAttempts tells of ten calls in every order that attempt and result can
// have, in one batch or two: each is one action, with its result.
func testAttempts(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	for i, order := range []struct {
		name string
		// batches of what is told: t is the attempt, r the result
		batches []string
		want    int // events, of one call
	}{
		{"attempt, then result", []string{"t", "r"}, 2},
		{"both at once", []string{"tr"}, 1},
		{"both at once, result first", []string{"rt"}, 1},
		{"result, then attempt", []string{"r", "t"}, 1},
		{"attempt again and again", []string{"t", "t", "tr", "rt", "t"}, 2},
		{"attempt twice at once", []string{"tt", "r"}, 2},
	} {
		org := fmt.Sprint("org-", i)
		b := NewBook(t, s, org)
		for _, batch := range order.batches {
			var events []whodid.Event
			for _, kind := range batch {
				for n := range 10 {
					e := Action(n)
					if kind == 't' {
						e.Result = whodid.ResultAttempted
					}
					events = append(events, e)
				}
			}
			b.Append(t, events...)
		}
		if got := len(Check(t, s, org)); got != order.want*10 {
			t.Errorf("%s: %d events, want %d", order.name, got, order.want*10)
		}
		actions, err := s.Events(t.Context(), org, store.EventFilter{ActionsOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := sorted(keys(actions)), sorted(keysOf(Actions(0, 10))); !slices.Equal(got, want) {
			t.Errorf("%s: actions %v, want %v", order.name, got, want)
		}
		for _, a := range actions {
			if a.Result != whodid.ResultSuccess {
				t.Errorf("%s: %s is shown as %s", order.name, a.Key, a.Result)
			}
		}
		counts, err := s.CountActions(t.Context(), org, store.Selection{})
		if err != nil || len(counts) != 1 || counts[0] != (store.ActionCount{What: "file.write", Result: "success", Count: 10}) {
			t.Errorf("%s: counted %+v, %v; want 10 successes", order.name, counts, err)
		}
	}
}

func testOpenAttempt(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	attempt := Action(0)
	attempt.Result = whodid.ResultAttempted
	added := b.Append(t, attempt, Action(1))
	if len(added) != 2 {
		t.Fatalf("added %v, want both", ids(added))
	}
	actions, err := s.Events(t.Context(), "default", store.EventFilter{ActionsOnly: true})
	if err != nil || len(actions) != 2 || actions[0].Result != whodid.ResultAttempted {
		t.Errorf("actions %v, %v; want the attempt and the other", keys(actions), err)
	}
	// It has an id of its own, by which it can be asked for.
	if id, err := s.ResolveEvent(t.Context(), "default", added[0].ID); err != nil || id != added[0].ID {
		t.Errorf("resolved %q, %v; want %s", id, err, added[0].ID)
	}
	settled, ok := whodid.SettledID(added[0].ID)
	if _, err := s.Event(t.Context(), "default", settled); !ok || err == nil {
		t.Errorf("the result %s of an attempt was found before it was told", settled)
	}
}
