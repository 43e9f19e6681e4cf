package ask

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// Unapproved lists the actions that needed an approval and were done without one.
type Unapproved struct {
	// Policy is the version of the policy that was asked; empty if none has a rule
	// of approval.
	Policy string `json:"policy"`
	// Looked is how many actions a rule applied to.
	Looked   int                `json:"looked"`
	Findings []UnapprovedAction `json:"findings"`
}

// UnapprovedAction is an action that needed an approval and was done without one.
type UnapprovedAction struct {
	EventID     string    `json:"event_id"`
	ExecutionID string    `json:"execution_id"`
	At          time.Time `json:"at"`
	Agent       string    `json:"agent"`
	ActionType  string    `json:"action_type"`
	Target      string    `json:"target"`
	Result      string    `json:"result"`
	// Rule is the policy's.
	Rule string `json:"rule"`
	// ApprovalID is the approval that it names and that does not allow it; empty if
	// it names none.
	ApprovalID string `json:"approval_id"`
	// Reason says what is missing.
	Reason string `json:"reason"`
}

// UnapprovedFilter selects actions. Zero fields select everything.
type UnapprovedFilter struct {
	Execution    string
	Since, Until time.Time
	// Signature says why the signature of a decision does not count, where one is
	// asked for; nil counts all.
	Signature func(*whodid.Approval) error
}

// unapprovedPage is how many actions are read at once.
const unapprovedPage = 2000

// Unapproved judges what agents did by a policy: which actions needed an approval
// by its rules, and were done, or begun, without one that allows just them. What
// was blocked was not done. Rules that hold from some cost or count of a run on hold
// by what is known now of what the run had cost and done by then.
func (a *Asker) Unapproved(ctx context.Context, p *policy.Policy, f UnapprovedFilter) (*Unapproved, error) {
	out := &Unapproved{Findings: []UnapprovedAction{}}
	if p == nil || len(p.Approvals.Rules) == 0 {
		return out, nil
	}
	out.Policy = p.Version
	whats := p.ActionsThatMayNeed()
	if len(whats) == 0 {
		return out, nil
	}
	for after := uint64(0); ; {
		rows, err := a.store.Events(ctx, a.org, store.EventFilter{
			Execution: f.Execution, Whats: whats, Since: f.Since, Until: f.Until, ActionsOnly: true, AfterSeq: after, Limit: unapprovedPage,
		})
		if err != nil {
			return nil, err
		}
		if err := a.judgeApprovals(ctx, p, rows, f.Signature, out); err != nil {
			return nil, err
		}
		if len(rows) < unapprovedPage {
			return out, nil
		}
		after = rows[len(rows)-1].Seq + 1
	}
}

// Judge adds to a run what of it needed an approval by a policy and had none.
func (a *Asker) Judge(ctx context.Context, s *Show, p *policy.Policy, signature func(*whodid.Approval) error) error {
	found, err := a.Unapproved(ctx, p, UnapprovedFilter{Execution: s.ExecutionID, Signature: signature})
	if err == nil && found.Policy != "" {
		s.Unapproved = found
	}
	return err
}

// RunSoFar is what is known of a run's cost, in micro-dollars, and how often it did
// one kind of action.
func (a *Asker) RunSoFar(ctx context.Context, execution, what string) (costMicros, count int64, err error) {
	x, err := a.store.Execution(ctx, a.org, execution)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, 0, err
	}
	if err == nil {
		costMicros = x.Usage.CostMicros
	}
	done, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: execution, What: what, ActionsOnly: true})
	return costMicros, int64(len(done)), err
}

// needing is an action that needed an approval, and the rule that says so.
type needing struct {
	row  *store.Row
	rule string
	why  string // if the rule does not hold for every run
}

