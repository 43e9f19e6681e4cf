package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/term"
)

// tokenList is the answer of "token list".
type tokenList struct {
	// Tokens are the newest first. No secret is among what is known of them.
	Tokens []auth.Token `json:"tokens"`
}

func (p *Program) tokenListCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the API tokens",
		Long: `Lists the API tokens that hold, the newest first; with --all those that expired
or were revoked too. When one was last used is known to the hour.`,
		Example: `  whodid token list
  whodid token list --all --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.openStore(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			found, err := auth.NewTokens(p.org, t.store, nil, p.Now).List(c.Context(), all)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(tokenList{Tokens: found})
			}
			o := p.out()
			if len(found) == 0 {
				p.advise(o, "No token. Make one:\n\n  whodid token create --name ci --role recorder")
				return nil
			}
			return printTokens(o, found)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that expired or were revoked too")
	return c
}

// orNever is a time as lists show it; what is null will not be, or has not been.
func orNever(o *term.Output, t *time.Time) string {
	switch {
	case t == nil:
		return "never"
	case o.Terminal():
		return t.UTC().Format(time.DateOnly)
	default:
		return o.Time(t)
	}
}

func printTokens(o *term.Output, tokens []auth.Token) error {
	t := o.Table(
		term.Column{Title: "ID", Whole: true}, term.Column{Title: "NAME"}, term.Column{Title: "ROLE", Whole: true}, term.Column{Title: "FOR"},
		term.Column{Title: "STATE", Whole: true}, term.Column{Title: "CREATED", Whole: true}, term.Column{Title: "LAST USED", Whole: true}, term.Column{Title: "EXPIRES", Whole: true},
	)
	for i := range tokens {
		k := &tokens[i]
		scope := strings.Join(k.Squads, ",")
		if k.Agent != "" {
			scope = k.Agent
		}
		t.Row(
			term.Text(k.ID), term.Text(k.Name), term.Text(string(k.Role)), term.Text(scope), term.Text(string(k.State)),
			term.Text(o.Time(&k.CreatedAt)), term.Text(orNever(o, k.LastUsedAt)), term.Text(orNever(o, k.ExpiresAt)),
		)
	}
	return t.Write()
}
