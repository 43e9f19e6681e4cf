package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/door/otlp"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/record"
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
	recorder *record.Recorder
	actor    string // who the caller is
}

func (d *door) Authenticate(*http.Request) (auth.Identity, error) {
	return auth.Identity{Org: org, Role: auth.RoleRecorder, Actor: d.actor, ActorAuth: "token"}, nil
}

// tenants has one.
type tenants struct{ one *server.Tenant }

func (t tenants) Tenant(context.Context, string) (*server.Tenant, error) { return t.one, nil }

func newDoor(t testing.TB) *door {
	t.Helper()
	return newDoorTo(t, func(log record.Log) record.Log { return log })
}

// newDoorTo is a door whose recorder writes to what the log becomes.
func newDoorTo(t testing.TB, through func(record.Log) record.Log) *door {
	t.Helper()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	private, public, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(t.Context(), s, org, private, public, now)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	d := &door{store: s, recorder: recordtest.To(t, through(log), s, org, clock), actor: "system:collector"}
	tenant := &server.Tenant{
		Org: org, Recorder: d.recorder,
		Pseudonym: func(string) string { return "p123" },
	}
	d.Server = server.New(server.Options{Tenants: tenants{tenant}, Authenticator: d, Now: time.Now}, otlp.Routes(otlp.Options{Now: clock})...)
	return d
}

// post sends a body and returns the answer.
func (d *door) post(t testing.TB, path, contentType string, body []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
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

const (
	asJSON     = "application/json"
	asProtobuf = "application/x-protobuf"
)

// packed is a body of testdata as it is, compressed with gzip; plain is it
// decompressed.
func packed(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plain(t testing.TB, name string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The answers of OTLP/HTTP, each with what the specification says of it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	strange, err := (&plog.ProtoMarshaler{}).MarshalLogs(strangeLogs())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path, contentType string
		body                    []byte
		headers                 []string
		status                  int
		answer                  string
	}{
		{"JSON", "/v1/logs", asJSON, plain(t, "codex-0.169.0-logs.json.gz"), nil, 200, "{}"},
		{"JSON with a charset", "/v1/logs", "application/json; charset=utf-8", []byte("{}"), nil, 200, "{}"},
		{"gzip", "/v1/logs", asJSON, packed(t, "codex-0.169.0-logs.json.gz"), []string{"Content-Encoding", "gzip"}, 200, "{}"},
		{"protobuf", "/v1/logs", asProtobuf, plain(t, "claude-code-2.1.197-001-v1_logs.pb.gz"), nil, 200, ""},
		{"protobuf of traces", "/v1/traces", asProtobuf, plain(t, "claude-code-2.1.197-006-v1_traces.pb.gz"), nil, 200, ""},
		{"metrics are taken", "/v1/metrics", asProtobuf, plain(t, "claude-code-2.1.197-002-v1_metrics.pb.gz"), nil, 200, ""},
		{"metrics as JSON", "/v1/metrics", asJSON, plain(t, "claude-code-2.1.330-metrics-1.json.gz"), nil, 200, "{}"},
		{"nothing", "/v1/logs", asProtobuf, nil, nil, 200, ""},
		{"what nobody knows is no error", "/v1/logs", asProtobuf, strange, nil, 200, ""},
		{"no JSON", "/v1/logs", asJSON, []byte("{nothing"), nil, 400, `{"message":"the body could not be decoded"}`},
		{"no protobuf", "/v1/traces", asProtobuf, []byte("\xff\xff\xff"), nil, 400, "\x12\x1dthe body could not be decoded"},
		{"no gzip", "/v1/logs", asJSON, []byte("{}"), []string{"Content-Encoding", "gzip"}, 400, ""},
		{"another compression", "/v1/logs", asJSON, []byte("{}"), []string{"Content-Encoding", "br"}, 415, ""},
		{"another type", "/v1/logs", "text/plain", []byte("{}"), nil, 415, ""},
		{"no type", "/v1/logs", "", []byte("{}"), nil, 415, ""},
		{"nested", "/v1/logs", asJSON, []byte(strings.Repeat(`[`, 1000)), nil, 400, ""},
	}
	for _, test := range tests {
		w := newDoor(t).post(t, test.path, test.contentType, test.body, test.headers...)
		if w.Code != test.status || test.answer != "" && w.Body.String() != test.answer {
			t.Errorf("%s: %d %q, want %d %q", test.name, w.Code, w.Body, test.status, test.answer)
		}
		want := asJSON
		if test.contentType == asProtobuf {
			want = asProtobuf
		}
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("%s: the answer is %s, want %s as the request", test.name, got, want)
		}
	}
}

