package page

import (
	"context"
	"errors"
	"net/http"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// deed does what somebody sends a form for, and shows where that led.
func (p *Pages) deed(do func(*request) (to string, err error)) func(http.ResponseWriter, *http.Request, *server.Tenant) {
	return p.reply(func(r *request, w http.ResponseWriter) error {
		to, err := do(r)
		if err == nil {
			http.Redirect(w, r.r, to, http.StatusSeeOther)
		}
		return err
	})
}

// reply does what somebody sends a form for, and answers. That one of our own pages
// made the form the authenticator has made sure of, and this does once more.
func (p *Pages) reply(do func(*request, http.ResponseWriter) error) func(http.ResponseWriter, *http.Request, *server.Tenant) {
	return func(w http.ResponseWriter, r *http.Request, t *server.Tenant) {
		in, cancel := p.sent(w, r, t)
		defer cancel()
		err := in.ours()
		if err == nil {
			err = do(in, w)
		}
		if err != nil {
			p.fail(w, r, err)
		}
	}
}

// told answers a script of ours, which is about to send a form of a person's.
func (p *Pages) told(ask func(*request) (any, error)) func(http.ResponseWriter, *http.Request, *server.Tenant) {
	return func(w http.ResponseWriter, r *http.Request, t *server.Tenant) {
		in, cancel := p.sent(w, r, t)
		defer cancel()
		err := errors.Join(in.ours(), in.mayAct())
		var value any
		if err == nil {
			value, err = ask(in)
		}
		if err != nil {
			server.Note(w, err)
			said := p.problemOf(r, err)
			server.WriteProblem(w, said.status, said.detail)
			return
		}
		p.writeJSON(w, r, value)
	}
}

// byPerson is what a person may do, and nobody else.
func byPerson(do func(*request) (to string, err error)) func(*request) (string, error) {
	return func(r *request) (string, error) {
		if err := r.mayAct(); err != nil {
			return "", err
		}
		return do(r)
	}
}

func (p *Pages) sent(w http.ResponseWriter, r *http.Request, t *server.Tenant) (*request, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), p.options.Timeout)
	id, _ := auth.IdentityFrom(ctx)
	return &request{pages: p, r: r, w: w, ctx: ctx, t: t, id: id, now: p.options.Now()}, cancel
}

// ours refuses what another site sends.
func (r *request) ours() error {
	if fromElsewhere(r.r) != nil {
		return wrong(http.StatusForbidden, "Another site made this request.", "")
	}
	return nil
}

// mayAct refuses who is no person, and what can't be recorded.
func (r *request) mayAct() error {
	switch {
	case !whodid.IsHuman(r.id.Actor):
		return wrong(http.StatusForbidden, "People decide, and what is signed in here is "+person(r.id.Actor)+".", "Sign in as yourself.")
	case r.t.Recorder == nil:
		return wrong(http.StatusForbidden, "The key of this trail is not on this machine.", "")
	default:
		return nil
	}
}

func (r *request) who() approval.Who {
	return approval.Who{Actor: r.id.Actor, Auth: r.id.ActorAuth, Source: "page"}
}
