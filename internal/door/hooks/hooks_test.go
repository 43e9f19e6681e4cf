package hooks_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/door/hooks"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

var now = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

const org = "default"

// door is a server with the door, over a trail of its own.
type door struct {
	*server.Server
	store    *store.Store
	identity auth.Identity
	tenants  tenants
	clock    func() time.Time
}

func (d *door) Authenticate(*http.Request) (auth.Identity, error) { return d.identity, nil }

// tenants has one.
type tenants struct{ one *server.Tenant }

func (t tenants) Tenant(context.Context, string) (*server.Tenant, error) { return t.one, nil }

func newDoor(t testing.TB) *door {
	t.Helper()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	clock := func() time.Time { return now }
	d := &door{
		store:    s,
		identity: auth.Identity{Org: org, Role: auth.RoleRecorder, Actor: "human:p-7k2m9q4tz8w1", ActorAuth: "token"},
	}
	tenant := &server.Tenant{Org: org, Recorder: recordtest.New(t, s, org, clock)}
	d.tenants, d.clock = tenants{tenant}, clock
	d.Server = server.New(server.Options{Tenants: tenants{tenant}, Authenticator: d, Now: time.Now},
		hooks.Routes(hooks.Options{Now: clock, Lease: time.Hour})...)
	return d
}

