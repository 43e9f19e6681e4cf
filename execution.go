package whodid

import "time"

// Status is where an execution stands. There is one vocabulary for it in the
// whole product.
type Status string

// The statuses of an execution. A run that stopped reporting is lost, and
// never shown as a success.
const (
	StatusRunning   Status = "running"
	StatusSuccess   Status = "success"
	StatusFailed    Status = "failed"
	StatusTimeout   Status = "timeout"
	StatusCancelled Status = "cancelled"
	StatusLost      Status = "lost"
)

// Statuses lists every status.
func Statuses() []Status {
	return []Status{StatusRunning, StatusSuccess, StatusFailed, StatusTimeout, StatusCancelled, StatusLost}
}

// CostState says how a cost is known.
type CostState string

// The states of a cost. Unknown is not zero.
const (
	// CostMeasured is what the source itself said that it cost.
	CostMeasured CostState = "measured"
	// CostComputed was computed from tokens by a price table.
	CostComputed CostState = "computed"
	// CostUnknown means that at least a part of the cost is not known.
	CostUnknown CostState = "unknown"
)

// CostStates lists every state of a cost.
func CostStates() []CostState { return []CostState{CostMeasured, CostComputed, CostUnknown} }

// ProvedState says how much of what is recorded of a run witnesses confirmed, or an
// authority for time stamps: those whose word counts for the verdict on time.
type ProvedState string

// The states of a proof. None says that the trail is still what was confirmed: that
// is what a verification finds out.
const (
	// ProvedWitnessed means that every event of the run lies below the place in the
	// log up to which it was confirmed.
	ProvedWitnessed ProvedState = "witnessed"
	// ProvedWaiting means that at least one event of the run was recorded since.
	ProvedWaiting ProvedState = "waiting"
	// ProvedUnwitnessed means that there is nobody whose word counts.
	ProvedUnwitnessed ProvedState = "unwitnessed"
)

// ProvedStates lists every state of a proof.
func ProvedStates() []ProvedState {
	return []ProvedState{ProvedWitnessed, ProvedWaiting, ProvedUnwitnessed}
}

// Execution is one run of one agent: what its events add up to. It is a view,
// and can be rebuilt from the events at any time; see [Execution.Apply].
type Execution struct {
	Org           string
	ID            string
	Agent         string // full name, squad/name; empty if no event told it
	Squad         string
	Trigger       string // manual, scheduled, event, smart; empty if unknown
	TriggerDetail string
	Why           string
	StartedAt     time.Time
	CompletedAt   time.Time // zero while it runs, and where the end is unknown
	Status        Status
	StatusReason  string // what the status rests on, in a few words
	Session       string
	Parent        string // the execution that started it
	Subagent      string // kind of sub-agent, if it is a part of its parent's run and no run of its own
	OnBehalfOf    string // the person behind it, as an actor
	OnBehalfAuth  string
	Source        string // who told of its start
	Repository    string // that it works in, as its start tells: host/owner/name
	LeaseUntil    time.Time
	Tags          map[string]string

	// Model is the model that gave most of the answers, or the one asked for
	// if no answer is known.
	Model string
	// Usage is what the execution and its sub-agents used; runs that it
	// started count for themselves.
	Usage Usage
	// Models is Usage by model that answered.
	Models map[string]Usage
	// Folded is what further events need to know; it is stored beside the rest.
	Folded Folded
}

// Usage is what model calls used and cost.
type Usage struct {
	// Calls counts the calls; a total that was stated instead counts as one.
	Calls int64 `json:"calls"`
	// Input excludes tokens that were read from or written to a cache.
	Input      int64 `json:"in"`
	Output     int64 `json:"out"`
	CacheRead  int64 `json:"cr"`
	CacheWrite int64 `json:"cw"`
	// Of each count, in how many calls it is not known.
	NoInput      int64 `json:"ni,omitempty"`
	NoOutput     int64 `json:"no,omitempty"`
	NoCacheRead  int64 `json:"nr,omitempty"`
	NoCacheWrite int64 `json:"nw,omitempty"`
	// CostMicros is the known cost in millionths of a US dollar.
	CostMicros int64 `json:"cost"`
	// NoCost counts the calls whose cost is not known, Computed those whose
	// cost a price table gave.
	NoCost   int64 `json:"nc,omitempty"`
	Computed int64 `json:"cc,omitempty"`
}

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	u.Calls += v.Calls
	u.Input += v.Input
	u.Output += v.Output
	u.CacheRead += v.CacheRead
	u.CacheWrite += v.CacheWrite
	u.NoInput += v.NoInput
	u.NoOutput += v.NoOutput
	u.NoCacheRead += v.NoCacheRead
	u.NoCacheWrite += v.NoCacheWrite
	u.CostMicros += v.CostMicros
	u.NoCost += v.NoCost
	u.Computed += v.Computed
	return u
}

// Tokens returns the counts of tokens that are the whole truth; a count that
// one call did not tell is nil, for a part is not the whole.
func (u Usage) Tokens() (in, out, cacheRead, cacheWrite *int64) {
	known := func(n, unknown int64) *int64 {
		if u.Calls == 0 || unknown > 0 {
			return nil
		}
		return &n
	}
	return known(u.Input, u.NoInput), known(u.Output, u.NoOutput),
		known(u.CacheRead, u.NoCacheRead), known(u.CacheWrite, u.NoCacheWrite)
}

// CostState says how the cost is known as a whole: one call of unknown cost
// makes it unknown.
func (u Usage) CostState() CostState {
	switch {
	case u.Calls == 0 || u.NoCost > 0:
		return CostUnknown
	case u.Computed > 0:
		return CostComputed
	default:
		return CostMeasured
	}
}

// Parts is Models where the execution's own model did not do all, and nil where
// what it used, its own model did.
func (x *Execution) Parts() map[string]Usage {
	for model := range x.Models {
		if len(x.Models) > 1 || model != "" && model != x.Model {
			return x.Models
		}
	}
	return nil
}

// Lease is how long the run may stay silent after any event of it before it
// counts as lost.
func (x *Execution) Lease() time.Duration { return time.Duration(x.Folded.Quiet) * time.Second }
