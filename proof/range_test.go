package proof_test

import (
	"errors"
	"testing"

	"github.com/whodid/whodid/proof"
)

// rangeTree is a tree of leaves that can be told apart, read as tiles.
func rangeTree(size int) ([]proof.Hash, proof.TileReader) {
	leaves := make([]proof.Hash, size)
	for i := range leaves {
		leaves[i] = proof.LeafHash([]byte{byte(i), byte(i >> 8)})
	}
	return leaves, func(level int, n uint64, width int) ([]proof.Hash, error) {
		hashes := leaves
		for range level {
			var above []proof.Hash
			for i := 0; i+proof.TileWidth <= len(hashes); i += proof.TileWidth {
				root, err := proof.TileRoot(hashes[i : i+proof.TileWidth])
				if err != nil {
					return nil, err
				}
				above = append(above, root)
			}
			hashes = above
		}
		first := int(n) * proof.TileWidth
		return hashes[first : first+width], nil
	}
}

// TestRangeProof proves every range of small trees, and some of larger ones.
func TestRangeProof(t *testing.T) {
	t.Parallel()
	check := func(size, first, end int) {
		leaves, read := rangeTree(size)
		want, err := proof.Root(uint64(size), read)
		if err != nil {
			t.Fatal(err)
		}
		p, err := proof.NewRangeProof(uint64(size), uint64(first), uint64(end), read)
		if err != nil {
			t.Fatalf("%d to %d of %d: %v", first, end, size, err)
		}
		got, err := p.Root(uint64(size), leaves[first:end])
		if err != nil || got != want {
			t.Fatalf("%d to %d of %d: root %s, %v; want %s", first, end, size, got, err, want)
		}
		// Any other leaf, place or length must not give the root.
		other := append([]proof.Hash(nil), leaves[first:end]...)
		other[len(other)-1][0] ^= 1
		if got, err := p.Root(uint64(size), other); err == nil && got == want {
			t.Fatalf("%d to %d of %d: another leaf is proved too", first, end, size)
		}
		if got, err := p.Root(uint64(size), append(other, other[0])); err == nil && got == want {
			t.Fatalf("%d to %d of %d: a leaf more is proved too", first, end, size)
		}
		moved := *p
		moved.First++
		if got, err := moved.Root(uint64(size), leaves[first:end]); err == nil && got == want {
			t.Fatalf("%d to %d of %d: another place is proved too", first, end, size)
		}
	}
	for size := 1; size <= 20; size++ {
		for first := range size {
			for end := first + 1; end <= size; end++ {
				check(size, first, end)
			}
		}
	}
	for _, c := range [][3]int{{700, 0, 700}, {700, 255, 257}, {700, 256, 512}, {700, 699, 700}, {700, 3, 690}, {66_000, 65_000, 65_600}, {66_000, 65_999, 66_000}} {
		check(c[0], c[1], c[2])
	}
}

func TestRangeProofRefuses(t *testing.T) {
	t.Parallel()
	leaves, read := rangeTree(10)
	for _, c := range [][2]uint64{{3, 3}, {4, 3}, {9, 11}, {10, 11}} {
		if _, err := proof.NewRangeProof(10, c[0], c[1], read); err == nil {
			t.Errorf("a proof of %d to %d of 10 was made", c[0], c[1])
		}
	}
	p, err := proof.NewRangeProof(10, 3, 5, read)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(p *proof.RangeProof) (uint64, []proof.Hash){
		"no leaves":       func(*proof.RangeProof) (uint64, []proof.Hash) { return 10, nil },
		"a smaller tree":  func(*proof.RangeProof) (uint64, []proof.Hash) { return 4, leaves[3:5] },
		"a huge tree":     func(*proof.RangeProof) (uint64, []proof.Hash) { return 1<<64 - 1, leaves[3:5] },
		"a huge place":    func(p *proof.RangeProof) (uint64, []proof.Hash) { p.First = 1<<64 - 1; return 10, leaves[3:5] },
		"left too short":  func(p *proof.RangeProof) (uint64, []proof.Hash) { p.Left = p.Left[:1]; return 10, leaves[3:5] },
		"right too short": func(p *proof.RangeProof) (uint64, []proof.Hash) { p.Right = p.Right[:1]; return 10, leaves[3:5] },
		"right too long": func(p *proof.RangeProof) (uint64, []proof.Hash) {
			p.Right = append(p.Right, p.Right[0])
			return 10, leaves[3:5]
		},
	} {
		damaged := proof.RangeProof{First: p.First, Left: append([]proof.Hash(nil), p.Left...), Right: append([]proof.Hash(nil), p.Right...)}
		size, part := damage(&damaged)
		if _, err := damaged.Root(size, part); !errors.Is(err, proof.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
