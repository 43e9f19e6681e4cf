package oidc

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/whodid/whodid/internal/auth"
)

func TestGranted(t *testing.T) {
	t.Parallel()
	grants := []Grant{
		{Group: "platform", Role: auth.RoleAdmin},
		{Group: "payments", Role: auth.RoleReader, Squads: []string{"payments", "ledger"}},
		{Group: "audit", Role: auth.RoleAuditor},
		{Group: "web", Role: auth.RoleReader, Squads: []string{"web", "payments"}},
		{Group: "lead", Role: auth.RoleReader},
	}
	tests := []struct {
		groups []string
		role   auth.Role
		squads []string
	}{
		{[]string{"platform"}, auth.RoleAdmin, nil},
		{[]string{"payments", "platform"}, auth.RoleAdmin, nil}, // the first of the grants, not of the groups
		{[]string{"web", "payments"}, auth.RoleReader, []string{"ledger", "payments", "web"}},
		{[]string{"web", "audit"}, auth.RoleAuditor, nil},
		{[]string{"web", "lead"}, auth.RoleReader, nil}, // one that is not held to squads opens all
		{[]string{"Platform"}, "", nil},
		{[]string{"*"}, "", nil},
		{nil, "", nil},
	}
	for _, test := range tests {
		role, squads, ok := granted(grants, test.groups)
		if role != test.role || !slices.Equal(squads, test.squads) || ok != (test.role != "") {
			t.Errorf("%v: %q %v %t, want %q %v", test.groups, role, squads, ok, test.role, test.squads)
		}
	}
	everybody := append(grants, Grant{Group: "*", Role: auth.RoleReader, Squads: []string{"docs"}})
	if role, squads, ok := granted(everybody, nil); role != auth.RoleReader || !slices.Equal(squads, []string{"docs"}) || !ok {
		t.Errorf("everybody: %q %v %t", role, squads, ok)
	}
	if _, _, ok := granted(nil, []string{"platform"}); ok {
		t.Error("without grants somebody is let in")
	}
}

// FuzzGroups looks for a claim that gives a group which it does not name.
func FuzzGroups(f *testing.F) {
	for _, seed := range []string{`["a","b"]`, `"a"`, `null`, `[1]`, `{}`, `[["a"]]`, `["a",null]`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, claim []byte) {
		for _, g := range groups(claim) {
			var v any
			if err := json.Unmarshal(claim, &v); err != nil {
				t.Errorf("%q has group %q", claim, g)
			}
		}
	})
}
