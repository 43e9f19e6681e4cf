package ask

import (
	"context"
	"errors"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Retention answers how long events are kept, and what was removed since.
type Retention struct {
	Policy RetentionPolicy `json:"policy"`
	Holds  []Hold          `json:"holds"`  // that stand
	Sweeps []Sweep         `json:"sweeps"` // the last first
	// Tallies are what is left of runs that were swept, by month and agent.
	Tallies []Tally `json:"tallies"`
}

// RetentionPolicy is how long events are kept after the trail took them.
type RetentionPolicy struct {
	Profile string `json:"profile"`
	// RunDays and SessionDays are periods. What is permanent has none.
	RunDays     int `json:"run_days"`
	SessionDays int `json:"session_days"`
	// Version counts how often a policy was set.
	Version int `json:"version"`
	// Confirmed is false while nobody set a policy: nothing is swept then.
	Confirmed bool       `json:"confirmed"`
	EventID   string     `json:"event_id"`
	SetBy     string     `json:"set_by"`
	SetAt     *time.Time `json:"set_at"`
}

// NewRetentionPolicy is a policy as an answer.
func NewRetentionPolicy(r *whodid.Retention) RetentionPolicy {
	return RetentionPolicy{
		Profile: r.Profile, RunDays: r.RunDays, SessionDays: r.SessionDays, Version: r.Version, Confirmed: r.Confirmed(),
		EventID: r.Event, SetBy: r.By, SetAt: moment(r.At),
	}
}

// Hold is what must stay, whatever the policy says.
type Hold struct {
	HoldID     string     `json:"hold_id"`
	Scope      string     `json:"scope"`
	Reason     string     `json:"reason"`
	PlacedBy   string     `json:"placed_by"`
	PlacedAt   time.Time  `json:"placed_at"`
	ReleasedBy string     `json:"released_by"`
	ReleasedAt *time.Time `json:"released_at"`
	// ReleaseReason is why it was released.
	ReleaseReason string `json:"release_reason"`
}

// HoldList lists holds, the last placed first.
type HoldList struct {
	Holds []Hold `json:"holds"`
}

// Sweep is one removal of events whose period was over.
type Sweep struct {
	// Certificate is the event that tells of it. whodid retention certificate
	// takes it.
	Certificate string    `json:"certificate"`
	At          time.Time `json:"at"`
	Policy      string    `json:"policy"`
	Version     int64     `json:"policy_version"`
	Class       string    `json:"class"`
	// Cutoff is the first moment whose events were not due.
	Cutoff     string `json:"cutoff"`
	Events     int64  `json:"events"`
	Executions int64  `json:"executions"`
	First      int64  `json:"first"`
	Last       int64  `json:"last"`
	// Root is the root over the leaf hashes of the events, in hexadecimal.
	Root string `json:"root"`
	// TreeSize and TreeRoot are where the log stood before.
	TreeSize int64  `json:"tree_size"`
	TreeRoot string `json:"tree_root"`
}

// Tally is what is left of the runs of an agent that began in a month.
type Tally struct {
	Month string `json:"month"`
	Agent string `json:"agent"`
	Runs  int64  `json:"runs"`
	// ByStatus counts the runs by status.
	ByStatus map[string]int64 `json:"by_status"`
	// CostMicros is what is known of the cost, in millionths of a US dollar.
	CostMicros int64 `json:"cost_micros"`
	// CostUnknown counts the runs whose cost is not wholly known.
	CostUnknown int64 `json:"cost_unknown"`
	// TokensIn and TokensOut are what is known of the tokens.
	TokensIn      int64 `json:"tokens_in"`
	TokensOut     int64 `json:"tokens_out"`
	TokensUnknown int64 `json:"tokens_unknown"`
}

func newHold(h *whodid.Hold) Hold {
	return Hold{
		HoldID: h.ID, Scope: h.Scope.String(), Reason: h.Reason, PlacedBy: h.PlacedBy, PlacedAt: h.PlacedAt.UTC(),
		ReleasedBy: h.ReleasedBy, ReleasedAt: moment(h.ReleasedAt), ReleaseReason: h.ReleaseReason,
	}
}

func newSweep(e *whodid.Event) Sweep {
	number := func(name string) int64 { n, _ := e.Data.Int(name); return n }
	return Sweep{
		Certificate: e.ID, At: e.RecordedAt.UTC(), Policy: e.Data.String("policy"), Version: number("policy_version"), Class: e.Data.String("class"),
		Cutoff: e.Data.String("cutoff"), Events: number("gone_events"), Executions: number("gone_executions"), First: number("first"), Last: number("last"),
		Root: e.Data.String("root"), TreeSize: number("tree_size"), TreeRoot: e.Data.String("tree_root"),
	}
}

// retentionEvents reads the events about retention, in the order of the log.
func (a *Asker) retentionEvents(ctx context.Context) ([]whodid.Event, error) {
	rows, err := a.store.RetentionEvents(ctx, a.org)
	events := make([]whodid.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].Event
	}
	return events, err
}

