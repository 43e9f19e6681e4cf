package ask

import (
	"context"
	"errors"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Doctor is the answer to "is everything installed, reachable and in time, and
// what is not recorded?".
type Doctor struct {
	// State is the worst of the checks': ok, warning or problem.
	State  string  `json:"state"`
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	// Name is a short fixed word for what was looked at.
	Name string `json:"name"`
	// State is ok, warning (something is not recorded, or will not be soon) or
	// problem (the trail does not do what it is for).
	State string `json:"state"`
	// Detail says in a sentence what was found.
	Detail string `json:"detail"`
	// Remedy is the command that mends it; empty where there is nothing to mend
	// or no command does.
	Remedy string `json:"remedy"`
}

// The states of a check, from good to bad.
const (
	CheckOK      = "ok"
	CheckWarning = "warning"
	CheckProblem = "problem"
)

// Add adds a check and keeps the worst state.
func (d *Doctor) Add(c Check) {
	d.Checks = append(d.Checks, c)
	if d.State == "" || c.State == CheckProblem || c.State == CheckWarning && d.State == CheckOK {
		d.State = c.State
	}
}

// Pulse is what a trail tells of its own health.
type Pulse struct {
	// Origin and PublicKey name the log; empty if there is none yet.
	Origin, PublicKey string
	// Size is how many events the log holds.
	Size uint64
	// LastRecorded is when the last event was taken, by the clock of who took
	// it; zero if there is none.
	LastRecorded time.Time
	// LastWitnessed is when a checkpoint was last placed where the operator
	// can't rewrite it, and WitnessedSize how large the log was then; zero if
	// none of the last [WitnessWindow] events tells of one.
	LastWitnessed time.Time
	WitnessedSize uint64
	// Running counts the executions that run, Lost those that were lost since
	// the given time, LostExample is the last of them.
	Running, Lost int
	LostExample   string
	// Gaps counts what is known to be missing since the given time by reason.
	Gaps []Count
}

// WitnessWindow is how many events back a witnessed checkpoint is looked for.
const WitnessWindow = 100_000

// Pulse feels the trail's pulse; losses and gaps are those since the time.
func (a *Asker) Pulse(ctx context.Context, since time.Time) (*Pulse, error) {
	log, err := a.store.Log(ctx, a.org)
	if errors.Is(err, store.ErrNoLog) {
		return &Pulse{}, nil
	}
	if err != nil {
		return nil, err
	}
	p := &Pulse{Origin: log.Origin, PublicKey: log.PublicKey}
	if p.Size, err = a.Size(ctx); err != nil {
		return nil, err
	}
	if p.Size > 0 {
		last, err := a.store.Events(ctx, a.org, store.EventFilter{AfterSeq: p.Size - 1, Limit: 1})
		if err != nil {
			return nil, err
		}
		for i := range last {
			p.LastRecorded = last[i].RecordedAt
		}
	}
	if err := a.pulseOfWitnesses(ctx, p); err != nil {
		return nil, err
	}
	if err := a.pulseOfRuns(ctx, p, since); err != nil {
		return nil, err
	}
	return p, a.pulseOfGaps(ctx, p, since)
}

func (a *Asker) pulseOfWitnesses(ctx context.Context, p *Pulse) error {
	f := store.EventFilter{What: "checkpoint.witness", AfterSeq: p.Size - min(p.Size, WitnessWindow)}
	seen, err := a.store.Events(ctx, a.org, f)
	if err != nil {
		return err
	}
	for i := range seen {
		p.LastWitnessed = seen[i].At
		if n, ok := seen[i].Data.Int("size"); ok && n >= 0 {
			p.WitnessedSize = uint64(n)
		}
	}
	return nil
}

func (a *Asker) pulseOfRuns(ctx context.Context, p *Pulse, since time.Time) error {
	running, err := a.List(ctx, Filter{Status: whodid.StatusRunning})
	if err != nil {
		return err
	}
	p.Running = len(running.Executions)
	lost, err := a.List(ctx, Filter{Status: whodid.StatusLost, Since: since})
	if err != nil {
		return err
	}
	p.Lost = len(lost.Executions)
	if p.Lost > 0 {
		p.LostExample = lost.Executions[0].ExecutionID
	}
	return nil
}

func (a *Asker) pulseOfGaps(ctx context.Context, p *Pulse, since time.Time) error {
	gaps, err := a.store.Events(ctx, a.org, store.EventFilter{What: "record.gap", Since: since})
	if err != nil {
		return err
	}
	at := map[string]int{}
	for i := range gaps {
		reason := gaps[i].Data.String("reason")
		n, told := gaps[i].Data.Int("count")
		if !told || n < 1 {
			n = 1
		}
		j, ok := at[reason]
		if !ok {
			j = len(p.Gaps)
			at[reason] = j
			p.Gaps = append(p.Gaps, Count{Value: reason})
		}
		p.Gaps[j].Count += n
	}
	return nil
}
