package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/proof/sshsig"
)

// Options are what the API needs.
type Options struct {
	// Now is the server's clock.
	Now func() time.Time
	// Timeout bounds how long a question may take; 0 is half a minute.
	Timeout time.Duration
	// Poll is how often the log is looked at for those who follow it; 0 is
	// half a second.
	Poll time.Duration
	// Signers says whose signatures of decisions count; nil is nobody's.
	Signers func(ctx context.Context, t *server.Tenant) (*sshsig.AllowedSigners, error)
	// Export writes all of a period that a query names; nil if the server has no
	// place for it.
	Export Exporter
	// Heartbeat is how often those who follow hear that nothing happened; 0 is
	// 15 seconds.
	Heartbeat time.Duration
}

// Exporter writes all of a period of an organisation for who asks, and returns it
// as a tar archive with its name. An error that wraps ErrBadQuery is the fault of
// who asks, and one that wraps ErrBusy goes away.
type Exporter func(ctx context.Context, org string, who auth.Identity, query url.Values) (archive io.ReadCloser, name string, err error)

// The errors of an [Exporter].
var (
	ErrBadQuery = errors.New("the query can't be understood")
	ErrBusy     = errors.New("the server is at work on another one; ask again later")
)

// API answers requests. It is safe for concurrent use.
type API struct {
	options Options
	hubs    hubs
}

// New makes the API.
func New(o Options) *API {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 500 * time.Millisecond
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
	return &API{options: o, hubs: hubs{open: map[string]*hub{}}}
}

// Routes are the doors of the API.
func (a *API) Routes() []server.Route {
	operations := Operations()
	routes := make([]server.Route, len(operations))
	for i := range operations {
		op := &operations[i]
		routes[i] = server.Route{
			Pattern: op.Method + " " + op.pattern(), Needs: op.Needs, MaxBody: op.MaxBody, Stream: op.Endless,
			Handle: func(w http.ResponseWriter, r *http.Request, t *server.Tenant) { a.serve(op, w, r, t) },
		}
	}
	return routes
}

// call is one request on its way through an operation.
type call struct {
	api    *API
	op     *Operation
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context //nolint:containedctx // a call lives as long as its context
	tenant *server.Tenant
	id     auth.Identity
}

func (a *API) serve(op *Operation, w http.ResponseWriter, r *http.Request, t *server.Tenant) {
	ctx := r.Context()
	if !op.Endless {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.options.Timeout)
		defer cancel()
	}
	id, _ := auth.IdentityFrom(ctx)
	c := &call{api: a, op: op, w: w, r: r, ctx: ctx, tenant: t, id: id}
	if err := c.checkQuery(); err != nil {
		c.fail(err)
		return
	}
	if err := op.handle(c); err != nil {
		c.fail(err)
	}
}
