package whodid

import (
	"maps"
	"slices"
	"time"
)

// Folded is what an execution remembers of its events so that they may come in
// any order, and again, and always add up to the same.
type Folded struct {
	Start  *startMark       `json:"start,omitempty"`
	Resume *mark            `json:"resume,omitempty"`
	Opened *sessionMark     `json:"opened,omitempty"` // the first session that was told
	Finish *finishMark      `json:"finish,omitempty"`
	Lost   *mark            `json:"lost,omitempty"`
	Alive  int64            `json:"alive,omitempty"` // when it last reported, in microseconds since 1970
	Turn   *turnMark        `json:"turn,omitempty"`
	Calls  map[string]Usage `json:"calls,omitempty"`
	// Repriced is by how much pricing anew changed what Calls cost, by model,
	// and Restated what the ends stated, by the end's id.
	Repriced map[string]Usage   `json:"repriced,omitempty"`
	Restated map[string]Usage   `json:"restated,omitempty"`
	Prices   *priceMark         `json:"prices,omitempty"` // the last pricing anew
	Tags     map[string]tagMark `json:"tags,omitempty"`
	Lease    int64              `json:"lease,omitempty"` // until when, in microseconds since 1970
	Quiet    int64              `json:"quiet,omitempty"` // the longest silence allowed, in seconds
}

// mark orders events of one kind: by time, then by id.
type mark struct {
	At int64  `json:"at"` // microseconds since 1970
	ID string `json:"id"`
}

func (m mark) less(n mark) bool { return m.At < n.At || m.At == n.At && m.ID < n.ID }

type startMark struct {
	mark
	Inferred bool   `json:"inferred,omitempty"`
	Model    string `json:"model,omitempty"`
	Session  string `json:"session,omitempty"`
}

type sessionMark struct {
	mark
	Session string `json:"session"`
}

type finishMark struct {
	mark
	Result Result `json:"result,omitempty"`
	Reason string `json:"reason,omitempty"`
	Model  string `json:"model,omitempty"`
	Stated *Usage `json:"stated,omitempty"`
}

type turnMark struct {
	mark
	Failed bool   `json:"failed,omitempty"`
	Error  string `json:"error,omitempty"`
}

type priceMark struct {
	mark
	Table string `json:"table"`
}

type tagMark struct {
	mark
	Value string `json:"value"`
}

// Folds returns the executions that the event changes: its own, and for a
// model call of a sub-agent, and its price, also the run that the sub-agent is a part of. An
// attempt changes nothing: the trail keeps it only if it came before its
// result, so that whatever rests on it would rest on the order.
func (e *Event) Folds() []string {
	kind, ok := LookupKind(e.What)
	if !ok || !kind.Folds || e.Execution == "" || e.Result == ResultAttempted {
		return nil
	}
	if e.What == "model.call" || e.What == "model.reprice" {
		if run := e.Data.String("run"); run != e.Execution && ValidID(run) {
			return []string{e.Execution, run}
		}
	}
	return []string{e.Execution}
}

// Apply adds one event to the execution. The order of events makes no
// difference; the caller sees to it that none is applied twice.
func (x *Execution) Apply(e *Event) {
	m := mark{At: Micros(e.At), ID: e.ID}
	if e.What != "execution.lost" && e.What != "execution.tag" && e.What != "model.reprice" {
		x.Folded.Alive = max(x.Folded.Alive, m.At)
	}
	switch e.What {
	case "execution.start":
		x.applyStart(e, m)
	case "execution.renew":
		x.renew(e, m)
	case "session.start":
		x.applySession(e, m)
	case "execution.finish":
		x.applyFinish(e, m)
	case "execution.lost":
		if x.Folded.Lost == nil || x.Folded.Lost.less(m) {
			x.Folded.Lost = &m
		}
	case "execution.tag":
		x.applyTags(e, m)
	case "turn.complete", "turn.fail":
		if t := x.Folded.Turn; t == nil || t.less(m) {
			x.Folded.Turn = &turnMark{mark: m, Failed: e.What == "turn.fail", Error: e.Data.String("error")}
		}
	case "model.call":
		if x.Folded.Calls == nil {
			x.Folded.Calls = map[string]Usage{}
		}
		model := e.Data.String("model")
		x.Folded.Calls[model] = x.Folded.Calls[model].Add(usageOf(e.Data))
	case "model.reprice":
		x.applyReprice(e, m)
	}
	x.settle()
}

