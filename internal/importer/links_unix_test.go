//go:build unix

package importer_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// What an agent could have put among its sessions is not followed, and holds
// nothing up: links, pipes, sockets, folders that can't be read.
func TestOnlyRegularFiles(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	project := filepath.Join(dir, "projects", "p")
	good := write(t, filepath.Join(project, named(1)), session(1, "x"))
	secret := write(t, filepath.Join(elsewhere, named(2)), session(2, "x"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(secret, filepath.Join(project, named(2))))
	must(os.Symlink(elsewhere, filepath.Join(dir, "projects", "elsewhere")))
	must(os.Symlink(dir, filepath.Join(project, "loop")))
	must(os.Symlink("/dev/zero", filepath.Join(project, named(3))))
	must(syscall.Mkfifo(filepath.Join(project, named(4)), 0o600))
	must(os.Mkdir(filepath.Join(project, named(5)), 0o700))
	closed := filepath.Join(dir, "projects", "closed")
	write(t, filepath.Join(closed, named(6)), session(6, "x"))
	must(os.Chmod(closed, 0))
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })

	skipped := 0
	files := importer.Discover([]importer.Root{{Client: agent.ClaudeCode, Path: dir}}, func(string, error) { skipped++ })
	want := 1
	if os.Geteuid() == 0 {
		want = 2 // nothing is closed to the superuser
	}
	if len(files) != want || files[0].Path != good && files[len(files)-1].Path != good || skipped != 2-want {
		t.Errorf("found %+v, and %d folders that can't be read", files, skipped)
	}

	// A regular file that became something else before it was read is not
	// followed either, and does not hang.
	im, s := newImporter(t)
	im.Skip = func(string, error) { skipped++ }
	skipped = 0
	listed := []importer.File{}
	for n := 2; n <= 5; n++ {
		listed = append(listed, importer.File{Client: agent.ClaudeCode, Path: filepath.Join(project, named(n)), Size: 1, ModTime: time.Now()})
	}
	listed = append(listed, importer.File{Client: agent.ClaudeCode, Path: good, Size: 1, ModTime: time.Now()})
	done, err := im.Import(t.Context(), listed)
	if err != nil || done.Failed != 4 || skipped != 4 || done.Read != 1 {
		t.Errorf("%+v, %v; %d skipped", done, err, skipped)
	}
	if n := calls(t, s); n != 1 {
		t.Errorf("%d model calls", n)
	}
	for _, n := range []int{2, 3, 4} {
		_, err := importer.Named([]string{filepath.Join(project, named(n))}, "", func(string, error) {})
		if n != 2 && err == nil {
			t.Errorf("%s may be named", named(n))
		}
	}
}