func (a *Asker) judgeApprovals(ctx context.Context, p *policy.Policy, rows []store.Row, signature func(*whodid.Approval) error, out *Unapproved) error {
	var need []needing
	facts := runFacts{asker: a, calls: map[string][]toldCost{}, done: map[string]map[string][]*store.Row{}}
	for i := range rows {
		r := &rows[i]
		if rule, ok := needsApproval(p, &r.Event); ok {
			need = append(need, needing{r, rule, ""})
			continue
		}
		rule, why, err := facts.conditional(ctx, p, r)
		if err != nil {
			return err
		}
		if rule != "" {
			need = append(need, needing{r, rule, why})
		}
	}
	if len(need) == 0 {
		return nil
	}
	out.Looked += len(need)
	approvals, byCall, err := a.approvalsOf(ctx, need)
	if err != nil {
		return err
	}
	for _, n := range need {
		r := n.row
		id := r.Approval
		if id == "" {
			id = byCall[callOf{r.Execution, r.Data.String("call")}]
		}
		reason := "it was done without an approval"
		if id != "" {
			one, known := approvals[id]
			reason = unallowed(one, known, p, &r.Event, signature)
		}
		if reason == "" {
			continue
		}
		if n.why != "" {
			reason = n.why + ", and " + reason
		}
		out.Findings = append(out.Findings, UnapprovedAction{
			EventID: r.ID, ExecutionID: r.Execution, At: r.At.UTC(), Agent: whodid.AgentOf(r.Actor), ActionType: r.What, Target: r.Target,
			Result: string(r.Result), Rule: n.rule, ApprovalID: id, Reason: reason,
		})
	}
	return nil
}

// needsApproval is the rule by which an action that was done needs an approval,
// whatever its run had cost and done.
func needsApproval(p *policy.Policy, e *whodid.Event) (rule string, needs bool) {
	act, ok := actOf(p, e)
	if !ok {
		return "", false
	}
	level, r := p.LevelOf(&act)
	if level != policy.Approve {
		return "", false
	}
	return r.ID, true
}

// actOf is an action that an agent did, as a policy looks at it; not ok if no rule
// may ask for anything.
func actOf(p *policy.Policy, e *whodid.Event) (act policy.Act, ok bool) {
	agent := whodid.AgentOf(e.Actor)
	if agent == "" || e.Result == whodid.ResultBlocked || !p.MayNeed(e.What) {
		return act, false
	}
	act = policy.Act{Type: e.What, Target: e.Target, Agent: agent, Branch: e.Data.String("branch"), Environment: e.Data.String("environment"), Count: -1}
	if strings.HasPrefix(e.What, "file.") {
		act.Path = e.Target
	}
	return act, true
}

// unallowed says why an approval does not allow what was done, or is empty.
func unallowed(one whodid.Approval, known bool, p *policy.Policy, e *whodid.Event, signature func(*whodid.Approval) error) string {
	if !known {
		return "the trail does not know the approval that it names"
	}
	if why := one.Allowed(e); why != "" {
		return "its approval does not allow it: " + why
	}
	if signature != nil && (one.SignatureRequired || p.Approvals.Signature) {
		if err := signature(&one); err != nil {
			return "its approval's signature does not count: " + err.Error()
		}
	}
	return ""
}

// callOf is a tool call of an execution.
type callOf struct{ execution, call string }

// approvalsOf are the approvals that actions name, and those that their tool calls
// used.
func (a *Asker) approvalsOf(ctx context.Context, need []needing) (map[string]whodid.Approval, map[callOf]string, error) {
	ids, executions := map[string]bool{}, map[string]bool{}
	for _, n := range need {
		if n.row.Approval != "" {
			ids[n.row.Approval] = true
		} else if n.row.Data.String("call") != "" && n.row.Execution != "" {
			executions[n.row.Execution] = true
		}
	}
	byCall := map[callOf]string{}
	for execution := range executions {
		uses, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: execution, What: "approval.use"})
		if err != nil {
			return nil, nil, err
		}
		for i := range uses {
			if call := uses[i].Data.String("call"); call != "" {
				byCall[callOf{execution, call}] = uses[i].Approval
				ids[uses[i].Approval] = true
			}
		}
	}
	folded, err := a.foldApprovals(ctx, ids)
	return folded, byCall, err
}

// foldApprovals reads approvals as they stand now.
func (a *Asker) foldApprovals(ctx context.Context, ids map[string]bool) (map[string]whodid.Approval, error) {
	out := make(map[string]whodid.Approval, len(ids))
	for list := range slices.Chunk(slices.Sorted(maps.Keys(ids)), approvalPage) {
		parts, err := a.store.ApprovalParts(ctx, a.org, list)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			if one, ok := whodid.FoldApproval(parts[id], a.now()); ok {
				out[id] = one
			}
		}
	}
	return out, nil
}
