package record

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/price"
	"github.com/whodid/whodid/internal/store"
)

// Repricing says what to price anew, and who asked.
type Repricing struct {
	// Execution is the one whose calls are priced; empty for all that were at
	// work since Since.
	Execution string
	Since     time.Time
	// Measured shows what calls would cost whose source told their cost. That
	// figure is the source's, and stays.
	Measured bool
	DryRun   bool
	// Actor is who asked, and Auth how that is known.
	Actor, Auth string
}

// Repriced is what pricing anew changed.
type Repriced struct {
	// PriceTable is the table that priced them.
	PriceTable string `json:"price_table"`
	DryRun     bool   `json:"dry_run"`
	// Executions are those whose cost changed.
	Executions []RepricedExecution `json:"executions"`
	// Calls counts the calls of models that were looked at.
	Calls int64 `json:"calls"`
	// CostMicros and PreviousMicros are what is known of the cost of the calls
	// that were priced, by the table and before. Sub-agents count once.
	CostMicros     int64 `json:"cost_micros"`
	PreviousMicros int64 `json:"previous_micros"`
	// Unpriced counts the calls for which the table has no price: they keep the
	// figure that they have, or none.
	Unpriced int64 `json:"unpriced"`
	// Measured counts the calls whose source told their cost, which stays;
	// MeasuredMicros is that cost, and ComputedMicros what the table makes of it,
	// if it was asked for.
	Measured       int64  `json:"measured"`
	MeasuredMicros *int64 `json:"measured_micros"`
	ComputedMicros *int64 `json:"computed_micros"`
}

// RepricedExecution is what changed for one model in one execution.
type RepricedExecution struct {
	ExecutionID    string `json:"execution_id"`
	Model          string `json:"model"`
	Calls          int64  `json:"calls"`
	CostMicros     int64  `json:"cost_micros"`
	PreviousMicros int64  `json:"previous_micros"`
	// NewlyKnown counts the calls whose cost was not known before.
	NewlyKnown int64 `json:"newly_known"`
}

// priced are calls of one model that count for the same executions.
type priced struct {
	model, run, agent, session, end string
}

// sums are what they cost.
type sums struct {
	calls            int64
	recorded, cost   int64 // as it was recorded, and by the table
	unknown, priced  int64 // calls without a cost then, and of those with one by the table
	change, newly    int64 // by what was priced anew before
	times, unsettled int   // how often that was, and calls that only it had priced
	tables           []string
}

// Reprice prices the calls of models anew, by the recorder's table. What changes
// is recorded as a difference beside what was recorded first: nothing is
// overwritten, and doing it again changes nothing.
func (r *Recorder) Reprice(ctx context.Context, what Repricing) (*Repriced, error) {
	table, err := r.prices()
	if err != nil {
		return nil, fmt.Errorf("couldn't read the price table: %w", err)
	}
	out := &Repriced{PriceTable: table.Version(), DryRun: what.DryRun, Executions: []RepricedExecution{}}
	if what.Measured {
		out.MeasuredMicros, out.ComputedMicros = new(int64), new(int64)
	}
	ids := []string{what.Execution}
	if what.Execution == "" {
		found, err := r.store.Executions(ctx, r.org, store.ExecutionFilter{Since: what.Since})
		if err != nil {
			return nil, err
		}
		ids = ids[:0]
		for i := range found {
			ids = append(ids, found[i].ID)
		}
	}
	var events []whodid.Event
	for _, id := range ids {
		more, err := r.repriceOne(ctx, table, id, &what, out)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
		if len(events) >= 500 {
			if _, err := r.Record(ctx, events...); err != nil {
				return nil, err
			}
			events = events[:0]
		}
	}
	if len(events) > 0 {
		_, err = r.Record(ctx, events...)
	}
	return out, err
}

