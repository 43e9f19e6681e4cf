package store

import (
	"fmt"
	"math/bits"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
)

// uniform is a log whose leaves are all the same, so that the root of every
// perfect subtree is known by its height, however large the log is.
type uniform struct{ roots [40]proof.Hash }

func newUniform() *uniform {
	u := &uniform{}
	u.roots[0] = proof.LeafHash([]byte("the one leaf"))
	for h := 1; h < len(u.roots); h++ {
		u.roots[h] = nodeOf(u.roots[h-1], u.roots[h-1])
	}
	return u
}

// nodeOf is the hash of an inner node, out of the smallest tree that has one.
func nodeOf(left, right proof.Hash) proof.Hash {
	f, err := proof.NewFrontier(3, []proof.Hash{left, right})
	if err != nil {
		panic(err) // two roots make a tree of three leaves
	}
	return f.Root()
}

func (u *uniform) frontier(t testing.TB, size uint64) proof.Frontier {
	t.Helper()
	var roots []proof.Hash
	for h := bits.Len64(size) - 1; h >= 0; h-- {
		if size>>h&1 == 1 {
			roots = append(roots, u.roots[h])
		}
	}
	f, err := proof.NewFrontier(size, roots)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// tile is a complete tile of a level: they are all the same, too.
func (u *uniform) tile(level int) []proof.Hash {
	return slices.Repeat([]proof.Hash{u.roots[level*proof.TileHeight]}, proof.TileWidth)
}

// seed makes a log look as if it had grown to a size, as far as an append and
// a proof at its end look.
func (u *uniform) seed(t testing.TB, s *Store, org string, size uint64) {
	t.Helper()
	ctx := within(t.Context(), org)
	if _, err := s.CreateLog(ctx, Log{Org: org, Origin: org, CreatedAt: time.Unix(0, 0)}, Head{}); err != nil {
		t.Fatal(err)
	}
	// The leaves after the last tile are read from their events.
	a := &addition{rows: u.rows(org, size-size%proof.TileWidth, int(size%proof.TileWidth))}
	a.head = Head{Frontier: u.frontier(t, size), Edge: u.tile(0)[:size%proof.TileWidth]}
	for level := range 3 {
		end := size >> ((level + 1) * proof.TileHeight)
		for n := end >> proof.TileHeight << proof.TileHeight; n < end; n++ {
			a.tiles = append(a.tiles, Tile{Level: level, N: n, Hashes: u.tile(level)})
		}
	}
	err := s.dialect.inAppendTx(ctx, s, func(tx appendTx) error {
		if _, err := tx.before(ctx, org, idsOf(a.rows, true), nil); err != nil {
			return err
		}
		if len(a.rows) > 0 {
			if _, err := s.prepareMonths(ctx, tx, a.rows); err != nil {
				return err
			}
		}
		return tx.write(ctx, org, a)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rows are events whose leaves are like all others.
func (u *uniform) rows(org string, from uint64, n int) []*Row {
	rows := make([]*Row, n)
	for i := range rows {
		e := whodid.Event{Org: org, Key: fmt.Sprint(from + uint64(i)), Actor: whodid.System, What: "record.gap", Source: "cli", At: time.Unix(1_793_000_000, 0)}
		e.RecordedAt = e.At
		e.Identify()
		rows[i] = &Row{Event: e, Seq: from + uint64(i), DataText: []byte("{}"), Salt: new(proof.Salt), LeafHash: u.roots[0]}
	}
	return rows
}

// append adds so many of them to a log of a size.
func (u *uniform) append(t testing.TB, s *Store, org string, size uint64, n int) {
	t.Helper()
	extend := func(h Head, leaves []proof.Hash) (Head, error) {
		for _, leaf := range leaves {
			h.Frontier.Append(leaf)
		}
		return h, nil
	}
	if _, err := s.Append(t.Context(), org, u.rows(org, size, n), extend); err != nil {
		t.Fatal(err)
	}
}

// TestHighEdges crosses the edges that only large logs have: where a tile of
// 65,536 events is complete, and one of 16,777,216.
func TestHighEdges(t *testing.T) {
	t.Parallel()
	for engine, address := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "trail.db") },
		"postgres": func(t testing.TB) string { return testenv.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, address(t))
			u := newUniform()
			for _, test := range []struct {
				size    uint64
				appends []int
			}{
				{1<<16 - 3, []int{2, 1, 1, 300}},      // up to the edge, on it, over it
				{1<<16 - 3, []int{5}},                 // across it at once
				{1<<16 - 300, []int{700}},             // across it and its neighbours
				{1<<16 + 255<<8 + 1, []int{254, 2}},   // the second
				{1<<24 - 1, []int{1, 1}},              // where three levels end
				{1<<24 - 257, []int{600}},             // across it
				{5<<24 + 255<<16 + 9, []int{247, 60}}, // in the midst of a large one
			} {
				org := fmt.Sprint(test.size, "-", test.appends)
				u.seed(t, s, org, test.size)
				size := test.size
				for _, n := range test.appends {
					u.append(t, s, org, size, n)
					size += uint64(n)
					u.check(t, s, org, size)
				}
			}
		})
	}
}

// check proves the end of a log, and that its tiles are what they must be.
func (u *uniform) check(t *testing.T, s *Store, org string, size uint64) {
	t.Helper()
	head, err := s.Head(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	frontier := u.frontier(t, size)
	want := frontier.Root()
	if head.Frontier.Size() != size || head.Frontier.Root() != want || !slices.Equal(head.Edge, u.tile(0)[:size%proof.TileWidth]) {
		t.Errorf("%s at %d: the head has %d events, %d of them after the last tile", org, size, head.Frontier.Size(), len(head.Edge))
	}
	read := s.Tiles(t.Context(), org)
	if root, err := proof.Root(size, read); err != nil || root != want {
		t.Errorf("%s at %d: the tiles give another root, %v", org, size, err)
	}
	path, err := proof.Inclusion(size, size-1, read)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.CheckInclusion(path, size, want, size-1, u.roots[0]); err != nil {
		t.Errorf("%s at %d: %v", org, size, err)
	}
	for level := 0; level < 3; level++ {
		complete := size >> ((level + 1) * proof.TileHeight)
		if complete == 0 {
			break
		}
		stored, err := s.storedTile(within(t.Context(), org), s.read, org, level, complete-1)
		if err != nil || !slices.Equal(stored, u.tile(level)) {
			t.Errorf("%s at %d: the last tile of level %d is not stored as it must be, %v", org, size, level, err)
		}
		if beyond, err := s.storedTile(within(t.Context(), org), s.read, org, level, complete); err != nil || beyond != nil {
			t.Errorf("%s at %d: a tile of level %d is stored that isn't complete, %v", org, size, level, err)
		}
	}
}
