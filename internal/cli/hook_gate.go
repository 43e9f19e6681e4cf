package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/server"
)

// hookGateCommand is what whodid-hook calls when a person must decide: it links no
// database, and this does.
func (p *Program) hookGateCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "gate",
		Short:  "Decide on a tool call that needs an approval, for the hook",
		Hidden: true,
		Args:   arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			const most = 64 << 10
			text, err := io.ReadAll(io.LimitReader(p.Stdin, most))
			if err != nil {
				return fmt.Errorf("couldn't read what the hook asks: %w", err)
			}
			var r hook.Request
			if err := json.Unmarshal(text, &r); err != nil {
				return fmt.Errorf("couldn't understand what the hook asks: %w", err)
			}
			said, err := p.gate(c.Context(), &r)
			if err != nil {
				return err
			}
			return p.printJSON(said)
		},
	}
}

// gate decides on a tool call over the trail.
func (p *Program) gate(ctx context.Context, r *hook.Request) (hook.Answer, error) {
	reach, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	t, err := p.openOnly(reach)
	if err != nil {
		return hook.Answer{}, err
	}
	defer t.close()
	if r.CostOver > 0 || r.CountOver > 0 {
		// What the run did last may still wait.
		if _, err := p.drain(reach, t); err != nil {
			return hook.Answer{}, err
		}
		holds, err := ruleHolds(reach, t.asker, r)
		if err != nil || !holds || r.Look {
			return hook.Answer{Free: !holds}, err
		}
	}
	service, err := p.approvals(ctx, t)
	if err != nil {
		return hook.Answer{}, err
	}
	service.Tell(p.startNotifying)
	return pass(ctx, service, r)
}

// ruleHolds reports whether a run has cost more, or done more often what is asked
// about, than a rule allows. A cost that is not known is not more.
func ruleHolds(ctx context.Context, asker *ask.Asker, r *hook.Request) (bool, error) {
	cost, count, err := asker.RunSoFar(ctx, r.Execution, r.Type)
	return err == nil && (r.CostOver == 0 || cost > r.CostOver) && (r.CountOver == 0 || count > int64(r.CountOver)), err
}

// hookWait bounds how long a hook that came over HTTP waits for a person: proxies
// give up on it.
const hookWait = 20 * time.Second

// gateOf is the gate of an organisation of a server.
func (p *Program) gateOf(ctx context.Context, t *server.Tenant) hook.Gate {
	return func(r *hook.Request) (hook.Answer, error) {
		if r.CostOver > 0 || r.CountOver > 0 {
			holds, err := ruleHolds(ctx, t.Asker, r)
			if err != nil || !holds || r.Look {
				return hook.Answer{Free: !holds}, err
			}
		}
		signers, err := p.signersOf(ctx, t.Asker)
		if err != nil {
			return hook.Answer{}, err
		}
		service := approval.New(t.Org, t.Recorder, t.Asker, p.Now)
		service.Trust(signers)
		r.Wait = min(r.Wait, hookWait)
		return pass(ctx, service, r)
	}
}

// pass lets a tool call through the gate, or says why not.
func pass(ctx context.Context, service *approval.Service, r *hook.Request) (hook.Answer, error) {
	who := approval.Who{
		Actor: r.Actor, Auth: r.ActorAuth, OnBehalfOf: r.OnBehalfOf, OnBehalfAuth: r.OnBehalfAuth, Execution: r.Execution, Source: r.Source,
	}
	if whodid.IsHuman(who.Actor) || whodid.AgentOf(who.Actor) != r.Agent {
		return hook.Answer{}, fmt.Errorf("%s can't ask in the name of %s", who.Actor, r.Agent)
	}
	said, err := service.Pass(ctx, &approval.Request{
		Type: r.Type, Target: r.Target, Agent: r.Agent, Exactly: r.Digest, Summary: r.Summary, Level: r.Level, Rule: r.Rule,
		Policy: r.Policy, PolicyDigest: r.PolicyDigest, Tool: r.Tool, Call: r.Call, TTL: r.RequestTTL, FourEyes: r.FourEyes, SignatureRequired: r.Signature,
	}, who, r.Wait, r.GrantTTL)
	if err != nil {
		return hook.Answer{}, err
	}
	return hook.Answer{Allow: said.Allow, Approval: said.Approval.ID, Reason: said.Reason}, nil
}
