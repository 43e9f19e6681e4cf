package repotest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// largeFiles are the files that may be larger than maxFile, each with its reason.
var largeFiles = map[string]string{}

const (
	maxFile      = 1 << 20 // bytes; what is larger slows every clone, for ever
	maxLines     = 500     // of a Go file, above which it holds two things
	maxTestLines = 800
)

// machinePath finds a path of the machine that somebody happened to work on. What comes before the slash matters: other people's captures
// have paths of theirs that only look alike.
var machinePath = regexp.MustCompile(`(^|[^\w.~/-])/(work|root|farm)/[\w.]`)

// inventedPaths is the package that hides people's homes: its corpora are full of paths that only look like a machine's.
const inventedPaths = "internal/redact/"

func TestFiles(t *testing.T) {
	t.Parallel()
	for _, name := range trackedFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, known := largeFiles[name]; !known && len(text) > maxFile {
			t.Errorf("%s has %d bytes, more than %d: keep it smaller, or name it with a reason in largeFiles", name, len(text), maxFile)
		}
		found := machinePath.Find(text)
		if found != nil && !isBinary(text) && !strings.HasPrefix(name, inventedPaths) {
			t.Errorf("%s names a path of somebody's machine: %q", name, found)
		}
		if filepath.Ext(name) == ".go" {
			checkLength(t, name, text)
		}
	}
}

func checkLength(t *testing.T, name string, text []byte) {
	t.Helper()
	limit := maxLines
	if strings.HasSuffix(name, "_test.go") {
		limit = maxTestLines
	}
	if lines := bytes.Count(text, []byte("\n")); lines > limit && !isGenerated(text) {
		t.Errorf("%s has %d lines, more than %d: what two things does it hold?", name, lines, limit)
	}
}

// isGenerated knows the line by which generators mark their files (https://go.dev/s/generatedcode).
func isGenerated(text []byte) bool {
	return regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`).Match(text)
}

func isBinary(text []byte) bool { return bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 }

func TestMachinePath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want bool
	}{
		{"see /wo" + "rk/main", true},
		{`"/ro` + `ot/go/pkg"`, true},
		{"/wo" + "rk/x", true},
		{"/home/runner/work/shop", false},
		{"https://example.com/work/items", false},
		{"network/x", false},
		{"a path like /work/ alone", false},
	}
	for _, test := range tests {
		if got := machinePath.MatchString(test.text); got != test.want {
			t.Errorf("%q: %t, want %t", test.text, got, test.want)
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	t.Parallel()
	all := packages(t, "./...")
	if len(all) < 2 {
		t.Fatalf("found only %d packages", len(all))
	}
	for _, p := range all {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + p.ImportPath[strings.LastIndex(p.ImportPath, "/")+1:] + " "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its comment begins %.40q, want %q", p.ImportPath, p.Doc, want)
		}
	}
}
