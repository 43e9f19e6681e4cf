package redact

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// What is remembered changes no answer: neither of what was clean, nor of what
// was not, however often and from wherever it is asked.
func TestSeenChangesNoAnswer(t *testing.T) {
	t.Parallel()
	r, err := New(Options{Identities: []string{"ann lee"}})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"", "agent:eng/solver", "src/a.go", "by ann.lee", "password=hunter2hunter2", strings.Repeat("a ", maxSeen), "x" + strings.Repeat("b", maxSeen-1)}
	for i := range 3000 { // more than it has places
		texts = append(texts, fmt.Sprint("call-", i))
	}
	want := make([]string, len(texts))
	for i, s := range texts {
		fresh, err := New(Options{Identities: []string{"ann lee"}})
		if err != nil {
			t.Fatal(err)
		}
		want[i], _ = fresh.Clean(s)
	}
	if want[3] == texts[3] || want[4] == texts[4] {
		t.Fatalf("%q and %q are not clean", texts[3], texts[4])
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				for i, s := range texts {
					if got, _ := r.Clean(s); got != want[i] {
						t.Errorf("%q became %q, want %q", s, got, want[i])
					}
				}
			}
		})
	}
	all.Wait()
	if !r.seen.has(texts[len(texts)-1]) || r.seen.has(texts[4]) || r.seen.has(texts[5]) {
		t.Error("it remembers what is not clean or too long, or nothing")
	}
}
