package proof

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// The tree is stored and published in tiles of 256 hashes, 8 levels high
// (C2SP tlog-tiles).
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// EmptyRoot is the root of a tree without leaves.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// maxSize bounds a tree: sizes are signed 64-bit numbers in most databases and
// in package tlog.
const maxSize = 1<<63 - 1

// Frontier is a tree's size and the roots of the perfect subtrees that make it
// up, largest first: all that is needed to append to it. The zero value is the
// empty tree. A copy is independent of the original.
type Frontier struct {
	size  uint64
	roots [63]Hash // the first bits.OnesCount64(size) of them; others mean nothing
}

// NewFrontier restores a frontier from its size and its roots.
func NewFrontier(size uint64, roots []Hash) (Frontier, error) {
	if size > maxSize {
		return Frontier{}, fmt.Errorf("a tree can't have %d leaves", size)
	}
	if len(roots) != bits.OnesCount64(size) {
		return Frontier{}, fmt.Errorf("a tree of size %d has %d subtrees, not %d", size, bits.OnesCount64(size), len(roots))
	}
	f := Frontier{size: size}
	copy(f.roots[:], roots)
	return f, nil
}

// Size is the number of leaves.
func (f *Frontier) Size() uint64 { return f.size }

// Roots returns the subtree roots, largest subtree first.
func (f *Frontier) Roots() []Hash {
	return append([]Hash(nil), f.roots[:bits.OnesCount64(f.size)]...)
}

// Append adds a leaf.
func (f *Frontier) Append(leaf Hash) { f.push(leaf, 0) }

// AppendSubtree adds a perfect subtree of 2^height leaves by its root. The
// tree's size must be a multiple of the subtree's.
func (f *Frontier) AppendSubtree(root Hash, height int) error {
	if height < 0 || height > 62 || f.size&(1<<height-1) != 0 || f.size > maxSize-1<<height {
		return fmt.Errorf("a subtree of height %d does not fit at %d", height, f.size)
	}
	f.push(root, height)
	return nil
}

// push adds a subtree and joins it with its left neighbours of equal size.
func (f *Frontier) push(h Hash, height int) {
	last := bits.OnesCount64(f.size)
	for level := height; f.size>>level&1 == 1; level++ {
		last--
		h = nodeHash(f.roots[last], h)
	}
	f.roots[last] = h
	f.size += 1 << height
}

// Root is the hash of the whole tree.
func (f *Frontier) Root() Hash {
	last := bits.OnesCount64(f.size) - 1
	if last < 0 {
		return EmptyRoot()
	}
	h := f.roots[last]
	for i := last - 1; i >= 0; i-- {
		h = nodeHash(f.roots[i], h)
	}
	return h
}

// TileReader returns the hashes of one tile, in the order of the tree: all 256
// if it is complete in a tree of the size, fewer at the right edge.
type TileReader func(level int, n uint64, width int) ([]Hash, error)

// hashReader reads stored hashes out of tiles for package tlog.
func hashReader(size uint64, read TileReader) tlog.HashReader {
	type key struct {
		level int
		n     uint64
	}
	cache := map[key][]Hash{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			tileLevel := level / TileHeight
			shift := level % TileHeight // the hash is the root of 2^shift of the tile's hashes
			first := uint64(n) << shift
			k := key{tileLevel, first >> TileHeight}
			hashes, ok := cache[k]
			if !ok {
				width := min(size>>(tileLevel*TileHeight)-k.n<<TileHeight, TileWidth)
				var err error
				if hashes, err = read(tileLevel, k.n, int(width)); err != nil {
					return nil, err
				}
				if len(hashes) < int(width) {
					return nil, fmt.Errorf("tile %d/%d has %d hashes, %d are needed", k.level, k.n, len(hashes), width)
				}
				cache[k] = hashes
			}
			at := int(first & (TileWidth - 1))
			out[i] = tlog.Hash(subtreeRoot(hashes[at : at+1<<shift]))
		}
		return out, nil
	})
}

// subtreeRoot is the root of a perfect subtree over hashes.
func subtreeRoot(hashes []Hash) Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return nodeHash(subtreeRoot(hashes[:half]), subtreeRoot(hashes[half:]))
}

// TileRoot is the root of a complete tile's hashes.
func TileRoot(hashes []Hash) (Hash, error) {
	if len(hashes) != TileWidth {
		return Hash{}, fmt.Errorf("a complete tile has %d hashes, not %d", TileWidth, len(hashes))
	}
	return subtreeRoot(hashes), nil
}

// Root computes the root of the first size leaves from tiles.
func Root(size uint64, read TileReader) (Hash, error) {
	if size == 0 {
		return EmptyRoot(), nil
	}
	if size > maxSize {
		return Hash{}, fmt.Errorf("a tree can't have %d leaves", size)
	}
	h, err := tlog.TreeHash(int64(size), hashReader(size, read))
	return Hash(h), err
}

// Inclusion makes the proof that the leaf at index is in the tree of the size.
func Inclusion(size, index uint64, read TileReader) ([]Hash, error) {
	if index >= size || size > maxSize {
		return nil, fmt.Errorf("leaf %d is not in a tree of size %d", index, size)
	}
	p, err := tlog.ProveRecord(int64(size), int64(index), hashReader(size, read))
	if err != nil {
		return nil, err
	}
	return fromTlog(p), nil
}

// Consistency makes the proof that the tree of size newer goes on where the
// tree of size older was.
func Consistency(older, newer uint64, read TileReader) ([]Hash, error) {
	if older > newer || newer > maxSize {
		return nil, fmt.Errorf("a tree of size %d does not begin with one of size %d", newer, older)
	}
	if older == 0 || older == newer {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(newer), int64(older), hashReader(newer, read))
	if err != nil {
		return nil, err
	}
	return fromTlog(p), nil
}

// ErrProof is what a proof that does not hold is reported as.
var ErrProof = errors.New("the proof does not hold")

// CheckInclusion checks that the leaf hash at index is in the tree.
func CheckInclusion(path []Hash, size uint64, root Hash, index uint64, leaf Hash) error {
	// A size or an index that is too large becomes negative, which tlog refuses.
	if tlog.CheckRecord(toTlog(path), int64(size), tlog.Hash(root), int64(index), tlog.Hash(leaf)) != nil {
		return fmt.Errorf("%w: inclusion of leaf %d in a tree of size %d", ErrProof, index, size)
	}
	return nil
}

// CheckConsistency checks that the newer tree begins with the older one. Every
// tree begins with the empty one, and with itself: that takes an empty path.
func CheckConsistency(path []Hash, older uint64, olderRoot Hash, newer uint64, newerRoot Hash) error {
	holds := false
	switch {
	case newer > maxSize:
	case older == newer:
		holds = len(path) == 0 && olderRoot == newerRoot && (older > 0 || olderRoot == EmptyRoot())
	case older == 0:
		holds = len(path) == 0 && olderRoot == EmptyRoot()
	case older < newer:
		holds = tlog.CheckTree(toTlog(path), int64(newer), tlog.Hash(newerRoot), int64(older), tlog.Hash(olderRoot)) == nil
	}
	if !holds {
		return fmt.Errorf("%w: the tree of size %d does not go on where the tree of size %d was", ErrProof, newer, older)
	}
	return nil
}
