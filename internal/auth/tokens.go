package auth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// PrefixToken begins the id of a token, which is no secret.
const PrefixToken = "tok"

// TokenStore keeps tokens, without their secrets. What it has acknowledged is
// on disk. internal/store is the implementation.
type TokenStore interface {
	CreateToken(ctx context.Context, t *store.Token) error
	Tokens(ctx context.Context, org string) ([]store.Token, error)
	RevokeToken(ctx context.Context, org, id string, at time.Time, by string) (bool, error)
}

// Recorder takes events into the trail, all or none. internal/record is the
// implementation.
type Recorder interface {
	Record(ctx context.Context, events ...whodid.Event) ([]*store.Row, error)
}

// Tokens makes and revokes the API tokens of one organisation, and records who
// did so.
type Tokens struct {
	org      string
	store    TokenStore
	recorder Recorder
	now      func() time.Time
}

// NewTokens makes the keeper of an organisation's tokens.
func NewTokens(org string, s TokenStore, r Recorder, now func() time.Time) *Tokens {
	return &Tokens{org: org, store: s, recorder: r, now: now}
}

// TokenRequest says what a new token is to be.
type TokenRequest struct {
	// Name is for people; no two tokens that are not revoked have the same.
	Name string
	Role Role
	// Squads are the only squads that a reader sees; empty is all of them.
	Squads []string
	// Agent is the only agent that a recorder's token records; empty is any.
	Agent string
	// Person is who signed in, as an actor; empty for the token of a machine.
	Person string
	// Expires is the first moment at which it is worth nothing; zero is never.
	Expires time.Time
}

// By is who does something, as events name it.
type By struct{ Actor, Auth, OnBehalfOf, OnBehalfAuth, Source string }

// Token is an API token without its secret.
type Token struct {
	// ID names the token; it is no secret.
	ID   string `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Squads are the only squads that it is for; empty is all of them.
	Squads []string `json:"squads"`
	// Agent is the only agent that it records; empty is any.
	Agent string `json:"agent"`
	// Person is who signed in and got it, as an actor; empty for that of a machine.
	Person    string    `json:"person"`
	CreatedAt time.Time `json:"created_at"`
	// CreatedBy is who made it, as an actor.
	CreatedBy string `json:"created_by"`
	// ExpiresAt is the first moment at which it is worth nothing; null is never.
	ExpiresAt *time.Time `json:"expires_at"`
	// LastUsedAt is when it was last used, give or take an hour; null is never.
	LastUsedAt *time.Time `json:"last_used_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	RevokedBy  string     `json:"revoked_by"`
	// State is active, expired or revoked.
	State TokenState `json:"state"`
}

// TokenState says whether a token is worth anything.
type TokenState string

// The states of a token.
const (
	TokenActive  TokenState = "active"
	TokenExpired TokenState = "expired"
	TokenRevoked TokenState = "revoked"
)

// TokenStates lists every state of a token.
func TokenStates() []TokenState { return []TokenState{TokenActive, TokenExpired, TokenRevoked} }

var (
	// ErrBadToken means that a token can't be made as it was asked for.
	ErrBadToken = errors.New("a token can't be made like that")
	// ErrNoToken means that the organisation has no such token.
	ErrNoToken = errors.New("no such token")
)

var tokenName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) })

// Create makes a token and records that it was made. It returns the secret,
// which is kept nowhere, and the id of the event.
func (t *Tokens) Create(ctx context.Context, q TokenRequest, by By) (made Token, secret, event string, err error) {
	now := t.now().UTC().Truncate(time.Microsecond)
	if err := q.check(now); err != nil {
		return Token{}, "", "", err
	}
	secret = newSecret()
	hash, err := HashToken(secret)
	if err != nil {
		return Token{}, "", "", err
	}
	row := &store.Token{
		Org: t.org, ID: whodid.NewID(PrefixToken), Name: q.Name, Hash: hash[:], Role: string(q.Role), Squads: q.Squads, Agent: q.Agent, Person: q.Person,
		CreatedAt: now, CreatedBy: by.Actor, ExpiresAt: q.Expires.UTC(),
	}
	known, err := t.store.Tokens(ctx, t.org)
	if err != nil {
		return Token{}, "", "", err
	}
	if slices.ContainsFunc(known, func(k store.Token) bool { return k.Name == q.Name && k.RevokedAt.IsZero() }) {
		return Token{}, "", "", fmt.Errorf("%w: there is one of the name %s", ErrBadToken, q.Name)
	}
	data := whodid.Data{"token": row.ID, "role": row.Role}
	if len(q.Squads) > 0 {
		data["squads"] = q.Squads
	}
	if q.Agent != "" {
		data["agent"] = q.Agent
	}
	if !q.Expires.IsZero() {
		data["expires"] = q.Expires.UTC().Format(time.RFC3339)
	}
	// The event comes first: that a token was made which then is not there does
	// no harm, a token that nobody is known to have made does.
	event, err = t.record(ctx, "token.create", row.ID, row.Name, data, by, now)
	if err != nil {
		return Token{}, "", "", err
	}
	if err := t.store.CreateToken(ctx, row); errors.Is(err, store.ErrTaken) {
		return Token{}, "", "", fmt.Errorf("%w: there is one of the name %s", ErrBadToken, q.Name)
	} else if err != nil {
		return Token{}, "", "", err
	}
	return newToken(row, now), secret, event, nil
}

