package witness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/proof"
)

var epoch = time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)

// log is a log in memory.
type log struct {
	private, public string
	leaves          []proof.Hash
}

func newLog(t testing.TB, origin string) *log {
	t.Helper()
	private, public, err := proof.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return &log{private: private, public: public}
}

// grow appends leaves of that name.
func (l *log) grow(n int, name string) *log {
	for i := range n {
		l.leaves = append(l.leaves, proof.LeafHash([]byte(fmt.Sprint(name, len(l.leaves)+i))))
	}
	return l
}

// head is the checkpoint over the leaves, and its signed form.
func (l *log) head(t testing.TB) (proof.Checkpoint, string) {
	t.Helper()
	signer, err := proof.NewSigner(l.private)
	if err != nil {
		t.Fatal(err)
	}
	var f proof.Frontier
	for _, leaf := range l.leaves {
		f.Append(leaf)
	}
	c := proof.Checkpoint{Origin: signer.Origin(), Size: f.Size(), Root: f.Root()}
	signed, err := signer.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, signed
}

// tiles reads the log's tiles; logs here stay below one tile's width.
func (l *log) tiles(level int, n uint64, width int) ([]proof.Hash, error) {
	first := int(n) * proof.TileWidth
	if level != 0 || first+width > len(l.leaves) {
		return nil, fmt.Errorf("there is no tile %d/%d", level, n)
	}
	return l.leaves[first : first+width], nil
}

func TestGoesOn(t *testing.T) {
	t.Parallel()
	l := newLog(t, "whodid.test/one").grow(10, "leaf")
	_, signed := l.head(t)
	seen := Sighting{Witness: "pin", PublicKey: l.public, Checkpoint: signed}

	other := newLog(t, "whodid.test/one").grow(10, "leaf")
	_, otherSigned := other.head(t)
	for name, test := range map[string]struct {
		seen  Sighting
		now   *log
		key   string
		holds bool
	}{
		"the same":             {seen, l, l.public, true},
		"longer":               {seen, (&log{private: l.private, leaves: l.leaves[:10:10]}).grow(7, "more"), l.public, true},
		"shorter":              {seen, &log{private: l.private, leaves: l.leaves[:9]}, l.public, false},
		"empty":                {seen, &log{private: l.private}, l.public, false},
		"rewritten":            {seen, (&log{private: l.private}).grow(10, "other"), l.public, false},
		"the last rewritten":   {seen, (&log{private: l.private, leaves: l.leaves[:9:9]}).grow(3, "other"), l.public, false},
		"signed by another":    {seen, other, other.public, false},
		"seen under another":   {Sighting{Checkpoint: otherSigned}, l, l.public, false},
		"nothing that is read": {Sighting{PublicKey: l.public, Checkpoint: "x"}, l, l.public, false},
		"seen by git":          {Sighting{Checkpoint: signed}, l, l.public, true},
	} {
		head, _ := test.now.head(t)
		err := GoesOn(test.seen, test.key, head, test.now.tiles)
		if (err == nil) != test.holds || err != nil && !errors.Is(err, ErrRewritten) {
			t.Errorf("%s: %v, want to hold: %t", name, err, test.holds)
		}
	}
}

