package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/mcp"
)

func (p *Program) mcpCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:     "mcp",
		GroupID: "ask",
		Short:   "Let an agent ask the trail, and record its decisions, over the Model Context Protocol",
		Long: `Serves the Model Context Protocol on standard input and output, for a client that
starts it: tools to ask (search, why, history, exec_show, memory_search,
memory_show, policy_explain, approval_status), and to tell (memory_record,
approval_request).

What an agent records is recorded as the agent's: that of the run or session
around, else --agent, else local/ and the client's name. No tool decides, changes
or removes anything. Each call is in the access log. docs/mcp.md has the settings
of Claude Code, Codex, Gemini, Copilot, Cursor and VS Code.`,
		Example: `  claude mcp add whodid -- whodid mcp
  codex mcp add whodid -- whodid mcp
  whodid mcp --agent engineering/issue-solver`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if name != "" {
				if _, _, err := whodid.ParseAgent(name); err != nil {
					return usageError("--agent: %w", err)
				}
			}
			return mcp.Serve(c.Context(), p.desk(name), p.Version, io.NopCloser(p.Stdin), openEnded{p.Stdout})
		},
	}
	c.Flags().StringVar(&name, "agent", "", "the agent (`SQUAD/NAME`) whose decisions are recorded, if no run or session around tells")
	return c
}

// openEnded is a stream that its reader closes.
type openEnded struct{ io.Writer }

func (openEnded) Close() error { return nil }

// desk is what an agent may do with the trail here. Each call opens the trail for
// itself: a client runs for days, and must not be in anybody's way.
func (p *Program) desk(name string) *mcp.Desk {
	return &mcp.Desk{
		Now: p.Now,
		Ask: func(ctx context.Context, do func(*ask.Asker) error) error {
			t, err := p.openToAsk(ctx)
			if err != nil {
				return err
			}
			defer t.close()
			return do(t.asker)
		},
		Why: func(ctx context.Context, subject string) (*ask.Why, error) {
			g, t, err := p.askGit(ctx)
			if err != nil {
				return nil, err
			}
			if t != nil {
				defer t.close()
			}
			o, err := (&lineFlags{}).options(ctx, g)
			if err != nil {
				return nil, err
			}
			return g.Why(ctx, subject, o)
		},
		Rules: p.rulesHere,
		Remember: func(ctx context.Context, d *mcp.Decision, client string) (*mcp.Remembered, error) {
			return p.rememberOf(ctx, d, name, client)
		},
		Request: func(ctx context.Context, w *mcp.Wanted, client string) (*ask.ShownApproval, error) {
			return p.requestOf(ctx, w, name, client)
		},
		Look: func(ctx context.Context, tool string, arguments []byte, client string) error {
			return p.noteLook(ctx, tool, arguments, name, client)
		},
	}
}

// signAgent says in the event which agent acts. It is never a person: who runs
// the client stands behind it.
func (w *pen) signAgent(ctx context.Context, e *whodid.Event, name, client string) error {
	if err := w.sign(ctx, e); err == nil && whodid.AgentOf(e.Actor) != "" {
		return nil
	}
	person, personAuth := w.person()
	e.Actor, e.ActorAuth, e.Execution = agent.Actor(client, name, agent.Default(clientName(client))), "claimed", ""
	e.OnBehalfOf, e.OnBehalfAuth = person, personAuth
	if whodid.AgentOf(e.Actor) == "" {
		return errors.New("couldn't tell which agent asks")
	}
	if _, _, err := whodid.ParseAgent(whodid.AgentOf(e.Actor)); err != nil {
		e.Actor = whodid.AgentActor(agent.Default("mcp")) // the client's name is none for an agent
	}
	return nil
}

// clientName is a client's name for itself in the form that agents have.
func clientName(name string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}), "-"))
}

// rememberOf records a decision of an agent.
func (p *Program) rememberOf(ctx context.Context, d *mcp.Decision, name, client string) (*mcp.Remembered, error) {
	w, err := p.openPenTo(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	e := d.Event()
	e.Key, e.At, e.Source = freshKey("decision"), p.Now(), "mcp"
	if repository := p.repositoryName(ctx); repository != "" {
		e.Data["repository"] = repository
	}
	if err := w.signAgent(ctx, &e, name, client); err != nil {
		return nil, err
	}
	e.Org = p.org
	e.Identify()
	events := []whodid.Event{e}
	for _, prefix := range d.Supersedes {
		old, err := w.decision(ctx, prefix)
		if err != nil {
			return nil, err
		}
		events = append(events, superseding(&e, old, e.ID, e.Why))
	}
	done, err := w.write(ctx, events...)
	if err != nil {
		return nil, err
	}
	return &mcp.Remembered{DecisionID: e.ID, Who: e.Actor, New: done.new > 0}, nil
}

// requestOf asks for an approval in an agent's name.
func (p *Program) requestOf(ctx context.Context, wanted *mcp.Wanted, name, client string) (*ask.ShownApproval, error) {
	w, err := p.newPen()
	if err != nil {
		return nil, err
	}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.drain(ctx); err != nil {
		return nil, err
	}
	var e whodid.Event
	if err := w.signAgent(ctx, &e, name, client); err != nil {
		return nil, err
	}
	request, err := wanted.Request(whodid.AgentOf(e.Actor))
	if err != nil {
		return nil, err
	}
	rules, err := p.rulesHere()
	if err != nil {
		return nil, err
	}
	request.Under(rules.Approvals())
	service, err := p.approvals(ctx, w.trail)
	if err != nil {
		return nil, err
	}
	a, err := service.Request(ctx, request, approval.Who{
		Actor: e.Actor, Auth: e.ActorAuth, OnBehalfOf: e.OnBehalfOf, OnBehalfAuth: e.OnBehalfAuth, Execution: e.Execution, Source: "mcp",
	})
	if err != nil {
		return nil, err
	}
	p.startNotifying() //nolint:contextcheck // it outlives this call
	return w.trail.asker.ApprovalByID(ctx, a.ID)
}

// noteLook records that an agent asked. Who may only read the trail asks all the
// same, and is told on standard error that it is not written down.
func (p *Program) noteLook(ctx context.Context, tool string, arguments []byte, name, client string) error {
	if !p.trailIsThere() {
		return nil // there is nothing yet to look at
	}
	w, err := p.newPen()
	if err != nil {
		return err
	}
	if err := w.open(ctx); err != nil {
		fmt.Fprintf(p.Stderr, "whodid: this look at the trail is not written down: %v\n", err)
		return nil
	}
	defer w.close()
	e := mcp.View(tool, arguments, client, p.Now())
	if e.What == "" {
		return nil
	}
	if err := w.signAgent(ctx, &e, name, client); err != nil {
		return err
	}
	_, err = w.write(ctx, e)
	return err
}
