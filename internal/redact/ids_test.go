package redact

import (
	"fmt"
	"testing"

	"github.com/whodid/whodid"
)

// TestOwnIDs: ids of events stay, whatever letters chance gives them: what a
// decision rests on is found by them.
func TestOwnIDs(t *testing.T) {
	t.Parallel()
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3000 {
		id := whodid.EventID("default", fmt.Sprint("exception/", n))
		for _, s := range []string{id, "exception " + id, "until 2026-11-12 (" + id + "): x"} {
			if cleaned, counts := r.Clean(s); cleaned != s {
				t.Fatalf("%q became %q: %v", s, cleaned, counts)
			}
		}
	}
}
