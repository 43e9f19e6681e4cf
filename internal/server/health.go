package server

import (
	"context"
	"net/http"
	"time"
)

// healthy says that the process answers, and nothing of what it depends on: who
// would start it again because its database is down would make things worse.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// readyTime is how long the store may take to say that it is there.
const readyTime = 3 * time.Second

// ready says whether requests can be served now, so that who balances a load
// sends them elsewhere meanwhile.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.stopping:
		plain(w, http.StatusServiceUnavailable, "stopping")
		return
	default:
	}
	if s.options.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		if err := s.options.Ready(ctx); err != nil {
			s.options.Log.WarnContext(ctx, "not ready", "error", err.Error())
			plain(w, http.StatusServiceUnavailable, "not ready: see the log of the server")
			return
		}
	}
	plain(w, http.StatusOK, "ready")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
