package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/store"
)

const org = apitest.Org

// world is a server and the test that calls it.
type world struct {
	*apitest.World
	t     *testing.T
	store *store.Store
}

func onBothStores(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) { test(t, &world{World: w, t: t, store: w.Store}) })
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call makes one request; header is names and values.
func (w *world) call(token, method, path, body string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.fits(method, r.URL.Path, resp.StatusCode, b)
	return answer{resp.StatusCode, resp.Header, b}
}

// fits holds an answer to the schema of its operation: what no test expected, such
// as null for a list, is found wherever it is asked for.
func (w *world) fits(method, at string, status int, body []byte) {
	w.t.Helper()
	for _, o := range api.Operations() {
		if matches, err := path.Match(strings.NewReplacer("{id}", "*", "{name}", "*").Replace(o.Path), at); err != nil || !matches || o.Method != method || o.Out == nil || status != o.Success() {
			continue
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			w.t.Errorf("%s: %v", o.ID, err)
			return
		}
		if err := answerSchemas()[o.ID].Validate(v); err != nil {
			w.t.Errorf("%s: %v\n%s", o.ID, err, body)
		}
	}
}

// ok makes a request that must succeed, and reads the answer into out.
func (w *world) ok(out any, token, method, path, body string, header ...string) {
	w.t.Helper()
	a := w.call(token, method, path, body, header...)
	if a.status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if out == nil {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	if err := dec.Decode(out); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", method, path, err, a.body)
	}
}
