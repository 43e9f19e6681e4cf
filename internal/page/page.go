package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/proof/sshsig"
)

// Options are what the pages need beside the tenant that each request brings.
type Options struct {
	// Now is the server's clock.
	Now func() time.Time
	// Version is that of the program.
	Version string
	// Local says that the pages are shown by "whodid ui" to the one person who
	// started it.
	Local bool
	// Timeout bounds how long a question may take; 0 is half a minute.
	Timeout time.Duration
	// SignIn is where people sign in with a provider; empty where nobody does.
	SignIn string
	// SignedOut ends the token of somebody who signed in there; nil where nobody
	// does.
	SignedOut func(ctx context.Context, id auth.Identity) error
	// URL is the server's address as browsers reach it, at which people register
	// passkeys and sign with them; empty where nobody does.
	URL string
	// Authenticator says whose a token is that somebody pastes to sign in; nil
	// where none is taken.
	Authenticator auth.Authenticator
	// Why answers a question about a line, too, and Blame whose the lines of a file
	// are, from the repository at hand; nil where there is none.
	Why   func(ctx context.Context, t *server.Tenant, question string) (*ask.Why, error)
	Blame func(ctx context.Context, t *server.Tenant, path string, first, last int) (*ask.Blame, error)
	// Git looks into incidents with the repository at hand; nil is by the trail and
	// its index of commits alone.
	Git func(ctx context.Context, t *server.Tenant) (*ask.Git, error)
	// LinesOf is the only organisation whose lines these are; empty is any.
	LinesOf string
	// Signers says whose signatures of decisions count; nil is nobody's.
	Signers func(ctx context.Context, t *server.Tenant) (*sshsig.AllowedSigners, error)
	// Trust is what a verification rests on besides the trail; nil is nothing.
	Trust func(ctx context.Context, t *server.Tenant) (ask.VerifyOptions, error)
	// Log is the end of a run's output, if it lies on this machine; nil where no
	// output is shown.
	Log func(ctx context.Context, t *server.Tenant, execution string) ([]string, error)
	// Tokens lists the tokens of an organisation; nil where they are not shown.
	Tokens func(ctx context.Context, t *server.Tenant) ([]auth.Token, error)
	// Bundle makes the sealed bundle of an incident, and records who took it; nil
	// where none can be had.
	Bundle func(ctx context.Context, t *server.Tenant, incident string, who *whodid.Event) ([]byte, error)
	// Views keeps the views that people name; nil where none can be saved.
	Views ViewStore
}

// Pages answers requests of browsers. It is safe for concurrent use.
type Pages struct {
	options Options
	assets  *assets
	views   *views
}

// New makes the pages. What is embedded is read when it is first asked for, so
// that a command that shows no page does not pay for it.
func New(o Options) *Pages {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	p := &Pages{options: o, assets: &assets{}}
	p.views = &views{assets: p.assets}
	return p
}

// Routes are the doors of the pages.
func (p *Pages) Routes() []server.Route {
	routes := []server.Route{
		{Pattern: "GET /assets/{name}", Handle: p.asset},
		{Pattern: "GET /{$}", Needs: auth.Read, Handle: func(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
			http.Redirect(w, r, "/executions", http.StatusSeeOther)
		}},
	}
	if !p.options.Local {
		routes = append(routes, p.signInRoutes()...)
	}
	for _, q := range p.questions() {
		routes = append(routes, server.Route{
			Pattern: "GET " + q.path, Needs: q.needs, Handle: func(w http.ResponseWriter, r *http.Request, t *server.Tenant) { p.show(&q, w, r, t) },
		})
	}
	return slices.Concat(routes, p.deeds(), p.viewDeeds(), p.incidentDeeds())
}

// question is one page: a way to an answer, and the template that shows it.
type question struct {
	path  string
	needs auth.Permission
	// template renders it, and nav is the entry of the navigation that it belongs
	// to.
	template, nav string
	// whole says that the answer is about the whole organisation: who may see some
	// squads only is told so.
	whole bool
	// beginning says that it makes sense before anything is recorded.
	beginning bool
	// data says that the answer is for scripts: JSON, and no page.
	data bool
	ask  func(*request) (*answer, error)
}

