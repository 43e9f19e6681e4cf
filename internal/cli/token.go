package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/auth"
)

func (p *Program) tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "token",
		GroupID: "keep",
		Short:   "Make, list and revoke the API tokens that the server lets in",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.tokenCreateCommand(), p.tokenListCommand(), p.tokenRevokeCommand())
	return c
}

// tokens opens the trail to change its tokens, and says who does so.
func (p *Program) tokens(ctx context.Context) (*auth.Tokens, auth.By, *trail, error) {
	t, err := p.open(ctx)
	if err != nil {
		return nil, auth.By{}, nil, err
	}
	w, err := p.newPen()
	if err == nil {
		w.trail = t
		var s *subject
		if s, err = w.about(ctx, ""); err == nil {
			by := auth.By{Actor: s.actor, Auth: s.auth, OnBehalfOf: s.onBehalf, OnBehalfAuth: s.behalfBy, Source: "cli"}
			return auth.NewTokens(p.org, t.store, t.recorder, p.Now), by, t, nil
		}
	}
	t.close()
	return nil, auth.By{}, nil, err
}

// tokenError says what to do about an error of a token.
func tokenError(err error) error {
	switch {
	case errors.Is(err, auth.ErrBadToken):
		return misuse(err, "see: whodid token create --help")
	case errors.Is(err, auth.ErrNoToken):
		return withHint(err, "see: whodid token list --all")
	default:
		return err
	}
}

// roleNames lists the roles for help and errors.
func roleNames() string {
	names := make([]string, 0, len(auth.Roles()))
	for _, r := range auth.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
