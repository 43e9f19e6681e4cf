package ask

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// verifyInPeace verifies again if the trail was swept meanwhile: what was read
// before and after does not fit together then.
func (a *Asker) verifyInPeace(ctx context.Context, o VerifyOptions) (v *Verification, err error) {
	before, err := a.store.CountSweeps(ctx, a.org)
	if err != nil {
		return nil, err
	}
	for range 3 {
		if v, err = a.verify(ctx, o); err == nil && len(v.Problems) == 0 {
			return v, nil
		}
		after, countErr := a.store.CountSweeps(ctx, a.org)
		if countErr != nil {
			return nil, errors.Join(err, countErr)
		}
		if after == before {
			break
		}
		before = after
	}
	return v, err
}

// readSweeps reads what is said to be gone. Whether it is right to be, checkSweeps
// says when the events are read.
func (c *checker) readSweeps(ctx context.Context) error {
	var err error
	if c.sweeps, err = c.snapshot.Sweeps(ctx); err != nil {
		return err
	}
	c.certificates = map[string]*whodid.Event{}
	for _, s := range c.sweeps {
		c.gone = append(c.gone, s.Places...)
	}
	slices.SortFunc(c.gone, func(a, b store.Span) int {
		switch {
		case a.First < b.First:
			return -1
		case a.First > b.First:
			return 1
		default:
			return 0
		}
	})
	for i := 1; i < len(c.gone); i++ {
		if before := c.gone[i-1]; before.First+before.Count > c.gone[i].First {
			c.problem(Problem{Kind: "edited", Detail: fmt.Sprintf("two sweeps are said to have taken the event at place %d of the log", c.gone[i].First)})
			// What is not in order can't be looked up: nothing is gone then.
			c.gone = nil
			return nil
		}
	}
	return nil
}

// absent is the hash of the next event, which is not there: that of the tree if it
// was swept, else zeros that stand in for it.
func (s *span) absent(ctx context.Context) (proof.Hash, error) {
	if !s.gone.Has(s.next) {
		s.missing()
		return proof.Hash{}, nil
	}
	seq := s.next
	if n := seq >> proof.TileHeight; s.tile.hashes == nil || s.tile.n != n {
		hashes, err := s.leavesOf(ctx, n)
		if err != nil {
			return proof.Hash{}, err
		}
		s.tile.n, s.tile.hashes = n, hashes
	}
	s.next++
	at := int(seq & (proof.TileWidth - 1))
	if at >= len(s.tile.hashes) {
		s.problem(Problem{Kind: "tile", Seq: &seq, Detail: fmt.Sprintf("the tree has no hash of the event at place %d, which was swept", seq)})
		return proof.Hash{}, nil
	}
	return s.tile.hashes[at], nil
}

// leavesOf returns the leaf hashes of the n-th tile, or what the head has of it.
func (c *checker) leavesOf(ctx context.Context, n uint64) ([]proof.Hash, error) {
	if n == c.TreeSize>>proof.TileHeight {
		return c.snapshot.Head.Edge, nil
	}
	hashes, err := c.snapshot.Tile(ctx, 0, n)
	if err != nil && errors.Is(err, ctx.Err()) {
		return nil, err
	}
	if err != nil {
		return nil, nil //nolint:nilerr // whatever is wrong with the tile is told when it is checked
	}
	return hashes, nil
}

// certified keeps the event that tells of a sweep.
func (s *span) certified(r *store.Row) error {
	if err := r.ParseData(); err != nil {
		return err
	}
	e := r.Event
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certificates[r.ID] = &e
	return nil
}

// checkSweeps compares what is gone with the events that tell of it: each sweep
// took exactly the events of whose leaves it has the root.
func (c *checker) checkSweeps(ctx context.Context) error {
	for _, s := range c.sweeps {
		e := c.certificates[s.ID]
		delete(c.certificates, s.ID)
		if e == nil {
			c.problem(Problem{Kind: "missing", EventID: s.ID, Detail: fmt.Sprintf("%d events are gone, and the log knows nothing of the sweep that is said to have taken them", s.Places.Len())})
			continue
		}
		root, err := c.rootOf(ctx, s.Places)
		if err != nil {
			return err
		}
		events, _ := e.Data.Int("gone_events")
		if uint64(events) != s.Places.Len() || e.Data.String("root") != hex.EncodeToString(root[:]) {
			c.problem(Problem{Kind: "missing", EventID: s.ID, Detail: fmt.Sprintf("the sweep took %d events with root %s; the %d that are gone have root %s", events, e.Data.String("root"), s.Places.Len(), hex.EncodeToString(root[:]))})
			continue
		}
		c.Swept += s.Places.Len()
		c.Sweeps = append(c.Sweeps, newSweep(e))
	}
	for id := range c.certificates {
		c.problem(Problem{Kind: "edited", EventID: id, Detail: "it is not kept which events this sweep took"})
	}
	slices.SortFunc(c.Sweeps, func(a, b Sweep) int {
		return strings.Compare(a.At.Format(whodid.TimeFormat)+a.Certificate, b.At.Format(whodid.TimeFormat)+b.Certificate)
	})
	return nil
}

// rootOf is the root of the tree over the leaves at the places.
func (c *checker) rootOf(ctx context.Context, places store.Places) (proof.Hash, error) {
	var f proof.Frontier
	var tile uint64
	var hashes []proof.Hash
	for _, span := range places {
		for seq := span.First; seq < span.First+span.Count; seq++ {
			if n := seq >> proof.TileHeight; hashes == nil || n != tile {
				var err error
				if hashes, err = c.leavesOf(ctx, n); err != nil {
					return proof.Hash{}, err
				}
				tile = n
			}
			at := int(seq & (proof.TileWidth - 1))
			if at >= len(hashes) {
				return proof.Hash{}, nil // no tree has it, so that nothing can have this root
			}
			f.Append(hashes[at])
		}
	}
	return f.Root(), nil
}

// saySwept says what is not there, for the verdict.
func (c *checker) saySwept() string {
	if c.Swept == 0 {
		return ""
	}
	last := c.Sweeps[len(c.Sweeps)-1]
	return fmt.Sprintf("; %d events were swept because their period was over, the last by policy %s on %s (certificate %s): their hashes are under the checkpoint",
		c.Swept, last.Policy, last.At.Format("2006-01-02"), last.Certificate)
}
