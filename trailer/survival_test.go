package trailer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/trailer"
)

// origin returns sample with another execution.
func origin(id string) trailer.Origin {
	o := sample
	o.Execution = id
	return o
}

// history is a repository with a commit of a person and three of executions, as
// a hook would write them. It returns the hashes of the latter.
func history(t *testing.T) (*repo, []string) {
	t.Helper()
	r := newRepo(t)
	r.commit("base", "chore: begin\n")
	var hashes []string
	for _, id := range []string{"exec-one", "exec-two", "exec-three"} {
		msg, err := trailer.Add("feat: add "+id+"\n\nWhat it does.\n\nSigned-off-by: Ada Byron <ada@example.com>\n", origin(id))
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, r.commit(id, msg))
	}
	return r, hashes
}

// expect checks that a commit still leads to its executions, and that once it is
// fixed git itself reads all of them.
func (r *repo) expect(rev string, ids ...string) {
	r.t.Helper()
	msg := r.message(rev)
	if diff := cmp.Diff(ids, trailer.Executions(msg)); diff != "" {
		r.t.Errorf("%s: -want +got\n%s%s", rev, diff, msg)
	}
	fixed, _ := trailer.Fix(msg)
	read := strings.Fields(strings.ReplaceAll(r.logExecutions(fixed), "Execution", ""))
	if diff := cmp.Diff(ids, read); diff != "" {
		r.t.Errorf("%s: git reads -want +got\n%s%s", rev, diff, fixed)
	}
	if problems := trailer.Check(fixed); len(problems) > 0 {
		r.t.Errorf("%s: %v in\n%s", rev, problems, fixed)
	}
}

// logExecutions returns what git log says of the key Execution of a message.
func (r *repo) logExecutions(msg string) string {
	r.t.Helper()
	hash := strings.TrimSpace(r.gitWith(msg, nil, "commit-tree", "HEAD^{tree}"))
	return r.git("log", "-1", "--format=%(trailers:key=Execution,valueonly,unfold)", hash)
}

// sequence rewrites the todo list of an interactive rebase from the second
// commit on.
func sequence(verb string) []string {
	return []string{"GIT_SEQUENCE_EDITOR=sed -i.bak -e '2,$s/^pick/" + verb + "/'"}
}

