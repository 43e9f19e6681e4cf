package ask

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// LogTile answers what C2SP tlog-tiles has under a path after tile/, such as
// 0/x001/234 or entries/000.p/17: a tile of the tree, or a bundle of entries.
// What the log does not have yet is ErrNotFound. A complete one never changes.
func (a *Asker) LogTile(ctx context.Context, path string) (content []byte, complete bool, err error) {
	level, n, width, err := parseTilePath(path)
	if err != nil {
		return nil, false, err
	}
	head, err := a.store.Head(ctx, a.org)
	if err != nil {
		return nil, false, err
	}
	hashes := head.Frontier.Size()
	if level > 0 {
		hashes >>= uint(level) * proof.TileHeight
	}
	if n > hashes>>proof.TileHeight || n<<proof.TileHeight+uint64(width) > hashes {
		return nil, false, fmt.Errorf("tile %s: %w", path, ErrNotFound)
	}
	complete = width == proof.TileWidth
	if level < 0 {
		content, err = a.entries(ctx, n<<proof.TileHeight, width)
		return content, complete, err
	}
	tile, err := a.store.Tiles(ctx, a.org)(level, n, width)
	if err != nil {
		return nil, false, err
	}
	content = make([]byte, 0, width*len(proof.Hash{}))
	for i := range tile {
		content = append(content, tile[i][:]...)
	}
	return content, complete, nil
}

// entries is a bundle of leaves, each behind its length. Whether they are those
// of the tree is for its reader to check.
func (a *Asker) entries(ctx context.Context, first uint64, width int) ([]byte, error) {
	rows, err := a.store.LogPage(ctx, a.org, store.Selection{Limit: width}, first)
	if err != nil {
		return nil, err
	}
	bundle := make([]byte, 0, 1024*width)
	for i := range rows {
		if rows[i].Seq != first+uint64(i) {
			return nil, fmt.Errorf("%w: event %d is missing", store.ErrDamaged, first+uint64(i))
		}
		record := rows[i].Record()
		leaf, err := record.Leaf()
		if err != nil {
			leaf = nil // an empty entry stands for one that no leaf can be made of
		}
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(leaf))) // at most proof.MaxLeaf
		bundle = append(bundle, leaf...)
	}
	if len(rows) != width {
		return nil, fmt.Errorf("%w: event %d is missing", store.ErrDamaged, first+uint64(len(rows)))
	}
	return bundle, nil
}

// maxTileLevel is the highest level that tlog-tiles has.
const maxTileLevel = 5

// parseTilePath reads the path of a tile; level is -1 for entries. A tile has
// one path only, so that caches keep one.
func parseTilePath(path string) (level int, n uint64, width int, err error) {
	wrong := fmt.Errorf("tile %q: %w", path, ErrNotFound)
	kind, rest, ok := strings.Cut(path, "/")
	if !ok {
		return 0, 0, 0, wrong
	}
	level = -1
	if kind != "entries" {
		if level, err = strconv.Atoi(kind); err != nil || level < 0 || level > maxTileLevel || strconv.Itoa(level) != kind {
			return 0, 0, 0, wrong
		}
	}
	width = proof.TileWidth
	if number, partial, ok := strings.Cut(rest, ".p/"); ok {
		width, err = strconv.Atoi(partial)
		if err != nil || width < 1 || width >= proof.TileWidth || strconv.Itoa(width) != partial {
			return 0, 0, 0, wrong
		}
		rest = number
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		digits, prefixed := strings.CutPrefix(part, "x")
		if len(digits) != 3 || strings.Trim(digits, "0123456789") != "" || prefixed != (i < len(parts)-1) || i > 4 ||
			i == 0 && len(parts) > 1 && digits == "000" {
			return 0, 0, 0, wrong
		}
		group, _ := strconv.ParseUint(digits, 10, 64) // three digits
		n = n*1000 + group
	}
	return level, n, width, nil
}
