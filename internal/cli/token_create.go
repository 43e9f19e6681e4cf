package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
)

// createdToken is the answer of "token create".
type createdToken struct {
	auth.Token
	// Secret is the token itself. It is shown this once and kept nowhere.
	Secret string `json:"token"`
	// EventID proves who made it.
	EventID string `json:"event_id"`
}

func (p *Program) tokenCreateCommand() *cobra.Command {
	var name, role, agent, expires string
	var squads []string
	c := &cobra.Command{
		Use:   "create --name NAME --role ROLE",
		Short: "Make an API token; it is shown this once",
		Long: `Makes an API token for the server and prints it. Only its hash is kept: who
loses it makes another one. That it was made, what for and by whom is recorded.

ROLE is one of
  recorder  may record and read nothing: exporters, hooks, laptops
  reader    may ask, perhaps of some squads only
  approver  may ask, and decide on approvals
  auditor   may ask, verify and export
  admin     may do all of that and change tokens and settings

A recorder's token that is bound to an agent records what that agent did and
nothing else. Without --agent it may name any agent of the organisation.`,
		Example: `  whodid token create --name ci --role recorder --agent engineering/builder --expires 90d
  whodid token create --name dashboard --role reader --squad engineering --json
  export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20$TOKEN"`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			until, err := expiry(expires, p.Now())
			if err != nil {
				return usageError("--expires: %w", err)
			}
			tokens, by, t, err := p.tokens(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			made, secret, event, err := tokens.Create(c.Context(), auth.TokenRequest{
				Name: name, Role: auth.Role(role), Squads: squads, Agent: agent, Expires: until,
			}, by)
			if err != nil {
				return tokenError(err)
			}
			if p.json {
				return p.printJSON(createdToken{Token: made, Secret: secret, EventID: event})
			}
			fmt.Fprintln(p.Stdout, secret)
			p.advise(p.out(), "Keep it now: it is not shown again. It is %s in lists; to end it: whodid token revoke %s", made.ID, made.Name)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&name, "name", "", "what people call it: letters, digits, . - _")
	f.StringVar(&role, "role", "", "what it may do: "+roleNames())
	f.StringSliceVar(&squads, "squad", nil, "the only squad that a reader sees; may be repeated")
	f.StringVar(&agent, "agent", "", "the only agent that it records: squad/name (recorder)")
	f.StringVar(&expires, "expires", "365d", "how long it holds (90d, 12h), until when (2027-01-01), or never")
	return c
}

// expiry reads how long, or until when, something holds; zero is for ever.
func expiry(s string, now time.Time) (time.Time, error) {
	if s == "never" {
		return time.Time{}, nil
	}
	if d, err := whodid.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a length of time such as 90d, nor a date such as 2027-01-01, nor never", s)
}
