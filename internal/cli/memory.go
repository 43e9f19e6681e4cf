package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// memoryCommand is the parent of everything about decisions.
func (p *Program) memoryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "memory",
		GroupID: "record",
		Short:   "Record decisions, find them again, and say what came of them",
		Long: `The memory is what was decided: what, why, what was refused, what was expected,
by whom and when. Decisions are never changed; one that no longer holds is
superseded by another. They are kept for ever, each is a leaf of the signed log.

Who decides is known from the surroundings: the agent inside of a run or session,
else the person who runs the command. No flag claims it.`,
		Example: `  whodid memory record --subject auth/tokens "Rotate tokens every week" --why "a leaked one must die soon"
  whodid memory search "rotate token"
  whodid memory import docs/adr CLAUDE.md
  whodid memory conflicts`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(
		p.memoryRecordCommand(), p.memoryListCommand(), p.memoryShowCommand(), p.memorySearchCommand(), p.memorySupersedeCommand(),
		p.memoryOutcomeCommand(), p.memorySummarizeCommand(), p.memoryConflictsCommand(), p.memoryImportCommand(),
	)
	return c
}

// memorySelection are the flags by which decisions are selected.
type memorySelection struct {
	selection
	subject, execution, issue, commit string
	standing                          bool
}

func (s *memorySelection) bind(c *cobra.Command) {
	c.Flags().StringVar(&s.subject, "subject", "", "only about this `SUBJECT`")
	c.Flags().StringVar(&s.execution, "execution", "", "only those of this execution: its `ID` or its beginning")
	c.Flags().StringVar(&s.issue, "issue", "", "only those of this `ISSUE`, such as acme/shop#44")
	c.Flags().StringVar(&s.commit, "commit", "", "only those of this commit: its `SHA` or its beginning")
	c.Flags().BoolVar(&s.standing, "standing", false, "leave out what is superseded")
	s.bindAgent(c)
	s.bindWhen(c, "")
	s.bindLimit(c)
}

