package ask

import (
	"context"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Approval is one approval as it stands.
type Approval struct {
	ApprovalID string `json:"approval_id"`
	// State is pending, approved, rejected, expired, cancelled or used.
	State string `json:"state"`
	// Flaw says why the decision that was recorded does not count.
	Flaw    string `json:"flaw"`
	Type    string `json:"type"`
	Target  string `json:"target"`
	Agent   string `json:"agent"`
	Summary string `json:"summary"`
	Why     string `json:"why"`
	// Digest is that of the exact arguments.
	Digest      string `json:"digest"`
	Level       string `json:"level"`
	Rule        string `json:"rule"`
	ExecutionID string `json:"execution_id"`
	// RequestedBy and DecidedBy are actors.
	RequestedBy string     `json:"requested_by"`
	OnBehalfOf  string     `json:"on_behalf_of"`
	RequestedAt time.Time  `json:"requested_at"`
	ExpiresAt   *time.Time `json:"expires_at"`
	DecidedBy   string     `json:"decided_by"`
	// DecidedAuth is how who decided was authenticated.
	DecidedAuth string     `json:"decided_auth"`
	DecidedAt   *time.Time `json:"decided_at"`
	Reason      string     `json:"reason"`
	// ValidUntil is when a grant runs out.
	ValidUntil *time.Time `json:"valid_until"`
	// SigningKey is the fingerprint of the key that signed the decision; empty if
	// none did.
	SigningKey string     `json:"signing_key"`
	UsedBy     string     `json:"used_by"`
	UsedAt     *time.Time `json:"used_at"`
}

// ApprovalList lists approvals, the last that was asked for first.
type ApprovalList struct {
	Approvals []Approval `json:"approvals"`
}

func newApproval(a *whodid.Approval) Approval {
	return Approval{
		ApprovalID: a.ID, State: string(a.State), Flaw: a.Flaw, Type: a.Type, Target: a.Target, Agent: a.Agent, Summary: a.Summary, Why: a.Why,
		Digest: a.Digest, Level: a.Level, Rule: a.Rule, ExecutionID: a.Execution, RequestedBy: a.RequestedBy, OnBehalfOf: a.OnBehalfOf,
		RequestedAt: a.RequestedAt.UTC(), ExpiresAt: moment(a.ExpiresAt), DecidedBy: a.DecidedBy, DecidedAuth: a.DecidedAuth, DecidedAt: moment(a.DecidedAt),
		Reason: a.Reason, ValidUntil: moment(a.ValidUntil), SigningKey: a.SigningKey, UsedBy: a.UsedBy, UsedAt: moment(a.UsedAt),
	}
}

// ApprovalFilter selects approvals. Zero fields select everything.
type ApprovalFilter struct {
	State        whodid.ApprovalState
	Agent        string // full name, or a prefix ending in "*"
	Type         string
	Squads       []string // of the agents; none is all
	Since, Until time.Time
	Limit        int // 0 is no limit
}

// approvalPage is how many requests are read at once.
const approvalPage = 500

// Approvals answers what was asked for, the last first, as it stands now.
func (a *Asker) Approvals(ctx context.Context, f ApprovalFilter) (*ApprovalList, error) {
	list := &ApprovalList{Approvals: []Approval{}}
	if f.State == whodid.ApprovalPending {
		return list, a.pending(ctx, &f, list)
	}
	for before := uint64(0); ; {
		requests, err := a.store.ApprovalRequests(ctx, a.org, store.ApprovalFilter{Before: before, Limit: approvalPage})
		if err != nil || len(requests) == 0 {
			return list, err
		}
		ids := make([]string, len(requests))
		for i := range requests {
			ids[i] = requests[i].Approval
		}
		parts, err := a.store.ApprovalParts(ctx, a.org, ids)
		if err != nil {
			return nil, err
		}
		if list.add(ids, parts, &f, a.now()) {
			return list, nil
		}
		if before = requests[len(requests)-1].Seq; before == 0 {
			return list, nil
		}
	}
}

// add appends those of the ids that are selected, and tells whether there are enough.
func (l *ApprovalList) add(ids []string, parts map[string][]whodid.Event, f *ApprovalFilter, now time.Time) bool {
	for _, id := range ids {
		one, ok := whodid.FoldApproval(parts[id], now)
		if !ok || !f.matches(&one) {
			continue
		}
		l.Approvals = append(l.Approvals, newApproval(&one))
		if f.Limit > 0 && len(l.Approvals) == f.Limit {
			return true
		}
	}
	return false
}

// pending adds those that wait, of which there are few among all that was ever asked
// for.
func (a *Asker) pending(ctx context.Context, f *ApprovalFilter, list *ApprovalList) error {
	now := a.now()
	ids, err := a.store.ApprovalsNotGranted(ctx, a.org, now, now, now.Add(time.Hour)) // clocks differ
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, approvalPage) {
		parts, err := a.store.ApprovalParts(ctx, a.org, some)
		if err != nil || list.add(some, parts, f, now) {
			return err
		}
	}
	return nil
}