func (x *Execution) applyStart(e *Event, m mark) {
	inferred := e.Data.Bool("inferred")
	x.renew(e, m)
	if s := x.Folded.Start; s != nil {
		// A start that was told beats one that was inferred; of two of a kind
		// the first is the start.
		if inferred && !s.Inferred || inferred == s.Inferred && s.less(m) {
			return
		}
	}
	x.Folded.Start = &startMark{mark: m, Inferred: inferred, Model: e.Data.String("model"), Session: e.Session}
	x.Agent = AgentOf(e.Actor)
	x.Squad = Squad(x.Agent)
	x.Trigger = e.Data.String("trigger")
	x.TriggerDetail = e.Data.String("trigger_detail")
	x.Why = e.Why
	x.StartedAt = e.At
	x.Parent = e.Data.String("parent")
	x.Subagent = e.Data.String("agent_type")
	x.OnBehalfOf, x.OnBehalfAuth = e.OnBehalfOf, e.OnBehalfAuth
	x.Source = e.Source
	x.Repository = e.Data.String("repository")
}

func (x *Execution) applySession(e *Event, m mark) {
	if o := x.Folded.Opened; e.Session != "" && (o == nil || m.less(o.mark)) {
		x.Folded.Opened = &sessionMark{mark: m, Session: e.Session}
	}
	if s := x.Folded.Resume; s == nil || s.less(m) {
		x.Folded.Resume = &m
	}
}

func (x *Execution) applyFinish(e *Event, m mark) {
	if f := x.Folded.Finish; f != nil && m.less(f.mark) {
		return
	}
	f := &finishMark{mark: m, Result: e.Result, Reason: e.Data.String("reason"), Model: e.Data.String("model")}
	if u := usageOf(e.Data); u.NoInput == 0 || u.NoOutput == 0 || u.NoCost == 0 {
		f.Stated = &u
	}
	x.Folded.Finish = f
}

// applyReprice changes the cost and nothing else. Differences add up whatever
// their order, and what was recorded first stays beside them.
func (x *Execution) applyReprice(e *Event, m mark) {
	to, key := &x.Folded.Repriced, e.Data.String("model")
	if end := e.Data.String("end"); end != "" {
		to, key = &x.Folded.Restated, end
	}
	if *to == nil {
		*to = map[string]Usage{}
	}
	(*to)[key] = (*to)[key].Add(UsageOf(e))
	if p := x.Folded.Prices; p == nil || p.less(m) {
		x.Folded.Prices = &priceMark{mark: m, Table: e.Data.String("price_table")}
	}
}

// PriceTable is the table by which the execution's calls were last priced anew,
// or "" if they never were.
func (f *Folded) PriceTable() string {
	if f.Prices == nil {
		return ""
	}
	return f.Prices.Table
}

func (x *Execution) applyTags(e *Event, m mark) {
	if x.Folded.Tags == nil {
		x.Folded.Tags = map[string]tagMark{}
	}
	for k := range e.Data {
		if old, ok := x.Folded.Tags[k]; !ok || old.less(m) {
			x.Folded.Tags[k] = tagMark{mark: m, Value: tagValue(e.Data[k])}
		}
	}
}

// tagValue is a tag as text: a string is itself, anything else its JSON.
func tagValue(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(appendValue(nil, v))
}

// maxLease bounds how long a run may stay silent: a year, in seconds. A larger
// number is a mistake, and must not overflow a time.
const maxLease = 366 * 24 * 60 * 60

func (x *Execution) renew(e *Event, m mark) {
	if seconds, ok := e.Data.Int("lease_seconds"); ok {
		seconds = min(max(seconds, 0), maxLease)
		x.Folded.Lease = max(x.Folded.Lease, m.At+seconds*int64(time.Second/time.Microsecond))
		x.Folded.Quiet = max(x.Folded.Quiet, seconds)
	}
}

// settle derives everything that rests on more than one event.
func (x *Execution) settle() {
	f := &x.Folded
	if f.Lease != 0 {
		x.LeaseUntil = FromMicros(f.Lease)
	}
	x.Session = ""
	switch {
	case f.Start != nil && f.Start.Session != "":
		x.Session = f.Start.Session
	case f.Opened != nil:
		x.Session = f.Opened.Session
	}
	x.Tags = nil
	for k, t := range f.Tags {
		if x.Tags == nil {
			x.Tags = map[string]string{}
		}
		x.Tags[k] = t.Value
	}
	x.settleStatus()
	x.settleUsage()
}

func (x *Execution) settleStatus() {
	f := &x.Folded
	x.CompletedAt = time.Time{}
	finished := f.Finish != nil && (f.Resume == nil || f.Resume.At <= f.Finish.At)
	switch {
	case finished:
		x.CompletedAt = FromMicros(f.Finish.At)
		x.Status, x.StatusReason = f.Finish.status(f.Turn)
	case f.Lost != nil && f.Alive <= f.Lost.At:
		x.Status, x.StatusReason = StatusLost, "stopped reporting and its lease ran out"
	default:
		x.Status, x.StatusReason = StatusRunning, ""
	}
}

