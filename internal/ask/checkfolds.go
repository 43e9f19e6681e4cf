package ask

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// folds rebuilds executions from their events. In memory are only those that are
// not yet what is stored of them, so that verifying takes no more of it as a trail
// grows: nearly all of a run's events lie close together in the log. If another
// event tells of an execution that was let go, it goes on from what is stored,
// which is what the events before it add up to.
type folds struct {
	snapshot *store.Snapshot
	seed     maphash.Seed
	// shards are executions by their ids; each has its own lock.
	shards [64]shard
	// reviving guards the snapshot, which takes one question at a time.
	reviving sync.Mutex
}

type shard struct {
	mu         sync.Mutex
	executions map[string]*whodid.Execution
	// touched are those of them that were not compared since an event told of them.
	touched map[string]*whodid.Execution
	// settled are executions that were compared and let go.
	settled map[string]bool
}

func newFolds(snapshot *store.Snapshot) *folds {
	f := &folds{snapshot: snapshot, seed: maphash.MakeSeed()}
	for i := range f.shards {
		s := &f.shards[i]
		s.executions, s.touched, s.settled = map[string]*whodid.Execution{}, map[string]*whodid.Execution{}, map[string]bool{}
	}
	return f
}

func (f *folds) of(id string) *shard {
	return &f.shards[maphash.String(f.seed, id)%uint64(len(f.shards))]
}

// add applies an event to the executions that it changes. Events may come in any
// order, and from several goroutines.
func (f *folds) add(ctx context.Context, e *whodid.Event) error {
	for _, id := range e.Folds() {
		if err := f.apply(ctx, id, e); err != nil {
			return err
		}
	}
	return nil
}

func (f *folds) apply(ctx context.Context, id string, e *whodid.Event) error {
	s := f.of(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.executions[id]
	switch {
	case x != nil:
	case s.settled[id]:
		var err error
		if x, err = f.revive(ctx, id); err != nil {
			return err
		}
		delete(s.settled, id)
	default:
		x = &whodid.Execution{Org: e.Org, ID: id, Status: whodid.StatusRunning}
	}
	x.Apply(e)
	s.executions[id], s.touched[id] = x, x
	return nil
}

func (f *folds) revive(ctx context.Context, id string) (*whodid.Execution, error) {
	f.reviving.Lock()
	defer f.reviving.Unlock()
	return f.snapshot.Execution(ctx, id)
}

// settle compares the executions in memory with what is stored of them, and lets go
// those that are the same. At the end, when no event is to come, it tells differ of
// the others that are stored, and lets these go too. Nothing is added meanwhile.
func (f *folds) settle(ctx context.Context, differ func(id string, columns []string)) error {
	for i := range f.shards {
		s := &f.shards[i]
		compared := s.touched
		if differ != nil {
			compared = s.executions
		}
		err := f.snapshot.Compare(ctx, compared, func(id string, columns []string) error {
			if len(columns) > 0 {
				if differ == nil {
					return nil
				}
				differ(id, columns)
			}
			delete(s.executions, id)
			s.settled[id] = true
			return nil
		})
		if err != nil {
			return err
		}
		clear(s.touched)
	}
	return nil
}

// checkExecutions compares the stored executions with those rebuilt from events.
func (c *checker) checkExecutions(ctx context.Context) error {
	err := c.folds.settle(ctx, func(id string, columns []string) {
		c.problem(Problem{Kind: "view", ExecutionID: id, Detail: fmt.Sprintf("%v of the execution are not what its events say", columns)})
	})
	if err != nil {
		return err
	}
	for i := range c.folds.shards {
		s := &c.folds.shards[i]
		c.Executions += len(s.settled) + len(s.executions)
		for id := range s.executions {
			c.problem(Problem{Kind: "view", ExecutionID: id, Detail: "the execution's row is gone"})
		}
	}
	return c.snapshot.ExecutionIDs(ctx, func(id string) error {
		if !c.folds.of(id).settled[id] {
			c.problem(Problem{Kind: "view", ExecutionID: id, Detail: "no event tells of this execution"})
		}
		return nil
	})
}