func (f *ApprovalFilter) matches(a *whodid.Approval) bool {
	switch {
	case f.State != "" && a.State != f.State,
		f.Agent != "" && !matchesAgent(whodid.AgentActor(a.Agent), f.Agent),
		f.Type != "" && a.Type != f.Type,
		len(f.Squads) > 0 && !slices.Contains(f.Squads, whodid.Squad(a.Agent)),
		!f.Since.IsZero() && a.RequestedAt.Before(f.Since),
		!f.Until.IsZero() && !a.RequestedAt.Before(f.Until):
		return false
	default:
		return true
	}
}

// ShownApproval is an approval with what was done under it.
type ShownApproval struct {
	Approval
	Actions []Action `json:"actions"`
}

// ApprovalParts are the events of approvals, for those who decide on them; org is
// the asker's own.
func (a *Asker) ApprovalParts(ctx context.Context, org string, ids []string) (map[string][]whodid.Event, error) {
	return a.store.ApprovalParts(ctx, org, ids)
}

// ApprovalRequests are the requests for approvals, for those who decide on them;
// org is the asker's own.
func (a *Asker) ApprovalRequests(ctx context.Context, org string, f store.ApprovalFilter) ([]store.Row, error) {
	return a.store.ApprovalRequests(ctx, org, f)
}

// Passkeys are those with which people sign decisions, for those who decide.
func (a *Asker) Passkeys(ctx context.Context) ([]whodid.Passkey, error) {
	return a.store.Passkeys(ctx, a.org)
}

// LastOfKey is the last event of a key that signs, for those who decide; org is the
// asker's own.
func (a *Asker) LastOfKey(ctx context.Context, org, fingerprint string) (whodid.Event, bool, error) {
	return a.store.LastOfKey(ctx, org, fingerprint)
}

// ResolveApproval returns the full id of the only approval that begins with the
// prefix.
func (a *Asker) ResolveApproval(ctx context.Context, prefix string) (string, error) {
	return a.store.ResolveApproval(ctx, a.org, prefix)
}

// ApprovalByID answers everything about one approval. The id may be abbreviated.
func (a *Asker) ApprovalByID(ctx context.Context, prefix string) (*ShownApproval, error) {
	id, err := a.ResolveApproval(ctx, prefix)
	if err != nil {
		return nil, err
	}
	parts, err := a.store.ApprovalParts(ctx, a.org, []string{id})
	if err != nil {
		return nil, err
	}
	one, ok := whodid.FoldApproval(parts[id], a.now())
	if !ok {
		return nil, store.ErrNotFound
	}
	shown := &ShownApproval{Approval: newApproval(&one), Actions: []Action{}}
	rows, err := a.store.ApprovalUses(ctx, a.org, id)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		shown.Actions = append(shown.Actions, newAction(&rows[i]))
	}
	return shown, nil
}
