package githook

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sequence is what git is in the middle of.
type sequence struct {
	// rewriting tells that git makes a commit again that was there before, as a
	// rebase does: whoever started it did not make the commit.
	rewriting bool
	// absorbed are the commits that a rebase melts into the last one.
	absorbed []string
}

// readSequence looks into the folder of git that belongs to the work tree; see
// git's sequencer.c for the files.
func readSequence(gitDir string, p Process) sequence {
	var s sequence
	merge := filepath.Join(gitDir, "rebase-merge")
	rebasing := exists(merge) || exists(filepath.Join(gitDir, "rebase-apply"))
	if !rebasing {
		return s
	}
	// A rebase may have stopped for somebody to make a commit.
	commands := p.gitCommands()
	s.rewriting = commands == nil || slices.ContainsFunc(commands, func(args []string) bool {
		return slices.ContainsFunc(args[1:], func(a string) bool { return a == "rebase" || a == "am" || a == "pull" }) ||
			strings.Contains(filepath.Base(args[0]), "git-rebase")
	})
	text, err := readSmall(filepath.Join(merge, "current-fixups"))
	if err != nil {
		return s
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && isHash(fields[len(fields)-1]) {
			s.absorbed = append(s.absorbed, fields[len(fields)-1])
		}
	}
	return s
}

// templateFile holds the template between the two hooks of a commit: git gives
// up a commit whose message is still the template that the editor was opened
// with, and must not find our lines there.
const templateFile = "whodid-template"

func keepTemplate(gitDir, text string) error {
	return os.WriteFile(filepath.Join(gitDir, templateFile), []byte(text), 0o600)
}

// takeTemplate returns the template that the commit began with, and forgets it.
func takeTemplate(gitDir string) (string, bool) {
	path := filepath.Join(gitDir, templateFile)
	text, err := readSmall(path)
	if err != nil {
		return "", false
	}
	_ = os.Remove(path)
	return string(text), true
}