func (q *TokenRequest) check(now time.Time) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadToken, fmt.Sprintf(format, args...))
	}
	if !tokenName().MatchString(q.Name) {
		return wrong("the name %q is not one of letters, digits, . - _", q.Name)
	}
	if !slices.Contains(Roles(), q.Role) {
		return wrong("the role %q is none of %v", q.Role, Roles())
	}
	for _, squad := range q.Squads {
		if _, _, err := whodid.ParseAgent(squad + "/x"); err != nil {
			return wrong("%q is not the name of a squad", squad)
		}
	}
	if len(q.Squads) > 0 && q.Role != RoleReader {
		return wrong("only readers can be held to squads")
	}
	if q.Agent != "" {
		if _, _, err := whodid.ParseAgent(q.Agent); err != nil {
			return wrong("%v", err)
		}
		if q.Role != RoleRecorder {
			return wrong("only a recorder can be held to an agent")
		}
	}
	if q.Person != "" && (!whodid.IsHuman(q.Person) || q.Agent != "" || q.Expires.IsZero()) {
		return wrong("that of a person is for a while and for no agent")
	}
	if !q.Expires.IsZero() && !q.Expires.After(now) {
		return wrong("it would have expired already")
	}
	return nil
}

// Revoke makes a token worthless and records that. The name is that of a token
// that is not revoked. It returns the token, the id of the event, and whether
// the token was worth something before.
func (t *Tokens) Revoke(ctx context.Context, idOrName string, by By) (revoked Token, event string, changed bool, err error) {
	now := t.now().UTC().Truncate(time.Microsecond)
	row, err := t.find(ctx, idOrName)
	if err != nil {
		return Token{}, "", false, err
	}
	// The token is made worthless first: should the event fail, the caller is
	// told and does it again.
	if changed, err = t.store.RevokeToken(ctx, t.org, row.ID, now, by.Actor); err != nil {
		return Token{}, "", false, err
	}
	if changed {
		row.RevokedAt, row.RevokedBy = now, by.Actor
	}
	event, err = t.record(ctx, "token.revoke", row.ID, row.Name, whodid.Data{"token": row.ID}, by, row.RevokedAt)
	return newToken(row, now), event, changed, err
}

func (t *Tokens) find(ctx context.Context, idOrName string) (*store.Token, error) {
	all, err := t.store.Tokens(ctx, t.org)
	if err != nil {
		return nil, err
	}
	var found []int
	for i := range all {
		if all[i].ID == idOrName || all[i].Name == idOrName && all[i].RevokedAt.IsZero() {
			return &all[i], nil
		}
		if rest := strings.TrimPrefix(idOrName, PrefixToken+"-"); rest != "" && strings.HasPrefix(all[i].ID, PrefixToken+"-"+rest) {
			found = append(found, i)
		}
	}
	if len(found) == 1 {
		return &all[found[0]], nil
	}
	if strings.HasPrefix(idOrName, TokenPrefix) {
		idOrName = "that secret" // it must not be shown
	}
	return nil, fmt.Errorf("%s: %w", idOrName, ErrNoToken)
}

// List returns the tokens, the newest first; with all, those that are worth
// nothing any more too.
func (t *Tokens) List(ctx context.Context, all bool) ([]Token, error) {
	rows, err := t.store.Tokens(ctx, t.org)
	if err != nil {
		return nil, err
	}
	now := t.now()
	out := make([]Token, 0, len(rows))
	for i := range rows {
		if k := newToken(&rows[i], now); all || k.State == TokenActive {
			out = append(out, k)
		}
	}
	return out, nil
}

func (t *Tokens) record(ctx context.Context, what, id, name string, data whodid.Data, by By, at time.Time) (string, error) {
	e := whodid.Event{
		Org: t.org, Key: what + "/" + id, What: what, Target: name, At: at, Data: data, Source: by.Source,
		Actor: by.Actor, ActorAuth: by.Auth, OnBehalfOf: by.OnBehalfOf, OnBehalfAuth: by.OnBehalfAuth,
	}
	if _, err := t.recorder.Record(ctx, e); err != nil {
		return "", err
	}
	e.Identify()
	return e.ID, nil
}

func newToken(r *store.Token, now time.Time) Token {
	t := Token{
		ID: r.ID, Name: r.Name, Role: Role(r.Role), Squads: r.Squads, Agent: r.Agent, Person: r.Person, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		ExpiresAt: moment(r.ExpiresAt), LastUsedAt: moment(r.LastUsedAt), RevokedAt: moment(r.RevokedAt), RevokedBy: r.RevokedBy, State: stateOf(r, now),
	}
	if t.Squads == nil {
		t.Squads = []string{}
	}
	return t
}

func stateOf(r *store.Token, now time.Time) TokenState {
	switch {
	case !r.RevokedAt.IsZero():
		return TokenRevoked
	case !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt):
		return TokenExpired
	default:
		return TokenActive
	}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
