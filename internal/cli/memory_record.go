package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// undecided adds to the error of a decision that was not found what to do next.
func undecided(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return withHint(err, "see: whodid memory list")
	}
	return unresolved(err)
}

// remembered is the answer of the commands that add to the memory.
type remembered struct {
	// DecisionID is the decision that was recorded, or that was spoken of.
	DecisionID string `json:"decision_id"`
	EventID    string `json:"event_id"`
	// Who says so, as an actor.
	Who string `json:"who"`
	// Superseded lists the decisions that no longer stand because of it.
	Superseded []string `json:"superseded"`
	// New is false if the trail held it already.
	New bool `json:"new"`
}

func (p *Program) memoryRecordCommand() *cobra.Command {
	var e whodid.Event
	var expected, commit, issue, repository string
	var refused, evidence, supersedes []string
	c := &cobra.Command{
		Use:   "record DECISION --subject SUBJECT --why WHY",
		Short: "Record a decision",
		Long: `Records what was decided. SUBJECT is what the decision is about, in words that
will be used again, such as auth/tokens: decisions on one subject are compared.

Inside of a run the decision is linked to it; the repository is that of the
working directory unless it is said.`,
		Example: `  whodid memory record "Rotate tokens every week" --subject auth/tokens \
      --why "a leaked one must die soon" --refused "opaque sessions" --expected "no token older than 8 days"
  whodid memory record "Keep sessions" --subject auth/tokens --why "clients can't rotate" --supersedes 7k2m`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			e.Data = whodid.Data{"decided": args[0]}
			for name, value := range map[string]string{"expected": expected, "commit": commit, "issue": issue, "repository": repository} {
				if value != "" {
					e.Data[name] = value
				}
			}
			for name, list := range map[string][]string{"alternatives": refused, "supported_by": evidence} {
				if len(list) > 0 {
					e.Data[name] = list
				}
			}
			switch {
			case args[0] == "":
				return usageError("what was decided is missing")
			case e.Target == "":
				return misuse(errors.New("--subject is missing"), "say in words that will be used again what it is about, such as auth/tokens")
			case e.Why == "":
				return misuse(errors.New("--why is missing"), "a decision without a reason can't be judged later")
			}
			return p.remember(c.Context(), e, supersedes)
		},
	}
	f := c.Flags()
	f.StringVar(&e.Target, "subject", "", "what it is about, such as auth/tokens")
	f.StringVar(&e.Why, "why", "", "the reasoning")
	f.StringArrayVar(&refused, "refused", nil, "an alternative that was refused; may be repeated")
	f.StringVar(&expected, "expected", "", "the outcome that is expected")
	f.StringArrayVar(&evidence, "evidence", nil, "where what it rests on can be found: a path, a URL, an id; may be repeated")
	f.StringArrayVar(&supersedes, "supersedes", nil, "a decision (`ID`) whose place it takes; may be repeated")
	f.StringVar(&commit, "commit", "", "the commit that it belongs to")
	f.StringVar(&issue, "issue", "", "the issue or pull request that it belongs to, such as acme/shop#44")
	f.StringVar(&repository, "repository", "", "the repository that it is about (default that of the working directory)")
	return c
}