func TestPins(t *testing.T) {
	t.Parallel()
	p := PinsIn(filepath.Join(t.TempDir(), "pins"))
	const location = "sqlite:///home/dev/trail.db#default"
	if _, ok, err := p.Get(location); ok || err != nil {
		t.Errorf("a pin that is not there: %t, %v", ok, err)
	}
	l := newLog(t, "whodid.test/one").grow(3, "leaf")
	advance := func(l *log, public string) bool {
		t.Helper()
		_, signed := l.head(t)
		holds, err := p.Advance(location, public, signed, epoch, l.tiles)
		if err != nil {
			t.Fatal(err)
		}
		return holds
	}
	for _, pin := range []string{"first", "same"} {
		if !advance(l, l.public) {
			t.Errorf("the %s pin is refused", pin)
		}
	}
	l.grow(5, "more")
	if !advance(l, l.public) {
		t.Error("a trail that went on is refused")
	}
	pinned, ok, err := p.Get(location)
	if err != nil || !ok || pinned.PublicKey != l.public || pinned.Witness != "pin" || !pinned.SeenAt.Equal(epoch) {
		t.Fatalf("pinned %+v, %t, %v", pinned, ok, err)
	}
	// What does not go on from there leaves the pin as it was: it is the evidence.
	forged := newLog(t, "whodid.test/one").grow(20, "leaf")
	for name, evil := range map[string]func() bool{
		"cut":            func() bool { return advance(&log{private: l.private, leaves: l.leaves[:4]}, l.public) },
		"another key":    func() bool { return advance(forged, forged.public) },
		"a wrong signer": func() bool { return advance(forged, l.public) },
	} {
		if evil() {
			t.Errorf("%s: it is pinned", name)
		}
		if now, _, err := p.Get(location); err != nil || now != pinned {
			t.Errorf("%s: the pin became %+v, %v", name, now, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(p.dir))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("the pin has the mode %v, %v", info.Mode(), err)
	}
}

func TestDamagedPin(t *testing.T) {
	t.Parallel()
	p := PinsIn(t.TempDir())
	if err := os.WriteFile(p.path("x"), []byte("{\"checkpoint\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Get("x"); err == nil || !strings.Contains(err.Error(), p.path("x")) {
		t.Errorf("a damaged pin: %v", err)
	}
	if _, err := p.Advance("x", "k", "c", epoch, nil); err == nil {
		t.Error("a damaged pin was advanced")
	}
	blocked := PinsIn(filepath.Join(p.path("x"), "below"))
	if err := blocked.Put("x", Sighting{}); err == nil {
		t.Error("a pin was put below a file")
	}
}

// Each trail has its own pin, whatever its address is made of.
func TestPinsAreApart(t *testing.T) {
	t.Parallel()
	p := PinsIn(t.TempDir())
	locations := []string{"sqlite:///a/trail.db#default", "sqlite:///a/trail.db#other", "sqlite:///a_trail.db#default", "postgres://h/d#default", "sqlite:///a/../x#o", "sqlite:///" + strings.Repeat("long/", 100) + "#default"}
	for _, l := range locations {
		if err := p.Put(l, Sighting{Checkpoint: l}); err != nil {
			t.Errorf("%s: %v", l, err)
		}
	}
	for _, l := range locations {
		if s, ok, err := p.Get(l); err != nil || !ok || s.Checkpoint != l {
			t.Errorf("the pin of %s is that of %s, %v", l, s.Checkpoint, err)
		}
	}
}

// repository makes a git repository.
func repository(t testing.TB, options ...string) git.Repository {
	t.Helper()
	r := git.In(t.TempDir())
	if _, err := r.Run(t.Context(), append([]string{"init", "-q", "-b", "main"}, options...)...); err != nil {
		t.Skipf("this git can't: %v", err)
	}
	return r
}

func TestGit(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"sha1": nil, "sha256": {"--object-format=sha256"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testGit(t, repository(t, options...))
		})
	}
}

