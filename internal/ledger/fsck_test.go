package ledger_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid/proof"
)

// fsckProgram is the log checker of transparency-dev/tessera: other people's
// reading of C2SP tlog-tiles. It has a module of its own, tools/fsck, so that
// none of what it needs is near what we ship.
type fsckProgram string

var buildOnce struct {
	sync.Once
	file string
	err  error
}

// buildFsck builds the checker, once for this process.
func buildFsck(t *testing.T) fsckProgram {
	t.Helper()
	buildOnce.Do(func() {
		var dir string
		if dir, buildOnce.err = os.MkdirTemp("", "whodid-fsck-"); buildOnce.err != nil { //nolint:usetesting // it outlives the test that comes first
			return
		}
		buildOnce.file = filepath.Join(dir, "fsck")
		module := filepath.Join("..", "..", "tools", "fsck")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "go", "build", "-C", module, "-o", buildOnce.file, "github.com/transparency-dev/tessera/cmd/fsck")
		cmd.Stderr = os.Stderr
		buildOnce.err = cmd.Run()
	})
	if buildOnce.err != nil {
		t.Fatalf("couldn't build fsck: %v", buildOnce.err)
	}
	return fsckProgram(buildOnce.file)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if buildOnce.file != "" {
		_ = os.RemoveAll(filepath.Dir(buildOnce.file)) // only this process knows of it
	}
	os.Exit(code)
}

// check runs the checker. Its exit status says nothing: it is 0 on faults too.
// With fewer workers a fault can make it wait for ever.
func (p fsckProgram) check(t *testing.T, dir, public string) (good bool, output string) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "log.pub")
	if err := os.WriteFile(key, []byte(public), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, string(p), "--storage_url=file://"+filepath.ToSlash(dir), "--public_key="+key, "--ui=false", "-N", "64")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("fsck did not end within its time: %v\n%s", err, out)
	}
	return bytes.Contains(out, []byte("Successfully fsck'd")), string(out)
}

func (p fsckProgram) accepts(t *testing.T, dir, public string) {
	t.Helper()
	if good, output := p.check(t, dir, public); !good {
		t.Errorf("fsck refuses the log:\n%s", output)
	}
}

func (p fsckProgram) refuses(t *testing.T, dir, public string) {
	t.Helper()
	good, output := p.check(t, dir, public)
	if good {
		t.Errorf("fsck accepts the log:\n%s", output)
	}
	// A checker that could not even start would refuse everything.
	if !strings.Contains(output, "fsck failed") && !strings.Contains(output, "fetch initial source checkpoint") {
		t.Errorf("fsck says nothing of a fault:\n%s", output)
	}
}

// TestFsckRefusesTamperedCopies shows that its word is worth something.
func TestFsckRefusesTamperedCopies(t *testing.T) {
	t.Parallel()
	fsck := buildFsck(t)
	r, good := newTrail(t, sqliteAddress(t)), t.TempDir()
	r.growTo(t, 1000)
	export(t, r, good)
	fsck.accepts(t, good, r.public)
	flip := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			content := read(t, dir, name)
			content[len(content)/2] ^= 1
			write(t, dir, name, content)
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tamper := range map[string]func(t *testing.T, dir string){
		"byte of an entry":        flip("tile/entries/001"),
		"byte of the last bundle": flip("tile/entries/003.p/232"),
		"byte of a level-0 tile":  flip("tile/0/002"),
		"byte of a level-1 tile":  flip("tile/1/000.p/3"),
		"deleted bundle":          remove("tile/entries/002"),
		"deleted level-0 tile":    remove("tile/0/001"),
		"deleted level-1 tile":    remove("tile/1/000.p/3"),
		"swapped bundles": func(t *testing.T, dir string) {
			one, two := read(t, dir, "tile/entries/001"), read(t, dir, "tile/entries/002")
			write(t, dir, "tile/entries/001", two)
			write(t, dir, "tile/entries/002", one)
		},
		"edited checkpoint": func(t *testing.T, dir string) {
			write(t, dir, "checkpoint", bytes.Replace(read(t, dir, "checkpoint"), []byte("\n1000\n"), []byte("\n1001\n"), 1))
		},
		"checkpoint of another key": func(t *testing.T, dir string) {
			c, err := proof.PeekCheckpoint(string(read(t, dir, "checkpoint")))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, "checkpoint", []byte(signedByAnother(t, c)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			tamper(t, dir)
			fsck.refuses(t, dir, r.public)
		})
	}
}

// signedByAnother signs a checkpoint with a new key of the same name.
func signedByAnother(t *testing.T, c proof.Checkpoint) string {
	t.Helper()
	private, _, err := proof.GenerateKey(c.Origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := proof.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
