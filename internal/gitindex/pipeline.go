package gitindex

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// pipeline carries commits from git to the trail: git prints, workers attribute,
// one writer appends what was gathered. What is between them is bounded.
type pipeline struct {
	group   *errgroup.Group
	stopped <-chan struct{} // closed when a part has failed or the caller gave up
	cause   func() error    // why
	in      chan []gitlog.Commit
	out     chan []entry
	chunks  chan []entry
	indexer *Indexer
	res     *Result // the writer's alone until wait returns
	notes   gitlog.Notes
	done    func(int)
}

// entry is a commit as the trail keeps it: its row, and its event if it is an
// agent's.
type entry struct {
	row   store.Commit
	event *whodid.Event
	cut   bool
}

// appendCommits is how many commits are written in one transaction: many, for
// each is flushed to the disk, but not so many that a question has to wait.
const appendCommits = 4096

// newPipeline starts a pipeline. Its context ends when a part fails: what feeds it
// works in that.
func newPipeline(ctx context.Context, x *Indexer, res *Result, notes gitlog.Notes, done func(int)) (*pipeline, context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	p := &pipeline{
		stopped: ctx.Done(), cause: func() error { return context.Cause(ctx) }, group: group, indexer: x, res: res, notes: notes, done: done,
		in: make(chan []gitlog.Commit, 4), out: make(chan []entry, 4), chunks: make(chan []entry, 1),
	}
	workers, _ := errgroup.WithContext(ctx)
	for range max(1, runtime.GOMAXPROCS(0)-1) {
		workers.Go(p.attribute)
	}
	group.Go(func() error {
		defer close(p.out)
		return workers.Wait()
	})
	group.Go(p.gather)
	group.Go(func() error { return p.write(ctx) })
	return p, ctx
}

// put hands commits to the workers.
func (p *pipeline) put(batch []gitlog.Commit) error {
	select {
	case p.in <- batch:
		return nil
	case <-p.stopped:
		return p.cause()
	}
}

// wait ends the pipeline and returns what went wrong first: err, if reading did.
func (p *pipeline) wait(err error) error {
	close(p.in)
	written := p.group.Wait()
	if written != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return written
	}
	return err
}

func (p *pipeline) attribute() error {
	k := newKeeper(p.indexer, p.res.Repository, !p.res.Partial)
	for batch := range p.in {
		entries := make([]entry, len(batch))
		for i := range batch {
			c := &batch[i]
			entries[i] = k.entry(c, p.notes[c.ID])
		}
		select {
		case p.out <- entries:
		case <-p.stopped:
			return p.cause()
		}
	}
	return nil
}

// gather puts entries together until they are worth a transaction. While one is
// written the next is gathered, so that git need not wait.
func (p *pipeline) gather() error {
	defer close(p.chunks)
	var waiting []entry
	read := 0
	send := func() error {
		select {
		case p.chunks <- waiting:
			waiting = nil
			return nil
		case <-p.stopped:
			return p.cause()
		}
	}
	for entries := range p.out {
		waiting = append(waiting, entries...)
		if read += len(entries); p.done != nil {
			p.done(read)
		}
		if len(waiting) >= appendCommits {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := p.cause(); err != nil {
		return err
	}
	return send()
}

func (p *pipeline) write(ctx context.Context) error {
	for chunk := range p.chunks {
		if err := p.append(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// append writes the events first: should the rows fail, the next run finds the
// events known, and writes the rows.
func (p *pipeline) append(ctx context.Context, entries []entry) error {
	x := p.indexer
	var events []whodid.Event
	rows := make([]store.Commit, len(entries))
	for i := range entries {
		e := &entries[i]
		rows[i] = e.row
		if e.event != nil {
			events = append(events, *e.event)
		}
		p.count(e)
	}
	added, err := x.Recorder.RecordValid(ctx, events)
	if err != nil {
		return fmt.Errorf("couldn't record the commits of agents: %w", err)
	}
	p.res.Events += len(added)
	return x.Store.PutCommits(ctx, x.Org, rows)
}

func (p *pipeline) count(e *entry) {
	p.res.Commits++
	if e.event != nil {
		p.res.Attributed++
	}
	for _, o := range e.row.Origins {
		if o.Execution != "" {
			p.res.Named++
			break
		}
	}
	if e.cut {
		p.res.Cut++
	}
}
