package gitindex_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex"
)

// TestSurvival rewrites history in every way that people do, and asks whether
// the commit that remains still leads to all of its runs, with the trail and
// without it, and whether each run still leads to that commit.
func TestSurvival(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		runs []int
		// rewrite returns the commit that remains.
		rewrite func(t *testing.T, w *world) string
		// trailOnly says that git alone can't know: the message lost the runs.
		trailOnly bool
	}{
		{"amend", []int{1}, func(t *testing.T, w *world) string {
			w.agentCommit(t, 1, "a.go", "one\n")
			w.write(t, "b.go", "more\n")
			w.git(t, "add", "-A")
			w.git(t, "commit", "-q", "--amend", "--no-edit")
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"amended message", []int{1}, func(t *testing.T, w *world) string {
			w.agentCommit(t, 1, "a.go", "one\n")
			w.index(t, ".", gitindex.Options{})
			w.git(t, "commit", "-q", "--amend", "-m", "feat: said otherwise")
			return w.git(t, "rev-parse", "HEAD")
		}, true},
		{"rebase", []int{1}, func(t *testing.T, w *world) string {
			w.git(t, "checkout", "-q", "-b", "topic")
			w.agentCommit(t, 1, "a.go", "one\n")
			w.git(t, "checkout", "-q", "main")
			w.write(t, "other", "x\n")
			w.commit(t, "chore: other")
			w.git(t, "rebase", "-q", "main", "topic")
			return w.git(t, "rev-parse", "topic")
		}, false},
		{"interactive squash of three", []int{1, 2, 3}, func(t *testing.T, w *world) string {
			base := w.git(t, "rev-parse", "HEAD")
			w.agentCommit(t, 1, "a.go", "one\n")
			w.agentCommit(t, 2, "b.go", "two\n")
			w.agentCommit(t, 3, "c.go", "three\n")
			w.gitWith(t, []string{"GIT_SEQUENCE_EDITOR=sed -i -e '2,$s/^pick/squash/'"}, "", "rebase", "-q", "-i", base)
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"fixup", []int{1, 2}, func(t *testing.T, w *world) string {
			base := w.git(t, "rev-parse", "HEAD")
			w.agentCommit(t, 1, "a.go", "one\n")
			lost := w.agentCommit(t, 2, "a.go", "two\n")
			text := w.git(t, "log", "-1", "--format=%B", lost)
			w.gitWith(t, []string{"GIT_SEQUENCE_EDITOR=sed -i -e '2,$s/^pick/fixup/'"}, "", "rebase", "-q", "-i", base)
			// What the hook post-rewrite does with the message that is dropped.
			w.gitWith(t, nil, text[strings.Index(text, "Agent:"):]+"\n", "notes", "--ref=refs/notes/whodid", "append", "-F", "-", "HEAD")
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"squash merge", []int{1, 2}, func(t *testing.T, w *world) string {
			w.git(t, "checkout", "-q", "-b", "topic")
			w.agentCommit(t, 1, "a.go", "one\n")
			w.agentCommit(t, 2, "b.go", "two\n")
			w.git(t, "checkout", "-q", "main")
			w.git(t, "merge", "-q", "--squash", "topic")
			w.git(t, "commit", "-q", "--no-edit")
			w.git(t, "branch", "-D", "topic")
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"squash merge of a forge", []int{1, 2}, func(t *testing.T, w *world) string {
			w.git(t, "checkout", "-q", "-b", "topic")
			w.agentCommit(t, 1, "a.go", "one\n")
			w.agentCommit(t, 2, "b.go", "two\n")
			w.git(t, "checkout", "-q", "main")
			w.git(t, "merge", "-q", "--squash", "topic")
			return w.commit(t, "Both parts (#44)\n\n* feat: a.go of run 1\n\n"+trailers(1)+"\n* feat: b.go of run 2\n\n"+trailers(2)+
				"\n---------\n\nCo-authored-by: Claude <noreply@anthropic.com>\n")
		}, false},
		{"cherry-pick", []int{1}, func(t *testing.T, w *world) string {
			w.git(t, "checkout", "-q", "-b", "topic")
			id := w.agentCommit(t, 1, "a.go", "one\n")
			w.git(t, "checkout", "-q", "main")
			w.write(t, "other", "x\n")
			w.commit(t, "chore: other")
			w.git(t, "cherry-pick", "-x", id)
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"revert", []int{1}, func(t *testing.T, w *world) string {
			id := w.agentCommit(t, 1, "a.go", "one\n")
			w.git(t, "revert", "--no-edit", id)
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"mailed patch", []int{1}, func(t *testing.T, w *world) string {
			w.git(t, "checkout", "-q", "-b", "topic")
			w.agentCommit(t, 1, "a.go", "one\n")
			patch := w.git(t, "format-patch", "--stdout", "main") + "\n"
			w.git(t, "checkout", "-q", "main")
			w.git(t, "branch", "-D", "topic")
			w.gitWith(t, nil, patch, "am", "-q")
			return w.git(t, "rev-parse", "HEAD")
		}, false},
		{"rewritten as by filter-repo", []int{1, 2}, func(t *testing.T, w *world) string {
			w.agentCommit(t, 1, "a.go", "one\n")
			w.agentCommit(t, 2, "a.go", "two\n")
			w.git(t, "branch", "-m", "old")
			stream := w.git(t, "fast-export", "--reencode=yes", "old")
			stream = strings.ReplaceAll(stream, "ada@example.com", "ada@example.org")
			stream = strings.ReplaceAll(stream, "refs/heads/old", "refs/heads/main")
			w.gitWith(t, nil, stream+"\n", "fast-import", "--quiet", "--force")
			w.git(t, "checkout", "-q", "main")
			w.git(t, "branch", "-D", "old")
			w.git(t, "reset", "-q", "--soft", "HEAD~1")
			w.git(t, "commit", "-q", "--amend", "-m", "feat: both\n\n"+trailers(1)+"\n"+trailers(2))
			return w.git(t, "rev-parse", "HEAD")
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, w *world) {
				id := test.rewrite(t, w)
				w.index(t, ".", gitindex.Options{})
				var want []string
				for _, n := range test.runs {
					want = append(want, run(n))
				}
				for _, trail := range []bool{true, false} {
					if test.trailOnly && !trail {
						continue
					}
					_, got := w.why(t, id, trail)
					slices.Sort(got)
					if !slices.Equal(got, want) {
						t.Errorf("with the trail %t: why %s leads to %v, want %v", trail, id, got, want)
					}
				}
				for _, execution := range want {
					list, err := w.asker.Commits(t.Context(), ask.CommitFilter{Execution: execution})
					if err != nil {
						t.Fatal(err)
					}
					if !slices.ContainsFunc(list.Commits, func(c ask.Commit) bool { return c.Commit == id }) {
						t.Errorf("git log --execution %s does not list %s", execution, id)
					}
				}
			})
		})
	}
}

// TestFollowing moves, renames and reformats lines, and asks for their runs.
func TestFollowing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		text := "package auth\n\nfunc Renew(token string) error {\n\treturn store.Replace(token, newToken(), withReason(renewed))\n}\n"
		w.agentCommit(t, 1, "auth/renew.go", text)
		w.git(t, "mv", "auth/renew.go", "auth/session.go")
		w.commit(t, "refactor: another name")
		w.write(t, "auth/session.go", strings.ReplaceAll(text, "\t", "        "))
		w.commit(t, "style: spaces")
		moved, err := os.ReadFile(filepath.Join(w.dir, "auth/session.go"))
		if err != nil {
			t.Fatal(err)
		}
		w.index(t, ".", gitindex.Options{})
		answer, runs := w.why(t, "auth/session.go:4", true)
		if !slices.Equal(runs, []string{run(1)}) || answer.Line.OriginalPath != "auth/renew.go" {
			t.Fatalf("runs %v of %+v", runs, answer.Line)
		}
		if r := answer.Runs[0]; len(r.Wrote) != 1 || r.Wrote[0].Target != "auth/renew.go" || r.Execution.Why != "issue 43" {
			t.Errorf("the run is %+v", r)
		}
		// With a person's hand in it the line is the person's.
		w.write(t, "auth/session.go", strings.Replace(string(moved), "renewed", "renewedByHand", 1))
		byHand := w.commit(t, "fix: by hand")
		if answer, runs = w.why(t, "auth/session.go:4", true); len(runs) > 0 || answer.Commits[0].Commit.Commit != byHand {
			t.Errorf("after a person's change: runs %v of %s", runs, answer.Commits[0].Commit.Commit)
		}
		if !slices.ContainsFunc(answer.Missing, func(m ask.WhyMissing) bool { return m.Link == "run" && m.Mend != "" }) {
			t.Errorf("missing are %+v", answer.Missing)
		}
	})
}
