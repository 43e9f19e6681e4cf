package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
)

// maxViews bounds how many views of a minute are remembered.
const maxViews = 50_000

// views remembers which views of this minute are recorded. It is safe for
// concurrent use.
type views struct {
	mu     sync.Mutex
	minute int64
	known  map[string]bool
}

// has tells whether the view is recorded already.
func (v *views) has(key string, minute int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.minute == minute && v.known[key]
}

func (v *views) add(key string, minute int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.minute != minute || len(v.known) >= maxViews {
		v.minute, v.known = minute, map[string]bool{}
	}
	v.known[key] = true
}

// recordView records that somebody is about to ask, export or change something:
// who, in which role and at which door, with a digest of the filter. The same
// view within a minute is one event, on however many servers. What records
// tells of itself.
func (s *Server) recordView(r *http.Request, route *Route, id auth.Identity, t *Tenant) error {
	if !s.options.RecordViews || route.Needs == auth.Record {
		return nil
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	what := "view.read"
	switch {
	case route.Needs == auth.Administer && !safe:
		what = "settings.change"
	case route.Needs == auth.Audit:
		what = "view.export"
	}
	now := s.options.Now()
	minute := now.Unix() / 60
	// The path holds ids, so it is in the digest with the filter.
	asked := sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery))
	digest := hex.EncodeToString(asked[:16])
	key := fmt.Sprintf("%s/%s/%s/%d", what, id.Credential, digest, minute)
	if what == "settings.change" {
		key += "/" + whodid.NewID(whodid.PrefixEvent) // each is one of its own
	} else if s.views.has(id.Org+"/"+key, minute) {
		return nil
	}
	e := whodid.Event{
		Key: key, What: what, Actor: id.Actor, ActorAuth: id.ActorAuth, At: now.UTC().Truncate(time.Microsecond), Source: "server",
		Data: whodid.Data{"role": string(id.Role), "credential": id.Credential, "route": route.Pattern, "filter": digest},
	}
	if _, err := t.Recorder.Record(r.Context(), e); err != nil {
		return fmt.Errorf("couldn't record who asked: %w", err)
	}
	s.views.add(id.Org+"/"+key, minute)
	return nil
}
