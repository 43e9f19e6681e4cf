//go:build browser

package page_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/proof/dossier"
)

// TestBrowser drives the pages in a real Chromium: scripts/browser/flows.mjs says
// what is done there.
func TestBrowser(t *testing.T) {
	much, none, hostile, live, long, foreign := newWorld(t, nil), newWorld(t, nil), newWorld(t, evilTokens), newWorld(t, nil), newWorld(t, nil), newWorld(t, nil)
	for _, w := range []*world{much, none, hostile, live, long, foreign} {
		w.as = "admin"
	}
	much.fill(t, 64)
	much.stamped(t, runID(9))
	live.fill(t, 8)
	foreign.fill(t, 5)
	hostilePages := hostile.attack(t)
	for _, path := range hostilePages {
		if a := hostile.get(t, "admin", path); a.Code >= http.StatusInternalServerError {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	longRun := &madeRun{n: 77, agent: "eng/issue-solver", began: time.Now().Add(-3 * time.Hour), trigger: "manual", model: "claude-opus-4", end: whodid.ResultSuccess, took: 2 * time.Hour, actions: 10_000}
	for part := range slices.Chunk(longRun.events(), 2000) {
		long.record(t, part...)
	}
	began := time.Now()
	if a := long.get(t, "admin", "/executions/"+runID(77)); a.Code != http.StatusOK {
		t.Errorf("ten thousand actions: %d", a.Code)
	}
	t.Logf("ten thousand actions are served in %s", time.Since(began))
	pages := much.everyPath(t)
	var empty []string
	for _, path := range pages {
		if !strings.Contains(path, "exec-") && !strings.Contains(path, "evt-") && !strings.Contains(path, "appr-") && !strings.Contains(path, "?") {
			empty = append(empty, path)
		}
	}
	slices.Sort(pages)
	slices.Sort(empty)
	signed, at := signing(t)
	type config map[string]any
	c, err := json.Marshal(config{
		"signed": at, "much": much.serve(t, nil), "none": none.serve(t, nil), "hostile": hostile.serve(t, nil), "live": live.serve(t, nil), "long": long.serve(t, nil),
		"run": runID(3), "longRun": runID(77), "key": much.Key, "pages": pages, "emptyPages": empty, "hostilePages": hostilePages,
		"tampered": map[string]string{
			"changed a row that it shows":        much.serve(t, replacing("/executions/"+runID(3), `data-f="target">docs/architecture.md`, `data-f="target">docs/secrets.md`)),
			"changed what an event says":         much.serve(t, replacing("/proof", `docs/architecture.md`, `docs/something-else`)),
			"left an event out":                  much.serve(t, replacing("/executions/"+runID(3), `data-event="evt-`, `data-event="evt-x`)),
			"answers with the proof of another":  much.serve(t, swapped(runID(3), runID(4))),
			"signs with another key":             foreign.serve(t, nil),
			"changed the head that was signed":   much.serve(t, replacing("/proof", `"checkpoint":"whodid/`, `"checkpoint":"whodit/`)),
			"takes an action out of a leaf":      much.serve(t, replacing("/proof", `file.edit`, `file.read`)),
			"says that an entry is elsewhere":    much.serve(t, changing("/proof", movedEntry)),
			"shows another result than happened": much.serve(t, replacing("/executions/"+runID(3), ">failed</span>", ">success</span>")),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "flows.mjs", string(c))
	cmd.Dir = "../../scripts/browser"
	out, err := cmd.CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
	signed.proved(t)
}

// signing is a world at an address where passkeys work, and the address.
func signing(t *testing.T) (w *world, at string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	at = "http://localhost:" + port
	w = newWorld(t, func(o *page.Options) {
		registered(o)
		o.URL = at
	})
	w.as = "approver"
	w.ask(t, "shop")
	w.ask(t, "no shop")
	s := httptest.NewUnstartedServer(w.handler)
	if err := s.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return w, at
}

// proved does what a browser approved with a passkey, and lets whodid-verify look.
func (w *world) proved(t *testing.T) {
	t.Helper()
	list, err := w.tenant.Asker.Approvals(t.Context(), ask.ApprovalFilter{State: whodid.ApprovalApproved})
	if err != nil {
		t.Fatal(err)
	}
	passkeys, err := w.tenant.Asker.Passkeys(t.Context())
	if err != nil || len(list.Approvals) != 1 || len(passkeys) != 2 {
		t.Fatalf("%+v, %+v, %v", list.Approvals, passkeys, err)
	}
	d, err := w.tenant.Asker.ProveEvent(t.Context(), w.deploy(t, list.Approvals[0].ApprovalID))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := d.Archive(dossier.Deflated)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := json.Marshal(map[string]any{"keys": []string{w.Key}, "allowed_signers": []string{passkeys[0].Person + " " + passkeys[0].PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"proof.zip": archive, "keys.json": trust} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := exec.CommandContext(t.Context(), "go", "run", "../../cmd/whodid-verify", filepath.Join(dir, "proof.zip"), "--trust", filepath.Join(dir, "keys.json"))
	out, err := verify.CombinedOutput()
	if err != nil || !regexp.MustCompile(`approval +proved`).Match(out) {
		t.Errorf("whodid-verify: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), "node", "../../proof/dossier/testdata/attacks/check.mjs", filepath.Join(dir, "proof.zip"), filepath.Join(dir, "keys.json"))
	if out, err := check.CombinedOutput(); err != nil || !regexp.MustCompile(`approval +proved`).Match(out) {
		t.Errorf("check.mjs: %v\n%s", err, out)
	}
}

// serve serves the world, perhaps with a change to what it answers. Beside the pages
// there is a door through which a test has something recorded.
func (w *world) serve(t *testing.T, change func(http.Handler) http.Handler) string {
	t.Helper()
	var n atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /test/record", func(rw http.ResponseWriter, r *http.Request) {
		m := &madeRun{n: 5_000_000 + int(n.Add(1)), agent: "eng/newcomer", began: time.Now().Add(-time.Minute), trigger: "manual", model: "claude-opus-4", actions: 3, took: time.Minute}
		events := m.events()
		if id := r.FormValue("finish"); id != "" {
			events = []whodid.Event{{
				Key: "finish/" + id, What: "execution.finish", Actor: whodid.AgentActor("eng/newcomer"), Execution: id, Source: "cli", At: time.Now(), Result: whodid.ResultSuccess,
			}}
		}
		if _, err := w.tenant.Recorder.Record(r.Context(), events...); err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
		_, _ = fmt.Fprintf(rw, `{"id":%q}`, runID(m.n))
	})
	h := w.handler
	if change != nil {
		h = change(h)
	}
	mux.Handle("/", h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// replacing is a server that lies about one thing in the answers whose path ends
// so.
func replacing(suffix, old, new string) func(http.Handler) http.Handler {
	return changing(suffix, func(text string) string { return strings.Replace(text, old, new, 1) })
}

var firstEntry = regexp.MustCompile(`"first":\d+`)

// movedEntry says of the entries of a proof that they begin one place further on.
func movedEntry(text string) string {
	return firstEntry.ReplaceAllStringFunc(text, func(s string) string {
		n, err := strconv.Atoi(strings.TrimPrefix(s, `"first":`))
		if err != nil {
			return s
		}
		return fmt.Sprintf(`"first":%d`, n+1)
	})
}

// changing is a server that changes what it answers under a path.
func changing(suffix string, change func(string) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, suffix) {
				next.ServeHTTP(w, r)
				return
			}
			r.Header.Del("Accept-Encoding")
			a := httptest.NewRecorder()
			next.ServeHTTP(a, r)
			for name, values := range a.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(a.Code)
			_, _ = io.WriteString(w, change(a.Body.String()))
		})
	}
}

// swapped is a server that gives the proof of another run.
func swapped(of, other string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/executions/"+of+"/proof" {
				r.URL.Path = "/executions/" + other + "/proof"
			}
			next.ServeHTTP(w, r)
		})
	}
}
