package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/whodid/whodid/internal/store"
)

// gate is a log that lets appends through when it is told to, to hold a
// transaction open while others gather behind it.
type gate struct {
	pass   chan error
	mu     sync.Mutex
	groups [][]string
}

func (g *gate) Append(ctx context.Context, rows []*store.Row) ([]*store.Row, error) {
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	g.mu.Lock()
	g.groups = append(g.groups, ids)
	g.mu.Unlock()
	select {
	case err := <-g.pass:
		return rows, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *gate) seen() [][]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.groups)
}

func named(ids ...string) (rows []*store.Row) {
	for _, id := range ids {
		r := &store.Row{}
		r.ID = id
		rows = append(rows, r)
	}
	return rows
}

// What comes while a transaction is under way makes the next one together, in
// the order in which it came; what came alone did not wait.
func TestGather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &gate{pass: make(chan error)}
		g := &group{log: log}
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				ids := []string{fmt.Sprint(i, "a"), fmt.Sprint(i, "b")}
				added, err := g.append(t.Context(), named(ids...))
				if err != nil || len(added) != 2 || added[0].ID != ids[0] || added[1].ID != ids[1] {
					t.Errorf("call %d: added %v, %v", i, added, err)
				}
			})
			synctest.Wait()
		}
		if n := len(log.seen()); n != 1 {
			t.Fatalf("%d transactions at once", n)
		}
		log.pass <- nil
		synctest.Wait()
		log.pass <- nil
		all.Wait()
		want := "[[0a 0b] [1a 1b 2a 2b 3a 3b]]"
		if got := fmt.Sprint(log.seen()); got != want {
			t.Errorf("transactions %s, want %s", got, want)
		}
		synctest.Wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.busy || g.waiting != 0 || len(g.queue) != 0 {
			t.Errorf("it is not at rest: busy %v, %d rows wait", g.busy, g.waiting)
		}
	})
}

// Who gives up while waiting is not recorded, and who gives up in the midst
// takes nothing from the others.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &gate{pass: make(chan error)}
		g := &group{log: log}
		call := func(ctx context.Context, id string) <-chan error {
			out := make(chan error, 1)
			go func() {
				_, err := g.append(ctx, named(id))
				out <- err
			}()
			synctest.Wait()
			return out
		}
		first, giveUpFirst := context.WithCancel(t.Context())
		waiting, giveUpWaiting := context.WithCancel(t.Context())
		midst, giveUpMidst := context.WithCancel(t.Context())
		a, b, c, d := call(first, "a"), call(waiting, "b"), call(midst, "c"), call(t.Context(), "d")
		giveUpWaiting()
		if err := <-b; !errors.Is(err, context.Canceled) {
			t.Errorf("given up while waiting: %v", err)
		}
		// The only one of its transaction: that one ends too.
		giveUpFirst()
		if err := <-a; !errors.Is(err, context.Canceled) {
			t.Errorf("given up alone: %v", err)
		}
		synctest.Wait()
		giveUpMidst()
		if err := <-c; !errors.Is(err, context.Canceled) {
			t.Errorf("given up in the midst: %v", err)
		}
		synctest.Wait()
		log.pass <- nil
		if err := <-d; err != nil {
			t.Errorf("the one that stayed: %v", err)
		}
		if got, want := fmt.Sprint(log.seen()), "[[a] [c d]]"; got != want {
			t.Errorf("transactions %s, want %s", got, want)
		}
		if _, err := g.append(first, named("e")); !errors.Is(err, context.Canceled) {
			t.Errorf("given up before: %v", err)
		}
	})
}

// An error of the database itself reaches every call, and nothing is tried
// again on its behalf.
func TestFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &gate{pass: make(chan error)}
		g := &group{log: log}
		down := errors.New("the database is down")
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				if added, err := g.append(t.Context(), named(fmt.Sprint(i))); !errors.Is(err, down) || added != nil {
					t.Errorf("call %d: %v, %v", i, added, err)
				}
			})
			synctest.Wait()
		}
		log.pass <- down
		synctest.Wait()
		log.pass <- down
		all.Wait()
		if n := len(log.seen()); n != 2 {
			t.Errorf("%d transactions, want 2", n)
		}
	})
}

// What waits is bounded, and a call that would pass the bound is turned away
// at once. A call that finds nobody waiting is never too large.
func TestBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &gate{pass: make(chan error)}
		g := &group{log: log}
		var all sync.WaitGroup
		many := make([]string, maxWaiting+1)
		for range 2 {
			all.Go(func() {
				if _, err := g.append(t.Context(), named(many...)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if _, err := g.append(t.Context(), named("one more")); !errors.Is(err, ErrBusy) {
			t.Errorf("%v, want ErrBusy", err)
		}
		log.pass <- nil
		synctest.Wait()
		all.Go(func() {
			if _, err := g.append(t.Context(), named("later")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		log.pass <- nil
		synctest.Wait()
		log.pass <- nil
		all.Wait()
	})
}

// A transaction is not larger than it should be, but for a call that is.
func TestGroupSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &gate{pass: make(chan error)}
		g := &group{log: log}
		var all sync.WaitGroup
		for _, n := range []int{1, maxGroup - 1, 1, 1, maxGroup + 5, 1} {
			all.Go(func() {
				if _, err := g.append(t.Context(), named(make([]string, n)...)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for range 5 {
			log.pass <- nil
			synctest.Wait()
		}
		all.Wait()
		var sizes []int
		for _, ids := range log.seen() {
			sizes = append(sizes, len(ids))
		}
		if want := []int{1, maxGroup, 1, maxGroup + 5, 1}; !slices.Equal(sizes, want) {
			t.Errorf("transactions of %v rows, want %v", sizes, want)
		}
	})
}

func TestRecent(t *testing.T) {
	t.Parallel()
	var r recent
	if r.has("a") {
		t.Error("it knows what it was not told")
	}
	r.add([]string{"a", "b"})
	for i := range 3 * maxRecent {
		if !r.has("a") {
			t.Fatal("it forgot what is in use")
		}
		r.add([]string{fmt.Sprint(i)})
	}
	if r.has("b") || !r.has(fmt.Sprint(3*maxRecent-1)) {
		t.Error("it forgets nothing, or the newest")
	}
	if n := len(r.new) + len(r.old); n > 2*maxRecent {
		t.Errorf("it holds %d ids", n)
	}
}
