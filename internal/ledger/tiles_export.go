package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Exported says what [Export] found and wrote.
type Exported struct {
	// Size is the number of entries under the exported checkpoint.
	Size uint64 `json:"size"`
	// Files counts the files that were written; complete tiles that were there
	// already are not.
	Files int `json:"files"`
	// Faults are the indexes of entries, among those that were written, whose
	// hash is not the one that was put into the tree.
	Faults []uint64 `json:"faults"`
}

// ErrForked means that the directory holds a log that the trail does not go on
// from: a longer one, one of another name, or one with other entries.
var ErrForked = errors.New("the trail does not go on where the published log stood")

// Export writes an organisation's log as a static directory in the layout of
// C2SP tlog-tiles, which any web server can serve and other people's tools can
// verify: checkpoint, tile/<level>/<n> and tile/entries/<n>.
//
// What is in the directory already is trusted to be complete up to its
// checkpoint: complete tiles and bundles in it are not written again, and a
// checkpoint that the trail does not go on from is left alone ([ErrForked]).
// The checkpoint is replaced last, so that a reader never sees one whose tiles
// are not there. Every file appears whole or not at all.
//
// Entries are made from the rows, hashes are taken as they were stored. A row
// that was edited is exported as it now is, and an empty entry stands for one
// that no leaf can be made of, so that whoever verifies the directory finds the
// fault by himself; [Exported] names them too. A row that is missing is an
// error: there is nothing to export for it.
func Export(ctx context.Context, s *store.Store, org, dir string) (Exported, error) {
	snapshot, err := s.Snapshot(ctx, org)
	if err != nil {
		return Exported{}, fmt.Errorf("couldn't export the log: %w", err)
	}
	defer snapshot.Close()
	x := exporter{dir: dir, snapshot: snapshot, tiles: snapshot.Tiles(ctx), Exported: Exported{Size: snapshot.Head.Frontier.Size(), Faults: []uint64{}}}
	if err := x.export(ctx); err != nil {
		return x.Exported, fmt.Errorf("couldn't export the log: %w", err)
	}
	return x.Exported, nil
}

type exporter struct {
	Exported
	dir      string
	snapshot *store.Snapshot
	tiles    proof.TileReader
}

func (x *exporter) export(ctx context.Context) error {
	if err := x.checkPublished(); err != nil {
		return err
	}
	err := eachTile(x.Size, func(n uint64, width int) error { return x.exportEntries(ctx, n, width) })
	if err != nil {
		return err
	}
	for level := 0; x.Size>>(level*proof.TileHeight) > 0; level++ {
		hashes := x.Size >> (level * proof.TileHeight)
		if err := eachTile(hashes, func(n uint64, width int) error { return x.exportTile(level, n, width) }); err != nil {
			return err
		}
	}
	return x.write("checkpoint", []byte(x.snapshot.Head.Checkpoint))
}

// checkPublished compares the directory's checkpoint, if it has one, with the
// trail.
func (x *exporter) checkPublished() error {
	signed, err := os.ReadFile(filepath.Join(x.dir, "checkpoint"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	published, err := proof.PeekCheckpoint(string(signed))
	if err != nil {
		return fmt.Errorf("%w: its checkpoint can't be read: %w", ErrForked, err)
	}
	own, err := proof.PeekCheckpoint(x.snapshot.Head.Checkpoint)
	if err != nil {
		return fmt.Errorf("the trail's own checkpoint: %w", err)
	}
	switch {
	case published.Origin != own.Origin:
		return fmt.Errorf("%w: it is of %s, the trail is of %s", ErrForked, published.Origin, own.Origin)
	case published.Size > x.Size:
		return fmt.Errorf("%w: it has %d entries, the trail %d", ErrForked, published.Size, x.Size)
	}
	root, err := proof.Root(published.Size, x.tiles)
	if err != nil {
		return err
	}
	if root != published.Root {
		return fmt.Errorf("%w: the first %d entries are others", ErrForked, published.Size)
	}
	return nil
}

func (x *exporter) exportEntries(ctx context.Context, n uint64, width int) error {
	path := tilePath("entries", n, width)
	if width == proof.TileWidth && x.has(path, 0) {
		return nil
	}
	first := n * proof.TileWidth
	next := first
	bundle := make([]byte, 0, 1024*width)
	err := x.snapshot.Scan(ctx, first, first+uint64(width), func(r *store.Row, _ string) error {
		if r.Seq != next {
			return fmt.Errorf("event %d is missing from the trail", next)
		}
		next++
		record := r.Record()
		leaf, err := record.Leaf()
		if err != nil || proof.LeafHash(leaf) != r.LeafHash {
			x.Faults = append(x.Faults, r.Seq)
		}
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(leaf))) // at most proof.MaxLeaf
		bundle = append(bundle, leaf...)
		return nil
	})
	if err != nil {
		return err
	}
	if next != first+uint64(width) {
		return fmt.Errorf("event %d is missing from the trail", next)
	}
	return x.writeTile(path, width, bundle)
}

func (x *exporter) exportTile(level int, n uint64, width int) error {
	path := tilePath(strconv.Itoa(level), n, width)
	if width == proof.TileWidth && x.has(path, proof.TileWidth*len(proof.Hash{})) {
		return nil
	}
	hashes, err := x.tiles(level, n, width)
	if err != nil {
		return err
	}
	content := make([]byte, 0, width*len(proof.Hash{}))
	for i := range hashes {
		content = append(content, hashes[i][:]...)
	}
	return x.writeTile(path, width, content)
}

// writeTile writes a tile or bundle. Once it is complete, nobody needs the
// incomplete ones that were there before it.
func (x *exporter) writeTile(path string, width int, content []byte) error {
	if err := x.write(path, content); err != nil {
		return err
	}
	if width < proof.TileWidth {
		return nil
	}
	return os.RemoveAll(filepath.Join(x.dir, filepath.FromSlash(path)+".p"))
}

// has says whether a file is there, of the size unless that is 0.
func (x *exporter) has(path string, size int) bool {
	info, err := os.Stat(filepath.Join(x.dir, filepath.FromSlash(path)))
	return err == nil && info.Mode().IsRegular() && (size == 0 || info.Size() == int64(size))
}

// write puts a file in place, whole and durable.
func (x *exporter) write(path string, content []byte) error {
	name := filepath.Join(x.dir, filepath.FromSlash(path))
	folder := filepath.Dir(name)
	if err := os.MkdirAll(folder, 0o755); err != nil { // public, like all that is in it
		return err
	}
	f, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what could not be written is of no use
		return err
	}
	x.Files++
	return nil
}

// eachTile visits the tiles that hold so many hashes.
func eachTile(hashes uint64, visit func(n uint64, width int) error) error {
	for n := uint64(0); n*proof.TileWidth < hashes; n++ {
		if err := visit(n, int(min(hashes-n*proof.TileWidth, proof.TileWidth))); err != nil {
			return err
		}
	}
	return nil
}

// tilePath is where C2SP tlog-tiles has a tile: its number in groups of three
// digits, all but the last with an x before them, and the width of one that is
// not complete.
func tilePath(level string, n uint64, width int) string {
	number := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		number = fmt.Sprintf("x%03d/%s", n%1000, number)
	}
	path := strings.Join([]string{"tile", level, number}, "/")
	if width < proof.TileWidth {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}