func (p *Program) memoryListCommand() *cobra.Command {
	var s memorySelection
	c := &cobra.Command{
		Use:   "list",
		Short: "List decisions, the newest first",
		Example: `  whodid memory list --standing
  whodid memory list --subject auth/tokens --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.memoryList(c.Context(), &s, "") },
	}
	s.bind(c)
	return c
}

func (p *Program) memorySearchCommand() *cobra.Command {
	var s memorySelection
	c := &cobra.Command{
		Use:   "search WORDS",
		Short: "Find decisions by their words, the best match first",
		Long: `Finds decisions that have all the words, each as a word or as the beginning of
one, in what was decided, why, what was refused or expected, or what it is about.
What stands in the decision itself counts most.`,
		Example: `  whodid memory search rotate token
  whodid memory search "sqlite" --standing --limit 5`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			if len(store.Words(text)) == 0 {
				return usageError("there is no word in %q to search for", text)
			}
			return p.memoryList(c.Context(), &s, text)
		},
	}
	s.bind(c)
	return c
}

func (p *Program) memoryList(ctx context.Context, s *memorySelection, search string) error {
	f, err := s.filter(p)
	if err != nil {
		return err
	}
	return answer(ctx, p, func(a *ask.Asker, ctx context.Context) (*ask.DecisionList, error) {
		list, err := a.Memory(ctx, ask.MemoryFilter{
			Search: search, Subject: s.subject, Execution: s.execution, Issue: s.issue, Commit: s.commit, Agent: f.Agent,
			StandingOnly: s.standing, Since: f.Since, Until: f.Until, Limit: f.Limit,
		})
		return list, unresolved(err)
	}, func(list *ask.DecisionList) error {
		if len(list.Decisions) == 0 {
			p.advise(p.out(), "No such decision. To record one:\n\n  whodid memory record --subject SUBJECT \"WHAT\" --why WHY")
			return nil
		}
		return printSome(p, &s.selection, list.Decisions, printDecisions)
	})
}

func printDecisions(o *term.Output, decisions []ask.Decision) error {
	t := o.Table(
		term.Column{Title: "WHEN", Whole: true}, term.Column{Title: "WHO", Spare: true}, term.Column{Title: "SUBJECT"}, term.Column{Title: "DECISION"},
		term.Column{Title: "STANDING", Whole: true}, term.Column{Title: "ID", Whole: true},
	)
	for i := range decisions {
		d := &decisions[i]
		style := term.Plain
		if d.Standing == ask.Superseded {
			style = term.Dim
		}
		t.Row(
			term.Text(o.Time(&d.At)), term.Text(actorName(d.Who)), term.Cell{Text: d.Subject, Style: style},
			term.Cell{Text: d.Decision, Style: style}, term.Cell{Text: d.Standing, Style: style}, term.Text(shortID(o, d.DecisionID, whodid.PrefixEvent)),
		)
	}
	return t.Write()
}

func (p *Program) memoryShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one decision, with what became of it",
		Example: `  whodid memory show 7k2m
  whodid memory show evt-7k2m9q4tz8w1c3ab --json`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.Decided, error) {
				d, err := a.DecisionByID(ctx, args[0])
				return d, undecided(err)
			}, p.printDecided)
		},
	}
}

func (p *Program) printDecided(d *ask.Decided) error {
	o := p.out()
	facts := []term.Fact{fact("Decision", d.Decision.Decision)}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact(name, value))
		}
	}
	add("Subject", d.Subject)
	add("Why", d.Why)
	for _, a := range d.Alternatives {
		add("Refused", a)
	}
	add("Expected", d.Expected)
	for _, e := range d.Evidence {
		add("Evidence", e)
	}
	who := actorName(d.Who)
	if d.WhoAuth != "" {
		who += " (" + d.WhoAuth + ")"
	}
	if d.OnBehalfOf != "" {
		who += " on behalf of " + d.OnBehalfOf
	}
	add("Who", who)
	add("When", o.Time(&d.At))
	add("Execution", d.ExecutionID)
	add("Issue", d.Issue)
	add("Commit", d.Commit)
	add("Repository", d.Repository)
	add("Imported", d.Path)
	standing := d.Standing
	if d.SupersededBy != "" {
		standing += " by " + d.SupersededBy
	}
	add("Standing", standing)
	for _, id := range d.Supersedes {
		add("Supersedes", id)
	}
	for _, out := range d.Outcomes {
		add("Outcome", out.Outcome+" (expectation met: "+out.Met+"; "+actorName(out.Who)+", "+o.Time(&out.At)+")")
	}
	if d.SourcesProved != nil {
		proved := "their leaves are still those that were summarised"
		if !*d.SourcesProved {
			proved = "they are NOT what was summarised: run whodid verify"
		}
		add("Sources", term.Count(int64(len(d.Sources)), "decision")+": "+proved)
		for i := range d.Sources {
			add("Source", d.Sources[i].DecisionID+"  "+d.Sources[i].Decision)
		}
	}
	add("Id", d.DecisionID)
	o.Facts(facts...)
	return nil
}

func (p *Program) memoryConflictsCommand() *cobra.Command {
	var subject string
	c := &cobra.Command{
		Use:   "conflicts",
		Short: "List decisions that disagree on the same subject",
		Long: `Lists where decisions that all stand disagree on one subject: one decides for what
another refused, or several say different things. Supersede those that no longer
hold. Subjects are compared by their words, without case and punctuation.`,
		Example: `  whodid memory conflicts
  whodid memory conflicts --subject auth/tokens --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.ConflictList, error) {
				return a.Conflicts(ctx, subject)
			}, p.printConflicts)
		},
	}
	c.Flags().StringVar(&subject, "subject", "", "only about this `SUBJECT`")
	return c
}

func (p *Program) printConflicts(list *ask.ConflictList) error {
	o := p.out()
	if len(list.Conflicts) == 0 {
		p.advise(o, "No decisions disagree.")
		return nil
	}
	table := o.Table(term.Column{Title: "SUBJECT"}, term.Column{Title: "KIND", Whole: true}, term.Column{Title: "WHAT"})
	for i := range list.Conflicts {
		f := &list.Conflicts[i]
		table.Row(term.Text(f.Subject), term.Text(f.Kind), term.Text(f.Explanation))
	}
	return table.Write()
}
