package server

import (
	"context"
	"net/http"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/record"
)

// Tenant is one organisation as doors see it.
type Tenant struct {
	Org string
	// Recorder is the only way to write.
	Recorder *record.Recorder
	// Asker answers questions.
	Asker *ask.Asker
	// Pseudonym is the name under which the organisation's trail knows a
	// person by an identity such as "email:…"; empty for an empty identity.
	Pseudonym func(identity string) string
	// Policies reads the policies that hold for the organisation; nil is none. See
	// [Tenant.Rules].
	Policies func() policy.Rules
}

// Rules are what the policies that hold for the organisation say of what its agents
// do. They are read again each time, so that a change holds at once.
func (t *Tenant) Rules() policy.Rules {
	if t.Policies == nil {
		return policy.Together()
	}
	return t.Policies()
}

// Tenants finds organisations. It must be safe for concurrent use, and is asked
// at every request, so that it should remember what it opened.
type Tenants interface {
	Tenant(ctx context.Context, org string) (*Tenant, error)
}

// Handler answers one request that was let in. Who asks is in the context, see
// [auth.IdentityFrom].
type Handler func(w http.ResponseWriter, r *http.Request, t *Tenant)

// Route is one door.
type Route struct {
	// Pattern is a pattern of http.ServeMux with its method, "POST /v1/logs".
	Pattern string
	// Needs is the permission that the caller's role must have. Who calls a
	// route without one is not asked for a credential, and no tenant is passed:
	// such a route must find out by itself whom it serves (webhooks by their
	// signature, health checks not at all).
	Needs auth.Permission
	// MaxBody bounds the body in bytes as it comes over the line; 0 is
	// [DefaultMaxBody]. What it may become after decompression is bounded by
	// [Body] and [ReadBody], by which a door reads it.
	MaxBody int64
	// Stream marks a route whose answers go on for as long as the caller
	// listens. They are counted apart, so that listeners do not keep recorders
	// out, and end when the server is asked to stop.
	Stream bool
	Handle Handler
}

// DefaultMaxBody bounds a request's body where a route names no bound.
const DefaultMaxBody = 16 << 20
