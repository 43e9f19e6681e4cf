package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

const (
	// Remembered is how long what is known of a token is believed without
	// asking the database: so long after its revocation another process may
	// still let it in.
	Remembered = 5 * time.Second
	// coarse is how exact it is known when a token was last used.
	coarse = time.Hour
	// maxRemembered bounds how many tokens are remembered.
	maxRemembered = 10_000
)

// TokenLookup finds tokens by what is kept of their secrets.
type TokenLookup interface {
	// TokenByHash returns the token of whatever organisation, expired or not, or
	// an error that wraps store.ErrNotFound.
	TokenByHash(ctx context.Context, hash []byte) (*store.Token, error)
	// UseToken notes that a token was used, unless that was noted less than
	// coarse ago.
	UseToken(ctx context.Context, org, id string, at time.Time, coarse time.Duration) error
}

// TokenAuthenticator lets in who shows an API token, as "Authorization: Bearer"
// or, for exporters that can't do that, as the password of "Authorization:
// Basic" with any user name, or as the cookie of who signed in. It is safe for concurrent use.
type TokenAuthenticator struct {
	lookup TokenLookup
	now    func() time.Time
	fails  failures
	// origins refuses what other sites make a browser send.
	origins *http.CrossOriginProtection

	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered // mu is held
}

// remembered is what was found under a hash, and when.
type remembered struct {
	token *store.Token // nil: there is none
	at    time.Time
}

// NewTokenAuthenticator makes an authenticator of API tokens. now is the clock
// against which tokens expire.
func NewTokenAuthenticator(l TokenLookup, now func() time.Time) *TokenAuthenticator {
	return &TokenAuthenticator{lookup: l, now: now, origins: http.NewCrossOriginProtection(), known: map[[sha256.Size]byte]remembered{}}
}

// Authenticate establishes whose token was shown.
func (a *TokenAuthenticator) Authenticate(r *http.Request) (Identity, error) {
	secret, byCookie := tokenOf(r)
	if secret == "" {
		return Identity{}, ErrUnauthenticated
	}
	// A browser sends its cookie whoever made it send the request.
	if byCookie {
		if err := a.origins.Check(r); err != nil {
			return Identity{}, fmt.Errorf("%w: another site made this request", ErrForbidden)
		}
	}
	now := a.now()
	from := addressOf(r)
	hash, err := HashToken(secret)
	if err != nil {
		if !a.fails.allow(from, now) {
			return Identity{}, ErrTooMany
		}
		return Identity{}, fmt.Errorf("%w: what was sent is %w", ErrUnauthenticated, ErrNotToken)
	}
	t, err := a.token(r.Context(), hash, from, now)
	if err != nil {
		return Identity{}, err
	}
	if t == nil || subtle.ConstantTimeCompare(t.Hash, hash[:]) != 1 {
		return Identity{}, fmt.Errorf("%w: the token is not known here", ErrUnauthenticated)
	}
	switch stateOf(t, now) {
	case TokenRevoked:
		return Identity{}, fmt.Errorf("%w: the token %s was revoked", ErrUnauthenticated, t.ID)
	case TokenExpired:
		return Identity{}, fmt.Errorf("%w: the token %s has expired", ErrUnauthenticated, t.ID)
	case TokenActive:
	}
	return identityOf(t), nil
}

// token finds what is known of a token: nil if there is none.
func (a *TokenAuthenticator) token(ctx context.Context, hash [sha256.Size]byte, from string, now time.Time) (*store.Token, error) {
	a.mu.Lock()
	last, known := a.known[hash]
	a.mu.Unlock()
	if age := now.Sub(last.at); known && age >= 0 && age < Remembered {
		return last.token, nil
	}
	// Who guesses is slowed down before the database is asked. A token that was
	// good a moment ago is no guess: it may share its address with one.
	if (!known || last.token == nil) && !a.fails.may(from, now) {
		return nil, ErrTooMany
	}
	t, err := a.lookup.TokenByHash(ctx, hash[:])
	switch {
	case errors.Is(err, store.ErrNotFound):
		t = nil
		a.fails.allow(from, now)
	case err != nil:
		return nil, fmt.Errorf("couldn't check the token: %w", err)
	case stateOf(t, now) == TokenActive && now.Sub(t.LastUsedAt) >= coarse:
		// What can't be noted now is noted at the next look: a database that
		// takes no writes must not keep readers out.
		if a.lookup.UseToken(ctx, t.Org, t.ID, now, coarse) == nil {
			t.LastUsedAt = now
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxRemembered {
		clear(a.known)
	}
	a.known[hash] = remembered{token: t, at: now}
	return t, nil
}

// identityOf is who shows the token. A token that is not bound to an agent is
// nobody by itself: what it records names its actor.
func identityOf(t *store.Token) Identity {
	id := Identity{
		Org: t.Org, Actor: "system:" + t.ID, ActorAuth: MethodToken, Role: Role(t.Role), Squads: t.Squads, Credential: t.ID,
	}
	switch {
	case t.Agent != "":
		id.Actor = whodid.AgentActor(t.Agent)
	case t.Person != "":
		id.Actor, id.ActorAuth = t.Person, MethodOIDC
	}
	return id
}

// SessionCookie holds the token of a person who signed in with a browser. Its
// prefix makes browsers hold it to this very host, over TLS.
const SessionCookie = "__Host-whodid"

// tokenOf is the secret that the request shows, or "", and whether a browser
// sent it of itself.
func tokenOf(r *http.Request) (secret string, byCookie bool) {
	header := r.Header.Get("Authorization")
	scheme, rest, _ := strings.Cut(header, " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest), false
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password, false
	}
	if c, err := r.Cookie(SessionCookie); err == nil && header == "" {
		return c.Value, true
	}
	return "", false
}
