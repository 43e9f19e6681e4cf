package cli

import (
	"context"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/auth/oidc"
	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/door/signin"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
)

// access is who may call the server: the authenticator of its doors, and the
// door through which people sign in.
func (p *Program) access(c *config.OIDC, t *trail, orgs *tenants) (auth.Authenticator, signin.Options) {
	tokens := auth.NewTokenAuthenticator(t.store, p.Now)
	o := signin.Options{Authenticator: tokens}
	if c.Issuer == "" {
		return tokens, o
	}
	grants := make([]oidc.Grant, len(c.Grants))
	for i, g := range c.Grants {
		grants[i] = oidc.Grant{Group: g.Group, Role: auth.Role(g.Role), Squads: g.Squads}
	}
	o.Provider = oidc.New(oidc.Options{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret.Value(), RedirectURL: strings.TrimSuffix(c.URL, "/") + "/auth/callback",
		Scopes: c.Scopes, Org: c.Org, OrgClaim: c.OrgClaim, GroupsClaim: c.GroupsClaim, Names: c.Names, Grants: grants, Now: p.Now,
	})
	o.Authenticator = &oidc.Bearer{
		Provider: o.Provider, Next: tokens,
		Pseudonym: func(ctx context.Context, org, identity string) (string, error) {
			t, err := orgs.Tenant(ctx, org)
			if err != nil {
				return "", err
			}
			return t.Pseudonym(identity), nil
		},
	}
	o.SignIn = func(ctx context.Context, person oidc.Person) (string, time.Time, error) {
		tenant, err := orgs.Tenant(ctx, person.Org)
		if err != nil {
			return "", time.Time{}, err
		}
		by := auth.By{Actor: whodid.HumanActor(tenant.Pseudonym(person.Identity)), Auth: auth.MethodOIDC, Source: "oidc"}
		if err := p.nameWhoSignedIn(ctx, t.store, tenant, &person, by.Actor); err != nil {
			return "", time.Time{}, err
		}
		until := p.Now().Add(c.Lifetime)
		_, secret, _, err := auth.NewTokens(person.Org, t.store, tenant.Recorder, p.Now).Create(ctx, auth.TokenRequest{
			Name: whodid.NewID("signin"), Role: person.Role, Squads: person.Squads, Person: by.Actor, Expires: until,
		}, by)
		return secret, until, err
	}
	o.SignOut = func(ctx context.Context, id auth.Identity) error {
		tenant, err := orgs.Tenant(ctx, id.Org)
		if err != nil {
			return err
		}
		by := auth.By{Actor: id.Actor, Auth: id.ActorAuth, Source: "oidc"}
		_, _, _, err = auth.NewTokens(id.Org, t.store, tenant.Recorder, p.Now).Revoke(ctx, id.Credential, by)
		return err
	}
	return o.Authenticator, o
}

// nameWhoSignedIn puts what the provider calls somebody into the one table that
// names people, and records that it did when that is new.
func (p *Program) nameWhoSignedIn(ctx context.Context, s *store.Store, t *server.Tenant, person *oidc.Person, actor string) error {
	if person.Name+person.Email+person.Login == "" {
		return nil
	}
	changed, err := s.PutPerson(ctx, person.Org, &store.Person{
		Pseudonym: t.Pseudonym(person.Identity), Name: person.Name, Email: person.Email, Login: person.Login, Source: "oidc", AddedAt: p.Now(),
	})
	if err != nil || !changed {
		return err
	}
	_, err = t.Recorder.Record(ctx, whodid.Event{Key: freshKey("privacy.name"), What: "privacy.name", Actor: actor, ActorAuth: auth.MethodOIDC, Target: actor, Source: "oidc"})
	return err
}

// pages are what the server shows to people with a browser.
func (p *Program) pages(authenticator auth.Authenticator, door *signin.Options, t *trail, at clones, url string) *page.Pages {
	o := page.Options{
		Now: p.Now, Version: p.Version, Authenticator: authenticator, Signers: p.signersOfServer, Views: t.store, Bundle: p.bundler(t.store),
		Tokens: func(ctx context.Context, tenant *server.Tenant) ([]auth.Token, error) {
			return auth.NewTokens(tenant.Org, t.store, tenant.Recorder, p.Now).List(ctx, false)
		},
	}
	if len(at) > 0 {
		o.Why, o.Blame, o.LinesOf = at.why, at.blame, p.org
	}
	door.Home = "/executions"
	if door.Provider != nil {
		o.SignIn, o.SignedOut, o.URL = "/auth/login", door.SignOut, strings.TrimSuffix(url, "/")
	}
	return page.New(o)
}
