package ask

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// spanSize is how many events are checked at a time, many such spans in
// parallel: whole tiles, enough that a query is worth it and few enough that a
// small trail, too, keeps all processors at work.
const spanSize = 16 * proof.TileWidth

// clockSlack is by how much the clock may seem to go back because processes
// that append at the same time stamp their events before they queue.
const clockSlack = time.Minute

// checker re-reads the whole log as an outsider would.
type checker struct {
	Verification
	snapshot *store.Snapshot
	progress func(done, total uint64)
	step     func(comparing string)
	done     atomic.Uint64
	telling  sync.Mutex // of progress

	// tree is made of the events that are there.
	tree  proof.Frontier
	folds *folds
	// actions counts those that are there.
	actions store.ActionHours

	named     []whodid.Event // actions that name an approval
	backwards int

	// sweeps are what is said to be swept, gone all of their places together.
	sweeps []store.SweptPlaces
	gone   store.Places

	mu           sync.Mutex // guards what follows and Problems
	certificates map[string]*whodid.Event
	kinds        map[string]int
	rows         map[uint64]bool // places that have a problem
}

func (c *checker) problem(p Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = map[string]int{}
	}
	if p.Seq != nil {
		// A row that is wrong in two ways is one wrong row.
		if c.rows[*p.Seq] {
			return
		}
		if c.rows == nil {
			c.rows = map[uint64]bool{}
		}
		c.rows[*p.Seq] = true
	}
	c.kinds[p.Kind]++
	if len(c.Problems) >= MaxProblems {
		c.MoreProblems++
		return
	}
	c.Problems = append(c.Problems, p)
}

func (c *checker) rowProblem(kind string, r *store.Row, format string, args ...any) {
	seq := r.Seq
	c.problem(Problem{Kind: kind, Seq: &seq, EventID: r.ID, ExecutionID: r.Execution, Detail: fmt.Sprintf(format, args...)})
}

// settleEvery is after how many spans executions are let go.
const settleEvery = 64