// remember records a decision and that others no longer stand because of it.
func (p *Program) remember(ctx context.Context, e whodid.Event, supersedes []string) error {
	w, err := p.openPenTo(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	e.Key, e.What, e.At, e.Source = freshKey("decision"), "decision.record", p.Now(), "cli"
	if e.Data.String("repository") == "" {
		if name := p.repositoryName(ctx); name != "" {
			e.Data["repository"] = name
		}
	}
	if err := w.sign(ctx, &e); err != nil {
		return err
	}
	e.Org = p.org
	e.Identify()
	events := []whodid.Event{e}
	answer := remembered{DecisionID: e.ID, EventID: e.ID, Who: e.Actor, Superseded: []string{}}
	for _, prefix := range supersedes {
		old, err := w.decision(ctx, prefix)
		if err != nil {
			return err
		}
		answer.Superseded = append(answer.Superseded, old)
		events = append(events, superseding(&e, old, e.ID, e.Why))
	}
	done, err := w.write(ctx, events...)
	if err != nil {
		return err
	}
	answer.New = done.new > 0
	return p.tellRemembered(&answer)
}

// superseding says that a decision no longer stands, in the name of who signed e.
func superseding(e *whodid.Event, old, by, why string) whodid.Event {
	s := whodid.Event{
		Key: factKey("supersede", old, by), What: "decision.supersede", At: e.At, Source: e.Source, Target: old, Why: why,
		Actor: e.Actor, ActorAuth: e.ActorAuth, OnBehalfOf: e.OnBehalfOf, OnBehalfAuth: e.OnBehalfAuth, Execution: e.Execution,
	}
	if by != "" {
		s.Data = whodid.Data{"by": by}
	}
	return s
}

func (p *Program) tellRemembered(answer *remembered) error {
	if p.json {
		return p.printJSON(answer)
	}
	_, err := fmt.Fprintln(p.Stdout, answer.EventID)
	return err
}

// decision returns the full id of the decision that begins with the prefix.
func (w *pen) decision(ctx context.Context, prefix string) (string, error) {
	if w.trail == nil {
		return "", fmt.Errorf("couldn't look up the decision %q: the trail can't be reached", prefix)
	}
	if err := w.drain(ctx); err != nil { // it may wait in the spool
		return "", err
	}
	d, err := w.trail.asker.DecisionByID(ctx, prefix)
	if err != nil {
		return "", undecided(err)
	}
	return d.DecisionID, nil
}

// repositoryName names the repository of the working directory, or is empty.
func (p *Program) repositoryName(ctx context.Context) string {
	r, err := gitlog.Open(ctx, p.Dir)
	if err != nil {
		return ""
	}
	name, err := r.Name(ctx)
	if err != nil {
		return ""
	}
	return name
}

func (p *Program) memorySupersedeCommand() *cobra.Command {
	var by, why string
	c := &cobra.Command{
		Use:   "supersede ID --why WHY [--by ID]",
		Short: "Say that a decision no longer stands",
		Example: `  whodid memory supersede 7k2m --by 9q4t --why "clients can't rotate"
  whodid memory supersede 7k2m --why "the service is gone"`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if why == "" {
				return usageError("--why is missing")
			}
			return p.aboutDecision(c.Context(), args[0], func(w *pen, signed *whodid.Event, id string) (whodid.Event, error) {
				if by != "" {
					full, err := w.decision(c.Context(), by)
					if err != nil {
						return whodid.Event{}, err
					}
					if full == id {
						return whodid.Event{}, usageError("a decision can't take its own place")
					}
					by = full
				}
				return superseding(signed, id, by, why), nil
			})
		},
	}
	c.Flags().StringVar(&by, "by", "", "the decision (`ID`) that took its place")
	c.Flags().StringVar(&why, "why", "", "the reason")
	return c
}

func (p *Program) memoryOutcomeCommand() *cobra.Command {
	var met string
	var evidence []string
	c := &cobra.Command{
		Use:   "outcome ID TEXT --met yes|no|partly",
		Short: "Say what came of a decision",
		Example: `  whodid memory outcome 7k2m "no token is older than 8 days" --met yes --evidence https://grafana.example/d/tokens
  whodid memory outcome 7k2m "two clients broke" --met partly`,
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains([]string{"yes", "no", "partly"}, met) {
				return usageError("--met: %q is none of yes, no, partly", met)
			}
			return p.aboutDecision(c.Context(), args[0], func(_ *pen, signed *whodid.Event, id string) (whodid.Event, error) {
				e := *signed
				e.Key, e.What, e.Target = freshKey("outcome"), "decision.outcome", id
				e.Data = whodid.Data{"effect": args[1], "met": met}
				if len(evidence) > 0 {
					e.Data["supported_by"] = evidence
				}
				return e, nil
			})
		},
	}
	c.Flags().StringVar(&met, "met", "", "whether the expectation was met: yes, no or partly")
	c.Flags().StringArrayVar(&evidence, "evidence", nil, "where that can be seen; may be repeated")
	return c
}

// aboutDecision records something about a decision that is there. say makes the
// event out of one that is signed.
func (p *Program) aboutDecision(ctx context.Context, prefix string, say func(w *pen, signed *whodid.Event, id string) (whodid.Event, error)) error {
	w, err := p.openPenTo(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	id, err := w.decision(ctx, prefix)
	if err != nil {
		return err
	}
	signed := whodid.Event{At: p.Now(), Source: "cli"}
	if err := w.sign(ctx, &signed); err != nil {
		return err
	}
	e, err := say(w, &signed, id)
	if err != nil {
		return err
	}
	done, err := w.write(ctx, e)
	if err != nil {
		return err
	}
	e.Org = p.org
	e.Identify()
	answer := remembered{DecisionID: id, EventID: e.ID, Who: e.Actor, Superseded: []string{}, New: done.new > 0}
	if e.What == "decision.supersede" {
		answer.Superseded = append(answer.Superseded, id)
	}
	return p.tellRemembered(&answer)
}
