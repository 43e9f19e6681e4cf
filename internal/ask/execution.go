package ask

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Execution is one run of an agent, or one of its sub-agents. What is not
// known is null, never zero. Tokens and cost include those of sub-agents;
// runs that it started count for themselves.
type Execution struct {
	ExecutionID   string     `json:"execution_id"`
	Agent         string     `json:"agent"`
	Squad         string     `json:"squad"`
	Trigger       string     `json:"trigger"`
	TriggerDetail string     `json:"trigger_detail"`
	Why           string     `json:"why"`
	StartedAt     *time.Time `json:"started_at"`
	CompletedAt   *time.Time `json:"completed_at"`
	Status        string     `json:"status"`
	StatusReason  string     `json:"status_reason"`
	Model         string     `json:"model"`

	TokensIn         *int64 `json:"tokens_in"`
	TokensOut        *int64 `json:"tokens_out"`
	TokensCacheRead  *int64 `json:"tokens_cache_read"`
	TokensCacheWrite *int64 `json:"tokens_cache_write"`
	// CostMicros is the whole cost in millionths of a US dollar, null unless
	// all of it is known; CostKnownMicros is the part that is known.
	CostMicros      *int64 `json:"cost_micros"`
	CostKnownMicros int64  `json:"cost_known_micros"`
	CostState       string `json:"cost_state"`

	SessionID  string            `json:"session_id"`
	Parent     string            `json:"parent"`
	Subagent   string            `json:"subagent"`
	OnBehalfOf string            `json:"on_behalf_of"`
	Source     string            `json:"source"`
	Tags       map[string]string `json:"tags"`

	byModel map[string]whodid.Usage
}

func newExecution(x *whodid.Execution) Execution {
	u := x.Usage
	in, out, cacheRead, cacheWrite := u.Tokens()
	tags := x.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return Execution{
		ExecutionID: x.ID, Agent: x.Agent, Squad: x.Squad, Trigger: x.Trigger, TriggerDetail: x.TriggerDetail, Why: x.Why,
		StartedAt: moment(x.StartedAt), CompletedAt: moment(x.CompletedAt),
		Status: string(x.Status), StatusReason: x.StatusReason, Model: x.Model,
		TokensIn: in, TokensOut: out, TokensCacheRead: cacheRead, TokensCacheWrite: cacheWrite,
		CostMicros: optional(u.CostState() != whodid.CostUnknown, u.CostMicros), CostKnownMicros: u.CostMicros, CostState: string(u.CostState()),
		SessionID: x.Session, Parent: x.Parent, Subagent: x.Subagent, OnBehalfOf: x.OnBehalfOf, Source: x.Source, Tags: tags,
		byModel: x.Models,
	}
}

// Duration is how long the execution took, or has taken by now.
func (x *Execution) Duration(now time.Time) time.Duration {
	switch {
	case x.StartedAt == nil:
		return 0
	case x.CompletedAt != nil:
		return x.CompletedAt.Sub(*x.StartedAt)
	default:
		return now.Sub(*x.StartedAt)
	}
}

// Action is one thing that an execution did.
type Action struct {
	EventID     string      `json:"event_id"`
	ExecutionID string      `json:"execution_id"`
	ActionType  string      `json:"action_type"`
	Target      string      `json:"target"`
	Result      string      `json:"result"`
	ApprovalID  string      `json:"approval_id"`
	Metadata    whodid.Data `json:"metadata"`
	At          time.Time   `json:"at"`
	Actor       string      `json:"actor"`
	Why         string      `json:"why"`
	Source      string      `json:"source"`
	Seq         uint64      `json:"seq"`
	// Confirmation is what the forge says of it; null if that is not known.
	Confirmation *Confirmation `json:"confirmation"`
}

func newAction(r *store.Row) Action {
	data := r.Data
	if data == nil {
		data = whodid.Data{}
	}
	return Action{
		EventID: r.ID, ExecutionID: r.Execution, ActionType: r.What, Target: r.Target, Result: string(r.Result),
		ApprovalID: r.Approval, Metadata: data, At: r.At.UTC(), Actor: r.Actor, Why: r.Why, Source: r.Source, Seq: r.Seq,
	}
}