// RetentionPolicy answers the policy in force.
func (a *Asker) RetentionPolicy(ctx context.Context) (whodid.Retention, error) {
	events, err := a.retentionEvents(ctx)
	return whodid.FoldRetention(events), err
}

// StandingHolds answers what must stay. Who removes or erases anything asks for
// them first, and leaves alone what one of them covers, with the whole of its run.
func (a *Asker) StandingHolds(ctx context.Context) ([]whodid.Hold, error) {
	events, err := a.retentionEvents(ctx)
	return whodid.StandingHolds(whodid.FoldHolds(events)), err
}

// Holds answers the holds: those that stand, or all.
func (a *Asker) Holds(ctx context.Context, all bool) (*HoldList, error) {
	events, err := a.retentionEvents(ctx)
	if err != nil {
		return nil, err
	}
	holds := whodid.FoldHolds(events)
	if !all {
		holds = whodid.StandingHolds(holds)
	}
	list := &HoldList{Holds: []Hold{}}
	for i := range holds {
		list.Holds = append(list.Holds, newHold(&holds[i]))
	}
	return list, nil
}

// Retention answers the policy, the holds, and what was swept.
func (a *Asker) Retention(ctx context.Context) (*Retention, error) {
	events, err := a.retentionEvents(ctx)
	if err != nil {
		return nil, err
	}
	policy := whodid.FoldRetention(events)
	r := &Retention{Policy: NewRetentionPolicy(&policy), Holds: []Hold{}, Sweeps: []Sweep{}, Tallies: tallies(events)}
	holds := whodid.StandingHolds(whodid.FoldHolds(events))
	for i := range holds {
		r.Holds = append(r.Holds, newHold(&holds[i]))
	}
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].What == "retention.sweep" {
			r.Sweeps = append(r.Sweeps, newSweep(&events[i]))
		}
	}
	return r, nil
}

// RetentionPreview answers what a sweep would remove.
type RetentionPreview struct {
	// At is the moment at which it would.
	At     time.Time       `json:"at"`
	Policy RetentionPolicy `json:"policy"`
	// Classes are what would go, by retention class, in the order of sweeping.
	Classes []DueClass `json:"classes"`
}

// DueClass is what is due of a retention class.
type DueClass struct {
	Class string `json:"class"`
	// Cutoff is the first moment, by the trail's clock, whose events stay.
	Cutoff time.Time `json:"cutoff"`
	Events int       `json:"events"`
	// Executions go with all their events; Changed ones stay, and lose those of
	// their session.
	Executions int `json:"executions"`
	Changed    int `json:"changed"`
	// HeldEvents and HeldExecutions are due and stay for a hold.
	HeldEvents     int `json:"held_events"`
	HeldExecutions int `json:"held_executions"`
	// First and Last are places in the log; null if nothing is due.
	First *uint64 `json:"first"`
	Last  *uint64 `json:"last"`
}

