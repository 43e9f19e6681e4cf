package ask

import (
	"context"
	"errors"
	"fmt"

	"github.com/whodid/whodid/proof"
)

// checkTree checks the tiles of the higher levels, and makes the tree of the
// roots of the lowest tiles and of the leaves after the last of them.
func (c *checker) checkTree(ctx context.Context, tiles, edge []proof.Hash) error {
	c.checkEdge(c.TreeSize-uint64(len(edge)), edge)
	for _, root := range tiles {
		if err := c.tree.AppendSubtree(root, proof.TileHeight); err != nil {
			return fmt.Errorf("couldn't build the tree: %w", err)
		}
	}
	for _, leaf := range edge {
		c.tree.Append(leaf)
	}
	for level := 1; len(tiles) >= proof.TileWidth; level++ {
		var err error
		if tiles, _, err = c.checkTiles(ctx, level, 0, tiles); err != nil {
			return err
		}
	}
	return nil
}

// checkTiles compares the stored tiles of a level, from the n-th on, with the
// hashes that they should have. It returns the roots of the complete ones, and
// the hashes after them.
func (c *checker) checkTiles(ctx context.Context, level int, n uint64, hashes []proof.Hash) (roots, rest []proof.Hash, err error) {
	for ; len(hashes) >= proof.TileWidth; n++ {
		tile := hashes[:proof.TileWidth]
		hashes = hashes[proof.TileWidth:]
		if err := c.checkTile(ctx, level, n, tile); err != nil {
			return nil, nil, err
		}
		root, err := proof.TileRoot(tile)
		if err != nil {
			return nil, nil, err
		}
		roots = append(roots, root)
	}
	return roots, append([]proof.Hash(nil), hashes...), nil // the others are not kept for their sake
}

func (c *checker) checkTile(ctx context.Context, level int, n uint64, want []proof.Hash) error {
	have, err := c.snapshot.Tile(ctx, level, n)
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		c.problem(Problem{Kind: "tile", Detail: err.Error()})
		return nil
	}
	if len(have) != len(want) {
		c.problem(Problem{Kind: "tile", Detail: fmt.Sprintf("tile %d/%d has %d hashes", level, n, len(have))})
		return nil
	}
	for i := range want {
		switch {
		case have[i] == want[i]:
		case level == 0:
			c.edited(n<<proof.TileHeight + uint64(i))
		default:
			c.problem(Problem{Kind: "tile", Detail: fmt.Sprintf("hash %d of tile %d/%d is not that of what is under it", i, level, n)})
		}
	}
	return nil
}

// checkEdge compares the leaves at the right edge of the tree, which make no
// complete tile yet, with the hashes that the head keeps of them.
func (c *checker) checkEdge(first uint64, want []proof.Hash) {
	have := c.snapshot.Head.Edge
	if len(have) != len(want) {
		c.problem(Problem{Kind: "head", Detail: fmt.Sprintf("the head keeps %d hashes of its edge, which has %d", len(have), len(want))})
		return
	}
	for i := range want {
		if have[i] != want[i] {
			c.edited(first + uint64(i))
		}
	}
}

func (c *checker) edited(seq uint64) {
	c.problem(Problem{Kind: "edited", Seq: &seq, Detail: fmt.Sprintf("the event at place %d of the log is not the one that was put there", seq)})
}
