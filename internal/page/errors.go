package page

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// problem is an error as a page tells it: what was wrong, with what, and what to
// do next.
type problem struct {
	status              int
	title, detail, next string
	// signIn is where to sign in, and byToken whether a token is taken there.
	signIn  string
	byToken bool
	// back is where to go on from when that is done.
	back string
}

func (p *problem) Error() string { return p.detail }

func wrong(status int, detail, next string) error {
	return &problem{status: status, title: http.StatusText(status), detail: detail, next: next}
}

// fail answers with an error as a page.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	server.Note(w, err)
	p.problem(w, r, p.problemOf(r, err))
}

func (p *Pages) problemOf(r *http.Request, err error) *problem {
	var known *problem
	var many *ask.AmbiguousError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, whodid.ErrFilter):
		return &problem{
			status: http.StatusBadRequest, title: "The filter can't be read", detail: strings.TrimPrefix(err.Error(), whodid.ErrFilter.Error()+": "),
			next: `Write it like agent:engineering/* status:failed "free text"; press ? for all of it.`,
		}
	case errors.As(err, &many):
		return &problem{status: http.StatusConflict, title: "Several begin like that", detail: err.Error(), next: "Write more of the id."}
	case errors.Is(err, ask.ErrNoSubject):
		return &problem{
			status: http.StatusNotFound, title: "Nothing known of it", detail: "This is no line, commit, pull request, run or event that is known here.",
			next: "Ask for FILE:LINE, a commit, #44, owner/name#44, the URL of a pull request, or the id of a run or of an event in one.",
		}
	case errors.Is(err, ask.ErrNotFound), errors.Is(err, ask.ErrNoLog), errors.Is(err, ask.ErrNothingToProve):
		return &problem{status: http.StatusNotFound, title: "Not found", detail: err.Error(), next: "It may be mistyped, of another organisation, or not recorded yet."}
	case errors.Is(err, approval.ErrNotAllowed), errors.Is(err, approval.ErrSignature), errors.Is(err, auth.ErrForbidden):
		return &problem{status: http.StatusForbidden, title: "Not allowed", detail: err.Error()}
	case errors.Is(err, approval.ErrPasskey):
		return &problem{status: http.StatusUnprocessableEntity, title: "No such passkey", detail: err.Error(), next: "Go back, and try again; nothing was changed."}
	case errors.Is(err, approval.ErrDecided), errors.Is(err, approval.ErrExpired):
		return &problem{status: http.StatusConflict, title: "Too late", detail: err.Error(), next: "Look at the approval again: it shows what stands."}
	case errors.Is(err, ask.ErrProofTooLarge):
		return &problem{status: http.StatusRequestEntityTooLarge, title: "Too much for one proof", detail: err.Error(), next: "Prove single events instead, or a period: whodid prove --help"}
	case errors.Is(err, whodid.ErrInvalid):
		return &problem{status: http.StatusUnprocessableEntity, title: "Not valid", detail: err.Error()}
	case errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil:
		return &problem{status: http.StatusServiceUnavailable, title: "It took too long", detail: "The question takes longer than the server allows.", next: "Ask for a shorter time, or for less."}
	default:
		status := server.StatusOf(err)
		return &problem{status: status, title: http.StatusText(status), detail: "The page could not be made. The server's log says why.", next: "Try again in a moment; whodid doctor looks for what is wrong."}
	}
}

// Refuse tells somebody with a browser why the server does not let them in, or
// that there is nothing here; it returns false for programs, see
// [server.Options].
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, status int, detail string) bool {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") || strings.HasPrefix(r.URL.Path, "/v1/") {
		return false
	}
	said := &problem{status: status, title: http.StatusText(status), detail: detail}
	switch status {
	case http.StatusUnauthorized:
		if p.options.Local {
			said.title, said.detail = "Open it again", "This page is for whoever started whodid ui, and its link works once."
			said.next = "Stop whodid ui with Ctrl-C, and start it again: whodid ui"
			break
		}
		said.title, said.detail = "Sign in", "The trail of an organisation is shown to those who belong to it."
		said.signIn, said.byToken, said.back = p.options.SignIn, p.options.Authenticator != nil, back(r)
	case http.StatusForbidden:
		said.title, said.next = "Not allowed", "Your role does not reach that far: an administrator gives roles with whodid token create, or with the groups of your sign-in."
	case http.StatusNotFound:
		said.title, said.detail, said.next = "No such page", "There is nothing at this address.", "Press g and then e for the executions, or ? for all keys."
	}
	p.problem(w, r, said)
	return true
}

// back is where to go on after signing in.
func back(r *http.Request) string {
	if r.Method != http.MethodGet {
		return "/executions"
	}
	return r.URL.RequestURI()
}

func (p *Pages) problem(w http.ResponseWriter, r *http.Request, said *problem) {
	f := &frame{Title: said.title, Version: p.options.Version, Local: p.options.Local, Now: p.options.Now()}
	if id, ok := auth.IdentityFrom(r.Context()); ok {
		f = (&request{pages: p, r: r, id: id, now: p.options.Now()}).frame(said.title, "")
	}
	p.render(w, r, f, "problem", map[string]any{
		"Status": said.status, "Title": said.title, "Detail": said.detail, "Next": said.next,
		"SignIn": said.signIn, "ByToken": said.byToken, "Back": said.back,
	}, said.status)
}