func (r *Recorder) repriceOne(ctx context.Context, table *price.Table, id string, what *Repricing, out *Repriced) ([]whodid.Event, error) {
	groups, order, err := r.sumCalls(ctx, table, id, what, out)
	if err != nil {
		return nil, err
	}
	now := r.now()
	var events []whodid.Event
	for _, g := range order {
		s := groups[g]
		before, after := s.recorded+s.change, s.cost
		out.Calls += s.calls
		out.PreviousMicros += before
		if s.unsettled > 0 {
			after = before // the table lost a price that another had
		}
		out.CostMicros += after
		if s.unsettled > 0 || after == before && s.priced == s.newly {
			continue
		}
		if g.end == "" || id == what.Execution || what.Execution == "" {
			out.Executions = append(out.Executions, RepricedExecution{
				ExecutionID: id, Model: g.model, Calls: s.calls, CostMicros: after, PreviousMicros: before, NewlyKnown: s.priced - s.newly,
			})
		}
		if what.DryRun {
			continue
		}
		e := whodid.Event{
			Key:   "reprice/" + whodid.DeriveID("r", r.org, id, g.model, g.run, g.agent, g.session, g.end, table.Version(), strconv.Itoa(s.times), strconv.FormatInt(after, 10)),
			Actor: what.Actor, ActorAuth: what.Auth, What: "model.reprice", At: now, Execution: id, Session: g.session, Source: "cli",
			Data: whodid.Data{
				"calls": s.calls, "cost_micros": after, "previous_micros": before, "newly_known": s.priced - s.newly, "price_table": table.Version(),
			},
		}
		for name, text := range map[string]string{"model": g.model, "run": g.run, "agent_id": g.agent, "end": g.end} {
			if text != "" {
				e.Data[name] = text
			}
		}
		if len(s.tables) > 0 {
			e.Data["previous_table"] = s.tables
		}
		events = append(events, e)
	}
	return events, nil
}

// sumCalls adds up what the calls of an execution cost, by what they count for.
func (r *Recorder) sumCalls(ctx context.Context, table *price.Table, id string, what *Repricing, out *Repriced) (map[priced]*sums, []priced, error) {
	rows, err := r.store.Events(ctx, r.org, store.EventFilter{Execution: id})
	if err != nil {
		return nil, nil, err
	}
	groups := map[priced]*sums{}
	var order []priced
	group := func(e *whodid.Event, end string) *sums {
		g := priced{model: e.Data.String("model"), run: e.Data.String("run"), agent: e.Data.String("agent_id"), session: e.Session, end: end}
		if groups[g] == nil {
			groups[g] = &sums{}
			order = append(order, g)
		}
		return groups[g]
	}
	for i := range rows {
		e := &rows[i].Event
		switch e.What {
		case "model.call":
			r.sumCall(group(e, ""), table, e, what, out)
		case "execution.finish":
			if _, told := e.Data.Int("output_tokens"); told {
				r.sumCall(group(e, e.ID), table, e, what, out)
			}
		case "model.reprice":
			s := group(e, e.Data.String("end"))
			u := whodid.UsageOf(e)
			s.change += u.CostMicros
			s.newly += u.Computed
			s.times++
			s.table(e.Data.String("price_table"))
		}
	}
	for _, s := range groups {
		if s.newly > s.priced {
			s.unsettled = int(s.newly - s.priced)
		}
	}
	return groups, order, nil
}

func (r *Recorder) sumCall(s *sums, table *price.Table, e *whodid.Event, what *Repricing, out *Repriced) {
	cost, known := e.Data.Int("cost_micros")
	quote, ok := quoteOf(table, e)
	s.calls++
	if known && whodid.CostState(e.Data.String("cost_state")) == whodid.CostMeasured {
		out.Measured++
		if what.Measured {
			*out.MeasuredMicros += cost
			*out.ComputedMicros += quote.Micros
		}
		s.recorded += cost
		s.cost += cost
		return
	}
	if !known {
		s.unknown++
	}
	s.recorded += cost
	switch {
	case ok:
		s.cost += quote.Micros
		if !known {
			s.priced++
		}
	default:
		out.Unpriced++
		s.cost += cost
	}
	s.table(e.Data.String("price_table"))
}

func (s *sums) table(name string) {
	if name != "" && !slices.Contains(s.tables, name) && len(s.tables) < 8 {
		s.tables = append(s.tables, name)
	}
}
