package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) prShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show OWNER/NAME#NUMBER",
		Short: "Show where a pull request stands, and which approvals still hold",
		Long: `Shows what the forge's webhooks told of a pull or merge request: where it stands,
who reviewed which commit of it, how the workflows of its head ended, and what
agents say they did to it.

An approval holds for the commit that was reviewed. When others are pushed it is
stale, whatever the forge shows.`,
		Example: `  whodid pr show acme/shop#44
  whodid pr show 'group/shop!7' --json | jq .approved`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			target := strings.TrimSuffix(strings.TrimPrefix(args[0], "https://github.com/"), "/")
			target = strings.Replace(target, "/pull/", "#", 1)
			if !strings.Contains(target, "/") || !strings.ContainsAny(target, "#!") {
				return usageError("%q is not a pull request such as acme/shop#44", args[0])
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.Pull, error) {
				pull, err := a.Pull(ctx, target)
				if errors.Is(err, store.ErrNotFound) {
					err = withHint(err, "webhooks and \"whodid forge backfill\" tell the trail of pull requests: docs/forges.md")
				}
				return pull, err
			}, p.printPull)
		},
	}
}

func (p *Program) printPull(pull *ask.Pull) error {
	o := p.out()
	state := pull.State
	if pull.Draft && pull.State == ask.PullOpen {
		state = "open, a draft"
	}
	approved := term.Unknown
	switch {
	case pull.Approved == nil:
	case *pull.Approved:
		approved = "yes, " + shortCommit(o, pull.Head)
	default:
		approved = "no"
	}
	facts := []term.Fact{
		fact("Pull request", pull.Target), fact("State", state), fact("Author", orUnknown(actorName(pull.Author))),
		fact("Head", orUnknown(shortCommit(o, pull.Head))), fact("Approved", approved),
	}
	if pull.State == ask.PullMerged {
		facts = append(facts, fact("Merged by", orUnknown(actorName(pull.MergedBy))), fact("Merge commit", orUnknown(shortCommit(o, pull.MergeCommit))))
	}
	runs := slices.Clone(pull.Executions)
	for i := range pull.Actions {
		if id := pull.Actions[i].ExecutionID; id != "" && !slices.Contains(runs, id) {
			runs = append(runs, id)
		}
	}
	facts = append(facts, fact("Runs", cmp.Or(strings.Join(runs, " "), "none that the trail knows")))
	o.Facts(facts...)
	if len(pull.Reviews) > 0 {
		o.Printf("\n")
		t := o.Table(term.Column{Title: "REVIEWED", Whole: true}, term.Column{Title: "BY"}, term.Column{Title: "SAYS", Whole: true},
			term.Column{Title: "COMMIT", Whole: true}, term.Column{Title: "HOLDS", Whole: true}, term.Column{Title: "EVENT", Whole: true})
		for i := range pull.Reviews {
			r := &pull.Reviews[i]
			t.Row(term.Text(o.Time(&r.At)), term.Text(actorName(r.By)), term.Text(r.State), term.Text(shortCommit(o, r.Commit)), term.Text(holds(r)),
				term.Text(shortID(o, r.EventID, whodid.PrefixEvent)))
		}
		if err := t.Write(); err != nil {
			return err
		}
	}
	if len(pull.Checks) > 0 {
		o.Printf("\n")
		t := o.Table(term.Column{Title: "CHECKED", Whole: true}, term.Column{Title: "WORKFLOW"}, term.Column{Title: "RESULT", Whole: true}, term.Column{Title: "EVENT", Whole: true})
		for i := range pull.Checks {
			c := &pull.Checks[i]
			t.Row(term.Text(o.Time(&c.At)), term.Text(c.Name), resultCell(c.Result), term.Text(shortID(o, c.EventID, whodid.PrefixEvent)))
		}
		if err := t.Write(); err != nil {
			return err
		}
	}
	if len(pull.Actions) > 0 {
		o.Printf("\n")
		return printActions(o, pull.Actions)
	}
	return nil
}

// holds says in a word or two whether a review still counts.
func holds(r *ask.PullReview) string {
	switch {
	case r.Dismissed:
		return "dismissed"
	case r.Superseded:
		return "superseded"
	case r.Stale == nil:
		return term.Unknown
	case *r.Stale:
		return "stale"
	default:
		return "yes"
	}
}
