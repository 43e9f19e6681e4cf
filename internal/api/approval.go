package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/policy"
)

// NewApproval asks for an approval: for one action of one agent, with just these
// arguments.
type NewApproval struct {
	// Type is the action, such as "pr.merge".
	Type   string `json:"type"`
	Target string `json:"target,omitempty"`
	// Agent is who is to do it; the credential's own unless it is said.
	Agent string `json:"agent,omitempty"`
	// Arguments are bound by their digest, and not kept.
	Arguments whodid.Data `json:"arguments,omitempty"`
	// Summary says in words that a person can judge what is to be done.
	Summary string `json:"summary,omitempty"`
	Why     string `json:"why,omitempty"`
	// ExpiresSeconds is after what time the request runs out; a day unless it is
	// said.
	ExpiresSeconds int64  `json:"expires_seconds,omitempty"`
	ExecutionID    string `json:"execution_id,omitempty"`
	// FourEyes keeps the person behind the agent from deciding.
	FourEyes bool `json:"four_eyes,omitempty"`
	// SignatureRequired lets only a decision count that is signed.
	SignatureRequired bool `json:"signature_required,omitempty"`
}

// NewDecision is a person's decision on an approval.
type NewDecision struct {
	Reason string `json:"reason"`
	// ValidUntil is when a grant runs out; after an hour unless it is said. Who
	// signs must say it, for it is signed.
	ValidUntil *time.Time `json:"valid_until,omitempty"`
	// Signature is that of the statement (docs/approvals.md), as ssh-keygen -Y sign
	// -n approval@whodid makes it, or a passkey's in the same form.
	Signature string `json:"signature,omitempty"`
	// SigningKey is the fingerprint of the key that signed, as ssh-keygen -l has it.
	SigningKey string `json:"signing_key,omitempty"`
}

// Cancellation withdraws a request.
type Cancellation struct {
	Reason string `json:"reason,omitempty"`
}

// approving are the operations about approvals.
func approving() []Operation {
	id := inPath("id", "The approval's id, or a unique beginning of it.")
	decide := func(name, path, summary string, handle func(*call) error) Operation {
		return Operation{
			ID: name, Method: http.MethodPost, Path: "/v1/approvals/{id}/" + path, Tag: "approve", Needs: auth.Approve, Summary: summary,
			Description: "Decided by the person who is signed in, and by no token. Of several decisions the first counts; the others are answered 409.",
			Params:      []Param{id}, In: NewDecision{}, Out: ask.Approval{}, MaxBody: 64 << 10, handle: handle,
		}
	}
	return []Operation{
		{
			ID: "listApprovals", Method: http.MethodGet, Path: "/v1/approvals", Tag: "approve", Needs: auth.Read,
			Summary: "List approvals, the last that was asked for first", Params: []Param{
				query("state", "string", "Only in this state: pending, approved, rejected, expired, cancelled or used.", "pending"),
				query("agent", "string", "Only for this agent, or a beginning followed by *.", "ops/*"),
				query("type", "string", "Only for this action.", "pr.merge"),
				query("limit", "integer", "At most so many; 100 unless you say, 1000 at most.", ""),
			}, Out: ask.ApprovalList{}, handle: (*call).listApprovals,
		},
		{
			ID: "showApproval", Method: http.MethodGet, Path: "/v1/approvals/{id}", Tag: "approve", Needs: auth.Read,
			Summary: "Show one approval, and what was done under it", Params: []Param{id}, Out: ask.ShownApproval{}, handle: (*call).showApproval,
		},
		{
			ID: "waitApproval", Method: http.MethodGet, Path: "/v1/approvals/{id}/wait", Tag: "approve", Needs: auth.Read,
			Summary:     "Wait until a person has decided",
			Description: "Answers once the approval is not pending any more, or when the time is over, as it stands then.",
			Params:      []Param{id, query("seconds", "integer", "How long to wait; 20 unless you say, 25 at most.", "20")}, Out: ask.Approval{}, handle: (*call).waitApproval,
		},
		{
			ID: "requestApproval", Method: http.MethodPost, Path: "/v1/approvals", Tag: "approve", Needs: auth.Record, Status: http.StatusCreated,
			Summary:     "Ask for an approval",
			Description: "Each call makes a new request. Only an agent's own credential, or one that may record for it, asks in its name.",
			In:          NewApproval{}, Out: ask.Approval{}, MaxBody: 64 << 10, handle: (*call).requestApproval,
		},
		decide("approveApproval", "approve", "Approve what an agent wants to do, once and for just these arguments", func(c *call) error { return c.decide(true) }),
		decide("rejectApproval", "reject", "Reject what an agent wants to do", func(c *call) error { return c.decide(false) }),
		{
			ID: "cancelApproval", Method: http.MethodPost, Path: "/v1/approvals/{id}/cancel", Tag: "approve", Needs: auth.Approve,
			Summary: "Withdraw a request that nobody has decided on", Params: []Param{id}, In: Cancellation{}, Out: ask.Approval{}, MaxBody: 64 << 10, handle: (*call).cancelApproval,
		},
	}
}

