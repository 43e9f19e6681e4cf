package repotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// update writes the golden files anew: go test ./internal/repotest -update. The difference is then for a reviewer to judge.
var update = flag.Bool("update", false, "write golden files")

// root is the repository, seen from this package's directory, in which its tests run.
const root = "../.."

// module is ours.
const module = "github.com/whodid/whodid"

// goPackage is the part of what `go list -json` tells that the tests look at.
type goPackage struct {
	ImportPath string
	Name       string
	Doc        string
	Standard   bool
	Module     *struct{ Path string }
}

// packages gives what `go list` says of the packages that match. Programs are listed as released: for Linux and without C.
func packages(t *testing.T, args ...string) []goPackage {
	t.Helper()
	out := run(t, []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}, "go", append([]string{"list", "-e", "-json=ImportPath,Name,Doc,Standard,Module"}, args...)...)
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("couldn't read the list of packages: %v", err)
		}
		all = append(all, p)
	}
}

// trackedFiles gives the files under version control that exist, relative to root. Where there is no version control, as in an unpacked archive,
// it gives all files.
func trackedFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		for name := range strings.SplitSeq(string(run(t, nil, "git", "ls-files", "-z")), "\x00") {
			if info, err := os.Lstat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
				files = append(files, name)
			}
		}
	} else {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(root, path)
			files = append(files, name)
			return err
		})
		if err != nil {
			t.Fatalf("couldn't list files: %v", err)
		}
	}
	if len(files) == 0 {
		t.Fatal("found no file at all")
	}
	return files
}

// run gives the output of a program that is run in the repository.
func run(t *testing.T, env []string, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("couldn't run %s %s: %v\n%s", program, args[0], err, &stderr)
	}
	return out
}
