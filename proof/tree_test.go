package proof_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/whodid/whodid/proof"
)

// oracle is a tree as package tlog stores it, the implementation that ours is
// held against.
type oracle struct {
	leaves []proof.Hash
	stored []tlog.Hash
	tiles  [][]proof.Hash // all hashes of each tile level
}

func newOracle(t rapid.TB, size int) *oracle {
	t.Helper()
	o := &oracle{}
	for i := range size {
		o.add(t, binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	o.fillTiles(t)
	return o
}

// fillTiles makes the tiles once all leaves are there.
func (o *oracle) fillTiles(t rapid.TB) {
	t.Helper()
	o.tiles = append(o.tiles, o.leaves)
	for level := o.leaves; len(level) >= proof.TileWidth; {
		var above []proof.Hash
		for ; len(level) >= proof.TileWidth; level = level[proof.TileWidth:] {
			root, err := proof.TileRoot(level[:proof.TileWidth])
			if err != nil {
				t.Fatal(err)
			}
			above = append(above, root)
		}
		o.tiles, level = append(o.tiles, above), above
	}
}

func (o *oracle) add(t rapid.TB, record []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(int64(len(o.leaves)), record, o.reader())
	if err != nil {
		t.Fatal(err)
	}
	o.stored = append(o.stored, hashes...)
	o.leaves = append(o.leaves, proof.LeafHash(record))
}

func (o *oracle) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = o.stored[index]
		}
		return out, nil
	})
}

func (o *oracle) root(t rapid.TB, size uint64) proof.Hash {
	t.Helper()
	h, err := tlog.TreeHash(int64(size), o.reader())
	if err != nil {
		t.Fatal(err)
	}
	if size == 0 {
		return proof.EmptyRoot()
	}
	return proof.Hash(h)
}

// read gives tiles, and fails the test if one is asked for that a tree of the
// size does not have.
func (o *oracle) read(t rapid.TB, size uint64) proof.TileReader {
	return func(level int, n uint64, width int) ([]proof.Hash, error) {
		all := o.tiles[level][:size>>(level*proof.TileHeight)]
		first := int(n) * proof.TileWidth
		if want := min(len(all)-first, proof.TileWidth); width != want || width < 1 {
			t.Errorf("size %d: %d hashes of tile %d/%d are asked for, it has %d", size, width, level, n, want)
			return nil, errors.New("no such tile")
		}
		return all[first : first+width], nil
	}
}

// Every size up to 2000, and those around the edges of two levels of tiles.
func TestRootsAgreeWithTlog(t *testing.T) {
	t.Parallel()
	const large = 256*256 + 300
	o := newOracle(t, large)
	var f proof.Frontier
	for size := uint64(0); size <= large; size++ {
		if size > 0 {
			f.Append(o.leaves[size-1])
		}
		edge := size%(256*16) < 2 || size > 256*256-3 && size < 256*256+259
		if size > 2000 && !edge {
			continue
		}
		want := o.root(t, size)
		if got := f.Root(); got != want {
			t.Fatalf("size %d: the frontier's root is %s, want %s", size, got, want)
		}
		if got, err := proof.Root(size, o.read(t, size)); err != nil || got != want {
			t.Fatalf("size %d: the tiles' root is %s (%v), want %s", size, got, err, want)
		}
		restored, err := proof.NewFrontier(size, f.Roots())
		if err != nil || restored.Root() != want {
			t.Fatalf("size %d: restored, the root is another (%v)", size, err)
		}
	}
}

func TestProofsAgreeWithTlog(t *testing.T) {
	t.Parallel()
	o := newOracle(t, 256*256+300)
	rapid.Check(t, func(t *rapid.T) {
		size, older, index := drawTree(t, len(o.leaves))
		path, err := proof.Inclusion(size, index, o.read(t, size))
		if err != nil {
			t.Fatal(err)
		}
		want, err := tlog.ProveRecord(int64(size), int64(index), o.reader())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(path, want, func(a proof.Hash, b tlog.Hash) bool { return a == proof.Hash(b) }) {
			t.Fatalf("another inclusion proof of %d in %d", index, size)
		}
		if err := proof.CheckInclusion(path, size, o.root(t, size), index, o.leaves[index]); err != nil {
			t.Fatal(err)
		}
		path, err = proof.Consistency(older, size, o.read(t, size))
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.CheckConsistency(path, older, o.root(t, older), size, o.root(t, size)); err != nil {
			t.Fatal(err)
		}
	})
}

