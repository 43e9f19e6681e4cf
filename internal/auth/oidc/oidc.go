// Package oidc lets people sign in through their organisation's provider, by
// OpenID Connect. What it takes of a person is the subject that the provider
// knows them by, which becomes a pseudonym, and the groups that say what they
// may do; names and addresses are read only where the settings ask for them.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/whodid/whodid/internal/auth"
)

// Options say which provider vouches for whom.
type Options struct {
	// Issuer is the provider's address, as its discovery document has it.
	Issuer string
	// ClientID and ClientSecret are what the provider knows this server by.
	ClientID, ClientSecret string
	// RedirectURL is the address of /auth/callback as browsers reach it.
	RedirectURL string
	// Scopes are asked for beside openid, such as groups.
	Scopes []string
	// Org is the organisation that people belong to. If OrgClaim is set, that
	// claim says it instead, and Org is not used.
	Org, OrgClaim string
	// GroupsClaim is the claim that lists a person's groups.
	GroupsClaim string
	// Names reads what people are called, for the one table that names them.
	Names bool
	// Grants say what groups may do, in the order of their weight.
	Grants []Grant
	Now    func() time.Time
}

// Grant lets the people of a group in.
type Grant struct {
	// Group is the group's name as the provider has it; "*" is everybody.
	Group string
	Role  auth.Role
	// Squads are the only squads that a reader sees; empty is all of them.
	Squads []string
}

// Person is somebody for whom the provider vouched.
type Person struct {
	Org string
	// Identity names the person to [keys.Ring.Pseudonym]; it is never recorded.
	Identity string
	Role     auth.Role
	Squads   []string
	// Name, Email and Login are what the provider calls them, if names are read.
	Name, Email, Login string
}

// timeout bounds each request to the provider.
const timeout = 10 * time.Second

// maxToken bounds a token that is looked at, in bytes.
const maxToken = 16 << 10

// Provider is the organisation's provider. It is safe for concurrent use. It is
// asked for its discovery document when first needed, so that the server starts
// without it.
type Provider struct {
	options Options
	client  *http.Client

	mu    sync.Mutex
	found *oidc.Provider // nil until it answered; mu is held
}

// New makes a provider; it asks nobody yet.
func New(o Options) *Provider {
	return &Provider{options: o, client: &http.Client{Timeout: timeout}}
}

func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	// It remembers the context for fetching keys later.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.options.Issuer)
	if err != nil {
		return nil, fmt.Errorf("couldn't reach the provider that people sign in with: %w", err)
	}
	p.found = found
	return found, nil
}

func (p *Provider) config(found *oidc.Provider) *oauth2.Config {
	scopes := append([]string{oidc.ScopeOpenID}, p.options.Scopes...)
	for _, scope := range []string{"profile", "email"} {
		if p.options.Names && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return &oauth2.Config{
		ClientID: p.options.ClientID, ClientSecret: p.options.ClientSecret, RedirectURL: p.options.RedirectURL,
		Endpoint: found.Endpoint(), Scopes: scopes,
	}
}

// Attempt is one attempt to sign in: what binds the provider's answer to the
// browser that asked.
type Attempt struct {
	// State comes back in the answer, Nonce in the token; Verifier proves that
	// who exchanges the code is who asked for it (RFC 7636).
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
}

// Begin returns the address at which the provider asks the person.
func (p *Provider) Begin(ctx context.Context, a Attempt) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return p.config(found).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Finish exchanges the code that the provider answered with, and returns for
// whom it vouches. ErrUnauthenticated means that it does not, ErrForbidden that
// nothing is granted to the person.
func (p *Provider) Finish(ctx context.Context, a Attempt, code string) (Person, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	token, err := p.config(found).Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.client), code, oauth2.VerifierOption(a.Verifier))
	if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		return Person{}, fmt.Errorf("%w: the provider refused the code", auth.ErrUnauthenticated)
	}
	if err != nil {
		return Person{}, fmt.Errorf("couldn't exchange the code with the provider: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Person{}, fmt.Errorf("%w: the provider sent no ID token", auth.ErrUnauthenticated)
	}
	verified, err := p.verify(ctx, found, raw)
	if err != nil {
		return Person{}, err
	}
	if a.Nonce == "" || verified.Nonce != a.Nonce {
		return Person{}, fmt.Errorf("%w: the provider's token answers another attempt", auth.ErrUnauthenticated)
	}
	return p.person(verified)
}