// rules are those of the policies that hold for the tenant, and what says whose
// signatures count.
func (c *call) rules() (policy.Rules, func(*whodid.Approval) error, error) {
	rules := c.tenant.Rules()
	if rules.Broken != nil {
		return rules, nil, fmt.Errorf("couldn't judge by the organisation's policy: %w", rules.Broken)
	}
	s, err := c.approvals()
	if err != nil {
		return rules, nil, err
	}
	return rules, s.Signature, nil
}

// approvals are those of the tenant.
func (c *call) approvals() (*approval.Service, error) {
	s := approval.New(c.tenant.Org, c.tenant.Recorder, c.tenant.Asker, c.api.options.Now)
	if c.api.options.Signers != nil {
		signers, err := c.api.options.Signers(c.ctx, c.tenant)
		if err != nil {
			return nil, err
		}
		s.Trust(signers)
	}
	return s, nil
}

func (c *call) listApprovals() error {
	limit, err := c.number("limit", DefaultPage, MaxPage)
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	state := whodid.ApprovalState(q.Get("state"))
	if state != "" && !slices.Contains(whodid.ApprovalStates(), state) {
		return wrong(http.StatusBadRequest, "state: there is no state %q", state)
	}
	list, err := c.tenant.Asker.Approvals(c.ctx, ask.ApprovalFilter{
		State: state, Agent: q.Get("agent"), Type: q.Get("type"), Squads: c.id.Squads, Limit: max(int(limit), 1),
	})
	if err != nil {
		return err
	}
	return c.answer(list)
}

// shown is the approval of the path, if who asks may see it.
func (c *call) shown() (*ask.ShownApproval, error) {
	return c.tenant.Asker.ApprovalTo(c.ctx, c.r.PathValue("id"), c.id.Squads)
}

func (c *call) showApproval() error {
	a, err := c.shown()
	if err != nil {
		return err
	}
	return c.answer(a)
}

// The time that a request to wait takes, and that between two looks.
const (
	waitUsual, waitMost = 20, 25 // seconds
	waitLook            = 250 * time.Millisecond
)

func (c *call) waitApproval() error {
	seconds, err := c.number("seconds", waitUsual, waitMost)
	if err != nil {
		return err
	}
	until := time.NewTimer(time.Duration(seconds) * time.Second)
	defer until.Stop()
	for {
		a, err := c.shown()
		if err != nil {
			return err
		}
		if a.State != string(whodid.ApprovalPending) {
			return c.answer(a.Approval)
		}
		select {
		case <-until.C:
			return c.answer(a.Approval)
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-time.After(waitLook):
		}
	}
}

