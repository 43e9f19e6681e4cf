package recorder

import (
	"errors"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// Run is a run of an agent that begins.
type Run struct {
	// ID is the run's id, if the program has one; else it is made.
	ID string
	// Agent is whose run it is; empty is that of the recorder.
	Agent string
	// Trigger is what started it: manual, scheduled, smart, or event with
	// ":detail"; empty is manual.
	Trigger string
	Why     string
	// Model is the model that will be asked.
	Model string
	// Parent is the run that started it.
	Parent string
	// Session links the runs of one session.
	Session string
	// Repository is the repository it works in, as host/owner/name.
	Repository string
	// OnBehalfOf is the person behind it: "human:pseudonym", as the trail knows
	// them.
	OnBehalfOf string
	// Lease is how long it may be silent before it counts as lost; 0 is a day.
	Lease time.Duration
	Tags  map[string]string
}

// Action is something that a run did.
type Action struct {
	// Type is what was done, as noun.verb: "deploy.production".
	Type string
	// Target is what it was done to.
	Target string
	// Result is what came of it; empty is attempted: success is only what is
	// known.
	Result whodid.Result
	Why    string
	// Approval is the id of the approval that it was done under.
	Approval string
	// Key names it, so that telling it again changes nothing; empty is a new one
	// each time.
	Key  string
	Data whodid.Data
	// At is when it was done; zero is now.
	At time.Time
}

// ModelCall is one answer of a model. What is not known is left nil, which is
// not zero.
type ModelCall struct {
	Model, Provider string
	// Request is the service's id of the request, so that telling it again
	// changes nothing.
	Request string
	// TokensIn excludes tokens that were read from or written to a cache.
	TokensIn, TokensOut, TokensCacheRead, TokensCacheWrite *int64
	// CostMicros is the cost in millionths of a US dollar; without it the server
	// computes it where it can.
	CostMicros *int64
	At         time.Time
}

// Execution is a run that was begun. It is safe for concurrent use.
type Execution struct {
	recorder *Recorder
	id       string
	actor    string
	session  string
	lease    time.Duration
	behalf   string
}

// Start records that a run began. It always returns a run to write about, also
// where its start could not be recorded.
func (r *Recorder) Start(run Run) *Execution {
	x := &Execution{recorder: r, id: run.ID, session: run.Session, lease: run.Lease, behalf: run.OnBehalfOf}
	if x.id == "" {
		x.id = whodid.NewID(whodid.PrefixExecution)
	}
	if run.Agent == "" {
		run.Agent = r.options.Agent
	}
	x.actor = whodid.AgentActor(run.Agent)
	if x.lease <= 0 {
		x.lease = 24 * time.Hour
	}
	if run.Trigger == "" {
		run.Trigger = whodid.TriggerManual
	}
	kind, detail, err := whodid.ParseTrigger(run.Trigger)
	if err != nil {
		r.options.OnError(err)
	}
	start := x.event("execution.start", "start/"+x.id)
	start.Why = run.Why
	start.Data = whodid.Data{"lease_seconds": int64(x.lease / time.Second)}
	for name, text := range map[string]string{
		"trigger": kind, "trigger_detail": detail, "model": run.Model, "parent": run.Parent, "repository": run.Repository,
	} {
		if text != "" {
			start.Data[name] = text
		}
	}
	r.Event(start)
	x.Tag(run.Tags)
	return x
}

// event begins an event of the run.
func (x *Execution) event(what, key string) whodid.Event {
	return whodid.Event{Key: key, Actor: x.actor, OnBehalfOf: x.behalf, What: what, Execution: x.id, Session: x.session}
}

// ID is the run's id.
func (x *Execution) ID() string { return x.id }

// Action records something that the run did.
func (x *Execution) Action(a Action) {
	e := x.event(a.Type, "")
	if a.Key != "" {
		e.Key = "api/" + x.id + "/" + a.Key
	}
	if a.Result == whodid.ResultNone {
		a.Result = whodid.ResultAttempted
	}
	e.Target, e.Result, e.Why, e.Approval, e.Data, e.At = a.Target, a.Result, a.Why, a.Approval, a.Data, a.At
	if kind, ok := whodid.KindOf(a.Type); !ok || !kind.Action {
		x.recorder.options.OnError(errors.New(a.Type + " is not an action: write noun.verb, such as report.send"))
		return
	}
	x.recorder.Event(e)
}

// Model records one answer of a model.
func (x *Execution) Model(m ModelCall) {
	e := x.event("model.call", "")
	if m.Request != "" {
		e.Key = "api/" + strings.Join([]string{x.id, "model", m.Provider, m.Request}, "/")
	}
	e.At = m.At
	e.Data = whodid.Data{}
	for name, text := range map[string]string{"model": m.Model, "provider": m.Provider, "request": m.Request} {
		if text != "" {
			e.Data[name] = text
		}
	}
	for name, n := range map[string]*int64{
		"input_tokens": m.TokensIn, "output_tokens": m.TokensOut, "cache_read_tokens": m.TokensCacheRead,
		"cache_write_tokens": m.TokensCacheWrite, "cost_micros": m.CostMicros,
	} {
		if n != nil {
			e.Data[name] = *n
		}
	}
	x.recorder.Event(e)
}

// Tag tags the run, so that it can be found again.
func (x *Execution) Tag(tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	e := x.event("execution.tag", "")
	e.Data = make(whodid.Data, len(tags))
	for name, value := range tags {
		e.Data[name] = value
	}
	x.recorder.Event(e)
}

// Renew records that the run is still going. It is for runs that do nothing
// else for longer than their lease.
func (x *Execution) Renew() {
	e := x.event("execution.renew", "")
	e.Data = whodid.Data{"lease_seconds": int64(x.lease / time.Second)}
	x.recorder.Event(e)
}

// Finish records that the run ended: with success, failed, timeout or
// cancelled. The reason is a few words on what that rests on, or empty.
func (x *Execution) Finish(result whodid.Result, reason string) {
	e := x.event("execution.finish", "")
	e.Result = result
	if reason != "" {
		e.Data = whodid.Data{"reason": reason}
	}
	x.recorder.Event(e)
}

// FinishError records that the run ended, well if the error is nil. What an
// error says is not recorded: it may quote what has no place in the trail.
func (x *Execution) FinishError(err error) {
	if err != nil {
		x.Finish(whodid.ResultFailed, "error")
		return
	}
	x.Finish(whodid.ResultSuccess, "")
}
