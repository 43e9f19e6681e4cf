package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// signInRoutes are the ways in for who has a token, and out again.
func (p *Pages) signInRoutes() []server.Route {
	if p.options.Authenticator == nil {
		return nil
	}
	return []server.Route{
		{Pattern: "POST /signin", MaxBody: 4 << 10, Handle: p.signIn},
		{Pattern: "POST /signout", MaxBody: 4 << 10, Handle: p.signOut},
	}
}

// fromElsewhere refuses what another site makes a browser send.
func fromElsewhere(r *http.Request) error { return http.NewCrossOriginProtection().Check(r) }

// signIn keeps a token that somebody pastes as their session, if it is good.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
	if fromElsewhere(r) != nil {
		p.fail(w, r, wrong(http.StatusForbidden, "Another site made this request.", ""))
		return
	}
	token := strings.TrimSpace(r.PostFormValue("token"))
	shown := r.Clone(r.Context())
	shown.Header = http.Header{"Authorization": {"Bearer " + token}}
	id, err := p.options.Authenticator.Authenticate(shown)
	if err == nil && !id.Role.May(auth.Read) {
		err = wrong(http.StatusForbidden, "This token may record, and not read.", "Make one for reading: whodid token create --role reader")
	}
	if err != nil {
		said := p.problemOf(r, err)
		if server.StatusOf(err) == http.StatusUnauthorized {
			said = &problem{
				status: http.StatusUnauthorized, title: "Sign in", detail: "This token is not known here, or does not hold any more.",
				signIn: p.options.SignIn, byToken: true, back: local(r.PostFormValue("back")),
			}
		}
		p.problem(w, r, said)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: auth.SessionCookie, Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, local(r.PostFormValue("back")), http.StatusSeeOther) //nolint:gosec // local leads nowhere else
}

// signOut forgets the session. Who signed in with the provider has a token of
// their own, which ends there.
func (p *Pages) signOut(w http.ResponseWriter, r *http.Request, t *server.Tenant) {
	if fromElsewhere(r) != nil {
		p.fail(w, r, wrong(http.StatusForbidden, "Another site made this request.", ""))
		return
	}
	if p.options.SignedOut != nil {
		if id, err := p.options.Authenticator.Authenticate(r); err == nil && id.ActorAuth == auth.MethodOIDC {
			if err := p.options.SignedOut(r.Context(), id); err != nil {
				p.fail(w, r, err)
				return
			}
		}
	}
	http.SetCookie(w, &http.Cookie{Name: auth.SessionCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/executions", http.StatusSeeOther)
}

// local is an address of this site, or the first page: nobody is sent elsewhere.
func local(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(address, "//") || strings.Contains(address, `\`) {
		return "/executions"
	}
	return u.RequestURI()
}
