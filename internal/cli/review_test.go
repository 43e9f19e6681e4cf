package cli

import (
	"testing"

	"github.com/whodid/whodid/internal/ask"
)

// A person is told once that a hook failed often; of runs each by its id, and a
// program everything.
func TestGathered(t *testing.T) {
	t.Parallel()
	list := []ask.Finding{
		{Kind: ask.FoundGap, Subject: "evt-1", Detail: "the hook's payload was empty"},
		{Kind: ask.FoundGap, Subject: "exec-1", Detail: "something is missing"},
		{Kind: ask.FoundGap, Subject: "evt-2", Detail: "the hook's payload was empty"},
		{Kind: ask.FoundGap, Subject: "exec-2", Detail: "something is missing"},
		{Kind: ask.FoundGap, Subject: "evt-3", Detail: "something else"},
	}
	found, times := gathered(list, true)
	if len(found) != 4 || times[0] != 2 || times[1] != 1 || found[2].Subject != "exec-2" {
		t.Errorf("a person is shown %v, %v times", found, times)
	}
	if found, _ := gathered(list, false); len(found) != len(list) {
		t.Errorf("a program is shown %v", found)
	}
}
