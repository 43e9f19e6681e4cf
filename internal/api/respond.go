package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/server"
)

// Problem is an error as the API tells it: RFC 9457, with what is wrong with
// each item of a list.
type Problem struct {
	server.Problem
	Errors []ItemProblem `json:"errors,omitempty"`
}

// ItemProblem says what is wrong with one item of a list.
type ItemProblem struct {
	// Index is the item's place in the list, from 0.
	Index  int    `json:"index"`
	Detail string `json:"detail"`
}

// problem is an error that knows its status and what it says.
type problem struct {
	status int
	detail string
	items  []ItemProblem
}

func (p *problem) Error() string { return p.detail }

func wrong(status int, format string, args ...any) error {
	return &problem{status: status, detail: fmt.Sprintf(format, args...)}
}

// fail answers with an error.
func (c *call) fail(err error) {
	var p *problem
	var many *ask.AmbiguousError
	switch {
	case errors.As(err, &p):
	case errors.Is(err, whodid.ErrFilter):
		p = &problem{status: http.StatusBadRequest, detail: err.Error()}
	case errors.As(err, &many):
		p = &problem{status: http.StatusConflict, detail: err.Error()}
	case errors.Is(err, ask.ErrNotFound), errors.Is(err, ask.ErrNoLog), errors.Is(err, ask.ErrNoSubject):
		p = &problem{status: http.StatusNotFound, detail: err.Error()}
	case errors.Is(err, context.DeadlineExceeded) && c.r.Context().Err() == nil:
		c.w.Header().Set("Retry-After", "5")
		p = &problem{status: http.StatusServiceUnavailable, detail: "it took longer than the server allows: ask for less, or again later. Nothing of it was acknowledged"}
	default:
		server.WriteError(c.w, err)
		return
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(p.status)
	_ = json.NewEncoder(c.w).Encode(Problem{ // who asked is gone if it can't be written
		Problem: server.Problem{Title: http.StatusText(p.status), Status: p.status, Detail: p.detail}, Errors: p.items,
	})
}

// answer answers with a value as JSON.
func (c *call) answer(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("couldn't write the answer: %w", err)
	}
	return c.send("application/json", "no-store", b.Bytes())
}

// send answers with bytes.
func (c *call) send(media, cache string, b []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", cache)
	h.Set("X-Content-Type-Options", "nosniff")
	c.w.WriteHeader(c.op.Success())
	_, _ = c.w.Write(b) // who asked is gone if it can't be written
	return nil
}

// maxDepth is how deep the JSON of a body is nested at most. The deepest that
// means anything is a list in the metadata of an event of a list.
const maxDepth = 8

// body reads the whole body, which must say that it is JSON: what a web page
// can send without asking is not taken.
func (c *call) body() ([]byte, error) {
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, wrong(http.StatusUnsupportedMediaType, "the body must be JSON: send it with Content-Type: application/json")
	}
	b, err := server.ReadBody(c.r, 0)
	if err != nil {
		return nil, err
	}
	return b, server.CheckDepth(b, maxDepth)
}

// decode reads JSON into a value. A member that it does not have is an error: a
// misspelt one would else be lost without a word.
func decode(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return wrong(http.StatusBadRequest, "the JSON can't be read: %s", jsonError(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return wrong(http.StatusBadRequest, "something follows the JSON document")
	}
	return nil
}

// jsonError is what is wrong with JSON, without quoting what it holds.
func jsonError(err error) string {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return fmt.Sprintf("%s can't be a %s", kind.Field, kind.Value)
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is not JSON at byte %d", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	default:
		return err.Error()
	}
}

// in reads the body into a value.
func (c *call) in(v any) error {
	b, err := c.body()
	if err != nil {
		return err
	}
	return decode(b, v)
}

// checkQuery refuses parameters that the operation does not have: a misspelt
// filter would else select everything.
func (c *call) checkQuery() error {
	var known []string
	for _, p := range c.op.Params {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	for name, values := range c.r.URL.Query() {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			return wrong(http.StatusBadRequest, "there is no parameter %q: this operation takes none", name)
		default:
			return wrong(http.StatusBadRequest, "there is no parameter %q: there are %s", name, strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return wrong(http.StatusBadRequest, "the parameter %s is there %d times", name, len(values))
		}
	}
	return nil
}
