package cli

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/population"
)

// An auditor gets all of a period over the server, whole and proved, and the trail
// says who got it. Nobody else does.
func TestServerExportsForAuditors(t *testing.T) {
	t.Parallel()
	p, tr, orgs, s, _ := served(t)
	ask := func(secret, query string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/export?"+query, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	auditor := p.madeToken(t, orgs, tr, "acme", auth.RoleAuditor)
	for role, want := range map[auth.Role]int{auth.RoleReader: 403, auth.RoleRecorder: 403, auth.RoleApprover: 403} {
		if w := ask(p.madeToken(t, orgs, tr, "acme", role), "from=1d"); w.Code != want {
			t.Errorf("as %s: %d %s", role, w.Code, w.Body)
		}
	}
	tenant, err := orgs.tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"": "which period", "month=x": "no month", "from=1d&sample=many": "sample is not a number", "from=1d&format=xls": "none of csv", "from=1d&tz=Mars": "no time zone",
	} {
		if w := ask(auditor, query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	w := ask(auditor, "from=1d&sample=3&seed=7&format=csv,jsonl")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/x-tar" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	dir := untar(t, w.Body)
	keys, err := proof.ParseKeys(tenant.ring.Public)
	if err != nil {
		t.Fatal(err)
	}
	r, err := population.Check(os.DirFS(filepath.Join(dir, "whodid-export")), &dossier.Trust{Keys: keys})
	if err != nil || !r.Verdicts.Holds() || r.Verdicts.Completeness.State != proof.Proved {
		t.Errorf("%v: %+v", err, r)
	}
	views, err := tr.store.Events(t.Context(), "acme", store.EventFilter{What: "view.population"})
	if err != nil || len(views) != 1 || views[0].Data.String("role") != "auditor" || views[0].Source != "server" || views[0].Actor == "" {
		t.Errorf("%v: the trail says of it %+v", err, views)
	}
	if w := ask(auditor, "from=1d"); w.Code != http.StatusOK {
		t.Errorf("once more: %d %s", w.Code, w.Body)
	}
}

func untar(t *testing.T, in io.Reader) string {
	t.Helper()
	dir := t.TempDir()
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, r); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}