// Verify returns for whom an ID token vouches that a program shows.
func (p *Provider) Verify(ctx context.Context, raw string) (Person, error) {
	if len(raw) > maxToken {
		return Person{}, fmt.Errorf("%w: the token is too long", auth.ErrUnauthenticated)
	}
	found, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	verified, err := p.verify(ctx, found, raw)
	if err != nil {
		return Person{}, err
	}
	return p.person(verified)
}

func (p *Provider) verify(ctx context.Context, found *oidc.Provider, raw string) (*oidc.IDToken, error) {
	verifier := found.Verifier(&oidc.Config{ClientID: p.options.ClientID, Now: p.options.Now})
	verified, err := verifier.Verify(oidc.ClientContext(ctx, p.client), raw)
	if err != nil {
		// Its own words may quote the token.
		return nil, fmt.Errorf("%w: the provider's token is not valid here", auth.ErrUnauthenticated)
	}
	if verified.Subject == "" {
		return nil, fmt.Errorf("%w: the provider's token names nobody", auth.ErrUnauthenticated)
	}
	return verified, nil
}

// person reads the claims that say what somebody may do.
func (p *Provider) person(t *oidc.IDToken) (Person, error) {
	var claims map[string]json.RawMessage
	if err := t.Claims(&claims); err != nil {
		return Person{}, fmt.Errorf("%w: the provider's token can't be read", auth.ErrUnauthenticated)
	}
	person := Person{Org: p.options.Org, Identity: "oidc:" + t.Issuer + "#" + t.Subject}
	if p.options.OrgClaim != "" {
		person.Org = ""
		_ = json.Unmarshal(claims[p.options.OrgClaim], &person.Org) // one that is no text names no organisation
	}
	if person.Org == "" {
		return Person{}, fmt.Errorf("%w: the provider does not say which organisation you belong to", auth.ErrForbidden)
	}
	var ok bool
	if person.Role, person.Squads, ok = granted(p.options.Grants, groups(claims[p.options.GroupsClaim])); !ok {
		return Person{}, fmt.Errorf("%w: nothing is granted to any of your groups", auth.ErrForbidden)
	}
	if p.options.Names {
		person.Name, person.Email, person.Login = named(claims["name"]), named(claims["email"]), named(claims["preferred_username"])
	}
	return person, nil
}

// maxNamed is how long a name is at most, in characters.
const maxNamed = 200

// named reads a claim that says what somebody is called; what is none is empty.
func named(claim json.RawMessage) string {
	var name string
	if json.Unmarshal(claim, &name) != nil {
		return ""
	}
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(name, ""))
	return string([]rune(name)[:min(maxNamed, utf8.RuneCountInString(name))])
}

// groups reads a claim that is a list of texts, or one text.
func groups(claim json.RawMessage) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list
	}
	var one string
	if json.Unmarshal(claim, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

// granted says what the groups may do: the role of the first grant that fits,
// and the squads of all that fit and have that role.
func granted(grants []Grant, groups []string) (role auth.Role, squads []string, ok bool) {
	all := false
	for _, g := range grants {
		if g.Group != "*" && !slices.Contains(groups, g.Group) || ok && g.Role != role {
			continue
		}
		role, ok = g.Role, true
		all = all || len(g.Squads) == 0
		squads = append(squads, g.Squads...)
	}
	if all {
		return role, nil, ok
	}
	slices.Sort(squads)
	return role, slices.Compact(squads), ok
}
