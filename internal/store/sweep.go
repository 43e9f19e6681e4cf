package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// SweepRequest says what is due.
type SweepRequest struct {
	// Class is run or session. A run goes as a whole, with its sessions.
	Class whodid.Class
	// Cutoff is the first moment, by the trail's clock, whose events are not due.
	Cutoff time.Time
	// Max bounds how many events go at once, in whole runs; 0 is no bound.
	Max int
}

// Swept is what a sweep removes.
type Swept struct {
	SweepRequest
	Events      int
	First, Last uint64
	// Root is the root of the tree over the leaf hashes of the events alone.
	Root proof.Hash
	// TreeSize and TreeRoot are where the log stands before.
	TreeSize uint64
	TreeRoot proof.Hash
	// Executions are those that are gone with all their events.
	Executions []string
	// Changed is how many executions stay and lose the events of their session.
	Changed int
	// HeldEvents and HeldExecutions are due, and stay for a hold.
	HeldEvents, HeldExecutions int
	Tallies                    []SweptRuns
}

// SweptRuns is what is left to say of the runs of an agent that began in a month.
type SweptRuns struct {
	Month, Agent                             string
	Runs                                     int64
	ByStatus                                 map[string]int64
	CostMicros, CostUnknown                  int64
	InputTokens, OutputTokens, TokensUnknown int64
}

// Certify makes the rows that tell of a sweep; the first is the sweep itself.
// They are permanent, and change no execution.
type Certify func(s *Swept) ([]*Row, error)

// ErrSweepBusy means that the trail was read without a pause for so long that
// nothing could be swept.
var ErrSweepBusy = errors.New("somebody reads the trail without a pause; try again later")

// errChanged means that what was planned no longer holds.
var errChanged = errors.New("the trail changed while the sweep was planned")

// replans is how often a sweep is planned again because runs that were due came
// to life meanwhile.
const replans = 5

// Sweep removes what is due and not held, together with what it adds up to, in the
// transaction that appends the events which tell of it. If nothing is due it
// returns a Swept without events, and nothing is appended.
func (s *Store) Sweep(ctx context.Context, org string, r SweepRequest, certify Certify, extend Extend) (*Swept, error) {
	ctx = within(ctx, org)
	var err error
	for range replans {
		var swept *Swept
		if swept, err = s.dialect.sweep(ctx, s, org, &r, certify, extend); err == nil {
			if swept.Events > 0 {
				// What this leaves behind says nothing, and goes with the next sweep.
				_ = s.forgetSwept(ctx, org, swept.Last)
			}
			return swept, nil
		}
		if !errors.Is(err, errChanged) {
			break
		}
	}
	return nil, fmt.Errorf("couldn't sweep the trail: %w", explain(err))
}

// PlanSweep says what Sweep would remove, and removes nothing.
func (s *Store) PlanSweep(ctx context.Context, org string, r SweepRequest) (*Swept, error) {
	ctx = within(ctx, org)
	p, err := s.planSweep(ctx, s.read, org, &r)
	if err != nil {
		return nil, fmt.Errorf("couldn't plan a sweep: %w", err)
	}
	return &p.Swept, nil
}

// isStill refuses a plan if an execution that it is about changed since, or a hold
// was placed. The head must be locked.
func (s *Store) isStill(ctx context.Context, q querier, org string, p *sweepPlan) error {
	return eachEvent(ctx, q, `WHERE org = $1 AND seq >= $2`, []any{org, int64(p.TreeSize)}, func(r *Row, _ *scanner) error {
		if r.What == "hold.place" || p.about[r.Execution] {
			return errChanged
		}
		if err := r.ParseData(); err != nil {
			return err
		}
		for _, id := range r.Folds() {
			if p.about[id] {
				return errChanged
			}
		}
		return nil
	})
}

