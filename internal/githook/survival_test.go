package githook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// history is a repository with the hooks, a commit of a person and three of
// executions, each with a file of its own. It returns the hashes of the latter.
func history(t *testing.T) (*repo, []string) {
	t.Helper()
	r := newRepo(t)
	r.install()
	var hashes []string
	for _, id := range []string{"exec-one", "exec-two", "exec-three"} {
		hashes = append(hashes, r.commit("feat: add "+id+"\n\nWhat it does.", agentEnv(id)...))
	}
	return r, hashes
}

// todo rewrites the list of an interactive rebase: the verb from the second
// commit on.
func todo(verb string) []string {
	return []string{"GIT_SEQUENCE_EDITOR=sed -i.bak -e '2,$s/^pick/" + verb + "/'"}
}

// TestSurvival does to commits what people do, with the hooks in place: git
// itself reads all executions afterwards.
func TestSurvival(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(r *repo, hashes []string){
		"amend by a person": func(r *repo, _ []string) {
			r.git("commit", "-q", "--amend", "--no-edit", "--signoff", "--date=now")
			r.expect("HEAD", "exec-three")
		},
		"amend with another message": func(r *repo, _ []string) {
			r.git("commit", "-q", "--amend", "-m", "feat: in other words")
			r.expect("HEAD", "exec-three")
		},
		"amend with another commit's message": func(r *repo, hashes []string) {
			r.git("commit", "-q", "--amend", "-C", hashes[0])
			r.expect("HEAD", "exec-one", "exec-three")
		},
		"amend by another execution": func(r *repo, _ []string) {
			r.gitAs(agentEnv("exec-four"), "commit", "-q", "--amend", "-F", r.file("feat: in other words\n"))
			r.expect("HEAD", "exec-three", "exec-four")
		},
		"amend by the same execution": func(r *repo, _ []string) {
			before := r.message("HEAD")
			r.gitAs(agentEnv("exec-three"), "commit", "-q", "--amend", "--no-edit")
			if got := r.message("HEAD"); got != before {
				t.Errorf("was\n%s\nis\n%s", before, got)
			}
		},
		"rebase": func(r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "other", "HEAD~3")
			r.commit("docs: elsewhere")
			r.git("rebase", "-q", "other", "main")
			r.expect("HEAD~2", "exec-one")
			r.expect("HEAD", "exec-three")
			r.expect("HEAD~3")
		},
		"rebase by an execution, which made none of the commits": func(r *repo, _ []string) {
			r.commit("feat: by a person")
			r.git("checkout", "-q", "-b", "other", "HEAD~4")
			r.commit("docs: elsewhere")
			r.gitAs(agentEnv("exec-four"), "rebase", "-q", "other", "main")
			r.expect("HEAD")
			r.expect("HEAD~1", "exec-three")
		},
		"rebase with conflicts, gone on with by an execution": func(r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "other", "HEAD~3")
			r.write("same", "theirs")
			r.git("add", "-A")
			r.git("commit", "-q", "-m", "docs: theirs")
			r.git("checkout", "-q", "main")
			r.write("same", "ours")
			r.git("add", "-A")
			r.git("commit", "-q", "-m", "docs: ours")
			if out, err := r.try(nil, "", "rebase", "-q", "other"); err == nil {
				t.Errorf("no conflict:\n%s", out)
			}
			r.write("same", "both")
			r.git("add", "-A")
			r.gitAs(agentEnv("exec-four"), "rebase", "--continue")
			r.expect("HEAD")
			r.expect("HEAD~1", "exec-three")
		},
		"a commit of an execution in a rebase that has stopped": func(r *repo, _ []string) {
			r.gitAs([]string{"GIT_SEQUENCE_EDITOR=sed -i.bak -e '1s/^pick/edit/'"}, "rebase", "-q", "-i", "HEAD~3")
			r.commit("feat: in between", agentEnv("exec-four")...)
			r.expect("HEAD", "exec-four")
			r.gitAs(agentEnv("exec-five"), "commit", "-q", "--amend", "--no-edit")
			r.expect("HEAD", "exec-four", "exec-five")
			r.git("rebase", "--continue")
			r.expect("HEAD", "exec-three")
		},
		"interactive squash": func(r *repo, _ []string) {
			r.gitAs(todo("squash"), "rebase", "-q", "-i", "HEAD~3")
			r.expect("HEAD", "exec-one", "exec-two", "exec-three")
		},
		"interactive fixup": func(r *repo, _ []string) {
			r.gitAs(todo("fixup"), "rebase", "-q", "-i", "HEAD~3")
			r.expect("HEAD", "exec-one", "exec-two", "exec-three")
		},
		"interactive fixup that takes the later message": func(r *repo, _ []string) {
			r.gitAs(todo("fixup -C"), "rebase", "-q", "-i", "HEAD~3")
			r.expect("HEAD", "exec-three", "exec-two", "exec-one")
		},
		"a person's commit melted into an execution's": func(r *repo, _ []string) {
			r.commit("fix: a slip of the pen")
			r.gitAs([]string{"GIT_SEQUENCE_EDITOR=sed -i.bak -e '2s/^pick/fixup/'"}, "rebase", "-q", "-i", "HEAD~2")
			r.expect("HEAD", "exec-three")
		},
		"autosquash": func(r *repo, hashes []string) {
			r.write("fix", "fix")
			r.git("add", "-A")
			r.gitAs(agentEnv("exec-four"), "commit", "-q", "--fixup", hashes[1])
			r.expect("HEAD", "exec-four")
			r.gitAs([]string{"GIT_SEQUENCE_EDITOR=true"}, "rebase", "-q", "-i", "--autosquash", "HEAD~4")
			r.expect("HEAD~1", "exec-two", "exec-four")
		},
		"reword": func(r *repo, _ []string) {
			r.gitAs(append(todo("reword"), "GIT_EDITOR=sed -i.bak -e '1s/add/put in/'"), "rebase", "-q", "-i", "HEAD~3")
			r.expect("HEAD", "exec-three")
			r.expect("HEAD~1", "exec-two")
		},
		"merge --squash": func(r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~3")
			r.git("merge", "-q", "--squash", "main")
			r.git("commit", "-q", "--no-edit")
			r.expect("HEAD", "exec-three", "exec-two", "exec-one") // newest first, as git lists them
		},
		"merge --squash by an execution": func(r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~3")
			r.git("merge", "-q", "--squash", "main")
			r.gitAs(agentEnv("exec-four"), "commit", "-q", "--no-edit")
			r.expect("HEAD", "exec-three", "exec-two", "exec-one", "exec-four")
		},
		"cherry-pick by a person": func(r *repo, hashes []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~3")
			r.git("cherry-pick", "-x", hashes[1])
			r.expect("HEAD", "exec-two")
		},
		"cherry-pick by an execution": func(r *repo, hashes []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~3")
			r.gitAs(agentEnv("exec-four"), "cherry-pick", hashes[1])
			r.expect("HEAD", "exec-two", "exec-four")
		},
		"revert by an execution": func(r *repo, hashes []string) {
			r.gitAs(agentEnv("exec-four"), "revert", "--no-edit", hashes[1])
			r.expect("HEAD", "exec-four")
		},
		"git am": func(r *repo, _ []string) {
			patches := r.git("format-patch", "--stdout", "HEAD~3")
			r.git("checkout", "-q", "-b", "mailed", "HEAD~3")
			if out, err := r.try(agentEnv("exec-four"), patches, "am", "-q"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			r.expect("HEAD~2", "exec-one")
			r.expect("HEAD", "exec-three")
		},
		"merge by an execution": func(r *repo, _ []string) {
			r.git("checkout", "-q", "-b", "target", "HEAD~2")
			r.commit("docs: elsewhere")
			r.gitAs(agentEnv("exec-four"), "merge", "-q", "--no-edit", "main")
			r.expect("HEAD", "exec-four")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, hashes := history(t)
			do(r, hashes)
			if leftover := filepath.Join(r.dir, ".git", templateFile); exists(leftover) {
				t.Errorf("%s was left", leftover)
			}
		})
	}
}

