package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// sweepPlan is what a sweep is going to do.
type sweepPlan struct {
	Swept
	seqs []uint64
	// months are the seqs by the table that holds them, on PostgreSQL.
	months map[string][]uint64
	// stay are the places of the events before the cutoff that stay, by the table
	// that holds them; nil where they were not looked for.
	stay map[string][]uint64
	// changed are the columns of the executions that stay and lose their session.
	changed [][]any
	// about has all executions that the plan rests on.
	about map[string]bool
}

// planSweep finds out what is due.
func (s *Store) planSweep(ctx context.Context, q querier, org string, r *SweepRequest) (*sweepPlan, error) {
	head, err := readHead(ctx, q, org)
	if err != nil {
		return nil, err
	}
	p := &sweepPlan{Swept: Swept{SweepRequest: *r, TreeSize: head.Frontier.Size(), TreeRoot: head.Frontier.Root()}, months: map[string][]uint64{}, about: map[string]bool{}}
	var events []whodid.Event
	err = eachEvent(ctx, q, retentionKinds, []any{org}, func(r *Row, _ *scanner) error {
		events = append(events, r.Event)
		return nil
	})
	if err != nil {
		return nil, err
	}
	w := &sweepPlanner{store: s, q: q, org: org, plan: p, cutoff: whodid.Micros(r.Cutoff)}
	if err := w.findHeld(ctx, whodid.StandingHolds(whodid.FoldHolds(events))); err != nil {
		return nil, err
	}
	switch r.Class {
	case whodid.ClassRun:
		err = w.planRuns(ctx)
	case whodid.ClassSession:
		err = w.planSessions(ctx)
	default:
		err = fmt.Errorf("what is %s is never swept", r.Class)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(p.seqs)
	if p.Events = len(p.seqs); p.Events == 0 {
		return p, nil
	}
	p.First, p.Last = p.seqs[0], p.seqs[p.Events-1]
	p.Root, err = s.rootOf(ctx, q, org, head, p.seqs)
	return p, err
}

type sweepPlanner struct {
	store  *Store
	q      querier
	org    string
	plan   *sweepPlan
	cutoff int64
	// held are executions of which a hold covers an event, heldLoose places of
	// events without an execution that one covers.
	held      map[string]bool
	heldLoose map[uint64]bool
	// places are those of the events before the cutoff, by execution; nil where
	// they are looked for later.
	places map[string][]inMonth
	// changed are the columns of executions without their session.
	changed map[string][]any
}

// findHeld finds what the holds cover, of whatever class and time: a run is held
// as a whole.
func (w *sweepPlanner) findHeld(ctx context.Context, holds []whodid.Hold) error {
	w.held, w.heldLoose = map[string]bool{}, map[uint64]bool{}
	if len(holds) == 0 {
		return nil
	}
	args := []any{w.org}
	var any []string
	for i := range holds {
		condition, more := w.store.holdCondition(&holds[i].Scope, len(args)+1)
		any = append(any, "("+condition+")")
		args = append(args, more...)
		if holds[i].Scope.Kind == whodid.HoldExecution {
			w.held[holds[i].Scope.Value] = true // a part of it may be all that there is
		}
	}
	q := `SELECT DISTINCT execution, CASE WHEN execution = '' THEN seq ELSE -1 END FROM event WHERE org = $1 AND (` + strings.Join(any, " OR ") + `)`
	err := eachRow(ctx, w.q, q, args, func(rows *sql.Rows) error {
		var execution string
		var seq int64
		if err := rows.Scan(&execution, &seq); err != nil {
			return err
		}
		if execution != "" {
			w.held[execution] = true
		} else {
			w.heldLoose[uint64(seq)] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("couldn't look for what is held: %w", err)
	}
	return nil
}

// holdCondition is [whodid.HoldScope.Covers] as a condition whose first parameter
// is n.
func (s *Store) holdCondition(h *whodid.HoldScope, n int) (string, []any) {
	switch h.Kind {
	case whodid.HoldExecution:
		return fmt.Sprintf("execution = $%d", n), []any{h.Value}
	case whodid.HoldAgent:
		condition, arg := s.dialect.glob("actor", n, whodid.Pattern(whodid.AgentActor(h.Value)))
		return condition, []any{arg}
	case whodid.HoldSquad:
		condition, arg := s.dialect.glob("actor", n, []string{whodid.AgentActor(h.Value + "/"), ""})
		return condition, []any{arg}
	case whodid.HoldRepository:
		conditions := []string{fmt.Sprintf("data ->> 'repository' = $%d OR target = $%d", n, n)}
		args := []any{h.Value}
		for _, g := range []struct {
			column string
			parts  []string
		}{
			{"(data ->> 'repository')", []string{"", "/" + h.Value}},
			{"target", []string{h.Value + "#", ""}},
			{"target", []string{h.Value + "@", ""}},
			{"target", []string{h.Value + "!", ""}},
		} {
			condition, arg := s.dialect.glob(g.column, n+len(args), g.parts)
			conditions, args = append(conditions, condition), append(args, arg)
		}
		return strings.Join(conditions, " OR "), args
	case whodid.HoldPerson:
		return fmt.Sprintf("actor = $%d OR on_behalf_of = $%d", n, n), []any{h.Value}
	case whodid.HoldTime:
		return fmt.Sprintf("at >= $%d AND at < $%d OR recorded_at >= $%d AND recorded_at < $%d", n, n+1, n, n+1),
			[]any{whodid.Micros(h.From), whodid.Micros(h.Until)}
	default:
		return "1 = 1", nil
	}
}

// planRuns takes runs as a whole, with the sub-agents that are a part of them, and
// what belongs to no run.
func (w *sweepPlanner) planRuns(ctx context.Context) error {
	families, err := w.families(ctx)
	if err != nil {
		return err
	}
	p := w.plan
	var going []string
	events := 0
	for _, f := range families {
		switch {
		case f.alive:
		case f.held:
			p.HeldExecutions += len(f.due)
			p.HeldEvents += f.events
		case p.Max > 0 && events > 0 && events+f.events > p.Max:
		default:
			events += f.events
			going = append(going, f.due...)
			p.Executions = append(p.Executions, f.members...)
		}
	}
	slices.Sort(p.Executions)
	for _, id := range p.Executions {
		p.about[id] = true
	}
	if w.places != nil {
		w.takePlaces(going)
	} else if err := w.takeRuns(ctx, going); err != nil {
		return err
	}
	p.Tallies, err = w.tallies(ctx, p.Executions)
	return err
}

// takeRuns takes the events of executions and what belongs to none.
func (w *sweepPlanner) takeRuns(ctx context.Context, going []string) error {
	for ids := range chunks(going) {
		condition, arg := w.store.dialect.among("execution", 2, ids)
		if err := w.take(ctx, `org = $1 AND class IN ('run', 'session') AND execution <> '' AND `+condition, w.org, arg); err != nil {
			return err
		}
	}
	return w.takeLoose(ctx)
}

// inMonth are places in a table.
type inMonth struct {
	month string
	seqs  []uint64
}

// takePlaces does what takeRuns does, with the places that are known.
func (w *sweepPlanner) takePlaces(going []string) {
	p := w.plan
	p.stay = map[string][]uint64{}
	goes := make(map[string]bool, len(going))
	for _, id := range going {
		goes[id] = true
	}
	for id, places := range w.places {
		for _, in := range places {
			gone, stay := in.seqs, []uint64(nil)
			switch {
			case id != "" && !goes[id], id == "" && !strings.HasPrefix(in.month, "event_"+string(p.Class)+"_"):
				gone, stay = nil, in.seqs
			case id == "" && len(w.heldLoose) > 0:
				stay = slices.DeleteFunc(slices.Clone(in.seqs), func(seq uint64) bool { return !w.heldLoose[seq] })
				gone = slices.DeleteFunc(in.seqs, func(seq uint64) bool { return w.heldLoose[seq] })
				p.HeldEvents += len(stay)
			}
			p.seqs = append(p.seqs, gone...)
			p.months[in.month] = append(p.months[in.month], gone...)
			p.stay[in.month] = append(p.stay[in.month], stay...)
		}
	}
}

// takeLoose takes what is due, of the class, and belongs to no execution.
func (w *sweepPlanner) takeLoose(ctx context.Context) error {
	const loose = `org = $1 AND class = $3 AND execution = '' AND recorded_at < $2`
	if err := w.take(ctx, loose, w.org, w.cutoff, string(w.plan.Class)); err != nil {
		return err
	}
	if len(w.heldLoose) == 0 {
		return nil
	}
	held := func(seq uint64) bool { return w.heldLoose[seq] }
	p := w.plan
	n := len(p.seqs)
	p.seqs = slices.DeleteFunc(p.seqs, held)
	p.HeldEvents += n - len(p.seqs)
	for month, seqs := range p.months {
		p.months[month] = slices.DeleteFunc(seqs, held)
	}
	return nil
}

// take puts the places of the events that fit into the plan.
func (w *sweepPlanner) take(ctx context.Context, where string, args ...any) error {
	err := eachRow(ctx, w.q, w.store.dialect.places(where), args, func(rows *sql.Rows) error {
		var month string
		var list sql.RawBytes
		err := rows.Scan(&month, &list)
		if err != nil {
			return err
		}
		first := len(w.plan.seqs)
		if w.plan.seqs, err = readPlaces(w.plan.seqs, list); err != nil {
			return err
		}
		w.plan.months[month] = append(w.plan.months[month], w.plan.seqs[first:]...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("couldn't look for events that are due: %w", err)
	}
	return nil
}

// readPlaces reads a list of places as the engines write it, {1,2} or [1,2].
func readPlaces(to []uint64, list []byte) ([]uint64, error) {
	for len(list) > 2 {
		list = list[1:] // a bracket or a comma
		end := 0
		for end < len(list) && list[end] >= '0' && list[end] <= '9' {
			end++
		}
		seq, err := strconv.ParseUint(string(list[:end]), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%w: the place of an event: %w", ErrDamaged, err)
		}
		to = append(to, seq)
		list = list[end:]
	}
	return to, nil
}

// maxChunk is how many ids a statement takes at once.
const maxChunk = 50_000

func chunks(ids []string) iter.Seq[[]string] { return slices.Chunk(ids, maxChunk) }

// tallies adds up runs that go.
func (w *sweepPlanner) tallies(ctx context.Context, ids []string) ([]SweptRuns, error) {
	type key struct{ month, agent string }
	sums := map[key]*SweptRuns{}
	const q = `SELECT agent, status, started_at, cost_micros, cost_known, tokens_in, tokens_out FROM execution WHERE org = $1 AND subagent = '' AND `
	for ids := range chunks(ids) {
		condition, arg := w.store.dialect.among("id", 2, ids)
		err := eachRow(ctx, w.q, q+condition, []any{w.org, arg}, func(rows *sql.Rows) error {
			var agent, status string
			var started, cost, in, out sql.NullInt64
			var known int64
			if err := rows.Scan(&agent, &status, &started, &cost, &known, &in, &out); err != nil {
				return err
			}
			k := key{agent: agent}
			if started.Valid {
				k.month = whodid.FromMicros(started.Int64).Format("2006-01")
			}
			t := sums[k]
			if t == nil {
				t = &SweptRuns{Month: k.month, Agent: k.agent, ByStatus: map[string]int64{}}
				sums[k] = t
			}
			t.add(status, cost.Valid, known, in, out)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("couldn't add up runs: %w", err)
		}
	}
	keys := slices.SortedFunc(maps.Keys(sums), func(a, b key) int {
		return strings.Compare(a.month+"\x00"+a.agent, b.month+"\x00"+b.agent)
	})
	out := make([]SweptRuns, len(keys))
	for i, k := range keys {
		out[i] = *sums[k]
	}
	return out, nil
}

func (t *SweptRuns) add(status string, costKnown bool, cost int64, in, out sql.NullInt64) {
	t.Runs++
	t.ByStatus[status]++
	t.CostMicros += cost
	if !costKnown {
		t.CostUnknown++
	}
	t.InputTokens += in.Int64
	t.OutputTokens += out.Int64
	if !in.Valid || !out.Valid {
		t.TokensUnknown++
	}
}

// rootOf is the root of the tree over the leaf hashes at the places, as the tree
// of the log has them.
func (s *Store) rootOf(ctx context.Context, q querier, org string, head Head, seqs []uint64) (proof.Hash, error) {
	var f proof.Frontier
	edge := head.Frontier.Size() - uint64(len(head.Edge))
	i := 0
	const tiles = `SELECT n, hashes FROM tile WHERE org = $1 AND level = 0 AND n >= $2 AND n <= $3 ORDER BY n`
	args := []any{org, int64(seqs[0] >> proof.TileHeight), int64(seqs[len(seqs)-1] >> proof.TileHeight)}
	err := eachRow(ctx, q, tiles, args, func(rows *sql.Rows) error {
		var n int64
		var hashes sql.RawBytes
		if err := rows.Scan(&n, &hashes); err != nil {
			return err
		}
		for ; i < len(seqs) && seqs[i]>>proof.TileHeight == uint64(n); i++ {
			at := int(seqs[i]&(proof.TileWidth-1)) * len(proof.Hash{})
			if at+len(proof.Hash{}) > len(hashes) {
				return fmt.Errorf("%w: tile 0/%d is not whole", ErrDamaged, n)
			}
			f.Append(proof.Hash(hashes[at : at+len(proof.Hash{})]))
		}
		return nil
	})
	if err != nil {
		return proof.Hash{}, fmt.Errorf("couldn't read the tree: %w", err)
	}
	for ; i < len(seqs); i++ {
		at := seqs[i] - edge
		if seqs[i] < edge || at >= uint64(len(head.Edge)) {
			return proof.Hash{}, fmt.Errorf("%w: no tile has the leaf at place %d", ErrDamaged, seqs[i])
		}
		f.Append(head.Edge[at])
	}
	return f.Root(), nil
}

// monthOver tells whether a table holds a month that is over by the cutoff.
func monthOver(table string, cutoff time.Time) bool {
	month, err := time.Parse("200601", table[max(0, len(table)-6):])
	return err == nil && !month.AddDate(0, 1, 0).After(cutoff)
}

// HeldRuns returns the executions of which a hold covers any event, of whatever
// class, with those that are a part of them and of which they are a part.
func (s *Store) HeldRuns(ctx context.Context, org string, h *whodid.HoldScope) (map[string]bool, error) {
	ctx = within(ctx, org)
	w := &sweepPlanner{store: s, q: s.read, org: org}
	if err := w.findHeld(ctx, []whodid.Hold{{Scope: *h}}); err != nil {
		return nil, err
	}
	if len(w.held) == 0 {
		return nil, nil
	}
	ties, err := w.ties(ctx)
	if err != nil {
		return nil, err
	}
	roots := map[string]bool{}
	for id := range w.held {
		roots[ties.root(id)] = true
	}
	for id := range ties {
		if roots[ties.root(id)] {
			w.held[id] = true
		}
	}
	return w.held, nil
}
