package testenv

import (
	_ "embed" // the program is data until it is written to a directory
	"path/filepath"
	"testing"
)

//go:embed gh.sh
var fakeGH []byte

// FakeGH writes a stand-in for GitHub's command line, named gh, into a fresh directory and gives that directory, to be put first in PATH.
// It answers `issue create`, `pr create` and `pr merge` on acme/shop as the real one does when nobody sits at a terminal: the URL on
// standard output, or a refusal with exit status 1 when title or body is missing. Numbers count up from 43 for issues and pull requests together.
// It needs a POSIX shell.
func FakeGH(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteFakeGH(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// WriteFakeGH is FakeGH for programs that are no test: it writes gh into a directory that exists.
func WriteFakeGH(dir string) error {
	return WriteProgram(filepath.Join(dir, "gh"), fakeGH)
}