// drawTree draws a size, as often as not near a power of 256, a size that is
// not larger, and the index of a leaf.
func drawTree(t *rapid.T, limit int) (size, older, index uint64) {
	sizes := rapid.OneOf(rapid.IntRange(1, 2000), rapid.IntRange(254, 258), rapid.IntRange(256*256-2, 256*256+258), rapid.IntRange(1, limit))
	size = uint64(sizes.Draw(t, "size"))
	older = rapid.Uint64Range(0, size).Draw(t, "older")
	return size, older, rapid.Uint64Range(0, size-1).Draw(t, "index")
}

func TestTamperedProofsAreRefused(t *testing.T) {
	t.Parallel()
	o := newOracle(t, 1000)
	rapid.Check(t, func(t *rapid.T) {
		size, older, index := drawTree(t, len(o.leaves))
		size = min(size, uint64(len(o.leaves)))
		older, index = min(older, size), min(index, size-1)
		inclusion, err := proof.Inclusion(size, index, o.read(t, size))
		if err != nil {
			t.Fatal(err)
		}
		consistency, err := proof.Consistency(older, size, o.read(t, size))
		if err != nil {
			t.Fatal(err)
		}
		root, olderRoot := o.root(t, size), o.root(t, older)
		for name, path := range tamperedPaths(t, inclusion) {
			if proof.CheckInclusion(path, size, root, index, o.leaves[index]) == nil {
				t.Fatalf("inclusion proof with %s holds", name)
			}
		}
		for name, path := range tamperedPaths(t, consistency) {
			if proof.CheckConsistency(path, older, olderRoot, size, root) == nil {
				t.Fatalf("consistency proof with %s holds", name)
			}
		}
		for name, err := range map[string]error{
			"another leaf":          proof.CheckInclusion(inclusion, size, root, index, proof.Hash{1}),
			"another root":          proof.CheckInclusion(inclusion, size, proof.Hash{1}, index, o.leaves[index]),
			"index past the end":    proof.CheckInclusion(inclusion, size, root, size, o.leaves[index]),
			"a huge size":           proof.CheckInclusion(inclusion, 1<<63+size, root, index, o.leaves[index]),
			"a huge index":          proof.CheckInclusion(inclusion, size, root, 1<<63+index, o.leaves[index]),
			"another older root":    proof.CheckConsistency(consistency, older, proof.Hash{1}, size, root),
			"a shrunk tree":         proof.CheckConsistency(consistency, size+1, root, size, root),
			"a tree larger by 2^63": proof.CheckConsistency(consistency, older, olderRoot, 1<<63+size, root),
		} {
			if !errors.Is(err, proof.ErrProof) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if other := (index + 1) % size; other != index && proof.CheckInclusion(inclusion, size, root, other, o.leaves[index]) == nil {
			t.Fatal("the leaf is also at another index")
		}
		if older > 0 && older < size && proof.CheckConsistency(consistency, older, olderRoot, size, proof.Hash{1}) == nil {
			t.Fatal("another newer root holds")
		}
	})
}

// tamperedPaths are paths that differ from the good one in a way.
func tamperedPaths(t *rapid.T, path []proof.Hash) map[string][]proof.Hash {
	out := map[string][]proof.Hash{"one more hash": append(slices.Clone(path), proof.Hash{})}
	if len(path) == 0 {
		return out
	}
	at := rapid.IntRange(0, len(path)-1).Draw(t, "at")
	flipped := slices.Clone(path)
	flipped[at][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	out["a flipped bit"] = flipped
	out["one hash less"] = slices.Delete(slices.Clone(path), at, at+1)
	if at > 0 {
		swapped := slices.Clone(path)
		swapped[0], swapped[at] = swapped[at], swapped[0]
		out["two hashes swapped"] = swapped
	}
	return out
}

func TestConsistencyWithTheEmptyTree(t *testing.T) {
	t.Parallel()
	empty, one := proof.EmptyRoot(), proof.Hash{1}
	for _, c := range []struct {
		older, newer         uint64
		olderRoot, newerRoot proof.Hash
		path                 []proof.Hash
		holds                bool
	}{
		{0, 0, empty, empty, nil, true},
		{0, 1, empty, one, nil, true},
		{1, 1, one, one, nil, true},
		{0, 0, one, one, nil, false},
		{0, 1, one, one, nil, false},
		{0, 1, empty, one, []proof.Hash{{}}, false},
		{1, 1, one, one, []proof.Hash{{}}, false},
		{1, 0, one, empty, nil, false},
	} {
		err := proof.CheckConsistency(c.path, c.older, c.olderRoot, c.newer, c.newerRoot)
		if (err == nil) != c.holds {
			t.Errorf("from %d to %d, %d hashes: %v", c.older, c.newer, len(c.path), err)
		}
	}
}

func TestFrontierTakesSubtrees(t *testing.T) {
	t.Parallel()
	o := newOracle(t, 600)
	rapid.Check(t, func(t *rapid.T) {
		var f proof.Frontier
		for f.Size() < 512 {
			height := rapid.IntRange(0, 9).Draw(t, "height")
			at, leaves := f.Size(), uint64(1)<<height
			if at+leaves > 600 {
				return
			}
			var part proof.Frontier
			for _, leaf := range o.leaves[at : at+leaves] {
				part.Append(leaf)
			}
			err := f.AppendSubtree(part.Root(), height)
			if fits := at%leaves == 0; fits != (err == nil) {
				t.Fatalf("subtree of height %d at %d: %v", height, at, err)
			}
			if f.Root() != o.root(t, f.Size()) {
				t.Fatalf("another root at %d", f.Size())
			}
		}
	})
}

func TestFrontierCopiesAreIndependent(t *testing.T) {
	t.Parallel()
	var a proof.Frontier
	for i := range 6 {
		a.Append(proof.Hash{byte(i)})
	}
	b, want := a, a.Root()
	b.Append(proof.Hash{1})
	c := a
	c.Append(proof.Hash{2})
	if a.Root() != want || b.Root() == c.Root() {
		t.Error("appending to a copy changed another")
	}
}

func TestFrontierRefuses(t *testing.T) {
	t.Parallel()
	if _, err := proof.NewFrontier(3, make([]proof.Hash, 1)); err == nil {
		t.Error("a tree of 3 with one subtree")
	}
	if _, err := proof.NewFrontier(1<<63, make([]proof.Hash, 1)); err == nil {
		t.Error("a tree of 2^63")
	}
	full, err := proof.NewFrontier(1<<62, make([]proof.Hash, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, height := range []int{-1, 62, 63, 64} {
		if full.AppendSubtree(proof.Hash{}, height) == nil {
			t.Errorf("a subtree of height %d fits at 2^62", height)
		}
	}
}

func TestReadersAreNotTrusted(t *testing.T) {
	t.Parallel()
	wrong := fmt.Errorf("disk is gone")
	failing := func(int, uint64, int) ([]proof.Hash, error) { return nil, wrong }
	short := func(_ int, _ uint64, width int) ([]proof.Hash, error) { return make([]proof.Hash, width-1), nil }
	for name, read := range map[string]proof.TileReader{"failing": failing, "short": short} {
		for size := range uint64(3) {
			if _, err := proof.Root(size+1, read); err == nil {
				t.Errorf("%s reader: root of %d", name, size+1)
			}
		}
		if _, err := proof.Inclusion(600, 3, read); err == nil {
			t.Errorf("%s reader: inclusion", name)
		}
		if _, err := proof.Consistency(5, 600, read); err == nil {
			t.Errorf("%s reader: consistency", name)
		}
	}
	if _, err := proof.Root(9, failing); !errors.Is(err, wrong) {
		t.Errorf("the reader's error is lost: %v", err)
	}
	for name, err := range map[string]error{
		"root of 2^63":            second(proof.Root(1<<63, failing)),
		"leaf past the end":       second(proof.Inclusion(3, 3, failing)),
		"leaf of 2^63":            second(proof.Inclusion(1<<63+1, 3, failing)),
		"consistency backwards":   second(proof.Consistency(4, 3, failing)),
		"consistency beyond 2^63": second(proof.Consistency(4, 1<<63, failing)),
		"tile of 255":             second(proof.TileRoot(make([]proof.Hash, 255))),
	} {
		if err == nil || errors.Is(err, wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func BenchmarkFrontierAppend(b *testing.B) {
	leaf := proof.Hash(sha256.Sum256([]byte("leaf")))
	var f proof.Frontier
	b.ReportAllocs()
	for b.Loop() {
		f.Append(leaf)
	}
}
