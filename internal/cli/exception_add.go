package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
)

func (p *Program) exceptionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "exception",
		GroupID: "keep",
		Short:   "Document exceptions from the policy",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.exceptionAddCommand(), p.exceptionListCommand(), p.exceptionShowCommand())
	return c
}

// addedException is the answer of "exception add".
type addedException struct {
	EventID string `json:"event_id"`
	Rule    string `json:"rule"`
	Reason  string `json:"reason"`
	// Who added it, as an actor.
	Who string `json:"who"`
	// Until is the first moment at which it holds no more.
	Until time.Time `json:"until"`
	Scope string    `json:"scope"`
	// Line belongs into the message of the commit and the text of the PR.
	Line string `json:"line"`
	// DecisionID is the decision in the memory that tells of it.
	DecisionID string `json:"decision_id"`
	// Counts is false if the policy does not let who added it except.
	Counts bool `json:"counts"`
}

func (p *Program) exceptionAddCommand() *cobra.Command {
	var rule, reason, expires string
	var scope, commits []string
	c := &cobra.Command{
		Use:   "add --rule RULE --reason TEXT --expires DATE (--scope SCOPE | --commit SHA)",
		Short: "Excuse commits from a rule for a while, and document it",
		Long: `Records in the trail that commits are excused from a rule of the policy: which
rule, what for, why, until when and who says so; and prints the line that
documents it in the commit and in the pull request; the memory gets a decision
that tells of it. "whodid git check" applies it until it expires. Afterwards it is
shown and excuses nothing.

Who adds it is known from the surroundings: the agent inside of a run, else the
person who runs the command. An agent's exception is recorded, but counts only if
the policy says agents_may_except.

SCOPE is path:GLOB, branch:GLOB or agent:GLOB; a glob alone is one of paths. With
several kinds, a commit must be within all of them. DATE holds through the end of
that day in UTC.`,
		Example: `  whodid exception add --rule ORG-001 --scope 'path:vendor/**' \
      --reason "imported with its history" --expires 2026-12-31
  whodid exception add --rule ORG-001 --commit 3f2a91c --reason "run before the trail" --expires 2026-12-31`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			e := policy.Exception{Rule: rule, Reason: reason}
			if err := p.readException(c.Context(), &e, expires, scope, commits); err != nil {
				return err
			}
			answer, err := p.addException(c.Context(), &e)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(answer)
			}
			fmt.Fprintln(p.Stdout, answer.Line)
			p.advise(p.out(), "Put this line into the commit's message and the pull request.")
			if !answer.Counts {
				p.advise(p.out(), "It does not count: an agent added it, and the policy lets only people except. A person must run the same command.")
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&rule, "rule", "", "the rule, such as ORG-001")
	f.StringArrayVar(&scope, "scope", nil, "what is excused: path:GLOB, branch:GLOB or agent:GLOB; may be repeated")
	f.StringArrayVar(&commits, "commit", nil, "a commit that is excused; may be repeated")
	f.StringVar(&reason, "reason", "", "why")
	f.StringVar(&expires, "expires", "", "until when it holds: 2026-12-31, or a time such as 2026-12-31T18:00:00Z")
	return c
}

