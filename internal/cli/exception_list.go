package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/internal/term"
)

// exceptionLine documents an exception in a commit and a pull request.
func exceptionLine(rule string, until time.Time, id, reason string) string {
	return fmt.Sprintf("%s %s until %s (%s): %s", exceptionTrailer, rule, lastDay(until), id, reason)
}

const exceptionTrailer = "Policy-Exception:"

func (p *Program) exceptionListCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the exceptions, and where they are documented",
		Long: `Lists the exceptions that hold, with --all those that expired too, and in which of
the three places each is documented: in the message of a commit of the repository
here, in the memory, and in a pull request. The trail keeps no texts of pull
requests, so that of those nothing is known.`,
		Example: `  whodid exception list
  whodid exception list --all --json | jq '.exceptions[] | select(.in_commit == "no")'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := p.exceptions(c.Context())
			if err != nil {
				return err
			}
			if !all {
				kept := []ask.PolicyException{}
				for i := range list.Exceptions {
					if !list.Exceptions[i].Expired {
						kept = append(kept, list.Exceptions[i])
					}
				}
				list.Exceptions = kept
			}
			if p.json {
				return p.printJSON(list)
			}
			o := p.out()
			if len(list.Exceptions) == 0 {
				p.advise(o, "No exception.")
				return nil
			}
			t := o.Table(term.Column{Title: "EXCEPTION", Whole: true}, term.Column{Title: "RULE", Whole: true}, term.Column{Title: "UNTIL", Whole: true}, term.Column{Title: "SCOPE"},
				term.Column{Title: "COMMIT", Whole: true}, term.Column{Title: "PR", Whole: true}, term.Column{Title: "MEMORY", Whole: true}, term.Column{Title: "REASON"})
			for i := range list.Exceptions {
				x := &list.Exceptions[i]
				t.Row(term.Text(x.EventID), term.Text(x.Rule), term.Text(lastDay(x.Until)), term.Text(x.Scope),
					term.Text(x.InCommit), term.Text(x.InPullRequest), term.Text(x.InMemory), term.Text(x.Reason))
			}
			return t.Write()
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that expired too")
	return c
}

func (p *Program) exceptionShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show one exception, where it is documented, and the line for it",
		Example: `  whodid exception show 7k2m`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			list, err := p.exceptions(c.Context())
			if err != nil {
				return err
			}
			var found []*ask.PolicyException
			for i := range list.Exceptions {
				id := list.Exceptions[i].EventID
				if strings.HasPrefix(id, args[0]) || strings.HasPrefix(strings.TrimPrefix(id, "evt-"), args[0]) {
					found = append(found, &list.Exceptions[i])
				}
			}
			if len(found) != 1 {
				return withHint(fmt.Errorf("%s have an id that begins with %q", term.Count(int64(len(found)), "exception"), args[0]), "see: whodid exception list --all")
			}
			x := found[0]
			if p.json {
				return p.printJSON(x)
			}
			until := lastDay(x.Until)
			if x.Expired {
				until += " (expired)"
			}
			p.out().Facts(
				term.Fact{Name: "Exception", Cell: term.Text(x.EventID)}, term.Fact{Name: "Rule", Cell: term.Text(x.Rule)},
				term.Fact{Name: "Until", Cell: term.Text(until)}, term.Fact{Name: "Scope", Cell: term.Text(x.Scope)},
				term.Fact{Name: "Who", Cell: term.Text(x.Who)}, term.Fact{Name: "Reason", Cell: term.Text(x.Reason)},
				term.Fact{Name: "Commits", Cell: term.Text(x.InCommit + " " + strings.Join(x.Commits, " "))},
				term.Fact{Name: "Pull requests", Cell: term.Text(x.InPullRequest)},
				term.Fact{Name: "Memory", Cell: term.Text(x.InMemory + " " + x.DecisionID)},
				term.Fact{Name: "Line", Cell: term.Text(exceptionLine(x.Rule, x.Until, x.EventID, x.Reason))},
			)
			return nil
		},
	}
}

func (p *Program) exceptions(ctx context.Context) (*ask.ExceptionList, error) {
	t, err := p.openToAsk(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.asker.Exceptions(ctx, p.exceptionCommits(ctx))
}

// exceptionCommits says which commits of the repository here tell of which
// exception; nil if there is no repository.
func (p *Program) exceptionCommits(ctx context.Context) map[string][]string {
	out, err := git.In(p.Dir).Run(ctx, "log", "--all", "--fixed-strings", "--grep="+exceptionTrailer, "--format=%H%x00%B%x01", "--end-of-options")
	if err != nil {
		return nil
	}
	commits := map[string][]string{}
	for entry := range strings.SplitSeq(out, "\x01") {
		sha, message, ok := strings.Cut(strings.TrimSpace(entry), "\x00")
		if !ok {
			continue
		}
		for line := range strings.Lines(message) {
			_, rest, ok := strings.Cut(line, "(evt-")
			id, _, closed := strings.Cut(rest, ")")
			if ok && closed && strings.HasPrefix(strings.TrimSpace(line), exceptionTrailer) {
				commits["evt-"+id] = append(commits["evt-"+id], sha)
			}
		}
	}
	return commits
}
