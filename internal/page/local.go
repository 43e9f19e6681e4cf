package page

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// Local lets in the one browser that came with the address that "whodid ui"
// printed. The address works once: what it is exchanged for is a cookie that
// neither scripts nor other sites can use. It is safe for concurrent use.
type Local struct {
	id      auth.Identity
	cookie  string
	origins *http.CrossOriginProtection

	mu      sync.Mutex
	token   string // empty once it was used
	session string
}

// NewLocal makes the door of a page that is shown on a port of this machine to
// somebody. Cookies know no ports, so the port is in the name.
func NewLocal(id auth.Identity, port int) *Local {
	return &Local{
		id: id, cookie: "whodid-ui-" + strconv.Itoa(port), origins: http.NewCrossOriginProtection(), token: rand.Text(), session: rand.Text() + rand.Text(),
	}
}

// Path is the address that lets in, once.
func (l *Local) Path() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "/enter?token=" + l.token
}

// Authenticate lets in who has the cookie.
func (l *Local) Authenticate(r *http.Request) (auth.Identity, error) {
	c, err := r.Cookie(l.cookie)
	if err != nil || subtle.ConstantTimeCompare([]byte(c.Value), []byte(l.session)) != 1 {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	if err := l.origins.Check(r); err != nil {
		return auth.Identity{}, fmt.Errorf("%w: another site made this request", auth.ErrForbidden)
	}
	return l.id, nil
}

// Routes are the way in.
func (l *Local) Routes(p *Pages) []server.Route {
	return []server.Route{{Pattern: "GET /enter", Handle: func(w http.ResponseWriter, r *http.Request, _ *server.Tenant) { l.enter(p, w, r) }}}
}

func (l *Local) enter(p *Pages, w http.ResponseWriter, r *http.Request) {
	if !l.use(r.URL.Query().Get("token")) {
		if !p.Refuse(w, r, http.StatusUnauthorized, "") {
			server.WriteError(w, auth.ErrUnauthenticated)
		}
		return
	}
	http.SetCookie(w, &http.Cookie{Name: l.cookie, Value: l.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // it never leaves this machine, where there is no TLS
	// A page that goes on by itself, and no redirect: what another program's link
	// began does not carry a strict cookie, what this page begins does.
	p.render(w, r, &frame{Title: "whodid", Version: p.options.Version, Local: true, Now: p.options.Now()}, "enter", nil, http.StatusOK)
}

// use uses the token up.
func (l *Local) use(token string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(l.token)) != 1 {
		return false
	}
	l.token = ""
	return true
}