// post sends a payload and returns the answer.
func (d *door) post(t testing.TB, query string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks"+query, body)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// rows are all that the trail holds.
func (d *door) rows(t testing.TB) []store.Row {
	t.Helper()
	rows, err := d.store.Events(t.Context(), org, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// captured are the payloads of a file of the adapter's.
func captured(t testing.TB, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "ingest", "agent", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

const session = "1f019263-7565-4fbb-a510-341bddc8c92a"

// What Claude Code's http hooks send becomes what its command hooks tell, and
// sent again it changes nothing.
func TestClaudeCode(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for range 2 {
		for _, payload := range captured(t, "2.1.330/http-hooks.jsonl") {
			w := d.post(t, "?agent=eng/solver", bytes.NewReader(payload))
			if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "{}" {
				t.Fatalf("%d: %s", w.Code, w.Body)
			}
		}
	}
	var got []string
	for _, row := range d.rows(t) {
		e := row.Event
		if e.What == "execution.start" {
			continue // supposed by the recorder: http hooks have none
		}
		got = append(got, e.What+" "+e.Target+" "+string(e.Result))
		if e.Actor != "agent:eng/solver" || e.Execution != agent.Execution(agent.ClaudeCode, session) || e.Source != "hook:claude-code" {
			t.Errorf("%s by %s of %s, told by %s", e.What, e.Actor, e.Execution, e.Source)
		}
	}
	want := []string{
		"file.read app.py success", "file.edit app.py success", "file.write test_app.py success",
		"test.run python3 success", "commit.create 4537aca1c020a24437510f1edb36a0dd4313f51a success",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Who acts follows from the credential, then from what the request tells.
func TestWhoActs(t *testing.T) {
	t.Parallel()
	const prompt = `{"session_id":"s","transcript_path":"/home/ada/.claude/projects/w/s.jsonl","cwd":"/home/ada/w","hook_event_name":"UserPromptSubmit","prompt":"CANARY","prompt_id":"p"}`
	tests := map[string]struct {
		actor   string
		query   string
		headers []string
		want    string // actor, on behalf of, trigger of the start
	}{
		"a person":         {"human:p-7k2m9q4tz8w1", "", nil, "agent:local/claude-code human:p-7k2m9q4tz8w1 manual"},
		"a name":           {"human:p-7k2m9q4tz8w1", "?agent=eng/solver", nil, "agent:eng/solver human:p-7k2m9q4tz8w1 manual"},
		"a run's name":     {"system:ci", "?agent=eng/solver", []string{hooks.HeaderAgent, "ops/backup", hooks.HeaderTrigger, "scheduled"}, "agent:ops/backup  scheduled"},
		"a bound token":    {"agent:eng/bound", "?agent=eng/other", []string{hooks.HeaderAgent, "ops/backup"}, "agent:eng/bound  manual"},
		"nonsense":         {"system:ci", "?agent=%00", []string{hooks.HeaderAgent, "a b c", hooks.HeaderTrigger, "?", hooks.HeaderExecution, "x"}, "agent:local/claude-code  manual"},
		"empty as not set": {"system:ci", "", []string{hooks.HeaderAgent, "", hooks.HeaderTrigger, "", hooks.HeaderExecution, ""}, "agent:local/claude-code  manual"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t)
			d.identity.Actor = tt.actor
			if w := d.post(t, tt.query, strings.NewReader(prompt), tt.headers...); w.Code != http.StatusOK {
				t.Fatalf("%d: %s", w.Code, w.Body)
			}
			for _, row := range d.rows(t) {
				e := row.Event
				if e.What != "execution.start" {
					continue
				}
				if got := e.Actor + " " + e.OnBehalfOf + " " + e.Data.String("trigger"); got != tt.want || e.Data["inferred"] != true || e.Data.String("cwd") != "~/w" {
					t.Errorf("got %s %v, want %s", got, e.Data, tt.want)
				}
				return
			}
			t.Error("no start is told")
		})
	}
}

// A hook within a run joins it.
func TestJoins(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	run := whodid.NewID(whodid.PrefixExecution)
	d.post(t, "", bytes.NewReader(captured(t, "2.1.330/http-hooks.jsonl")[0]), hooks.HeaderExecution, run)
	for _, row := range d.rows(t) {
		if row.What == "file.read" && row.Execution != run {
			t.Errorf("the action is of %s, want %s", row.Execution, run)
		}
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write([]byte(`{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Write","tool_use_id":"t","tool_input":{"file_path":"/a","content":"`))
	for range hooks.MaxBody >> 20 {
		_, _ = z.Write(bytes.Repeat([]byte("CANARY "), 1<<20/7+1))
	}
	_ = z.Close()
	tests := map[string]struct {
		body    string
		headers []string
		status  int
		told    []string
	}{
		"empty":        {"", nil, 200, []string{"record.gap"}},
		"no JSON":      {"hello", nil, 200, []string{"record.gap"}},
		"deep":         {strings.Repeat(`{"a":`, 100_000), nil, 200, []string{"record.gap"}},
		"unknown":      {`{"session_id":"s","hook_event_name":"Whatever"}`, nil, 200, []string{"record.gap"}},
		"silent":       {`{"session_id":"s","hook_event_name":"Notification","message":"CANARY"}`, nil, 200, nil},
		"cut":          {`{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Read","tool_use_id":"t","tool_input":{"file_path":"/a`, nil, 200, []string{"execution.start", "file.read", "record.gap"}},
		"no gzip":      {"hello", []string{"Content-Encoding", "gzip"}, 400, nil},
		"strange":      {"hello", []string{"Content-Encoding", "br"}, 415, nil},
		"a gzip bomb":  {bomb.String(), []string{"Content-Encoding", "gzip"}, 413, []string{"execution.start", "file.write", "record.gap"}},
		"another time": {`{"session_id":"s","hook_event_name":"Stop","timestamp":"1970-01-01T00:00:00Z"}`, nil, 200, []string{"execution.start", "turn.complete"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t)
			w := d.post(t, "", strings.NewReader(tt.body), tt.headers...)
			var got []string
			for _, row := range d.rows(t) {
				got = append(got, row.What)
				if age := now.Sub(row.At); age < 0 || age > time.Minute {
					t.Errorf("%s happened at %s by the client's clock", row.What, row.At)
				}
			}
			if w.Code != tt.status || strings.Join(got, " ") != strings.Join(tt.told, " ") {
				t.Errorf("%d, told %v; want %d, %v", w.Code, got, tt.status, tt.told)
			}
		})
	}
}

// Of the payloads nothing but what the catalogue allows touches the disk.
func TestNoContent(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, name := range []string{"2.1.330/hooks.jsonl", "other/codex-hooks.jsonl", "other/gemini-hooks.jsonl", "other/copilot-hooks.jsonl", "other/copilot-camel-hooks.jsonl"} {
		for _, payload := range captured(t, name) {
			planted := bytes.ReplaceAll(payload, []byte("hello"), []byte("C4NARY"))
			planted = bytes.ReplaceAll(planted, []byte(`"prompt":"`), []byte(`"prompt":"C4NARY `))
			if w := d.post(t, "", bytes.NewReader(planted)); w.Code != http.StatusOK {
				t.Fatalf("%d: %s", w.Code, w.Body)
			}
		}
	}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(d.store.Location().Path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("C4NARY")) {
			t.Errorf("%s holds the canary", file)
		}
	}
}

// What can't be recorded is not acknowledged, and the agent is told nothing
// that would stop it.
func TestStoreIsGone(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	w := d.post(t, "", bytes.NewReader(captured(t, "2.1.330/http-hooks.jsonl")[0]))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