// strangeLogs are records of a program that has nothing to do with agents.
func strangeLogs() plog.Logs {
	data := plog.NewLogs()
	l := data.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 10 {
		r := l.AppendEmpty()
		r.Body().SetStr("GET / 200")
		r.Attributes().PutEmptySlice("session.id").AppendEmpty().SetStr("not a text")
	}
	return data
}

// A record that can't be recorded is told of, and does not keep the others out.
func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	var data map[string]any
	if err := json.Unmarshal(plain(t, "codex-0.169.0-logs.json.gz"), &data); err != nil {
		t.Fatal(err)
	}
	scope := data["resourceLogs"].([]any)[0].(map[string]any)["scopeLogs"].([]any)[0].(map[string]any)
	for i, l := range scope["logRecords"].([]any)[:3] {
		l := l.(map[string]any)
		l["timeUnixNano"], l["observedTimeUnixNano"] = "9223372036854775807", "1"
		if i == 0 {
			l["timeUnixNano"] = "18446744073709551615"
		}
		attributes := l["attributes"].([]any)
		for _, a := range attributes {
			if a := a.(map[string]any); a["key"] == "event.timestamp" {
				a["value"] = map[string]any{"stringValue": "9999-01-01T00:00:00Z"}
			}
		}
	}
	body, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	d := newDoor(t)
	w := d.post(t, "/v1/logs", asJSON, body)
	var answer struct {
		PartialSuccess struct{ RejectedLogRecords, ErrorMessage string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if p := answer.PartialSuccess; w.Code != http.StatusOK || p.RejectedLogRecords != "3" || p.ErrorMessage == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if rows := d.rows(t); len(rows) < 15 {
		t.Errorf("%d events are in the trail", len(rows))
	}
}

// A store that fails is no reason to lose anything: the client is asked to come again.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/logs", bytes.NewReader(plain(t, "codex-0.169.0-logs.json.gz")))
	r.Header.Set("Content-Type", asJSON)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

// damaging spoils the rows, so that the store refuses them.
type damaging struct{ record.Log }

func (d damaging) Append(ctx context.Context, rows []*store.Row) ([]*store.Row, error) {
	for _, r := range rows {
		r.DataText = nil
	}
	return d.Log.Append(ctx, rows)
}

// What the store will never take must not come again for ever.
func TestRefused(t *testing.T) {
	t.Parallel()
	d := newDoorTo(t, func(log record.Log) record.Log { return damaging{log} })
	w := d.post(t, "/v1/logs", asJSON, plain(t, "codex-0.169.0-logs.json.gz"))
	if w.Code != http.StatusInternalServerError || w.Header().Get("Retry-After") != "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if rows := d.rows(t); len(rows) != 0 {
		t.Errorf("%d events are in the trail", len(rows))
	}
}

// Who may only be one agent is that one, whatever the records say.
func TestBoundAgent(t *testing.T) {
	t.Parallel()
	for actor, want := range map[string][2]string{
		"system:collector": {"agent:engineering/issue-solver", "vouched:token"},
		"agent:ops/fixer":  {"agent:ops/fixer", "token"},
	} {
		d := newDoor(t)
		d.actor = actor
		d.post(t, "/v1/logs", asProtobuf, plain(t, "claude-code-2.1.197-001-v1_logs.pb.gz"))
		n := 0
		for _, r := range d.rows(t) {
			if r.What == "model.call" {
				n++
				if r.Actor != want[0] || r.ActorAuth != want[1] {
					t.Errorf("sent by %s: %s (%s), want %v", actor, r.Actor, r.ActorAuth, want)
				}
			}
		}
		if n == 0 {
			t.Errorf("sent by %s: no call of a model", actor)
		}
	}
}
