package storetest

import (
	"slices"
	"testing"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

var treeTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"tiles at and around every edge": testTiles,
	"every event is proved":          testInclusion,
}

// testTiles appends in batches that end at, before and after the edges of
// tiles and that cross none, one or several of them.
func testTiles(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	n := 0
	for _, to := range []int{1, 2, 255, 256, 257, 300, 511, 512, 513, 1400, 1536, 1537} {
		b.Append(t, Actions(n, to)...)
		n = to
		Check(t, s, "default")
	}
	events := Check(t, s, "default")
	read := s.Tiles(t.Context(), "default")
	for tile := range (n + proof.TileWidth - 1) / proof.TileWidth {
		first := tile * proof.TileWidth
		for _, width := range []int{1, 100, proof.TileWidth} {
			width = min(width, n-first)
			hashes, err := read(0, uint64(tile), width)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range hashes {
				if h != events[first+i].LeafHash {
					t.Fatalf("tile 0/%d: hash %d is not that of event %d", tile, i, first+i)
				}
			}
			if len(hashes) != width {
				t.Errorf("tile 0/%d has %d hashes, want %d", tile, len(hashes), width)
			}
		}
	}
	above, err := read(1, 0, n/proof.TileWidth)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range above {
		below, err := read(0, uint64(i), proof.TileWidth)
		if err != nil || h != treeHash(below) {
			t.Errorf("hash %d of tile 1/0 is not the root of tile 0/%d, %v", i, i, err)
		}
	}
	for _, beyond := range []struct {
		level, n, width int
	}{{0, 6, 2}, {0, 7, 1}, {1, 0, 7}, {2, 0, 1}} {
		if hashes, err := read(beyond.level, uint64(beyond.n), beyond.width); err == nil {
			t.Errorf("tile %d/%d gave %d hashes that are not in the tree", beyond.level, beyond.n, len(hashes))
		}
	}
}

func testInclusion(t *testing.T, open func(testing.TB) *store.Store) {
	const size = 300
	s := open(t)
	NewBook(t, s, "default").Append(t, Actions(0, size)...)
	events := Check(t, s, "default")
	root := treeHash(leaves(events))
	for _, i := range []uint64{0, 1, 254, 255, 256, 257, 298, 299} {
		path, err := proof.Inclusion(size, i, s.Tiles(t.Context(), "default"))
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.CheckInclusion(path, size, root, i, events[i].LeafHash); err != nil {
			t.Error(err)
		}
		if other := events[(i+1)%size].LeafHash; proof.CheckInclusion(path, size, root, i, other) == nil {
			t.Errorf("the proof of event %d holds for another event", i)
		}
	}
}

func leaves(events []store.Row) []proof.Hash {
	out := make([]proof.Hash, 0, len(events))
	for e := range slices.Values(events) {
		out = append(out, e.LeafHash)
	}
	return out
}
