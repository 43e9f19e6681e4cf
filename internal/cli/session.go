package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// sessionCommand is the parent of what is asked about sessions of clients.
func (p *Program) sessionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "session",
		GroupID: "ask",
		Short:   "Look at the sessions of agents' clients: time, tokens, cost, files",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.sessionListCommand(), p.sessionShowCommand())
	return c
}

func (p *Program) sessionListCommand() *cobra.Command {
	var s selection
	var client string
	c := &cobra.Command{
		Use:   "list",
		Short: "List sessions, the last begun or resumed first",
		Long: `Lists the sessions of agents' clients, the last begun or resumed first: when,
where, with how many tokens, at what cost, and which files were read or written.
Never what is in them. A session is listed if a run of it was at work at any
moment between --since and --until.`,
		Example: `  whodid session list
  whodid session list --client codex --since 7d
  whodid session list --json | jq '.sessions[] | {session_id, tokens_out, files: (.files | length)}'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.sessionList(c.Context(), &s, client) },
	}
	s.bindAgent(c)
	c.Flags().StringVar(&client, "client", "", "only of this `CLIENT`: claude-code, codex, gemini, copilot …")
	s.bindWhen(c, "")
	s.bindLimit(c)
	return c
}

func (p *Program) sessionList(ctx context.Context, s *selection, client string) error {
	f, err := s.filter(p)
	if err != nil {
		return err
	}
	return answer(ctx, p, func(a *ask.Asker, ctx context.Context) (*ask.SessionList, error) {
		return a.Sessions(ctx, ask.SessionFilter{Agent: f.Agent, Client: client, Since: f.Since, Until: f.Until, Limit: f.Limit})
	}, func(list *ask.SessionList) error {
		if len(list.Sessions) == 0 {
			p.advise(p.out(), "No such session. What clients left behind before whodid was installed:\n\n  whodid import")
			return nil
		}
		return printSome(p, s, list.Sessions, printSessions)
	})
}

func printSessions(o *term.Output, sessions []ask.Session) error {
	t := o.Table(
		term.Column{Title: "SESSION", Whole: true}, term.Column{Title: "CLIENT", Whole: true}, term.Column{Title: "AGENT"},
		term.Column{Title: "STARTED", Whole: true}, term.Column{Title: "ENDED", Whole: true}, term.Column{Title: "DIRECTORY"},
		term.Column{Title: "IN", Right: true, Whole: true}, term.Column{Title: "OUT", Right: true, Whole: true},
		term.Column{Title: "COST", Right: true, Whole: true}, term.Column{Title: "FILES", Right: true, Whole: true},
	)
	for i := range sessions {
		s := &sessions[i]
		id := s.SessionID
		if o.Terminal() && len(id) > shortChars {
			id = id[:shortChars]
		}
		ended := ""
		if s.EndedAt != nil {
			ended = o.Time(s.EndedAt)
		}
		t.Row(term.Text(id), term.Text(orUnknown(s.Client)), term.Text(orUnknown(s.Agent)), term.Text(o.Time(s.StartedAt)), term.Text(ended),
			term.Text(s.CWD), term.Text(term.TokensOf(s.TokensIn)), term.Text(term.TokensOf(s.TokensOut)), term.Text(term.Cost(s.CostMicros, 0)),
			term.Int(len(s.Files)))
	}
	return t.Write()
}

func (p *Program) sessionShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one session: when, where, tokens by model, cost, files",
		Long: `Shows one session of an agent's client: when it began and ended, where it worked,
tokens and cost by model, and each file that was read or written, how often and
by how many lines. Never what is in a file.

ID is the client's id of the session or its unique beginning.`,
		Example: `  whodid session show 1f019263
  whodid session show 1f019263 --json | jq '.files[] | select(.written)'`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.Session, error) {
				s, err := a.Session(ctx, args[0])
				return s, unresolvedAmong(err, "whodid session list")
			}, p.printSession)
		},
	}
}

func (p *Program) printSession(s *ask.Session) error {
	o := p.out()
	ended := term.Unknown
	if s.EndedAt != nil {
		ended = o.Moment(s.EndedAt)
	}
	o.Facts(
		fact("Session", s.SessionID), fact("Client", orUnknown(s.Client)), fact("Agent", orUnknown(s.Agent)),
		fact("Started", o.Moment(s.StartedAt)), fact("Ended", ended), fact("Directory", orUnknown(s.CWD)),
		fact("Tokens", fmt.Sprintf("%s in, %s out, %s read from cache, %s written to cache", term.TokensOf(s.TokensIn),
			term.TokensOf(s.TokensOut), term.TokensOf(s.TokensCacheRead), term.TokensOf(s.TokensCacheWrite))),
		fact("Cost", term.Cost(s.CostMicros, 0)+" ("+s.CostState+")"),
		fact("Runs", strings.Join(s.Executions, " ")),
	)
	if len(s.Models) > 0 {
		sectionTitle(o, "Models")
		t := o.Table(modelColumns()...)
		for i := range s.Models {
			t.Row(modelCells(&s.Models[i])...)
		}
		if err := t.Write(); err != nil {
			return err
		}
	}
	if len(s.Files) == 0 {
		return nil
	}
	sectionTitle(o, term.Count(int64(len(s.Files)), "file"))
	t := o.Table(
		term.Column{Title: "PATH"}, term.Column{Title: "ACCESS", Whole: true}, term.Column{Title: "TIMES", Right: true, Whole: true},
		term.Column{Title: "ADDED", Right: true, Whole: true}, term.Column{Title: "REMOVED", Right: true, Whole: true}, term.Column{Title: "LAST", Whole: true},
	)
	for i := range s.Files {
		f := &s.Files[i]
		t.Row(term.Text(f.Path), term.Text(access(f)), term.Int(f.Times), term.Text(term.TokensOf(f.LinesAdded)), term.Text(term.TokensOf(f.LinesRemoved)),
			term.Text(o.Time(&f.LastAt)))
	}
	return t.Write()
}

func sectionTitle(o *term.Output, title string) {
	if o.Terminal() {
		o.Printf("\n%s\n", o.Paint(term.Bold, title))
	}
}

// access says what was done with a file.
func access(f *ask.SessionFile) string {
	switch {
	case f.Read && f.Written:
		return "read, written"
	case f.Read:
		return "read"
	case f.Written:
		return "written"
	default:
		return "attempted"
	}
}