func testGit(t *testing.T, repo git.Repository) {
	l, other := newLog(t, "whodid/one").grow(3, "leaf"), newLog(t, "whodid/two").grow(5, "leaf")
	if seen, err := FromGit(t.Context(), repo, "whodid/one", 10); len(seen) > 0 || err != nil {
		t.Errorf("a repository that has seen nothing: %v, %v", seen, err)
	}
	var want []string
	for i := range 4 {
		l.grow(1, "more")
		_, signed := l.head(t)
		want = append([]string{signed}, want...)
		if _, err := InGit(t.Context(), repo, "whodid/one", signed, epoch.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		// Another log in between keeps its own.
		_, signed = other.grow(1, "more").head(t)
		if _, err := InGit(t.Context(), repo, "whodid/two", signed, epoch.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	seen, err := FromGit(t.Context(), repo, "whodid/one", 3)
	if err != nil || len(seen) != 3 {
		t.Fatalf("%d seen, %v; want 3", len(seen), err)
	}
	head, _ := l.head(t)
	for i, s := range seen {
		if s.Checkpoint != want[i] || s.Witness != "git" || !s.SeenAt.Equal(epoch.Add(time.Duration(3-i)*time.Hour)) {
			t.Errorf("sighting %d: %+v", i, s)
		}
		if err := GoesOn(s, l.public, head, l.tiles); err != nil {
			t.Errorf("sighting %d: %v", i, err)
		}
	}
	// Nothing of it is checked out or on a branch.
	if out, err := repo.Run(t.Context(), "status", "--porcelain"); err != nil || out != "" {
		t.Errorf("the working tree: %q, %v", out, err)
	}
	// Somebody takes the newest away: the ones before still speak.
	takeAway(t, repo, "whodid_one")
	if seen, err := FromGit(t.Context(), repo, "whodid/one", 3); err != nil || len(seen) != 3 || seen[0].Checkpoint != want[0] {
		t.Errorf("after a commit without it: %d seen, %v", len(seen), err)
	}
}

// takeAway commits a tree without the file on top of the ref.
func takeAway(t testing.TB, repo git.Repository, file string) {
	t.Helper()
	list, err := repo.Run(t.Context(), "ls-tree", Ref)
	if err != nil {
		t.Fatal(err)
	}
	kept := ""
	for line := range strings.Lines(list) {
		if !strings.Contains(line, file) {
			kept += line
		}
	}
	if kept == list {
		t.Fatalf("%s is not in %q", file, list)
	}
	tree, err := repo.RunWith(t.Context(), []byte(kept), "mktree")
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repo.Run(t.Context(), "-c", "user.name=x", "-c", "user.email=x@localhost", "commit-tree", "-p", Ref, "-m", "gone", strings.TrimSpace(tree))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Run(t.Context(), "update-ref", Ref, strings.TrimSpace(commit)); err != nil {
		t.Fatal(err)
	}
}

func TestNoRepository(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"a plain folder": t.TempDir(), "no folder": filepath.Join(t.TempDir(), "none")} {
		if seen, err := FromGit(t.Context(), git.In(dir), "whodid/one", 3); len(seen) > 0 || err != nil {
			t.Errorf("%s: %v, %v", name, seen, err)
		}
		if _, err := InGit(t.Context(), git.In(dir), "whodid/one", "x", epoch); err == nil {
			t.Errorf("%s: witnessed", name)
		}
	}
}

// Of two witnesses at once none is lost unseen: one of them may fail and say so.
func TestTwoWitnessesAtOnce(t *testing.T) {
	t.Parallel()
	repo := repository(t)
	var mu sync.Mutex
	done := map[string]bool{}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			signed := fmt.Sprint("checkpoint ", i)
			if _, err := InGit(t.Context(), repo, "whodid/one", signed, epoch); err == nil {
				mu.Lock()
				done[signed] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	seen, err := FromGit(t.Context(), repo, "whodid/one", 10)
	if err != nil || len(done) == 0 || len(seen) != len(done) {
		t.Fatalf("%d were witnessed, %d are seen, %v", len(done), len(seen), err)
	}
	for _, s := range seen {
		if !done[s.Checkpoint] {
			t.Errorf("%q is seen and was not witnessed", s.Checkpoint)
		}
	}
}

func FuzzPin(f *testing.F) {
	f.Add([]byte(`{"witness":"pin","checkpoint":"x","seen_at":"2026-11-23T10:30:00Z"}`))
	f.Add([]byte(`{"seen_at":5}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		p := PinsIn(dir)
		if err := os.WriteFile(p.path("x"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, ok, err := p.Get("x")
		if ok != (err == nil) {
			t.Errorf("there: %t, %v", ok, err)
		}
		if ok && GoesOn(s, "whodid/x+00000000+AAAA", proof.Checkpoint{}, nil) == nil {
			t.Error("nothing goes on from anything")
		}
	})
}