func (c *call) requestApproval() error {
	var in NewApproval
	if err := c.in(&in); err != nil {
		return err
	}
	if in.Agent == "" {
		in.Agent = whodid.AgentOf(c.id.Actor)
	}
	kind, ok := whodid.KindOf(in.Type)
	_, _, agentErr := whodid.ParseAgent(in.Agent)
	switch {
	case !ok || !kind.Action:
		return wrong(http.StatusUnprocessableEntity, "type: %q is not an action such as pr.merge", in.Type)
	case agentErr != nil:
		return wrong(http.StatusUnprocessableEntity, "agent: %v", agentErr)
	case in.ExpiresSeconds < 0 || in.ExpiresSeconds > int64((90*24*time.Hour).Seconds()):
		return wrong(http.StatusUnprocessableEntity, "expires_seconds must be between 1 and 90 days")
	}
	var e whodid.Event
	if err := c.sign(&e, whodid.AgentActor(in.Agent), ""); err != nil {
		return err
	}
	if in.Summary == "" {
		in.Summary = strings.TrimSpace(in.Type + " " + in.Target)
	}
	if err := in.Arguments.Normalize(); err != nil {
		return wrong(http.StatusUnprocessableEntity, "arguments: %v", err)
	}
	s, err := c.approvals()
	if err != nil {
		return err
	}
	rules, _, err := c.rules()
	if err != nil {
		return err
	}
	request := &approval.Request{
		Type: in.Type, Target: in.Target, Agent: in.Agent, Arguments: in.Arguments, Summary: in.Summary, Why: in.Why,
		TTL: time.Duration(in.ExpiresSeconds) * time.Second, FourEyes: in.FourEyes, SignatureRequired: in.SignatureRequired,
	}
	request.Under(rules.Approvals())
	a, err := s.Request(c.ctx, request, approval.Who{Actor: e.Actor, Auth: e.ActorAuth, OnBehalfOf: e.OnBehalfOf, OnBehalfAuth: e.OnBehalfAuth, Execution: in.ExecutionID, Source: source})
	if err != nil {
		return refusedApproval(err)
	}
	return c.answerApproval(a.ID)
}

// decider is who is signed in: a token is nobody who could decide.
func (c *call) decider() (approval.Who, error) {
	if !whodid.IsHuman(c.id.Actor) {
		return approval.Who{}, wrong(http.StatusForbidden, "not allowed: people decide, and this credential is that of %s: sign in", c.id.Actor)
	}
	return approval.Who{Actor: c.id.Actor, Auth: c.id.ActorAuth, Source: source}, nil
}

func (c *call) decide(approve bool) error {
	var in NewDecision
	if err := c.in(&in); err != nil {
		return err
	}
	who, err := c.decider()
	if err != nil {
		return err
	}
	if strings.TrimSpace(in.Reason) == "" {
		return wrong(http.StatusUnprocessableEntity, "reason: a decision without one can't be judged later")
	}
	shown, err := c.shown()
	if err != nil {
		return err
	}
	rules := c.tenant.Rules() // of one that can't be read, the limits are the usual ones
	// A signature is of what is kept.
	d := &approval.Decision{Approve: approve, Reason: c.tenant.Recorder.Clean(in.Reason), TTL: rules.Approvals().Approvals.GrantTTL}
	if in.ValidUntil != nil {
		if !in.ValidUntil.After(c.api.options.Now()) {
			return wrong(http.StatusUnprocessableEntity, "valid_until is over already")
		}
		d.Until = *in.ValidUntil
	}
	if in.Signature != "" {
		d.Sign = func([]byte) ([]byte, string, error) { return []byte(in.Signature), in.SigningKey, nil }
		d.Checked = true
	}
	s, err := c.approvals()
	if err != nil {
		return err
	}
	if _, err := s.Decide(c.ctx, shown.ApprovalID, d, who); err != nil {
		return refusedApproval(err)
	}
	return c.answerApproval(shown.ApprovalID)
}

func (c *call) cancelApproval() error {
	var in Cancellation
	if err := c.in(&in); err != nil {
		return err
	}
	who, err := c.decider()
	if err != nil {
		return err
	}
	shown, err := c.shown()
	if err != nil {
		return err
	}
	s, err := c.approvals()
	if err != nil {
		return err
	}
	if _, err := s.Cancel(c.ctx, shown.ApprovalID, in.Reason, who); err != nil {
		return refusedApproval(err)
	}
	return c.answerApproval(shown.ApprovalID)
}

func (c *call) answerApproval(id string) error {
	a, err := c.tenant.Asker.ApprovalByID(c.ctx, id)
	if err != nil {
		return err
	}
	return c.answer(a.Approval)
}

// refusedApproval is the answer to what can't be done with an approval.
func refusedApproval(err error) error {
	switch {
	case errors.Is(err, approval.ErrNotAllowed), errors.Is(err, approval.ErrSignature):
		return wrong(http.StatusForbidden, "%v", err)
	case errors.Is(err, approval.ErrDecided), errors.Is(err, approval.ErrExpired):
		return wrong(http.StatusConflict, "%v", err)
	case errors.Is(err, whodid.ErrInvalid):
		return wrong(http.StatusUnprocessableEntity, "%v", err)
	default:
		return err
	}
}
