package ask

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// spanHeight is the height of the subtrees that are checked one by one and in
// parallel: 2^16 events, two levels of tiles.
const (
	spanHeight = 2 * proof.TileHeight
	spanSize   = 1 << spanHeight
)

// clockSlack is by how much the clock may seem to go back because processes
// that append at the same time stamp their events before they queue.
const clockSlack = time.Minute

// checker re-reads the whole log as an outsider would.
type checker struct {
	Verification
	snapshot *store.Snapshot
	progress func(done, total uint64)
	done     atomic.Uint64

	// tree is made of the events that are there.
	tree proof.Frontier
	// folds rebuilds the executions; each shard has its own lock.
	folds [64]shard
	seed  maphash.Seed

	mu        sync.Mutex // guards what follows and Problems
	kinds     map[string]int
	rows      map[uint64]bool // places that have a problem
	approvals int
	backwards int
}

type shard struct {
	mu         sync.Mutex
	executions map[string]*whodid.Execution
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

// checkLog checks every event, and builds the tree that they make.
func (c *checker) checkLog(ctx context.Context) error {
	c.seed = maphash.MakeSeed()
	spans := int((c.TreeSize + spanSize - 1) / spanSize)
	hashes := make([][]proof.Hash, spans)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range spans {
		group.Go(func() error {
			first := uint64(i) * spanSize
			h, err := c.checkSpan(groupCtx, first, min(first+spanSize, c.TreeSize))
			hashes[i] = h
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, span := range hashes {
		if len(span) == 1 && c.tree.Size()+spanSize <= c.TreeSize {
			if err := c.tree.AppendSubtree(span[0], spanHeight); err != nil {
				return fmt.Errorf("couldn't build the tree: %w", err)
			}
			continue
		}
		for _, h := range span {
			c.tree.Append(h)
		}
	}
	return c.checkOutside(ctx)
}

// checkOutside looks for rows where none may be.
func (c *checker) checkOutside(ctx context.Context) error {
	beyond, err := c.snapshot.Beyond(ctx, MaxProblems)
	if err != nil {
		return err
	}
	for i := range beyond {
		c.rowProblem("inserted", &beyond[i], "the row is not under the head of the log, which has %d events", c.TreeSize)
	}
	ids, err := c.snapshot.IDs(ctx)
	if err != nil {
		return err
	}
	if want := c.TreeSize + uint64(len(beyond)); ids != want && c.kinds["missing"] == 0 {
		c.problem(Problem{Kind: "inserted", Detail: fmt.Sprintf("there are %d ids of events for %d events", ids, want)})
	}
	return nil
}

// checkSpan checks the events of one span and returns the root of its subtree,
// or all leaf hashes if the span is the incomplete last one.
func (c *checker) checkSpan(ctx context.Context, first, end uint64) ([]proof.Hash, error) {
	leaves := make([]proof.Hash, 0, end-first)
	s := span{checker: c, next: first}
	err := c.snapshot.Scan(ctx, first, end, func(r *store.Row, misfiled string) error {
		for s.next < r.Seq {
			leaves = append(leaves, s.missing())
		}
		if r.Seq < s.next {
			c.rowProblem("inserted", r, "a second row has the place %d of the log", r.Seq)
			return nil
		}
		s.next++
		if misfiled != "" {
			c.rowProblem("misfiled", r, "%s", misfiled)
		}
		h, err := s.check(r)
		leaves = append(leaves, h)
		if len(leaves)%proof.TileWidth == 0 {
			c.report(proof.TileWidth)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for s.next < end {
		leaves = append(leaves, s.missing())
	}
	c.mu.Lock()
	c.approvals += s.approvals
	c.backwards += s.backwards
	c.Gaps += s.gaps
	c.mu.Unlock()
	return c.checkTiles(ctx, first, leaves)
}

func (c *checker) report(n uint64) {
	if done := c.done.Add(n); c.progress != nil {
		c.progress(done, c.TreeSize)
	}
}

// span is the state of one span's check.
type span struct {
	*checker
	next      uint64
	approvals int
	backwards int
	gaps      int64
	recorded  time.Time
}

// missing notes that the next event is not there and stands in for its hash.
func (s *span) missing() proof.Hash {
	seq := s.next
	s.problem(Problem{Kind: "missing", Seq: &seq, Detail: fmt.Sprintf("the event at place %d of the log is gone", seq)})
	s.next++
	return proof.Hash{}
}

// check checks one event and returns the hash of what is there.
func (s *span) check(r *store.Row) (proof.Hash, error) {
	if r.RecordedAt.Add(clockSlack).Before(s.recorded) {
		s.backwards++
	}
	if r.RecordedAt.After(s.recorded) {
		s.recorded = r.RecordedAt
	}
	record := r.Record()
	leaf, err := record.Leaf()
	if err != nil {
		s.rowProblem("edited", r, "%v", err)
		return r.LeafHash, nil
	}
	hash := proof.LeafHash(leaf)
	if hash != r.LeafHash {
		s.rowProblem("edited", r, "the row's values are not those that were recorded")
	}
	if r.Approval != "" {
		s.approvals++
	}
	if r.What == "record.gap" {
		s.gaps++
	}
	return hash, s.fold(r)
}

// fold adds the event to the executions that it changes.
func (s *span) fold(r *store.Row) error {
	kind, ok := whodid.LookupKind(r.What)
	if !ok || !kind.Folds {
		return nil
	}
	if err := r.ParseData(); err != nil {
		s.rowProblem("edited", r, "%v", err)
		return nil
	}
	e := r.Event
	for _, id := range e.Folds() {
		f := &s.folds[maphash.String(s.seed, id)%uint64(len(s.folds))]
		f.mu.Lock()
		if f.executions == nil {
			f.executions = map[string]*whodid.Execution{}
		}
		x := f.executions[id]
		if x == nil {
			x = &whodid.Execution{Org: e.Org, ID: id, Status: whodid.StatusRunning}
			f.executions[id] = x
		}
		x.Apply(&e)
		f.mu.Unlock()
	}
	return nil
}

// checkTiles compares the stored tiles with the leaves and returns what the
// tree is built of: the span's root if it is complete, else its leaves.
func (c *checker) checkTiles(ctx context.Context, first uint64, leaves []proof.Hash) ([]proof.Hash, error) {
	hashes := leaves
	if tail := len(leaves) % proof.TileWidth; tail > 0 {
		c.checkEdge(first+uint64(len(leaves)-tail), leaves[len(leaves)-tail:])
	}
	for level := 0; level < spanHeight/proof.TileHeight; level++ {
		n := first >> ((level + 1) * proof.TileHeight)
		roots := make([]proof.Hash, 0, len(hashes)/proof.TileWidth)
		for len(hashes) >= proof.TileWidth {
			tile := hashes[:proof.TileWidth]
			hashes = hashes[proof.TileWidth:]
			if err := c.checkTile(ctx, level, n, tile); err != nil {
				return nil, err
			}
			root, err := proof.TileRoot(tile)
			if err != nil {
				return nil, err
			}
			roots = append(roots, root)
			n++
		}
		if len(hashes) > 0 || len(roots) == 0 {
			return leaves, nil
		}
		hashes = roots
	}
	return hashes, nil
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

// checkViews compares the stored executions with those rebuilt from events.
func (c *checker) checkViews(ctx context.Context) error {
	seen := map[string]bool{}
	want := func(id string) *whodid.Execution {
		seen[id] = true
		return c.folds[maphash.String(c.seed, id)%uint64(len(c.folds))].executions[id]
	}
	err := c.snapshot.Executions(ctx, want, func(id string, differ []string) error {
		p := Problem{Kind: "view", ExecutionID: id, Detail: fmt.Sprintf("%v of the execution are not what its events say", differ)}
		if differ == nil {
			p.Detail = "no event tells of this execution"
		}
		c.problem(p)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range c.folds {
		for id := range c.folds[i].executions {
			c.Executions++
			if !seen[id] {
				c.problem(Problem{Kind: "view", ExecutionID: id, Detail: "the execution's row is gone"})
			}
		}
	}
	return nil
}