// checkLog checks every event, and builds the tree that they make.
func (c *checker) checkLog(ctx context.Context) error {
	c.folds, c.actions = newFolds(c.snapshot), store.ActionHours{}
	spans := make([]span, (c.TreeSize+spanSize-1)/spanSize)
	for i := range spans {
		spans[i] = span{checker: c, next: uint64(i) * spanSize}
	}
	for part := range slices.Chunk(spans, settleEvery) {
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range part {
			group.Go(func() error {
				s := &part[i]
				return s.checkAll(groupCtx, s.next, min(s.next+spanSize, c.TreeSize))
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if err := c.folds.settle(ctx, nil); err != nil {
			return err
		}
	}
	if err := c.join(ctx, spans); err != nil {
		return err
	}
	return c.checkOutside(ctx)
}

// join adds up what was found span by span, in the order of the log.
func (c *checker) join(ctx context.Context, spans []span) error {
	var tiles, edge []proof.Hash
	var latest time.Time
	erased := map[string]int{}
	for i := range spans {
		s := &spans[i]
		tiles = append(tiles, s.tiles...)
		edge = s.edge // only the last span has one
		c.named = append(c.named, s.named...)
		c.Gaps += s.gaps
		c.backwards += s.backwards
		for by, n := range s.erased {
			erased[by] += n
		}
		if s.earliest.Add(clockSlack).Before(latest) {
			c.backwards++
		}
		if s.recorded.After(latest) {
			latest = s.recorded
		}
	}
	for _, by := range slices.Sorted(maps.Keys(erased)) {
		c.Erased = append(c.Erased, ErasedBy{By: by, Events: erased[by]})
	}
	if err := c.checkTree(ctx, tiles, edge); err != nil {
		return err
	}
	return c.checkSweeps(ctx)
}

// checkOutside looks for rows where none may be.
func (c *checker) checkOutside(ctx context.Context) error {
	c.step("ids")
	beyond, err := c.snapshot.Beyond(ctx, MaxProblems)
	if err != nil {
		return err
	}
	for i := range beyond {
		c.rowProblem("inserted", &beyond[i], "the row is not under the head of the log, which has %d events", c.TreeSize)
	}
	unaccounted := uint64(0)
	ids, astray, err := c.snapshot.IDs(ctx, func(seq uint64) {
		if !c.gone.Has(seq) {
			unaccounted++
		}
	})
	astray += unaccounted
	if err != nil {
		return err
	}
	if astray > 0 {
		c.problem(Problem{Kind: "edited", Detail: fmt.Sprintf("%d ids of events lead to another event, or to none", astray)})
	}
	if want := c.TreeSize + uint64(len(beyond)); ids != want && c.kinds["missing"] == 0 {
		c.problem(Problem{Kind: "inserted", Detail: fmt.Sprintf("there are %d ids of events for %d events", ids, want)})
	}
	return nil
}

// checkAll checks the events of one span and the tiles right above them.
func (s *span) checkAll(ctx context.Context, first, end uint64) error {
	leaves := make([]proof.Hash, 0, end-first)
	actions := store.ActionHours{}
	err := s.snapshot.Scan(ctx, first, end, func(r *store.Row, misfiled string) error {
		for s.next < r.Seq {
			hash, err := s.absent(ctx)
			if err != nil {
				return err
			}
			leaves = append(leaves, hash)
		}
		if r.Seq < s.next {
			hash, own, err := s.second(ctx, r)
			if own {
				leaves[len(leaves)-1] = hash
			}
			return err
		}
		s.next++
		if s.gone.Has(r.Seq) {
			s.rowProblem("inserted", r, "the event at place %d of the log was swept, and is here again", r.Seq)
		}
		if misfiled != "" {
			s.rowProblem("misfiled", r, "%s", misfiled)
		}
		hash, _, err := s.check(ctx, r)
		if err != nil {
			return err
		}
		leaves = append(leaves, hash)
		actions.Add(r)
		if len(leaves)%proof.TileWidth == 0 {
			s.report(proof.TileWidth)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.actions.Join(actions)
	s.mu.Unlock()
	for s.next < end {
		hash, err := s.absent(ctx)
		if err != nil {
			return err
		}
		leaves = append(leaves, hash)
	}
	s.tiles, s.edge, err = s.checkTiles(ctx, 0, first>>proof.TileHeight, leaves)
	return err
}

func (c *checker) report(n uint64) {
	done := c.done.Add(n)
	if c.progress != nil && c.telling.TryLock() {
		defer c.telling.Unlock()
		c.progress(done, c.TreeSize)
	}
}

// span is the state of one span's check.
type span struct {
	*checker
	next      uint64
	named     []whodid.Event // actions that name an approval
	backwards int
	gaps      int64
	erased    map[string]int // events by who erased values of theirs
	// earliest is when the first event was recorded, recorded the latest time
	// at which any was.
	earliest, recorded time.Time
	// tiles are the roots of the complete tiles, edge the leaves after them.
	tiles, edge []proof.Hash
	// tile is the tile of leaves that was read last, for what is gone.
	tile struct {
		n      uint64
		hashes []proof.Hash
	}
	// last is the row that was read last, and whether it is what was recorded.
	last struct {
		id, execution string
		intact        bool
	}
}

// missing notes that the next event is not there. A hash of zeros stands in for
// its own.
func (s *span) missing() {
	seq := s.next
	s.problem(Problem{Kind: "missing", Seq: &seq, Detail: fmt.Sprintf("the event at place %d of the log is gone", seq)})
	s.next++
}

// second tells of a second row at the place of the last one. The engine gives
// the two in any order, so it is the one whose values were not recorded that
// was inserted. If that is the one that came first, this one is the event, and
// second returns its hash.
func (s *span) second(ctx context.Context, r *store.Row) (hash proof.Hash, own bool, err error) {
	first, seq := s.last, r.Seq
	inserted := Problem{
		Kind: "inserted", Seq: &seq, EventID: r.ID, ExecutionID: r.Execution,
		Detail: fmt.Sprintf("a second row has the place %d of the log", seq),
	}
	if !first.intact {
		// What the first one was called, an edited row, is not what happened.
		s.forget(seq)
		if hash, own, err = s.check(ctx, r); own {
			inserted.EventID, inserted.ExecutionID = first.id, first.execution
		}
		s.forget(seq)
	}
	s.problem(inserted)
	return hash, own, err
}

// forget takes back what was said of a place.
func (c *checker) forget(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.rows[seq] {
		return
	}
	delete(c.rows, seq)
	c.Problems = slices.DeleteFunc(c.Problems, func(p Problem) bool {
		if p.Seq == nil || *p.Seq != seq {
			return false
		}
		c.kinds[p.Kind]--
		return true
	})
}

// check checks one event and returns the hash of what is there, and whether
// that is what was recorded.
func (s *span) check(ctx context.Context, r *store.Row) (proof.Hash, bool, error) {
	s.last.id, s.last.execution, s.last.intact = r.ID, r.Execution, false
	if r.RecordedAt.Add(clockSlack).Before(s.recorded) {
		s.backwards++
	}
	if s.earliest.IsZero() {
		s.earliest = r.RecordedAt
	}
	if r.RecordedAt.After(s.recorded) {
		s.recorded = r.RecordedAt
	}
	record := r.Record()
	leaf, err := record.Leaf()
	if err != nil {
		s.rowProblem("edited", r, "%v", err)
		return r.LeafHash, false, nil
	}
	hash := proof.LeafHash(leaf)
	s.last.intact = hash == r.LeafHash
	if !s.last.intact {
		s.rowProblem("edited", r, "the row's values are not those that were recorded")
	}
	if r.Salt != nil && (r.ErasedBy != "" || len(r.Commitments) > 0) {
		s.rowProblem("edited", r, "the row says that it was erased, and still has its values")
	}
	if r.ErasedBy != "" {
		if s.erased == nil {
			s.erased = map[string]int{}
		}
		s.erased[r.ErasedBy]++
	}
	s.name(r)
	if r.What == "record.gap" {
		s.gaps++
	}
	if r.What == "retention.sweep" {
		if err := s.certified(r); err != nil {
			s.rowProblem("edited", r, "%v", err)
		}
	}
	return hash, s.last.intact, s.fold(ctx, r)
}

// fold adds the event to the executions that it changes.
func (s *span) fold(ctx context.Context, r *store.Row) error {
	kind, ok := whodid.LookupKind(r.What)
	if !ok || !kind.Folds {
		return nil
	}
	if err := r.ParseData(); err != nil {
		s.rowProblem("edited", r, "%v", err)
		return nil
	}
	return s.folds.add(ctx, &r.Event)
}

// checkViews compares what is made of events with the events.
func (c *checker) checkViews(ctx context.Context) error {
	c.step("executions")
	if err := c.checkExecutions(ctx); err != nil {
		return err
	}
	c.step("sums of runs")
	sums, err := c.snapshot.Sums(ctx)
	if err != nil {
		return err
	}
	for _, sum := range sums {
		c.problem(Problem{Kind: "view", Detail: "what is added up in " + sum + " is not what the runs add up to"})
	}
	actions := func(ctx context.Context) ([]string, error) { return c.snapshot.Actions(ctx, c.actions) }
	for _, kept := range []struct {
		name   string
		differ func(context.Context) ([]string, error)
		what   string
	}{
		{"merges", c.snapshot.Merges, "what reports say of the merge at place %s of the log is not what its events say"},
		{"actions", actions, "how many actions are counted in the hour from second %s since 1970 on is not what its events say"},
		{"approvals", c.snapshot.ApprovalEnds, "what reports say of %s is not what its events say"},
	} {
		c.step(kept.name)
		wrong, err := kept.differ(ctx)
		if err != nil {
			return err
		}
		for _, name := range wrong {
			c.problem(Problem{Kind: "view", Detail: fmt.Sprintf(kept.what, name)})
		}
	}
	return nil
}
