package cli

import (
	"context"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/server"
)

// spending knows which budgets of the organisations of a server are exceeded.
type spending struct {
	p *Program

	mu sync.Mutex // guards orgs
	// orgs are what is known of each organisation.
	orgs map[string]*spentOrg
}

// spentOrg is what is known of an organisation's budgets. Its lock is held while it
// is found out, so that of many hooks at a time one asks.
type spentOrg struct {
	mu       sync.Mutex
	at       time.Time
	exceeded []hook.Exceeded
}

// spentFor is how long an answer holds: what agents use meanwhile may go beyond a
// budget.
const spentFor = 5 * time.Second

// of is what is known of an organisation's budgets, for a hook.
func (s *spending) of(ctx context.Context, t *server.Tenant) *hook.Spent {
	return &hook.Spent{
		Exceeded: func() ([]hook.Exceeded, error) { return s.exceeded(ctx, t) },
		Failing: func(e *whodid.Event) (int64, error) {
			return t.Asker.FailingInRow(ctx, e.Execution, e.What, e.Target)
		},
	}
}

func (s *spending) exceeded(ctx context.Context, t *server.Tenant) ([]hook.Exceeded, error) {
	s.mu.Lock()
	if s.orgs == nil {
		s.orgs = map[string]*spentOrg{}
	}
	one := s.orgs[t.Org]
	if one == nil {
		one = &spentOrg{}
		s.orgs[t.Org] = one
	}
	s.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	now := s.p.Now()
	if !one.at.IsZero() && now.Sub(one.at) < spentFor && !now.Before(one.at) {
		return one.exceeded, nil
	}
	_, all, err := s.p.exceeded(ctx, t.Asker, t.Rules().Budgets)
	if err != nil {
		return nil, err
	}
	one.at, one.exceeded = now, all
	return all, nil
}
