package approval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Answer is what stands of an action that an agent is about to do.
type Answer struct {
	Allow    bool
	Approval whodid.Approval
	// Reason tells the agent and the person in front of it what to do.
	Reason string
}

// The pauses between two looks at a request that is pending.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = time.Second
)

// Pass lets an agent do what the request is about, under an approval that is there
// and which it uses up, or else asks for one, once, and waits that long for a
// person's decision. A rejection stands for as long as a grant would have held.
// It is refused unless somebody allowed just this.
func (s *Service) Pass(ctx context.Context, r *Request, who Who, wait, grant time.Duration) (Answer, error) {
	until := s.now().Add(wait)
	for look := firstLook; ; look = min(2*look, lastLook) {
		a, err := s.standing(ctx, r, grant)
		if errors.Is(err, store.ErrNotFound) {
			a, err = s.Request(ctx, r, who)
			if err == nil && s.asked != nil {
				s.asked()
			}
		}
		if err != nil {
			return Answer{}, err
		}
		switch a.State {
		case whodid.ApprovalApproved:
			used, err := s.use(ctx, &a, r, who)
			if errors.Is(err, ErrNotCovered) {
				continue // another call was quicker, or it has just run out
			}
			if err != nil {
				return Answer{}, err
			}
			return Answer{Allow: true, Approval: used}, nil
		case whodid.ApprovalPending:
		default:
			return Answer{Approval: a, Reason: refusal(&a)}, nil
		}
		left := until.Sub(s.now())
		if left <= 0 {
			return Answer{Approval: a, Reason: refusal(&a)}, nil
		}
		select {
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		case <-time.After(min(look, left)):
		}
	}
}

func (s *Service) use(ctx context.Context, a *whodid.Approval, r *Request, who Who) (whodid.Approval, error) {
	return s.Use(ctx, a.ID, r.Agent, a.Digest, r.Tool, r.Call, who)
}

// standing is what stands for a request: an approval that allows it, a rejection
// that is fresh, or a request that is pending, in this order; else it is
// store.ErrNotFound.
func (s *Service) standing(ctx context.Context, r *Request, grant time.Duration) (whodid.Approval, error) {
	digest := r.Exactly
	if digest == "" {
		digest = r.Digest()
	}
	found, err := s.folded(ctx, r.Agent, digest)
	if err != nil {
		return whodid.Approval{}, err
	}
	now := s.now()
	var pending, rejected *whodid.Approval
	for i := range found {
		a := &found[i]
		switch {
		case a.Covers(r.Agent, digest, now) == "" && s.signed(a, r.SignatureRequired) == nil:
			return *a, nil
		case a.State == whodid.ApprovalPending && pending == nil:
			pending = a
		case a.State == whodid.ApprovalRejected && a.Flaw == "" && rejected == nil && now.Before(a.DecidedAt.Add(grant)):
			rejected = a
		}
	}
	switch {
	case rejected != nil && (pending == nil || pending.RequestedAt.Before(rejected.DecidedAt)):
		return *rejected, nil
	case pending != nil:
		return *pending, nil
	default:
		return whodid.Approval{}, store.ErrNotFound
	}
}

// refusal says why an action is refused, and how it can be done.
func refusal(a *whodid.Approval) string {
	what := a.Type
	if a.Target != "" {
		what += " " + a.Target
	}
	rule := ""
	if a.Rule != "" {
		rule = "rule " + a.Rule + ": "
	}
	switch a.State {
	case whodid.ApprovalPending:
		runsOut := ""
		if !a.ExpiresAt.IsZero() {
			runsOut = " The request holds until " + a.ExpiresAt.Format(time.RFC3339) + "."
		}
		sign := ""
		if a.SignatureRequired {
			sign = " --sign KEY"
		}
		return fmt.Sprintf("whodid: %s%s needs a person's approval, which was asked for as %s. A person, not an agent, approves it with: "+
			"whodid approval approve %s --reason REASON%s. After that the very same call may be made again, once.%s", rule, what, a.ID, a.ID, sign, runsOut)
	case whodid.ApprovalRejected:
		return fmt.Sprintf("whodid: %s%s was rejected by a person (%s): %s. Don't try again; ask the person what to do instead", rule, what, a.ID, a.Reason)
	default:
		return fmt.Sprintf("whodid: %s%s needs a person's approval; the request %s is %s. The same call asks again", rule, what, a.ID, a.State)
	}
}