// request is one request on its way to an answer.
type request struct {
	pages *Pages
	r     *http.Request
	w     http.ResponseWriter // of deeds, for their cookies
	ctx   context.Context     //nolint:containedctx // a request lives as long as its context
	t     *server.Tenant
	id    auth.Identity
	now   time.Time
}

// answer is what is shown.
type answer struct {
	title string
	// value is the answer of the question, as JSON; rows the list in it that is a
	// table. Either may be nil.
	value, rows any
	// page is what the template takes.
	page any
	// redirect is where to go instead.
	redirect string
	// stream are the events that make the answer another, by a filter, and from the
	// index of the first that is not in it; empty for a page that stays as it is.
	stream string
	from   uint64
}

func (r *request) query(name string) string { return r.r.URL.Query().Get(name) }

// lines tells whether there is a repository at hand that who asks may look into.
func (r *request) lines() bool {
	o := &r.pages.options
	return o.Why != nil && o.Blame != nil && len(r.id.Squads) == 0 && (o.LinesOf == "" || o.LinesOf == r.t.Org)
}

// maySee tells whether who asks may see the work of a squad.
func (r *request) maySee(squad string) bool {
	return len(r.id.Squads) == 0 || slices.Contains(r.id.Squads, squad)
}

// show answers a request with a page, or with the same answer as JSON or CSV.
func (p *Pages) show(q *question, w http.ResponseWriter, r *http.Request, t *server.Tenant) {
	ctx, cancel := context.WithTimeout(r.Context(), p.options.Timeout)
	defer cancel()
	id, _ := auth.IdentityFrom(ctx)
	in := &request{pages: p, r: r, ctx: ctx, t: t, id: id, now: p.options.Now()}
	if q.whole && len(id.Squads) > 0 {
		p.problem(w, r, &problem{
			status: http.StatusForbidden, title: "Not yours to see",
			detail: "This page is about the whole organisation, and you may see some squads of it only.", next: "Ask an administrator for a role without squads.",
		})
		return
	}
	a, err := q.ask(in)
	if err != nil && q.data {
		server.Note(w, err)
		said := p.problemOf(r, err)
		server.WriteProblem(w, said.status, said.detail)
		return
	}
	if errors.Is(err, ask.ErrNoLog) && !q.beginning {
		p.render(w, r, in.frame("Nothing recorded yet", q.nav), "empty", nil, http.StatusOK)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	switch format := in.query("format"); {
	case q.data:
		p.writeJSON(w, r, a.value)
	case a.redirect != "":
		http.Redirect(w, r, a.redirect, http.StatusSeeOther)
	case format == "json" && a.value != nil:
		p.writeJSON(w, r, a.value)
	case format == "csv" && a.rows != nil:
		p.writeCSV(w, r, a.title, a.rows)
	case format != "":
		p.problem(w, r, &problem{
			status: http.StatusBadRequest, title: "No such form", detail: "There is no " + quoted(format) + " of this page.", next: "format takes json, and csv where there is a table.",
		})
	default:
		f := in.frame(a.title, q.nav)
		if err := in.waiting(f); err != nil {
			p.fail(w, r, err)
			return
		}
		f.Stream, f.From = a.stream, a.from
		f.JSON, f.CSV = link(r.URL, a.value != nil, "json"), link(r.URL, a.rows != nil, "csv")
		p.render(w, r, f, q.template, a.page, http.StatusOK)
	}
}

// filter reads the filter of a request, and the time beside it.
func (r *request) filter() (whodid.Filter, error) {
	f, err := whodid.ParseFilter(r.query("q"), r.now)
	if err != nil {
		return f, err
	}
	for _, bound := range []struct {
		name string
		to   *time.Time
	}{{"since", &f.Since}, {"until", &f.Until}} {
		text := r.query(bound.name)
		if text == "" || text == allTime {
			continue
		}
		if *bound.to, err = whodid.ParseTime(text, r.now); err != nil {
			return f, wrong(http.StatusBadRequest, bound.name+": "+err.Error(), "Write a time like 7d, 30m, yesterday or 2026-11-01.")
		}
	}
	return f, nil
}

// allTime asks for everything that there is.
const allTime = "all"
