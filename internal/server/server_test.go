package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// roleOfToken lets the token be the role.
type roleOfToken struct{}

func (roleOfToken) Authenticate(r *http.Request) (auth.Identity, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	return auth.Identity{Org: "acme", Role: auth.Role(token), Credential: "tok-" + token}, nil
}

type oneTenant struct{}

func (oneTenant) Tenant(_ context.Context, org string) (*server.Tenant, error) {
	return &server.Tenant{Org: org}, nil
}

func TestAdmission(t *testing.T) {
	t.Parallel()
	s := server.New(server.Options{Tenants: oneTenant{}, Authenticator: roleOfToken{}, Now: time.Now}, server.Route{
		Pattern: "POST /v1/events", Needs: auth.Record, MaxBody: 4,
		Handle: func(w http.ResponseWriter, r *http.Request, tenant *server.Tenant) {
			id, _ := auth.IdentityFrom(r.Context())
			if tenant.Org != "acme" || id.Org != "acme" {
				t.Errorf("tenant %+v, identity %+v", tenant, id)
			}
			var b [8]byte
			n, err := r.Body.Read(b[:])
			if n > 4 {
				server.WriteError(w, err)
			}
		},
	})
	tests := []struct {
		name, token, body string
		want              int
	}{
		{"nobody", "", "", http.StatusUnauthorized},
		{"a reader", "reader", "", http.StatusForbidden},
		{"a recorder", "recorder", "", http.StatusOK},
		{"an admin", "admin", "1234", http.StatusOK},
	}
	for _, test := range tests {
		r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(test.body))
		if test.token != "" {
			r.Header.Set("Authorization", "Bearer "+test.token)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: status %d, want %d", test.name, w.Code, test.want)
		}
		if test.want >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: the error is %q", test.name, w.Header().Get("Content-Type"))
		}
	}
}
