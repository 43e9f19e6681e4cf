package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/whodid/whodid"
)

// Known returns which of the ids are those of events, swept ones included.
func (s *Store) Known(ctx context.Context, org string, ids []string) (map[string]bool, error) {
	known := map[string]bool{}
	for some := range slices.Chunk(ids, 1000) {
		in, arg := s.dialect.among("id", 2, some)
		err := s.eachPair(within(ctx, org), `SELECT id, id FROM event_id WHERE org = $1 AND `+in, []any{org, arg}, func(id, _ string) { known[id] = true })
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// Missing returns the places of the log, the first ones, at which no event is and
// none was swept, and how many there are of how many.
func (n *Snapshot) Missing(ctx context.Context, most int) (places []uint64, missing, size uint64, err error) {
	swept, err := n.Sweeps(ctx)
	if err != nil {
		return nil, 0, 0, err
	}
	size = n.Head.Frontier.Size()
	m := missingPlaces{snapshot: n, swept: swept, most: most}
	err = m.look(ctx, 0, size)
	return m.places, m.missing, size, err
}

type missingPlaces struct {
	snapshot *Snapshot
	swept    []SweptPlaces
	most     int
	places   []uint64
	missing  uint64
}

// look counts what is there in a part of the log, and looks into its halves where
// that is not all.
func (m *missingPlaces) look(ctx context.Context, first, end uint64) error {
	if first == end {
		return nil
	}
	var there int64
	err := m.snapshot.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM event WHERE org = $1 AND seq >= $2 AND seq < $3`, m.snapshot.org, int64(first), int64(end)).Scan(&there)
	if err != nil {
		return fmt.Errorf("couldn't count the events: %w", err)
	}
	gone := uint64(there)
	for i := range m.swept {
		gone += m.swept[i].Places.Within(first, end)
	}
	switch {
	case gone >= end-first:
		return nil
	case end-first == 1 || gone == 0:
		m.missing += end - first
		for seq := first; seq < end && len(m.places) < m.most; seq++ {
			m.places = append(m.places, seq)
		}
		return nil
	}
	middle := first + (end-first)/2
	if err := m.look(ctx, first, middle); err != nil {
		return err
	}
	return m.look(ctx, middle, end)
}

// UsageTally is what models answered on one day, as the events tell that were
// recorded: what was priced anew is not in it.
type UsageTally struct {
	Day, Model string // the day in UTC
	whodid.Usage
}

// UsageByDay adds up by day and model what was used between two times. A total
// that a run stated at its end stands for its calls.
func (s *Store) UsageByDay(ctx context.Context, org string, since, until time.Time) ([]UsageTally, error) {
	ctx = within(ctx, org)
	where, args := between(org, since, until)
	stated := map[string]*Row{}
	err := s.eachParsed(ctx, `WHERE org = $1 AND what = 'execution.finish'`+where, args, func(r *Row) {
		if u := whodid.UsageOf(&r.Event); u.NoInput == 0 || u.NoOutput == 0 || u.NoCost == 0 {
			copied := *r
			stated[r.Execution] = &copied
		}
	})
	if err != nil {
		return nil, err
	}
	sums := map[[2]string]whodid.Usage{}
	add := func(at time.Time, model string, u whodid.Usage) {
		key := [2]string{at.UTC().Format(time.DateOnly), model}
		sums[key] = sums[key].Add(u)
	}
	err = s.eachParsed(ctx, `WHERE org = $1 AND what = 'model.call'`+where, args, func(r *Row) {
		run := r.Data.String("run")
		if run == "" {
			run = r.Execution
		}
		if stated[run] == nil {
			add(r.At, r.Data.String("model"), whodid.UsageOf(&r.Event))
		}
	})
	if err != nil {
		return nil, err
	}
	runs, err := s.statedRuns(ctx, org, stated)
	if err != nil {
		return nil, err
	}
	for i := range runs {
		// What a sub-agent states is a part of what its run does.
		if x := &runs[i]; x.Subagent == "" {
			r := stated[x.ID]
			model := r.Data.String("model")
			if model == "" {
				model = x.Model
			}
			add(r.At, model, whodid.UsageOf(&r.Event))
		}
	}
	out := make([]UsageTally, 0, len(sums))
	for key, u := range sums {
		out = append(out, UsageTally{Day: key[0], Model: key[1], Usage: u})
	}
	return out, nil
}

func (s *Store) statedRuns(ctx context.Context, org string, stated map[string]*Row) ([]whodid.Execution, error) {
	ids := make([]string, 0, len(stated))
	for id := range stated {
		ids = append(ids, id)
	}
	var out []whodid.Execution
	for some := range slices.Chunk(ids, 1000) {
		runs, err := s.ExecutionsByID(ctx, org, some)
		if err != nil {
			return nil, err
		}
		out = append(out, runs...)
	}
	return out, nil
}

func (s *Store) eachParsed(ctx context.Context, where string, args []any, yield func(*Row)) error {
	return eachEvent(ctx, s.read, where, args, func(r *Row, _ *scanner) error {
		if err := r.ParseData(); err != nil {
			return err
		}
		yield(r)
		return nil
	})
}

// LastReconciliation returns the event that tells of the last comparison with
// what agents do not control, or nil.
func (s *Store) LastReconciliation(ctx context.Context, org string) (*Row, error) {
	rows, err := s.collect(within(ctx, org), `WHERE org = $1 AND class = 'permanent' AND what = 'reconcile.result' ORDER BY seq DESC LIMIT `+strconv.Itoa(1), []any{org})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
