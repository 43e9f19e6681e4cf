package shell_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/ingest/shell"
)

// A memo must not give one command's acts for another, nor those of one outcome
// for another.
func TestMemoTellsWhatActsTells(t *testing.T) {
	t.Parallel()
	outcomes := []*shell.Outcome{
		nil,
		{},
		{ExitKnown: true},
		{Exit: 1, ExitKnown: true},
		{Interrupted: true},
		{ExitKnown: true, Stdout: "[main 1234567] fix\n"},
		{ExitKnown: true, Stdout: "[main 7654321] fix\n"},
	}
	var m shell.Memo
	var none *shell.Memo
	for range 2 { // the second time it remembers
		for _, command := range []string{"git commit -m fix", "git push", "gh pr merge 44", "go test ./...", "ls"} {
			for _, repo := range []string{"", "acme/shop"} {
				for _, out := range outcomes {
					want := shell.Acts(command, out, repo)
					if diff := cmp.Diff(want, m.Acts(command, out, repo)); diff != "" {
						t.Errorf("%q in %q after %+v (-Acts +Memo):\n%s", command, repo, out, diff)
					}
					if diff := cmp.Diff(want, none.Acts(command, out, repo)); diff != "" {
						t.Errorf("%q without a memo:\n%s", command, diff)
					}
				}
			}
		}
	}
}
