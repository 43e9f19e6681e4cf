// Package signin is the door through which people sign in with a browser and
// sign out again. Who signed in has a token like any other, held by a cookie,
// which is listed, expires and can be revoked.
package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/auth/oidc"
	"github.com/whodid/whodid/internal/server"
)

// Options are what the door needs.
type Options struct {
	// Provider vouches for people; nil where nobody signs in.
	Provider *oidc.Provider
	// SignIn makes the token of a person, and returns it and until when it
	// holds. That it was made is recorded.
	SignIn func(ctx context.Context, p oidc.Person) (token string, until time.Time, err error)
	// SignOut revokes it.
	SignOut func(ctx context.Context, id auth.Identity) error
	// Authenticator says who somebody is.
	Authenticator auth.Authenticator
	// Home is where people go who signed in; empty tells them who they are.
	Home string
}

// Routes are the ways in and out, and the question who one is.
func Routes(o Options) []server.Route {
	routes := []server.Route{{Pattern: "GET /auth/whoami", Handle: o.whoAmI}}
	if o.Provider == nil {
		return routes
	}
	return append(
		routes,
		server.Route{Pattern: "GET /auth/login", Handle: o.begin},
		server.Route{Pattern: "GET /auth/callback", Handle: o.finish},
		server.Route{Pattern: "POST /auth/logout", Handle: o.end},
	)
}

// attemptCookie holds an attempt until the provider answers. It needs no
// signature: only this host can set it, and it says nothing but what the same
// browser must bring back.
const (
	attemptCookie = "__Host-whodid-attempt"
	attemptTime   = 10 * time.Minute
)

func (o *Options) begin(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
	a := oidc.Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	text, err := json.Marshal(a)
	if err != nil {
		server.WriteError(w, err)
		return
	}
	to, err := o.Provider.Begin(r.Context(), a)
	if err != nil {
		server.WriteError(w, err)
		return
	}
	set(w, attemptCookie, base64.RawURLEncoding.EncodeToString(text), attemptTime)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (o *Options) finish(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
	a, err := attempt(r)
	set(w, attemptCookie, "", -time.Second) // it is good for one answer
	if err != nil {
		server.WriteError(w, err)
		return
	}
	if r.FormValue("error") != "" {
		server.WriteError(w, fmt.Errorf("%w: the provider did not let you sign in", auth.ErrForbidden))
		return
	}
	person, err := o.Provider.Finish(r.Context(), a, r.FormValue("code"))
	if err != nil {
		server.WriteError(w, err)
		return
	}
	token, until, err := o.SignIn(r.Context(), person)
	if err != nil {
		server.WriteError(w, err)
		return
	}
	http.SetCookie(w, sessionCookie(token, until))
	http.Redirect(w, r, cmp.Or(o.Home, "/auth/whoami"), http.StatusSeeOther)
}

// attempt is the one that the answer is of.
func attempt(r *http.Request) (oidc.Attempt, error) {
	var a oidc.Attempt
	wrong := fmt.Errorf("%w: this is not the answer to an attempt of this browser; begin again at /auth/login", auth.ErrUnauthenticated)
	c, err := r.Cookie(attemptCookie)
	if err != nil {
		return a, wrong
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(text, &a) != nil || a.State == "" || a.Nonce == "" || a.Verifier == "" {
		return a, wrong
	}
	if subtle.ConstantTimeCompare([]byte(a.State), []byte(r.FormValue("state"))) != 1 {
		return a, wrong
	}
	return a, nil
}

func (o *Options) end(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
	id, err := o.Authenticator.Authenticate(r)
	if err == nil && !strings.HasPrefix(id.Actor, "human:") {
		err = fmt.Errorf("%w: a program does not sign out: its token is revoked", auth.ErrForbidden)
	}
	if err == nil {
		err = o.SignOut(r.Context(), id)
	}
	if err != nil {
		server.WriteError(w, err)
		return
	}
	set(w, auth.SessionCookie, "", -time.Second)
	w.WriteHeader(http.StatusNoContent)
}

// me is the answer to who one is.
type me struct {
	Org        string    `json:"org"`
	Actor      string    `json:"actor"`
	ActorAuth  string    `json:"actor_auth"`
	Role       auth.Role `json:"role"`
	Squads     []string  `json:"squads"`
	Credential string    `json:"credential"`
}

func (o *Options) whoAmI(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
	id, err := o.Authenticator.Authenticate(r)
	if err != nil {
		server.WriteError(w, err)
		return
	}
	squads := id.Squads
	if squads == nil {
		squads = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(me{
		Org: id.Org, Actor: id.Actor, ActorAuth: id.ActorAuth, Role: id.Role, Squads: squads, Credential: id.Credential,
	})
}

func set(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// sessionCookie holds a token for as long as it is worth something. Lax: the
// provider's answer comes from another site, and must find it the next time.
func sessionCookie(token string, until time.Time) *http.Cookie {
	return &http.Cookie{
		Name: auth.SessionCookie, Value: token, Path: "/", Expires: until, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