// readException checks what the command line says against the clock and the
// policy in force.
func (p *Program) readException(ctx context.Context, e *policy.Exception, expires string, scope, commits []string) error {
	if expires == "" {
		return misuse(fmt.Errorf("--expires is missing"), "an exception for ever is a change of the policy: make it in %s", policy.File)
	}
	var err error
	if e.Until, err = policy.ParseExpiry(expires); err != nil {
		return usageError("--expires: %w", err)
	}
	if e.Expired(p.Now()) {
		return misuse(fmt.Errorf("--expires %s is over", expires), "an exception can't be added after it expired")
	}
	for _, s := range scope {
		kind, glob, ok := strings.Cut(s, ":")
		if !ok {
			kind, glob = "path", s
		}
		switch kind {
		case "path":
			e.Paths = append(e.Paths, glob)
		case "branch":
			e.Branches = append(e.Branches, glob)
		case "agent":
			e.Agents = append(e.Agents, glob)
		case "commit":
			e.Commits = append(e.Commits, strings.ToLower(glob))
		default:
			return misuse(fmt.Errorf("--scope %q is none of path:GLOB, branch:GLOB, agent:GLOB", s), "a glob alone is one of paths")
		}
	}
	for _, sha := range commits {
		e.Commits = append(e.Commits, strings.ToLower(sha))
	}
	e.Who = "somebody" // who it is, the trail tells below
	if err := e.Validate(); err != nil {
		return misuse(err, "see: whodid exception add --help")
	}
	rules, err := p.policyHere(ctx, nil)
	if err != nil {
		return err
	}
	if _, ok := rules.Rule(e.Rule); !ok {
		return misuse(fmt.Errorf("--rule: the policy %s has no rule %q", rules.Source, e.Rule), `"whodid policy show" lists them`)
	}
	return nil
}

// addException records an exception by whoever runs this.
func (p *Program) addException(ctx context.Context, e *policy.Exception) (*addedException, error) {
	w, err := p.openPenTo(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	event := whodid.Event{
		Key: freshKey("exception"), What: "exception.add", At: p.Now(), Source: "cli",
		Target: e.Rule, Why: e.Reason,
		Data: whodid.Data{"rule": e.Rule, "expires": e.Until.Format(time.RFC3339)},
	}
	for field, globs := range map[string][]string{"paths": e.Paths, "branches": e.Branches, "agents": e.Agents, "shas": e.Commits} {
		if len(globs) > 0 {
			event.Data[field] = globs
		}
	}
	if err := w.sign(ctx, &event); err != nil {
		return nil, err
	}
	// The line goes where the trail's words do not reach: it must not say what
	// they leave out.
	if _, err := w.redactor.Event(&event); err != nil {
		return nil, &exitError{code: ExitUsage, err: err}
	}
	e.Reason, e.Who = event.Why, event.Actor
	event.Org = p.org
	event.Identify()
	decision := p.exceptionDecision(ctx, &event, e)
	if _, err := w.write(ctx, event, decision); err != nil {
		return nil, err
	}
	rules, err := p.policyHere(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &addedException{
		EventID: event.ID, Rule: e.Rule, Reason: e.Reason, Who: e.Who, Until: e.Until, Scope: e.Where(),
		Line: exceptionLine(e.Rule, e.Until, event.ID, e.Reason), DecisionID: decision.ID,
		Counts: rules.AgentsMayExcept || !e.ByAgent(),
	}, nil
}

// exceptionDecision is the decision by which the memory tells of an exception.
func (p *Program) exceptionDecision(ctx context.Context, of *whodid.Event, e *policy.Exception) whodid.Event {
	d := whodid.Event{
		Key: factKey("exception", of.ID), What: "decision.record", At: of.At, Source: of.Source, Target: "exception " + of.ID, Why: e.Reason,
		Actor: of.Actor, ActorAuth: of.ActorAuth, OnBehalfOf: of.OnBehalfOf, OnBehalfAuth: of.OnBehalfAuth, Execution: of.Execution,
		Data: whodid.Data{"decided": fmt.Sprintf("Except %s from %s until %s", e.Where(), e.Rule, lastDay(e.Until)), "supported_by": []string{of.ID}},
	}
	if name := p.repositoryName(ctx); name != "" {
		d.Data["repository"] = name
	}
	if decided := d.Data.String("decided"); len(decided) > whodid.MaxDataString {
		d.Data["decided"] = fmt.Sprintf("Except commits from %s until %s", e.Rule, lastDay(e.Until))
	}
	d.Org = p.org
	d.Identify()
	return d
}

// lastDay is until when an exception holds, as people say it: the last day, or
// the moment if it is none's end.
func lastDay(until time.Time) string {
	if until.Equal(until.Truncate(24 * time.Hour)) {
		return until.Add(-time.Second).Format(time.DateOnly)
	}
	return until.Format(time.RFC3339)
}
