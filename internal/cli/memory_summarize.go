package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// maxSources is how many decisions one summary may summarise: their ids have to
// fit into an event. Summaries can be summarised in turn.
const maxSources = 400

func (p *Program) memorySummarizeCommand() *cobra.Command {
	var s memorySelection
	var why string
	var sources []string
	c := &cobra.Command{
		Use:   "summarize SUMMARY --subject SUBJECT [--source ID...]",
		Short: "Summarise several decisions; they stay, and stay provable",
		Long: `Records a summary of decisions: those named with --source, else all that stand on
the subject. The summary names them and carries the root of a Merkle tree over
their leaves in the log, so that it can be proved what was summarised. Nothing is
removed: the sources stay, and stay linked.`,
		Example: `  whodid memory summarize "Tokens live a week and are bound to a device" --subject auth/tokens
  whodid memory summarize "All of storage" --subject storage --source 7k2m --source 9q4t`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if s.subject == "" {
				return usageError("--subject is missing")
			}
			return p.summarize(c.Context(), args[0], s.subject, why, sources)
		},
	}
	c.Flags().StringVar(&s.subject, "subject", "", "what the summary is about")
	c.Flags().StringVar(&why, "why", "", "why it was summarised")
	c.Flags().StringArrayVar(&sources, "source", nil, "a decision (`ID`) that it summarises; may be repeated")
	return c
}

func (p *Program) summarize(ctx context.Context, text, subject, why string, prefixes []string) error {
	w, err := p.openPenTo(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	ids, err := w.sources(ctx, subject, prefixes)
	if err != nil {
		return err
	}
	root, err := w.trail.asker.SourcesRoot(ctx, ids)
	if err != nil {
		return undecided(err)
	}
	e := whodid.Event{
		Key: factKey("summary", append([]string{text, subject}, ids...)...), What: "decision.summarize", At: p.Now(), Source: "cli",
		Target: subject, Why: why, Data: whodid.Data{"decided": text, "sources": ids, "sources_root": root},
	}
	if err := w.sign(ctx, &e); err != nil {
		return err
	}
	done, err := w.write(ctx, e)
	if err != nil {
		return err
	}
	e.Org = p.org
	e.Identify()
	return p.tellRemembered(&remembered{DecisionID: e.ID, EventID: e.ID, Who: e.Actor, Superseded: []string{}, New: done.new > 0})
}

// sources are the decisions that are named, else those that stand on the
// subject, the oldest first.
func (w *pen) sources(ctx context.Context, subject string, prefixes []string) ([]string, error) {
	var ids []string
	for _, prefix := range prefixes {
		id, err := w.decision(ctx, prefix)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if len(prefixes) == 0 {
		if w.trail == nil {
			return nil, fmt.Errorf("couldn't look up the decisions on %s: the trail can't be reached", subject)
		}
		if err := w.drain(ctx); err != nil {
			return nil, err
		}
		list, err := w.trail.asker.Memory(ctx, ask.MemoryFilter{Subject: subject, StandingOnly: true})
		if err != nil {
			return nil, err
		}
		for i := len(list.Decisions) - 1; i >= 0; i-- {
			if d := &list.Decisions[i]; len(d.Summarizes) == 0 {
				ids = append(ids, d.DecisionID)
			}
		}
	}
	switch {
	case len(ids) == 0:
		return nil, withHint(usageError("no decision stands on %s", subject), "see: whodid memory list")
	case len(ids) > maxSources:
		return nil, withHint(usageError("%d decisions are too many for one summary: at most %d", len(ids), maxSources), "summarise parts with --source, then the summaries")
	default:
		return ids, nil
	}
}
