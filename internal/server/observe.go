package server

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// observe tells the log of each request, without anything of a person and
// without content: which door, how it ended, how long it took and how much it
// was. A panic of the door ends its request alone.
func (s *Server) observe(pattern string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.options.Now()
		if m := s.options.Metrics; m != nil {
			m.inWork.Inc()
			defer m.inWork.Dec()
		}
		ctx, span := s.options.Tracer.Serve(r.Context(), pattern, r.Header.Get("Traceparent"))
		r = r.WithContext(ctx)
		a := watch(w, s.options.Now)
		body := &counted{ReadCloser: r.Body}
		if r.ContentLength != 0 {
			r.Body, a.body = body, body
		}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares so
					panic(p)
				}
				// What a panic says may quote what came in; where it was does not.
				s.options.Log.ErrorContext(ctx, "a door panicked", "route", pattern, "stack", string(debug.Stack()))
				if a.status == 0 {
					WriteProblem(a, http.StatusInternalServerError, "the server made a mistake; nothing of the request was acknowledged")
				}
			}
			a.hurry()
			a.extend() // for what is still in the buffer
			s.tell(ctx, pattern, a, body.n, s.options.Now().Sub(began))
			span.Set("http.request.method", method(r.Method))
			span.Set("http.route", pattern)
			span.SetInt("http.response.status_code", int64(a.status))
			span.End(a.status >= http.StatusInternalServerError)
		}()
		next.ServeHTTP(a, r)
	})
}

func (s *Server) tell(ctx context.Context, pattern string, a *response, in int64, took time.Duration) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if m := s.options.Metrics; m != nil {
		m.answered(pattern, a.status, took)
	}
	level := slog.LevelDebug
	if a.status >= http.StatusInternalServerError && ctx.Err() == nil { // who went away ended it themselves
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("route", pattern), slog.Int("status", a.status), slog.Duration("took", took),
		slog.Int64("bytes_in", in), slog.Int64("bytes_out", a.written),
	}
	if a.caller.Org != "" {
		attrs = append(attrs, slog.String("org", a.caller.Org), slog.String("credential", a.caller.Credential))
	}
	if a.err != nil && a.status >= http.StatusInternalServerError {
		attrs = append(attrs, slog.String("error", a.err.Error()))
	}
	s.options.Log.LogAttrs(ctx, level, "request", attrs...)
}

// method is the method of a request, or "_OTHER" for one that somebody made up.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	default:
		return "_OTHER"
	}
}