func TestSurvival(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(t *testing.T, r *repo, hashes []string)
	}{
		{"amend", func(t *testing.T, r *repo, _ []string) {
			r.git("commit", "-q", "--amend", "--no-edit", "--signoff", "--date=now")
			r.expect("HEAD", "exec-three")
		}},
		{"amend by another execution", func(t *testing.T, r *repo, _ []string) {
			msg, err := trailer.Add(r.message("HEAD"), origin("exec-four"))
			if err != nil {
				t.Fatal(err)
			}
			r.gitWith(msg, nil, "commit", "-q", "--amend", "-F", "-")
			r.expect("HEAD", "exec-three", "exec-four")
		}},
		{"rebase", func(t *testing.T, r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "other", "HEAD~3")
			r.commit("other", "docs: elsewhere\n")
			r.git("rebase", "-q", "other", "main")
			r.expect("HEAD~2", "exec-one")
			r.expect("HEAD", "exec-three")
		}},
		{"interactive squash", func(t *testing.T, r *repo, _ []string) {
			r.gitWith("", sequence("squash"), "rebase", "-q", "-i", "HEAD~3")
			r.expect("HEAD", "exec-one", "exec-two", "exec-three")
		}},
		{"fixup keeps the first, as its message does", func(t *testing.T, r *repo, _ []string) {
			r.gitWith("", sequence("fixup"), "rebase", "-q", "-i", "HEAD~3")
			r.expect("HEAD", "exec-one")
		}},
		{"merge --squash", func(t *testing.T, r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~3")
			r.git("merge", "-q", "--squash", "main")
			r.git("commit", "-q", "--no-edit")
			r.expect("HEAD", "exec-three", "exec-two", "exec-one") // newest first, as git lists them
			if refs := trailer.References(r.message("HEAD")); len(refs) != 3 {
				t.Errorf("squashed commits: %v", refs)
			}
		}},
		{"squash merge of a forge", func(t *testing.T, r *repo, _ []string) {
			var b strings.Builder
			b.WriteString("feat: three things (#7)\n\n")
			for _, rev := range []string{"HEAD~2", "HEAD~1", "HEAD"} {
				b.WriteString("* " + r.message(rev) + "\n")
			}
			b.WriteString("---------\n\nCo-authored-by: Claude <noreply@anthropic.com>\n")
			r.gitWith(b.String(), nil, "commit", "-q", "--allow-empty", "-F", "-")
			r.expect("HEAD", "exec-one", "exec-two", "exec-three")
		}},
		{"cherry-pick", func(t *testing.T, r *repo, hashes []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~3")
			r.git("cherry-pick", "-x", hashes[1])
			r.expect("HEAD", "exec-two")
			want := []trailer.Reference{{Relation: trailer.CherryPicked, Commit: hashes[1]}}
			got := trailer.References(r.message("HEAD"))
			for i := range got {
				got[i].Line = 0
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		}},
		{"revert leads to the reverted", func(t *testing.T, r *repo, hashes []string) {
			r.git("revert", "--no-edit", hashes[1])
			msg, err := trailer.Add(r.message("HEAD"), origin("exec-four"))
			if err != nil {
				t.Fatal(err)
			}
			r.gitWith(msg, nil, "commit", "-q", "--amend", "-F", "-")
			r.expect("HEAD", "exec-four")
			refs := trailer.References(r.message("HEAD"))
			if len(refs) != 1 || refs[0].Relation != trailer.Reverts {
				t.Fatalf("references: %v", refs)
			}
			r.expect(refs[0].Commit, "exec-two")
		}},
		{"git am", func(t *testing.T, r *repo, _ []string) {
			r.mail(t)
			r.expect("HEAD~2", "exec-one")
			r.expect("HEAD~1", "exec-two")
			r.expect("HEAD", "exec-three")
		}},
		{"rewritten history", func(t *testing.T, r *repo, _ []string) {
			stream := r.git("fast-export", "--no-data", "main")
			stream = strings.ReplaceAll(stream, "Ada Byron", "Eva Byron") // the same length, for the stream counts bytes
			r.gitWith(strings.ReplaceAll(stream, "refs/heads/main", "refs/heads/rewritten"), nil, "fast-import", "--quiet")
			r.expect("rewritten~2", "exec-one")
			r.expect("rewritten", "exec-three")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, hashes := history(t)
			tt.do(t, r, hashes)
		})
	}
}

// mail sends the last three commits through format-patch and am.
func (r *repo) mail(t *testing.T) {
	t.Helper()
	patches := r.git("format-patch", "--stdout", "HEAD~3")
	file := filepath.Join(t.TempDir(), "mbox")
	if err := os.WriteFile(file, []byte(patches), 0o600); err != nil {
		t.Fatal(err)
	}
	r.git("checkout", "-q", "-b", "mailed", "HEAD~3")
	r.git("am", "-q", file)
}

// TestMailAfterFix shows why a divider above the five is a problem, and that it
// is none after Fix.
func TestMailAfterFix(t *testing.T) {
	t.Parallel()
	for _, above := range []string{"---\n", "one\n---\ntwo\n\n", "--- a/file\n\n", "diff --git a/x b/x\n\n", "Index: x\n\n"} {
		msg := "feat: x\n\nbody\n\n" + above + sample.String()
		fixed, _ := trailer.Fix(msg)
		for _, m := range []struct {
			msg  string
			want bool
		}{{msg, false}, {fixed, true}} {
			r := newRepo(t)
			r.commit("base", "chore: begin\n")
			r.commit("one", "chore: one\n")
			r.commit("two", "chore: two\n")
			r.commit("file", m.msg)
			if r.tryMail(t) != m.want {
				t.Errorf("git am keeps the five of %q: want %v", m.msg, m.want)
			}
		}
	}
}

// tryMail mails the last three commits and reports whether the newest still
// names its execution. Git may refuse the patch altogether.
func (r *repo) tryMail(t *testing.T) bool {
	t.Helper()
	patches := r.git("format-patch", "--stdout", "HEAD~3")
	r.git("checkout", "-q", "-b", "mailed", "HEAD~3")
	if _, err := r.try(patches, nil, "am", "-q"); err != nil {
		return false
	}
	return slices.Equal(trailer.Executions(r.message("HEAD")), []string{sample.Execution})
}
