package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/record"
)

// Problem is an error as the server tells it: RFC 9457, application/problem+json.
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// WriteProblem answers with an error. detail is shown to who asked: it must not
// quote secrets or values of others.
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{Title: http.StatusText(status), Status: status, Detail: detail})
}

// WriteError answers with the status that belongs to the error. What is wrong
// inside the server is told to its log, not to who asked.
func WriteError(w http.ResponseWriter, err error) {
	status := StatusOf(err)
	Note(w, err)
	switch status {
	case http.StatusInternalServerError, http.StatusServiceUnavailable:
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		WriteProblem(w, status, "the request could not be completed; nothing of it was acknowledged")
	case http.StatusTooManyRequests:
		if hurried, ok := errors.AsType[*hurriedError](err); ok {
			w.Header().Set("Retry-After", hurried.seconds())
		}
		WriteProblem(w, status, err.Error())
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="whodid"`)
		WriteProblem(w, status, err.Error())
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		// What is left of the body is not worth the reading.
		w.Header().Set("Connection", "close")
		WriteProblem(w, status, err.Error())
	default:
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		WriteProblem(w, status, err.Error())
	}
}

// Note tells the server's log what an error answer was made of, for a door that
// has another form for its errors than [WriteError].
func Note(w http.ResponseWriter, err error) {
	if r, ok := w.(*response); ok {
		r.err = err
	}
}

// StatusOf is the HTTP status that tells an error. One that is nobody's fault
// whom we know is taken for the store's: whoever sent something may send it
// again.
func StatusOf(err error) int {
	var tooLarge *http.MaxBytesError
	var hurried *hurriedError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &hurried):
		return http.StatusTooManyRequests
	case errors.Is(err, auth.ErrUnauthenticated):
		return http.StatusUnauthorized
	case errors.Is(err, auth.ErrTooMany):
		return http.StatusTooManyRequests
	case errors.Is(err, auth.ErrForbidden):
		return http.StatusForbidden
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrEncoding):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, ErrMalformed):
		return http.StatusBadRequest
	case errors.Is(err, ErrSlow):
		return http.StatusRequestTimeout
	case errors.Is(err, whodid.ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err, record.ErrRefused):
		return http.StatusInternalServerError // who sends it again would do so for ever
	default: // record.ErrBusy among others: in a moment it may be well
		return http.StatusServiceUnavailable
	}
}
