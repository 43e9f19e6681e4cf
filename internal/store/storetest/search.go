package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var searchTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"a search finds words of everything":   testSearchWords,
	"a search finds all, page by page":     testSearchPages,
	"a search stays in its organisation":   testSearchApart,
	"a search does not find what is gone":  testSearchErased,
	"a search leaves settled attempts out": testSearchSettled,
}

// search asks for words in all lanes, and returns the places of what it finds, the
// last first.
func search(t testing.TB, s *store.Store, org, words string, sel store.Selection) string {
	t.Helper()
	var found []string
	for _, lane := range whodid.SearchLanes() {
		q := store.SearchQuery{
			Selection: sel, Words: store.Words(words), Lane: lane, Before: 1 << 40, Max: 100, Examine: 1 << 40,
			Accept: func(r *store.Row) bool { return has(r, store.Words(words)) },
		}
		f, err := s.Search(t.Context(), org, &q)
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		if f.More {
			t.Errorf("%q: there is more, where there is not", words)
		}
		for i := range f.Rows {
			found = append(found, fmt.Sprint(f.Rows[i].Seq))
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// has tells whether an event's texts hold all the words somewhere.
func has(r *store.Row, words []string) bool {
	var text strings.Builder
	for _, p := range r.SearchParts() {
		text.WriteString(strings.ToLower(p.Text) + " ")
	}
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text.String(), w) })
}

func testSearchWords(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	start := event("execution.start", ExecutionID(1), 1, whodid.Data{"trigger": "event", "trigger_detail": "issues.labeled"})
	start.Why, start.Actor = "rotate the deploy token", whodid.AgentActor("ops/rotator")
	edit := Action(2)
	edit.What, edit.Target = "file.edit", "internal/auth/TokenRotator.go"
	request := event("approval.request", ExecutionID(1), 3, whodid.Data{"digest": "x", "summary": "Deploy Ünïcode to 東京", "rule": "ORG-001"})
	request.Approval, request.Target, request.Why = "appr-7k2m9q4tz8w1c3ab", "acme/shop#44", "it's due; DROP TABLE event"
	merge := Action(4)
	merge.What, merge.Target, merge.Data = "pr.merge", "acme/shop#44", whodid.Data{"branch": "fix/rotate-tokens", "sha": "3f9a1c2b7d11", "tool": "Bash"}
	NewBook(t, s, "default").Append(t, decision(0, "auth/tokens", "Rotate tokens every week", "a leaked one must die soon", nil), start, edit, request, merge)
	for words, want := range map[string]string{
		"rotate":             "0 1 4",
		"ROTATE token":       "0 1 4",
		"rotat":              "0 1 2 4",
		"token":              "0 1 2 4",
		"rotator":            "1 2",
		"tokenrotator":       "2",
		"internal auth":      "2",
		"otate":              "",
		"ops":                "1",
		"op":                 "",
		"labeled":            "1",
		"deploy":             "1 3",
		"ünïcode":            "3",
		"unicode":            "",
		"東京":                 "3",
		"acme shop 44":       "3 4",
		"3f9a1c2":            "4",
		"org 001":            "3",
		"bash":               "",
		"drop table event":   "3",
		"rotate nothing":     "",
		"approval request":   "3",
		"week leaked tokens": "0",
	} {
		if got := search(t, s, "default", words, store.Selection{}); got != want {
			t.Errorf("%q finds %q, want %q", words, got, want)
		}
	}
	for filter, want := range map[string]string{
		"kind:pr": "4", "type:file.*": "2", "agent:ops/*": "1", "-kind:decision -kind:pr": "1 2 3", "since:2026-11-01T09:00:04Z": "4", "until:2026-11-01T09:00:01Z": "0",
		"kind:nothing": "", "execution:none": "", "approval:appr-7k2m9q4tz8w1c3ab": "3",
	} {
		f := filterOf(t, filter)
		if got := search(t, s, "default", "", store.Selection{Terms: f.Terms, Since: f.Since, Until: f.Until}); got != want {
			t.Errorf("%s finds %q, want %q", filter, got, want)
		}
	}
}

// testSearchPages fills many blocks, in appends of every size, and reads them in
// pages that end within them.
func testSearchPages(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	n := 0
	var want []uint64
	for _, size := range []int{1, 3, 700, 2, 1100, 1} {
		events := make([]whodid.Event, size)
		for i := range events {
			events[i] = Action(n)
			events[i].Target = fmt.Sprintf("docs/page-%d.md", n)
			if n%7 == 0 {
				events[i].Target = fmt.Sprintf("docs/needle-%d.md", n)
				want = append(want, uint64(n))
			}
			n++
		}
		b.Append(t, events...)
	}
	slices.Reverse(want)
	var got []uint64
	for before, more := uint64(1<<40), true; more; {
		f, err := s.Search(t.Context(), "default", &store.SearchQuery{
			Words: []string{"needle"}, Lane: whodid.SearchBulk, Before: before, Max: 37, Examine: 500, Accept: func(*store.Row) bool { return true },
		})
		if err != nil {
			t.Fatal(err)
		}
		if more = f.More; more && f.Next >= before {
			t.Fatalf("the place does not move: %d, %d", before, f.Next)
		}
		before = f.Next
		for i := range f.Rows {
			got = append(got, f.Rows[i].Seq)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %d of %d: %v", len(got), len(want), got)
	}
	if got := search(t, s, "default", "needle 1001 md", store.Selection{}); got != "1001" {
		t.Errorf("one of them is found as %q", got)
	}
}

func testSearchApart(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "acme").Append(t, decision(0, "a", "Rotate tokens", "b", nil))
	NewBook(t, s, "other").Append(t, Action(0), decision(1, "a", "Rotate tokens", "b", nil))
	if got := search(t, s, "acme", "rotate", store.Selection{}) + "/" + search(t, s, "other", "rotate", store.Selection{}) + "/" + search(t, s, "third", "rotate", store.Selection{}); got != "0/1/" {
		t.Errorf("found %q", got)
	}
}

func testSearchErased(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	rows := b.Append(t, decision(0, "people/anna", "Anna decides", "she knows", nil), decision(1, "tokens", "Rotate tokens", "anna said so", nil))
	_, err := s.Erase(t.Context(), "default", &store.Erasure{
		ID: "evt-erase", At: Epoch.Add(time.Hour), Request: []byte("{}"),
		Events: []store.Taking{{Event: rows[0].ID, Fields: []string{"target", "why", "data"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{"anna": "1", "decides": "", "people": "", "rotate": "1"} {
		if got := search(t, s, "default", words, store.Selection{}); got != want {
			t.Errorf("%q finds %q, want %q", words, got, want)
		}
	}
}

func testSearchSettled(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	done := Action(0)
	done.Target = "docs/needle.md"
	try := done
	try.Result = whodid.ResultAttempted
	try.Identify()
	b.Append(t, try)
	if got := search(t, s, "default", "needle", store.Selection{}); got != "0" {
		t.Errorf("an attempt is found as %q", got)
	}
	b.Append(t, done)
	if got := search(t, s, "default", "needle", store.Selection{}); got != "1" {
		t.Errorf("what became of it is found as %q", got)
	}
}