// status is what an end says, in the light of the last turn: a client that
// exits with 0 after an error of its service did not succeed, and a session
// that ended without a word about its success succeeded only if its last turn
// was completed.
func (f *finishMark) status(turn *turnMark) (Status, string) {
	failedTurn := turn != nil && turn.Failed
	switch f.Result {
	case ResultSuccess:
		if failedTurn {
			return StatusFailed, "the client reported an error in its last turn: " + turn.Error
		}
		return StatusSuccess, f.Reason
	case ResultFailed, ResultBlocked, ResultRejected:
		return StatusFailed, f.Reason
	case ResultTimeout:
		return StatusTimeout, f.Reason
	case ResultCancelled:
		return StatusCancelled, f.Reason
	default:
	}
	switch {
	case failedTurn:
		return StatusFailed, "the last turn failed: " + turn.Error
	case turn != nil:
		return StatusSuccess, "the last turn was completed"
	default:
		return StatusCancelled, "ended before a turn was completed"
	}
}

// Usage returns what was used by model, and in all, at the last prices. A total
// that was stated at the end stands for the calls.
func (f *Folded) Usage() (map[string]Usage, Usage) {
	models := f.recorded()
	switch {
	case f.Finish != nil && f.Finish.Stated != nil:
		if again, ok := f.Restated[f.Finish.ID]; ok {
			model := f.statedModel()
			models = map[string]Usage{model: models[model].Add(again)}
		}
	case len(f.Repriced) > 0:
		models = maps.Clone(models)
		for model, u := range f.Repriced {
			if _, called := models[model]; called {
				models[model] = models[model].Add(u)
			}
		}
	}
	return models, sumOf(models)
}

// RecordedUsage returns what was used in all at the prices at which it was
// recorded.
func (f *Folded) RecordedUsage() Usage { return sumOf(f.recorded()) }

func (f *Folded) recorded() map[string]Usage {
	if f.Finish != nil && f.Finish.Stated != nil {
		return map[string]Usage{f.statedModel(): *f.Finish.Stated}
	}
	return f.Calls
}

func sumOf(models map[string]Usage) Usage {
	var sum Usage
	for _, u := range models {
		sum = sum.Add(u)
	}
	return sum
}

func (x *Execution) settleUsage() {
	f := &x.Folded
	x.Models, x.Usage = f.Usage()
	x.Model = mainModel(x.Models)
	if f.Finish != nil && f.Finish.Model != "" {
		x.Model = f.Finish.Model
	}
	if x.Model == "" && f.Start != nil {
		x.Model = f.Start.Model
	}
}

func (f *Folded) statedModel() string {
	switch {
	case f.Finish.Model != "":
		return f.Finish.Model
	case len(f.Calls) > 0:
		return mainModel(f.Calls)
	case f.Start != nil:
		return f.Start.Model
	default:
		return ""
	}
}

// mainModel is the model with the most output, the first by name of equals.
func mainModel(calls map[string]Usage) string {
	best := ""
	for _, model := range slices.Sorted(maps.Keys(calls)) {
		if best == "" || calls[model].Output > calls[best].Output {
			best = model
		}
	}
	return best
}

// maxUsage bounds what one call can have used or cost: 10^12 tokens, or a
// million dollars in micro-dollars. A number outside is no measurement, so
// that it counts as unknown; sums of millions of calls stay within 64 bits.
const maxUsage = 1_000_000_000_000

// UsageOf is what a model call used and cost, and for calls that were priced
// anew the difference that this makes.
func UsageOf(e *Event) Usage {
	if e.What != "model.reprice" {
		return usageOf(e.Data)
	}
	const most = maxUsage * 1000
	cost, hasCost := e.Data.Int("cost_micros")
	before, hasBefore := e.Data.Int("previous_micros")
	known, _ := e.Data.Int("newly_known")
	if !hasCost || !hasBefore || min(cost, before) < 0 || max(cost, before) > most || known < 0 || known > most {
		return Usage{}
	}
	return Usage{CostMicros: cost - before, NoCost: -known, Computed: known}
}

// usageOf reads what one event says of tokens and cost.
func usageOf(d Data) Usage {
	u := Usage{Calls: 1}
	number := func(name string) (n, unknown int64) {
		n, told := d.Int(name)
		if !told || n < 0 || n > maxUsage {
			return 0, 1
		}
		return n, 0
	}
	u.Input, u.NoInput = number("input_tokens")
	u.Output, u.NoOutput = number("output_tokens")
	u.CacheRead, u.NoCacheRead = number("cache_read_tokens")
	u.CacheWrite, u.NoCacheWrite = number("cache_write_tokens")
	cost, known := d.Int("cost_micros")
	switch {
	case !known || cost < 0 || cost > maxUsage:
		u.NoCost = 1
	case CostState(d.String("cost_state")) == CostComputed:
		u.CostMicros, u.Computed = cost, 1
	default:
		u.CostMicros = cost
	}
	return u
}
