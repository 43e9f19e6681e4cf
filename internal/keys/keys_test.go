package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// generated counts up, so that two rings with one key have one.
func generator() func() (string, string, error) {
	var mu sync.Mutex
	n := 0
	return func() (string, string, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint("PRIVATE+KEY+fake", n), fmt.Sprint("fake", n), nil
	}
}

// files are the key files of a trail in a folder that is not there yet.
func files(t testing.TB) (signing, people string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "b")
	return filepath.Join(dir, "trail.key"), filepath.Join(dir, "trail.people.key")
}

func TestLoadOrCreate(t *testing.T) {
	t.Parallel()
	signing, people := files(t)
	if _, err := Load(signing, people); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load: %v, want ErrNotExist", err)
	}
	if _, err := os.Stat(people); err == nil {
		t.Error("looking for keys made one")
	}
	if _, err := People(people); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("people: %v, want ErrNotExist", err)
	}
	generate := generator()
	first, err := LoadOrCreate(signing, people, generate)
	if err != nil {
		t.Fatal(err)
	}
	if first.Private != "PRIVATE+KEY+fake1" || first.Public != "fake1" {
		t.Errorf("made %q and %q", first.Private, first.Public)
	}
	again, err := LoadOrCreate(signing, people, generate)
	if err != nil || again.Public != first.Public || again.Pseudonym("x") != first.Pseudonym("x") {
		t.Errorf("loaded %+v, %v; made %+v", again, err, first)
	}
	only, err := People(people)
	if err != nil || only.Private != "" || only.Pseudonym("x") != first.Pseudonym("x") {
		t.Errorf("people: %+v, %v", only, err)
	}
	if runtime.GOOS != "windows" {
		for _, path := range []string{signing, people} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has the mode %v, %v", path, info.Mode(), err)
			}
		}
	}
	entries, err := os.ReadDir(filepath.Dir(signing))
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v; want two keys", entries, err)
	}
}

// Many make the keys at once and all get the same.
func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	signing, people := files(t)
	generate := generator()
	const n = 16
	rings := make([]*Ring, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			ring, err := LoadOrCreate(signing, people, generate)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = ring
		})
	}
	group.Wait()
	for _, r := range rings {
		if r == nil || r.Private != rings[0].Private || r.Pseudonym("x") != rings[0].Pseudonym("x") {
			t.Fatalf("two keys: %+v and %+v", r, rings[0])
		}
	}
}

// A file that is damaged is told of and never replaced: with it the log would
// change its key.
func TestDamagedKeys(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"empty": "", "one line": "PRIVATE+KEY+fake\n", "binary": "\x00\xff"} {
		signing, people := files(t)
		if _, err := LoadOrCreate(signing, people, generator()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(signing, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreate(signing, people, generator())
		if err == nil || !strings.Contains(err.Error(), "damaged") || content != "" && strings.Contains(err.Error(), content) {
			t.Errorf("%s: %v", name, err)
		}
		if kept, _ := os.ReadFile(signing); string(kept) != content {
			t.Errorf("%s: the file was replaced by %q", name, kept)
		}
	}
	for name, content := range map[string]string{"empty": "", "short": "AAAA\n", "no base64": strings.Repeat("!", 44), "long": strings.Repeat("A", 88)} {
		signing, people := files(t)
		if err := os.MkdirAll(filepath.Dir(people), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(people, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreate(signing, people, generator()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := People(people); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysThatCanNotBeMade(t *testing.T) {
	t.Parallel()
	signing, people := files(t)
	broken := errors.New("no entropy")
	if _, err := LoadOrCreate(signing, people, func() (string, string, error) { return "", "", broken }); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	if _, err := os.Stat(signing); err == nil {
		t.Error("a key that could not be made is there")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(filepath.Join(file, "x.key"), people, generator()); err == nil {
		t.Error("a key was made below a file")
	}
}

func TestPseudonyms(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^p[0-9a-hjkmnp-tv-z]{15}$`)
	rings := make([]*Ring, 2)
	for i := range rings {
		signing, people := files(t)
		var err error
		if rings[i], err = LoadOrCreate(signing, people, generator()); err != nil {
			t.Fatal(err)
		}
	}
	if got := rings[0].Pseudonym(""); got != "" {
		t.Errorf("nobody is %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringN(1, 30, -1).Draw(t, "a"), rapid.StringN(1, 30, -1).Draw(t, "b")
		p := rings[0].Pseudonym(a)
		switch {
		case !form.MatchString(p):
			t.Fatalf("%q is no pseudonym", p)
		case p != rings[0].Pseudonym(a):
			t.Fatalf("one person, two pseudonyms")
		case p == rings[1].Pseudonym(a):
			t.Fatalf("two trails, one pseudonym")
		case (p == rings[0].Pseudonym(b)) != (a == b):
			t.Fatalf("%q and %q are %q and %q", a, b, p, rings[0].Pseudonym(b))
		}
	})
}

func FuzzPeopleKey(f *testing.F) {
	valid, err := newPeopleKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid)
	f.Add([]byte("AAAA"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := decodePeopleKey(b)
		if (err == nil) != (len(key) == peopleKeySize) {
			t.Errorf("%d bytes, %v", len(key), err)
		}
	})
}
