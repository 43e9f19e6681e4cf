package proof

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// RangeProof shows that leaves which lie side by side are in a tree: the tree's
// root can be computed from them and the roots of the perfect subtrees to the
// left and to the right of them.
type RangeProof struct {
	// First is the index of the first leaf.
	First uint64 `json:"first"`
	// Left are the roots of the perfect subtrees that make up the leaves before
	// the first, the largest first; Right those that make up the leaves behind
	// the last, from left to right.
	Left  []Hash `json:"left"`
	Right []Hash `json:"right"`
}

// NewRangeProof makes the proof that the leaves from first up to end are in the
// tree of the size.
func NewRangeProof(size, first, end uint64, read TileReader) (*RangeProof, error) {
	if first >= end || end > size || size > maxSize {
		return nil, fmt.Errorf("leaves %d to %d are not in a tree of size %d", first, end, size)
	}
	p := &RangeProof{First: first, Left: []Hash{}, Right: []Hash{}}
	var indexes []int64
	eachSubtree(0, first, func(n uint64, height int) { indexes = append(indexes, tlog.StoredHashIndex(height, int64(n))) })
	left := len(indexes)
	eachSubtree(end, size, func(n uint64, height int) { indexes = append(indexes, tlog.StoredHashIndex(height, int64(n))) })
	if len(indexes) == 0 {
		return p, nil
	}
	hashes, err := hashReader(size, read).ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	p.Left, p.Right = fromTlog(hashes[:left]), fromTlog(hashes[left:])
	return p, nil
}

// eachSubtree visits the largest perfect subtrees that make up the leaves from
// first up to end, from left to right: of height, the n-th of that height.
func eachSubtree(first, end uint64, visit func(n uint64, height int)) {
	for first < end {
		height := bits.Len64(end-first) - 1
		if first > 0 {
			height = min(height, bits.TrailingZeros64(first))
		}
		visit(first>>height, height)
		first += 1 << height
	}
}

// Root is the root of the tree of the size in which the leaves lie as the proof
// says.
func (p *RangeProof) Root(size uint64, leaves []Hash) (Hash, error) {
	n := uint64(len(leaves))
	if n == 0 || size > maxSize || p.First > size || n > size-p.First {
		return Hash{}, fmt.Errorf("%w: %d leaves from %d on are not in a tree of size %d", ErrProof, n, p.First, size)
	}
	f, err := p.Begin()
	if err != nil {
		return Hash{}, err
	}
	for _, leaf := range leaves {
		f.Append(leaf)
	}
	return p.Finish(&f, size)
}

// Begin is the tree up to the first leaf, for leaves that come one after the
// other: append them, and then call Finish.
func (p *RangeProof) Begin() (Frontier, error) {
	f, err := NewFrontier(p.First, p.Left)
	if err != nil {
		return Frontier{}, fmt.Errorf("%w: left of the leaves: %w", ErrProof, err)
	}
	return f, nil
}

// Finish appends what is to the right of the leaves, and returns the root of the
// tree of the size.
func (p *RangeProof) Finish(f *Frontier, size uint64) (Hash, error) {
	if f.Size() <= p.First || f.Size() > size || size > maxSize {
		return Hash{}, fmt.Errorf("%w: leaves from %d up to %d are not in a tree of size %d", ErrProof, p.First, f.Size(), size)
	}
	var err error
	next := 0
	eachSubtree(f.Size(), size, func(_ uint64, height int) {
		if next < len(p.Right) && err == nil {
			err = f.AppendSubtree(p.Right[next], height)
		}
		next++
	})
	if err != nil || next != len(p.Right) {
		return Hash{}, fmt.Errorf("%w: right of the leaves there must be %d subtrees, not %d", ErrProof, next, len(p.Right))
	}
	return f.Root(), nil
}
