package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/trace"
)

// Options are what a server needs.
type Options struct {
	Tenants       Tenants
	Authenticator auth.Authenticator
	Log           *slog.Logger
	// Now is the real clock, which deadlines are made of.
	Now func() time.Time
	// Ready tells whether requests can be served right now, and why not; it is
	// asked by /readyz.
	Ready func(ctx context.Context) error
	// Grace is how long requests in flight may take once the server was asked
	// to stop; 0 is half a minute.
	Grace time.Duration
	// Concurrent is how many requests may be in work at once, and Streams how
	// many answers may go on at once beside them; 0 is 512 of each. Who comes
	// on top is told to come again.
	Concurrent, Streams int
	// Rate is how many requests in a second one credential may send, and Burst
	// how many of them at once; a rate of 0 is no bound.
	Rate  float64
	Burst int
	// Memory bounds the bodies that are held at once, in bytes; 0 is 256 MiB.
	Memory int64
	// TLS is how the server speaks TLS; without it, it speaks plain HTTP.
	TLS *tls.Config
	// Metrics, if any, count what happens, and are shown at /metrics to who has
	// the MetricsToken, or to everybody if there is none.
	Metrics      *Metrics
	MetricsToken string
	// RecordViews makes the server record who asks, exports and changes.
	RecordViews bool
	// Tracer, if any, is told of each request.
	Tracer *trace.Tracer
	// Refuse, if any, tells who looks with a browser why they are not let in, or
	// that there is nothing here; it returns false for others, who are told as
	// [WriteError] does.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, detail string) bool
	// Hosts are the names under which the server answers, with their ports, as
	// Host has them; none is any. One that serves a single machine names them, or
	// any page of the web could give it a name of its own and read the answers.
	Hosts []string
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	options  Options
	mux      *http.ServeMux
	requests chan struct{} // one place for each request in work
	streams  chan struct{}
	memory   *semaphore.Weighted
	rates    *rates
	views    views
	// stopping is closed when the server is asked to stop, which ends streams.
	stopping chan struct{}
}

// New makes a server with the doors. It panics if two doors have patterns that
// contradict each other, as http.ServeMux does: that is a mistake of the program.
func New(o Options, routes ...Route) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	const places = 512
	if o.Concurrent == 0 {
		o.Concurrent = places
	}
	if o.Streams == 0 {
		o.Streams = places
	}
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	s := &Server{
		options: o, mux: http.NewServeMux(), stopping: make(chan struct{}),
		memory: semaphore.NewWeighted(o.Memory), rates: newRates(o.Rate, o.Burst),
		requests: make(chan struct{}, o.Concurrent), streams: make(chan struct{}, o.Streams),
	}
	for _, r := range routes {
		s.mux.Handle(r.Pattern, s.observe(r.Pattern, s.admit(r)))
	}
	s.mux.Handle("GET /healthz", http.HandlerFunc(s.healthy))
	s.mux.Handle("GET /readyz", http.HandlerFunc(s.ready))
	if o.Metrics != nil {
		s.mux.Handle("GET /metrics", o.Metrics.handler(o.MetricsToken))
	}
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(s.options.Hosts) > 0 && !slices.Contains(s.options.Hosts, r.Host) {
		WriteProblem(w, http.StatusMisdirectedRequest, "this server does not answer under that name")
		return
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.observe("none", http.HandlerFunc(s.noDoor)).ServeHTTP(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// noDoor answers where there is no door, or none for the method, in the form
// that errors have here.
func (s *Server) noDoor(w http.ResponseWriter, r *http.Request) {
	plain, _ := s.mux.Handler(r)
	found := &headerOnly{header: http.Header{}}
	plain.ServeHTTP(found, r)
	if found.status != http.StatusMethodNotAllowed {
		if s.refused(w, r, http.StatusNotFound, "there is nothing at this path") {
			return
		}
		WriteProblem(w, http.StatusNotFound, "there is nothing at this path")
		return
	}
	w.Header().Set("Allow", found.header.Get("Allow"))
	WriteProblem(w, http.StatusMethodNotAllowed, "this path takes "+found.header.Get("Allow"))
}

// refused tells somebody with a browser, if that is who asks.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, status int, detail string) bool {
	return s.options.Refuse != nil && s.options.Refuse(w, r, status, detail)
}

// keepOut answers somebody who was not let in.
func (s *Server) keepOut(w http.ResponseWriter, r *http.Request, err error) {
	if status := StatusOf(err); status == http.StatusUnauthorized || status == http.StatusForbidden {
		Note(w, err)
		if s.refused(w, r, status, err.Error()) {
			return
		}
	}
	WriteError(w, err)
}

// headerOnly takes an answer and keeps the head of it.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
func (h *headerOnly) Write(p []byte) (int, error) { return len(p), nil }

// admit lets in who may pass the door.
func (s *Server) admit(route Route) http.Handler {
	limit := route.MaxBody
	if limit == 0 {
		limit = DefaultMaxBody
	}
	places := s.requests
	if route.Stream {
		places = s.streams
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			WriteError(w, errBusy)
			return
		}
		// What says that it is too large need not be read to be refused.
		if r.ContentLength > limit {
			WriteError(w, &http.MaxBytesError{Limit: limit})
			return
		}
		if route.Stream {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			go func() {
				select {
				case <-s.stopping:
					cancel()
				case <-ctx.Done():
				}
			}()
			r = r.WithContext(ctx)
		}
		held := &budget{all: s.memory}
		defer held.release()
		r = r.WithContext(withBudget(r.Context(), held))
		r.Body = s.bounded(w, r, limit)
		if route.Needs == "" {
			route.Handle(w, r, nil)
			return
		}
		id, t, err := s.who(r, route.Needs)
		if err != nil {
			s.keepOut(w, r, err)
			return
		}
		if w, ok := w.(*response); ok {
			w.caller = id
		}
		if err := s.recordView(r, &route, id, t); err != nil {
			WriteError(w, err)
			return
		}
		route.Handle(w, r.WithContext(auth.WithIdentity(r.Context(), id)), t) //nolint:contextcheck // it is the request's own
	})
}

// who finds out who calls, whether they may, and for which organisation.
func (s *Server) who(r *http.Request, needs auth.Permission) (auth.Identity, *Tenant, error) {
	id, err := s.options.Authenticator.Authenticate(r)
	if err != nil {
		return id, nil, err
	}
	if !id.Role.May(needs) {
		return id, nil, fmt.Errorf("%w: the role %s can't %s", auth.ErrForbidden, id.Role, needs)
	}
	if err := s.rates.take(id.Org+"/"+id.Credential, s.options.Now()); err != nil {
		return id, nil, err
	}
	t, err := s.options.Tenants.Tenant(r.Context(), id.Org)
	return id, t, err
}

// Serve answers requests on the listener until the context ends, then lets
// those in flight end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         s.options.TLS,
		ErrorLog:          slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		close(s.stopping)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Grace)
		defer cancel()
		stopped <- h.Shutdown(ctx)
	}()
	serve := h.Serve
	if s.options.TLS != nil {
		serve = func(l net.Listener) error { return h.ServeTLS(l, "", "") } // HTTP/2 comes with it
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("couldn't serve: %w", err)
	}
	if err := <-stopped; err != nil {
		// What did not end in time is cut off: it was not acknowledged.
		return errors.Join(fmt.Errorf("couldn't let all requests end: %w", err), h.Close())
	}
	return nil
}