// ModelUsage is what one model did for an execution.
type ModelUsage struct {
	Model            string `json:"model"`
	Calls            int64  `json:"calls"`
	TokensIn         *int64 `json:"tokens_in"`
	TokensOut        *int64 `json:"tokens_out"`
	TokensCacheRead  *int64 `json:"tokens_cache_read"`
	TokensCacheWrite *int64 `json:"tokens_cache_write"`
	CostMicros       *int64 `json:"cost_micros"`
	CostState        string `json:"cost_state"`
}

// Show is an execution with all that hangs on it.
type Show struct {
	Execution
	Models   []ModelUsage `json:"models"`
	Actions  []Action     `json:"actions"`
	Children []Execution  `json:"children"`
	Gaps     []Gap        `json:"gaps"`
	// Unapproved is what of it needed an approval and had none; null if no policy
	// was asked.
	Unapproved *Unapproved `json:"unapproved"`
	// PriceTable is the table by which calls were last priced anew; empty if they
	// never were. RecordedCostMicros is then what the whole cost when it was
	// recorded, null if it was not known.
	PriceTable         string      `json:"price_table"`
	RecordedCostMicros *int64      `json:"recorded_cost_micros"`
	Repricings         []Repricing `json:"repricings"`
	// Log names the file of the run's output in the folder of logs; empty
	// where none was kept.
	Log   string    `json:"log"`
	Proof ShowProof `json:"proof"`
}

// Gap is something known to be missing from an execution.
type Gap struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Count  int64     `json:"count"`
}

// Repricing is one time that calls of a model were priced anew: what is known of
// their cost since, and what was before. Those of sub-agents are with them.
type Repricing struct {
	EventID        string    `json:"event_id"`
	At             time.Time `json:"at"`
	Model          string    `json:"model"`
	Calls          int64     `json:"calls"`
	CostMicros     int64     `json:"cost_micros"`
	PreviousMicros int64     `json:"previous_micros"`
	PriceTable     string    `json:"price_table"`
	PreviousTables []string  `json:"previous_tables"`
}

func newRepricing(r *store.Row) Repricing {
	n := func(name string) int64 { v, _ := r.Data.Int(name); return v }
	before, _ := r.Data["previous_table"].([]string)
	if before == nil {
		before = []string{}
	}
	return Repricing{
		EventID: r.ID, At: r.At.UTC(), Model: r.Data.String("model"), Calls: n("calls"), CostMicros: n("cost_micros"),
		PreviousMicros: n("previous_micros"), PriceTable: r.Data.String("price_table"), PreviousTables: before,
	}
}

