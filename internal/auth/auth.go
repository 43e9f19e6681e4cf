// Package auth says who asks and what they may do: the roles, and the identity
// that was established for a request before any door of the server opens.
package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
)

// Role is what somebody may do in an organisation. Roles do not contain each
// other: a recorder can't read what it recorded.
type Role string

// The roles of an organisation.
const (
	// RoleRecorder only appends: agents, exporters, laptops that sync.
	RoleRecorder Role = "recorder"
	// RoleReader asks questions, perhaps of some squads only.
	RoleReader Role = "reader"
	// RoleApprover reads, and decides on approvals.
	RoleApprover Role = "approver"
	// RoleAuditor reads, verifies and exports.
	RoleAuditor Role = "auditor"
	// RoleAdmin does all of it, and changes tokens and settings.
	RoleAdmin Role = "admin"
)

// Roles lists every role.
func Roles() []Role {
	return []Role{RoleRecorder, RoleReader, RoleApprover, RoleAuditor, RoleAdmin}
}

// Permission is what a route needs of who calls it.
type Permission string

// The permissions that routes ask for.
const (
	Record     Permission = "record"     // append events
	Read       Permission = "read"       // ask questions
	Approve    Permission = "approve"    // decide on approvals
	Audit      Permission = "audit"      // verify, prove, export everything
	Administer Permission = "administer" // tokens and settings
)

// permissions says which role may do what; what is not listed is not allowed.
var permissions = map[Role][]Permission{
	RoleRecorder: {Record},
	RoleReader:   {Read},
	RoleApprover: {Read, Approve},
	RoleAuditor:  {Read, Audit},
	RoleAdmin:    {Record, Read, Approve, Audit, Administer},
}

// May reports whether the role has the permission.
func (r Role) May(p Permission) bool { return slices.Contains(permissions[r], p) }

// Identity is who made a request, as the server established it.
type Identity struct {
	// Org is the only organisation that the request may touch.
	Org string
	// Actor is who acts, as events name it: "human:<pseudonym>",
	// "agent:squad/name" or "system:<name>".
	Actor string
	// ActorAuth says how that was established, such as "token" or "oidc".
	ActorAuth string
	// Role is what they may do.
	Role Role
	// Squads are the only squads a reader may see; empty is all of them.
	Squads []string
	// Credential is the id of the token or session that was shown; never the
	// secret itself.
	Credential string
}

var (
	// ErrUnauthenticated means that no valid credential was shown.
	ErrUnauthenticated = errors.New("not signed in: no valid token was sent")
	// ErrForbidden means that who asks may not do that.
	ErrForbidden = errors.New("not allowed")
	// ErrTooMany means that too many wrong credentials came from the address.
	ErrTooMany = errors.New("too many wrong tokens: wait a moment")
)

// The ways in which somebody was authenticated, as events name them.
const (
	// MethodToken is an API token: it stands for itself, or for the agent that
	// it is bound to.
	MethodToken = "token"
	// MethodOIDC is a person whom an OpenID Connect provider vouches for.
	MethodOIDC = "oidc"
)

// Authenticator establishes who made a request. It returns ErrUnauthenticated,
// perhaps wrapped, if no valid credential was shown; any other error means that
// it could not be found out. It must be safe for concurrent use.
type Authenticator interface {
	Authenticate(r *http.Request) (Identity, error)
}

type contextKey struct{}

// WithIdentity returns a context that carries the identity.
func WithIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// IdentityFrom returns the identity that the context carries.
func IdentityFrom(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(contextKey{}).(Identity)
	return id, ok
}