// file writes a file outside of the work tree and returns its path.
func (r *repo) file(text string) string {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "message")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// TestNotes shows what happens where no hook sees that a commit replaces
// another: an alias hides --amend from prepare-commit-msg, and post-rewrite
// keeps the link in a note, which then goes along with the commit.
func TestNotes(t *testing.T) {
	t.Parallel()
	r, _ := history(t)
	r.git("config", "alias.again", "commit --amend")
	r.git("again", "-q", "-m", "feat: in other words")
	r.expect("HEAD")
	note := r.git("notes", "--ref="+NotesRef, "show")
	if strings.TrimSpace(note) != strings.TrimSpace(origin("exec-three").String()) {
		t.Errorf("the note is\n%s", note)
	}
	r.git("again", "-q", "-m", "feat: in other words still")
	if again := r.git("notes", "--ref="+NotesRef, "show"); again != note {
		t.Errorf("the next note is\n%s", again)
	}
	r.git("checkout", "-q", "-b", "other", "HEAD~3")
	r.commit("docs: elsewhere")
	r.git("rebase", "-q", "other", "main")
	if again := r.git("notes", "--ref="+NotesRef, "show"); again != note {
		t.Errorf("after a rebase the note is\n%s", again)
	}
	// What is in the message needs no note.
	if out, err := r.try(nil, "", "notes", "--ref="+NotesRef, "show", "HEAD~1"); err == nil {
		t.Errorf("a note for nothing:\n%s", out)
	}
}
