package auth_test

import (
	"testing"

	"github.com/whodid/whodid/internal/auth"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	all := []auth.Permission{auth.Record, auth.Read, auth.Approve, auth.Audit, auth.Administer}
	want := map[auth.Role]string{
		auth.RoleRecorder: "+----",
		auth.RoleReader:   "-+---",
		auth.RoleApprover: "-++--",
		auth.RoleAuditor:  "-+-+-",
		auth.RoleAdmin:    "+++++",
		"nobody":          "-----",
		"":                "-----",
	}
	for role, marks := range want {
		for i, p := range all {
			if got := role.May(p); got != (marks[i] == '+') {
				t.Errorf("role %q, permission %q: %t", role, p, got)
			}
		}
	}
	if len(auth.Roles()) != len(want)-2 {
		t.Errorf("there are %d roles, %d are tested", len(auth.Roles()), len(want)-2)
	}
}

func TestIdentityOfContext(t *testing.T) {
	t.Parallel()
	if _, ok := auth.IdentityFrom(t.Context()); ok {
		t.Error("a context without an identity has one")
	}
	id := auth.Identity{Org: "acme", Actor: "human:p1", Role: auth.RoleReader}
	if got, ok := auth.IdentityFrom(auth.WithIdentity(t.Context(), id)); !ok || got.Actor != id.Actor {
		t.Errorf("got %+v, %t", got, ok)
	}
}
