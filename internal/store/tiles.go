package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/whodid/whodid/proof"
)

// Tiles reads the tree's tiles as a tree of the size has them.
func (s *Store) Tiles(ctx context.Context, org string) proof.TileReader {
	ctx = within(ctx, org)
	return func(level int, n uint64, width int) ([]proof.Hash, error) {
		return s.tile(ctx, s.read, org, level, n, width)
	}
}

// tile returns the first width hashes of a tile: from the tile if it is
// stored, else from what lies below it.
func (s *Store) tile(ctx context.Context, q querier, org string, level int, n uint64, width int) ([]proof.Hash, error) {
	hashes, err := s.storedTile(ctx, q, org, level, n)
	switch {
	case err != nil:
		return nil, err
	case hashes == nil:
		return s.edge(ctx, q, org, level, n, width)
	case len(hashes) < width:
		return nil, fmt.Errorf("tile %d/%d does not have %d hashes", level, n, width)
	}
	return hashes[:width], nil
}

// storedTile returns a complete tile, or nil if it is not stored.
func (s *Store) storedTile(ctx context.Context, q querier, org string, level int, n uint64) ([]proof.Hash, error) {
	var b []byte
	err := q.QueryRowContext(ctx, `SELECT hashes FROM tile WHERE org = $1 AND level = $2 AND n = $3`, org, level, int64(n)).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read tile %d/%d: %w", level, n, err)
	}
	hashes, err := unpackHashes(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't read tile %d/%d: %w", level, n, err)
	}
	return hashes, nil
}

// edge returns the first width hashes of the incomplete tile n of a level: leaf
// hashes come from the head, which keeps those after the last complete tile, and
// not from the events, which may be gone; others are the roots of complete tiles
// below.
func (s *Store) edge(ctx context.Context, q querier, org string, level int, n uint64, width int) ([]proof.Hash, error) {
	if level == 0 {
		return s.edgeOfHead(ctx, q, org, n, width)
	}
	first := n << proof.TileHeight
	const query = `SELECT hashes FROM tile WHERE org = $1 AND level = $4 AND n >= $2 AND n < $3 ORDER BY n`
	out := make([]proof.Hash, 0, proof.TileWidth)
	err := eachRow(ctx, q, query, []any{org, int64(first), int64(first) + int64(width), level - 1}, func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		hashes, err := unpackHashes(b)
		if err != nil {
			return err
		}
		root, err := proof.TileRoot(hashes)
		out = append(out, root)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read tile %d/%d: %w", level, n, err)
	}
	if len(out) < width {
		return nil, fmt.Errorf("tile %d/%d has %d hashes, %d are needed", level, n, len(out), width)
	}
	return out, nil
}

func (s *Store) edgeOfHead(ctx context.Context, q querier, org string, n uint64, width int) ([]proof.Hash, error) {
	head, err := readHead(ctx, q, org)
	if err != nil {
		return nil, err
	}
	hashes := head.Edge
	if (head.Frontier.Size()-uint64(len(hashes)))>>proof.TileHeight != n {
		// It has become complete since it was looked for.
		if hashes, err = s.storedTile(ctx, q, org, 0, n); err != nil {
			return nil, err
		}
	}
	if len(hashes) < width {
		return nil, fmt.Errorf("tile 0/%d has %d hashes, %d are needed", n, len(hashes), width)
	}
	return hashes[:width], nil
}