// ShowProof says where the execution's events are in the log.
type ShowProof struct {
	Events   int    `json:"events"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
	TreeSize uint64 `json:"tree_size"`
	Root     string `json:"root"`
	// Proved is witnessed if witnesses confirmed all of these events, waiting if some
	// were recorded since, and unwitnessed if there is nobody whose word counts; empty
	// if it can't be told who the witnesses are. WitnessedSize is how many events of
	// the log they confirmed.
	Proved        string `json:"proved"`
	WitnessedSize uint64 `json:"witnessed_size"`
}

// Resolve returns the full id of the execution that begins with the prefix.
func (a *Asker) Resolve(ctx context.Context, prefix string) (string, error) {
	return a.store.ResolveExecution(ctx, a.org, prefix)
}

// Show answers what one execution was and did. The id may be a unique prefix.
func (a *Asker) Show(ctx context.Context, prefix string) (*Show, error) {
	id, err := a.Resolve(ctx, prefix)
	if err != nil {
		return nil, err
	}
	x, err := a.store.Execution(ctx, a.org, id)
	if err != nil {
		return nil, err
	}
	s := &Show{Execution: newExecution(x), Models: models(x.Models), Actions: []Action{}, Children: []Execution{}, Gaps: []Gap{}, Repricings: []Repricing{}}
	recorded := x.Folded.RecordedUsage()
	s.PriceTable = x.Folded.PriceTable()
	s.RecordedCostMicros = optional(recorded.CostState() != whodid.CostUnknown, recorded.CostMicros)
	if err := a.showEvents(ctx, s); err != nil {
		return nil, err
	}
	children, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Parent: id})
	if err != nil {
		return nil, err
	}
	for i := range children {
		s.Children = append(s.Children, newExecution(&children[i]))
	}
	slices.Reverse(s.Children) // the first started first
	head, err := a.store.Head(ctx, a.org)
	if err != nil {
		return nil, err
	}
	s.Proof.TreeSize, s.Proof.Root = head.Frontier.Size(), head.Frontier.Root().String()
	return s, a.showProved(ctx, &s.Proof)
}

// showProved says how much of it was confirmed.
func (a *Asker) showProved(ctx context.Context, s *ShowProof) error {
	c, err := a.reach(ctx)
	if errors.Is(err, ErrWitnesses) {
		return nil // the run is shown all the same; whodid doctor tells of it
	}
	if err != nil {
		return err
	}
	s.Proved, s.WitnessedSize = string(c.state(s.Events > 0 && s.LastSeq >= c.size)), c.size
	return nil
}

func (a *Asker) showEvents(ctx context.Context, s *Show) error {
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: s.ExecutionID})
	if err != nil {
		return err
	}
	settled := map[string]bool{}
	for i := range rows {
		settled[rows[i].ID] = true
	}
	for i := range rows {
		r := &rows[i]
		if s.Proof.Events == 0 {
			s.Proof.FirstSeq = r.Seq
		}
		s.Proof.Events++
		s.Proof.LastSeq = r.Seq
		if id, attempt := whodid.SettledID(r.ID); attempt && settled[id] {
			continue
		}
		kind, ok := whodid.KindOf(r.What)
		switch {
		case ok && kind.Action:
			s.Actions = append(s.Actions, newAction(r))
		case r.What == "execution.start" && s.Log == "":
			s.Log = r.Data.String("log")
		case r.What == "model.reprice":
			s.Repricings = append(s.Repricings, newRepricing(r))
		case r.What == "record.gap":
			n, _ := r.Data.Int("count")
			s.Gaps = append(s.Gaps, Gap{At: r.At, Reason: r.Data.String("reason"), Count: n})
		}
	}
	slices.SortStableFunc(s.Actions, func(x, y Action) int { return x.At.Compare(y.At) })
	return a.confirm(ctx, s.Actions)
}

func models(usage map[string]whodid.Usage) []ModelUsage {
	out := make([]ModelUsage, 0, len(usage))
	for _, model := range slices.Sorted(maps.Keys(usage)) {
		u := usage[model]
		in, tokensOut, cacheRead, cacheWrite := u.Tokens()
		out = append(out, ModelUsage{
			Model: model, Calls: u.Calls, TokensIn: in, TokensOut: tokensOut,
			TokensCacheRead: cacheRead, TokensCacheWrite: cacheWrite,
			CostMicros: optional(u.CostState() != whodid.CostUnknown, u.CostMicros), CostState: string(u.CostState()),
		})
	}
	return out
}

// ExecutionList is the answer to "what ran?".
type ExecutionList struct {
	Executions []Execution `json:"executions"`
}

// List answers what ran, the last started first, sub-agents included.
func (a *Asker) List(ctx context.Context, f Filter) (*ExecutionList, error) {
	found, err := a.store.Executions(ctx, a.org, f.store())
	if err != nil {
		return nil, err
	}
	list := &ExecutionList{Executions: make([]Execution, len(found))}
	for i := range found {
		list.Executions[i] = newExecution(&found[i])
	}
	return list, nil
}

// ActionFilter selects actions. Zero fields select everything.
type ActionFilter struct {
	Execution    string // a unique prefix of its id
	Agent        string // full name, or a prefix ending in "*"
	Type         string // an action type, or a prefix ending in "*"
	Result       string
	Since, Until time.Time
	Limit        int // 0 is no limit
}

// ActionList is the answer to "what was done?".
type ActionList struct {
	Actions []Action `json:"actions"`
}

// Actions answers what was done, the newest first.
func (a *Asker) Actions(ctx context.Context, f ActionFilter) (*ActionList, error) {
	ef := store.EventFilter{
		Agent: f.Agent, What: f.Type, Result: f.Result, Since: f.Since, Until: f.Until,
		Limit: f.Limit, ActionsOnly: true, Newest: true,
	}
	if f.Execution != "" {
		id, err := a.Resolve(ctx, f.Execution)
		if err != nil {
			return nil, err
		}
		ef.Execution = id
	}
	rows, err := a.store.Events(ctx, a.org, ef)
	if err != nil {
		return nil, err
	}
	list := &ActionList{Actions: make([]Action, len(rows))}
	for i := range rows {
		list.Actions[i] = newAction(&rows[i])
	}
	return list, a.confirm(ctx, list.Actions)
}
