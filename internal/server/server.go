package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/whodid/whodid/internal/auth"
)

// Options are what a server needs.
type Options struct {
	Tenants       Tenants
	Authenticator auth.Authenticator
	Log           *slog.Logger
	// Grace is how long requests in flight may take once the server was asked
	// to stop; 0 is half a minute.
	Grace time.Duration
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	options Options
	mux     *http.ServeMux
}

// New makes a server with the doors. It panics if two doors have patterns that
// contradict each other, as http.ServeMux does: that is a mistake of the program.
func New(o Options, routes ...Route) *Server {
	s := &Server{options: o, mux: http.NewServeMux()}
	for _, r := range routes {
		s.mux.Handle(r.Pattern, s.admit(r))
	}
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// admit lets in who may pass the door.
func (s *Server) admit(route Route) http.Handler {
	limit := route.MaxBody
	if limit == 0 {
		limit = DefaultMaxBody
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if route.Needs == "" {
			route.Handle(w, r, nil)
			return
		}
		id, err := s.options.Authenticator.Authenticate(r)
		if err == nil && !id.Role.May(route.Needs) {
			err = fmt.Errorf("%w: the role %s can't %s", auth.ErrForbidden, id.Role, route.Needs)
		}
		var t *Tenant
		if err == nil {
			t, err = s.options.Tenants.Tenant(r.Context(), id.Org)
		}
		if err != nil {
			if StatusOf(err) == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="whodid"`)
			}
			WriteError(w, err)
			return
		}
		route.Handle(w, r.WithContext(auth.WithIdentity(r.Context(), id)), t)
	})
}

// Serve answers requests on the listener until the context ends, then lets
// those in flight end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace := s.options.Grace
		if grace == 0 {
			grace = 30 * time.Second
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		stopped <- h.Shutdown(ctx)
	}()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("couldn't serve: %w", err)
	}
	return <-stopped
}