// finishSweep changes the executions and appends the events that tell of the
// sweep. The head must be locked and the events be gone.
func (s *Store) finishSweep(ctx context.Context, tx sweepTx, org string, head Head, p *sweepPlan, certify Certify, extend Extend) error {
	p.TreeSize, p.TreeRoot = head.Frontier.Size(), head.Frontier.Root()
	for ids := range chunks(p.Executions) {
		condition, arg := s.dialect.among("id", 2, ids)
		if _, err := tx.ExecContext(ctx, `DELETE FROM execution WHERE org = $1 AND `+condition, org, arg); err != nil {
			return fmt.Errorf("couldn't remove executions: %w", err)
		}
	}
	if err := executeEach(ctx, tx, upsertExecution(), p.changed); err != nil {
		return fmt.Errorf("couldn't change executions: %w", err)
	}
	rows, err := certify(&p.Swept)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if class, _ := classOf(r.What); class != whodid.ClassPermanent {
			return fmt.Errorf("%w: %s can't tell of a sweep", errRow, r.What)
		}
		if err := r.check(org); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO sweep (org, id, places) VALUES ($1, $2, $3)`, org, rows[0].ID, newPlaces(p.seqs).pack()); err != nil {
		return fmt.Errorf("couldn't keep what was swept: %w", err)
	}
	readySearch(org, rows)
	b := &before{head: head, ids: map[string]bool{}, executions: map[string]*whodid.Execution{}}
	a, err := s.addition(ctx, tx, org, b, rows, extend)
	if err != nil {
		return err
	}
	if !s.dialect.idsAreEvents() {
		ids := make([][]any, len(rows))
		for i, r := range rows {
			ids[i] = []any{org, r.ID, int64(r.Seq)}
		}
		if err := executeEach(ctx, tx, `INSERT INTO event_id (org, id, seq) VALUES ($1, $2, $3)`, ids); err != nil {
			return err
		}
	}
	return writeEach(ctx, tx, org, a)
}

// sweepTx is the transaction of a sweep.
type sweepTx interface {
	querier
	execer
	preparer
}

// SweptPlaces are the places of the events that a sweep took.
type SweptPlaces struct {
	// ID is that of the event which tells of the sweep.
	ID     string
	Places Places
}

// Sweeps returns the places of all that was swept, by sweep.
func (n *Snapshot) Sweeps(ctx context.Context) ([]SweptPlaces, error) {
	const q = `SELECT id, places FROM sweep WHERE org = $1 ORDER BY id`
	out, err := queryRows(ctx, n.tx, q, []any{n.org}, func(rows *sql.Rows, one *SweptPlaces) error {
		var packed []byte
		if err := rows.Scan(&one.ID, &packed); err != nil {
			return err
		}
		var err error
		if one.Places, err = unpackPlaces(packed); err != nil {
			return fmt.Errorf("%w: the places of sweep %s: %w", ErrDamaged, one.ID, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was swept: %w", err)
	}
	return out, nil
}

// CountSweeps returns how often an organisation's trail was swept.
func (s *Store) CountSweeps(ctx context.Context, org string) (n int, err error) {
	if err := s.read.QueryRowContext(within(ctx, org), `SELECT COUNT(*) FROM sweep WHERE org = $1`, org).Scan(&n); err != nil {
		return 0, fmt.Errorf("couldn't count the sweeps: %w", err)
	}
	return n, nil
}

// retentionKinds selects the few events about retention, in the words of the
// index over them.
const retentionKinds = `WHERE org = $1 AND class = 'permanent' AND what IN ('hold.place', 'hold.release', 'retention.set', 'retention.sweep', 'retention.tally') ORDER BY seq`

// RetentionEvents returns the events about retention and holds, in the order of
// the log.
func (s *Store) RetentionEvents(ctx context.Context, org string) ([]Row, error) {
	return s.collect(within(ctx, org), retentionKinds, []any{org})
}

// HasRecorded tells whether anything was recorded from a time on and before
// another, by the trail's clock.
func (s *Store) HasRecorded(ctx context.Context, org string, from, until time.Time) (has bool, err error) {
	const q = `SELECT EXISTS (SELECT 1 FROM event WHERE org = $1 AND recorded_at >= $2 AND recorded_at < $3)`
	if err := s.read.QueryRowContext(within(ctx, org), q, org, whodid.Micros(from), whodid.Micros(until)).Scan(&has); err != nil {
		return false, fmt.Errorf("couldn't look when the trail was written: %w", err)
	}
	return has, nil
}

// swept is what the plan removes; nil for no plan.
func (p *sweepPlan) swept() *Swept {
	if p == nil {
		return nil
	}
	return &p.Swept
}
