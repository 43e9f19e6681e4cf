package repotest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

func TestGoModReplacesNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go.mod", "tools/go.mod"} {
		f := parseGoMod(t, filepath.Join(root, name))
		// With a replacement `go install module@version` refuses, and what we test is not what others build.
		for _, r := range f.Replace {
			t.Errorf("%s replaces %s", name, r.Old.Path)
		}
		for _, e := range f.Exclude {
			t.Errorf("%s excludes %s", name, e.Mod)
		}
	}
}

// TestSQLiteHasItsOwnLibc keeps the C library that SQLite was translated against: with another version it breaks in ways that no test of ours
// would find (https://gitlab.com/cznic/sqlite/-/issues/177).
func TestSQLiteHasItsOwnLibc(t *testing.T) {
	t.Parallel()
	const sqlite, libc = "modernc.org/sqlite", "modernc.org/libc"
	var want string
	for _, r := range parseGoMod(t, moduleInfo(t, sqlite).GoMod).Require {
		if r.Mod.Path == libc {
			want = r.Mod.Version
		}
	}
	if want == "" {
		t.Fatalf("%s doesn't require %s any more", sqlite, libc)
	}
	if got := moduleInfo(t, libc).Version; got != want {
		t.Errorf("go.mod requires %s %s; this release of %s was made with %s: go get %s@%s", libc, got, sqlite, want, libc, want)
	}
}

type moduleDetails struct{ Version, GoMod string }

func moduleInfo(t *testing.T, path string) moduleDetails {
	t.Helper()
	var m moduleDetails
	if err := json.Unmarshal(run(t, nil, "go", "list", "-m", "-json", path), &m); err != nil {
		t.Fatalf("couldn't read about %s: %v", path, err)
	}
	return m
}

func parseGoMod(t *testing.T, path string) *modfile.File {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse(path, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
