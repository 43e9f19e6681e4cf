package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/auth"
)

// revokedToken is the answer of "token revoke".
type revokedToken struct {
	auth.Token
	// Changed is false if it was revoked before.
	Changed bool `json:"changed"`
	// EventID proves who revoked it.
	EventID string `json:"event_id"`
}

func (p *Program) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID|NAME",
		Short: "Make an API token worthless",
		Long: `Makes an API token worthless, for good. Servers that let it in a moment ago do so
for at most five seconds more. What it recorded stays.`,
		Example: `  whodid token revoke ci
  whodid token revoke tok-7k2m9q4tz8w1c3ab`,
		Args: oneArgument("the id or the name of a token"),
		RunE: func(c *cobra.Command, args []string) error {
			tokens, by, t, err := p.tokens(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			gone, event, changed, err := tokens.Revoke(c.Context(), args[0], by)
			if err != nil {
				return tokenError(err)
			}
			if p.json {
				return p.printJSON(revokedToken{Token: gone, Changed: changed, EventID: event})
			}
			_, err = fmt.Fprintln(p.Stdout, gone.ID)
			return err
		},
	}
}
