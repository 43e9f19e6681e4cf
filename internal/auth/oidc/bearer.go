package oidc

import (
	"context"
	"net/http"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
)

// Bearer lets in programs that show an ID token of the provider in the place of
// an API token, and leaves all others to Next. It is safe for concurrent use.
type Bearer struct {
	Provider *Provider
	// Pseudonym is the name under which an organisation's trail knows a person.
	Pseudonym func(ctx context.Context, org, identity string) (string, error)
	Next      auth.Authenticator
}

// Authenticate establishes who made a request.
func (b *Bearer) Authenticate(r *http.Request) (auth.Identity, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	raw = strings.TrimSpace(raw)
	// A JSON Web Token begins with an object in base64.
	if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(raw, "eyJ") {
		return b.Next.Authenticate(r)
	}
	person, err := b.Provider.Verify(r.Context(), raw)
	if err != nil {
		return auth.Identity{}, err
	}
	pseudonym, err := b.Pseudonym(r.Context(), person.Org, person.Identity)
	if err != nil {
		return auth.Identity{}, err
	}
	return auth.Identity{
		Org: person.Org, Actor: whodid.HumanActor(pseudonym), ActorAuth: auth.MethodOIDC, Role: person.Role, Squads: person.Squads,
		Credential: "oidc-" + pseudonym,
	}, nil
}