// SweptClasses are the classes that are swept, in order.
func SweptClasses() []whodid.Class { return []whodid.Class{whodid.ClassRun, whodid.ClassSession} }

// RetentionPreview answers what a sweep at a moment would remove. Sessions of runs
// that would go are counted with these, if they are due themselves, as a part of
// both.
func (a *Asker) RetentionPreview(ctx context.Context, at time.Time) (*RetentionPreview, error) {
	policy, err := a.RetentionPolicy(ctx)
	if err != nil {
		return nil, err
	}
	p := &RetentionPreview{At: at.UTC(), Policy: NewRetentionPolicy(&policy), Classes: []DueClass{}}
	for _, class := range SweptClasses() {
		cutoff, _ := policy.Cutoff(class, at)
		due := DueClass{Class: string(class), Cutoff: cutoff}
		s, err := a.store.PlanSweep(ctx, a.org, store.SweepRequest{Class: class, Cutoff: cutoff})
		if errors.Is(err, store.ErrNoLog) {
			p.Classes = append(p.Classes, due)
			continue
		}
		if err != nil {
			return nil, err
		}
		due.Events, due.Executions, due.Changed, due.HeldEvents, due.HeldExecutions = s.Events, len(s.Executions), s.Changed, s.HeldEvents, s.HeldExecutions
		due.First, due.Last = optional(s.Events > 0, s.First), optional(s.Events > 0, s.Last)
		p.Classes = append(p.Classes, due)
	}
	return p, nil
}

// tallies answers what is left of the runs that were swept and began in months from
// one on and up to another, both included; empty bounds nothing.
func (a *Asker) tallies(ctx context.Context, from, until string) ([]Tally, error) {
	events, err := a.retentionEvents(ctx)
	if err != nil {
		return nil, err
	}
	out := []Tally{}
	for _, t := range tallies(events) {
		if (from == "" || t.Month >= from) && (until == "" || t.Month <= until) {
			out = append(out, t)
		}
	}
	return out, nil
}

// tallies adds up what is left of runs, by month and agent.
func tallies(events []whodid.Event) []Tally {
	out := []Tally{}
	at := map[[2]string]int{}
	for i := range events {
		e := &events[i]
		if e.What != "retention.tally" {
			continue
		}
		key := [2]string{e.Data.String("month"), e.Target}
		j, ok := at[key]
		if !ok {
			j = len(out)
			at[key] = j
			out = append(out, Tally{Month: key[0], Agent: key[1], ByStatus: map[string]int64{}})
		}
		out[j].add(e.Data)
	}
	return out
}

func (t *Tally) add(d whodid.Data) {
	sum := func(to *int64, name string) {
		n, _ := d.Int(name)
		*to += n
	}
	sum(&t.Runs, "runs")
	sum(&t.CostMicros, "cost_micros")
	sum(&t.CostUnknown, "cost_unknown")
	sum(&t.TokensIn, "input_tokens")
	sum(&t.TokensOut, "output_tokens")
	sum(&t.TokensUnknown, "tokens_unknown")
	for _, status := range whodid.Statuses() {
		if n, ok := d.Int(string(status)); ok {
			t.ByStatus[string(status)] += n
		}
	}
}

// Holding answers, for who is about to take something away from events, which
// standing hold covers an event or any other of its run.
func (a *Asker) Holding(ctx context.Context) (func(*whodid.Event) (hold string, held bool), error) {
	holds, err := a.StandingHolds(ctx)
	if err != nil {
		return nil, err
	}
	runs := make([]map[string]bool, len(holds))
	for i := range holds {
		if runs[i], err = a.store.HeldRuns(ctx, a.org, &holds[i].Scope); err != nil {
			return nil, err
		}
	}
	return func(e *whodid.Event) (string, bool) {
		for i := range holds {
			if holds[i].Scope.Covers(e) || e.Execution != "" && runs[i][e.Execution] {
				return holds[i].ID, true
			}
		}
		return "", false
	}, nil
}
