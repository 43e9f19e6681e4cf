package install

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newFile(t *testing.T) File {
	t.Helper()
	dir := t.TempDir()
	return File{Path: filepath.Join(dir, ".claude", "settings.json"), Note: filepath.Join(dir, "state", "note"), Mode: 0o600}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func install(t *testing.T, f File, command string) Outcome {
	t.Helper()
	out, err := f.Install(twoHooks(command), false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func uninstall(t *testing.T, f File) Outcome {
	t.Helper()
	out, err := f.Uninstall(false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFileIsRestored checks that the file is to the byte what it was, also
// after the hooks were brought up to date, with its mode, and that nothing is
// left lying about.
func TestFileIsRestored(t *testing.T) {
	t.Parallel()
	for name, before := range foreign {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFile(t)
			write(t, f.Path, before, 0o640)
			install(t, f, program)
			if out := install(t, f, program); out.Changed {
				t.Error("a second time changed it")
			}
			if out := install(t, f, "/new/whodid-hook"); out.Replaced != 2 {
				t.Errorf("%d hooks were brought up to date, want 2", out.Replaced)
			}
			if info, err := os.Stat(f.Path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
				t.Errorf("the mode is %v: %v", info.Mode(), err)
			}
			out := uninstall(t, f)
			if diff := cmp.Diff(Outcome{Changed: true, Replaced: 2, Restored: true}, out); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, content(t, f.Path)); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			entries, err := os.ReadDir(filepath.Dir(f.Path))
			if err != nil || len(entries) != 1 {
				t.Errorf("beside the settings lie %v: %v", entries, err)
			}
			if _, err := os.Stat(f.Note); err == nil {
				t.Error("the note stayed")
			}
		})
	}
}

func TestMissingFileIsMadeAndRemoved(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	if out := install(t, f, program); !out.Created {
		t.Error("the outcome doesn't say that the file is new")
	}
	install(t, f, "/new/whodid-hook")
	if out := uninstall(t, f); !out.Deleted {
		t.Error("the outcome doesn't say that the file is gone")
	}
	if _, err := os.Stat(filepath.Dir(f.Path)); err == nil {
		t.Error("the folder stayed")
	}
	if out := uninstall(t, f); out.Changed {
		t.Error("a second time changed something")
	}
}

// TestEditedMeanwhile takes the hooks out of settings that somebody else has
// changed since: what they wrote stays.
func TestEditedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	write(t, f.Path, "{\n  \"model\": \"opus\"\n}\n", 0o600)
	install(t, f, program)
	edited := strings.Replace(content(t, f.Path), `"opus"`, `"sonnet"`, 1)
	write(t, f.Path, edited, 0o600)
	out := uninstall(t, f)
	if out.Restored || !out.Changed {
		t.Errorf("outcome %+v", out)
	}
	if diff := cmp.Diff("{\n  \"model\": \"sonnet\"\n}\n", content(t, f.Path)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// TestMadeAndEdited keeps a file that we made if something else is in it now.
func TestMadeAndEdited(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	install(t, f, program)
	write(t, f.Path, strings.Replace(content(t, f.Path), "{\n", "{\n  \"model\": \"opus\",\n", 1), 0o600)
	if out := uninstall(t, f); out.Deleted {
		t.Error("the file is gone")
	}
	if diff := cmp.Diff("{\n  \"model\": \"opus\"\n}\n", content(t, f.Path)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestDryWritesNothing(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	if out, err := f.Install(twoHooks(program), true); err != nil || !out.Changed || !out.Created {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := os.Stat(filepath.Dir(f.Path)); err == nil {
		t.Error("something was made")
	}
	install(t, f, program)
	before := content(t, f.Path)
	if out, err := f.Uninstall(true); err != nil || !out.Changed || !out.Deleted {
		t.Errorf("%+v, %v", out, err)
	}
	if content(t, f.Path) != before {
		t.Error("something was removed")
	}
}

// TestInvalidFileIsLeftAlone is about a file that is not JSON.
func TestInvalidFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	const text = "{\n  // mine\n}\n"
	write(t, f.Path, text, 0o600)
	if _, err := f.Install(twoHooks(program), false); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v", err)
	}
	if content(t, f.Path) != text {
		t.Error("it was changed")
	}
}

// TestLinkStays checks that settings which are kept elsewhere, as with
// dotfiles, are changed there, whether or not the file is there yet.
func TestLinkStays(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need rights on Windows")
	}
	for _, there := range []bool{true, false} {
		f := newFile(t)
		real := filepath.Join(t.TempDir(), "dotfiles", "claude.json")
		if err := os.MkdirAll(filepath.Dir(real), 0o755); err != nil {
			t.Fatal(err)
		}
		if there {
			write(t, real, "{}", 0o600)
		}
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, f.Path); err != nil {
			t.Fatal(err)
		}
		install(t, f, program)
		if !strings.Contains(content(t, real), program) {
			t.Error("the hooks are not in the real file")
		}
		uninstall(t, f)
		if info, err := os.Lstat(f.Path); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is gone: %v", err)
		}
	}
	f := newFile(t)
	write(t, filepath.Join(filepath.Dir(f.Path), "other"), "", 0o600)
	if err := os.Symlink(f.Path, f.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Install(twoHooks(program), false); err == nil {
		t.Error("a link to itself was taken")
	}
}

// TestNoteThatLies checks that a note which does not fit the file does no harm.
func TestNoteThatLies(t *testing.T) {
	t.Parallel()
	for _, spans := range []string{`[{"start":9223372036854775800,"len":100}]`, `[{"start":5,"len":-1}]`, `[{"start":0,"len":99999}]`, `7`} {
		f := newFile(t)
		write(t, f.Path, "{}", 0o600)
		install(t, f, program)
		write(t, f.Note, `{"sha256":"`+digest([]byte(content(t, f.Path)))+`","spans":`+spans+`}`, 0o600)
		uninstall(t, f)
		if got := strings.Join(strings.Fields(content(t, f.Path)), ""); got != "{}" {
			t.Errorf("settings after %s: %s", spans, got)
		}
	}
}
