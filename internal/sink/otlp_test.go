package sink_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store/storetest"
)

// collecting is a receiver of OpenTelemetry's logs whose reader is the collector's own.
type collecting struct {
	t    *testing.T
	mu   sync.Mutex
	logs []plog.LogRecord
	// answer, if there is one, answers in its place.
	answer func(w http.ResponseWriter, sent int) bool
}

func (c *collecting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer t" {
		c.t.Errorf("sent to %s as %s by %q", r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Authorization"))
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		c.t.Error(err)
		return
	}
	body, err := io.ReadAll(z)
	if err != nil {
		c.t.Error(err)
		return
	}
	logs, err := new(plog.JSONUnmarshaler).UnmarshalLogs(body)
	if err != nil {
		c.t.Errorf("the collector can't read it: %v\n%s", err, body)
		return
	}
	of := logs.ResourceLogs().At(0)
	if org, _ := of.Resource().Attributes().Get("whodid.org"); org.Str() != "default" {
		c.t.Errorf("it is of %q", org.Str())
	}
	sent := of.ScopeLogs().At(0).LogRecords()
	if c.answer != nil && c.answer(w, sent.Len()) {
		return
	}
	for i := range sent.Len() {
		c.logs = append(c.logs, sent.At(i))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"partialSuccess":{}}`))
}

// TestOTLP sends a log to the collector's own reader, through an outage: every event
// arrives, and says what the trail says.
func TestOTLP(t *testing.T) {
	t.Parallel()
	c := &collecting{t: t}
	down := 2
	c.answer = func(w http.ResponseWriter, _ int) bool {
		if down--; down >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	server := httptest.NewServer(c)
	defer server.Close()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	storetest.NewBook(t, s, "default").Append(t, storetest.Actions(0, 25)...)
	r := runner(s, "a", nil, &clock{now: noon})
	r.Format, r.Fields = sink.OTLP, sink.All
	r.Sender = &sink.HTTP{URL: server.URL, Token: "t", Client: server.Client(), Now: time.Now, Name: "otel"}
	failures := 0
	for len(c.logs) < 25 {
		n, err := r.Once(t.Context())
		if err != nil {
			failures++
		} else if n == 0 {
			break
		}
	}
	if failures != 2 || len(c.logs) != 25 {
		t.Fatalf("%d arrived after %d failures", len(c.logs), failures)
	}
	rows, err := trail{s}.Events(t.Context(), "default", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		got, want := c.logs[i], &rows[i]
		text := func(key string) string { v, _ := got.Attributes().Get(key); return v.AsString() }
		if !got.Timestamp().AsTime().Equal(want.At) || !got.ObservedTimestamp().AsTime().Equal(want.RecordedAt) || got.Body().Str() != want.What ||
			got.EventName() != "whodid."+want.What || text("whodid.event.id") != want.ID || text("whodid.target") != want.Target || text("whodid.actor") != want.Actor {
			t.Errorf("event %d arrived as %v", i, got.Attributes().AsRaw())
		}
		if (want.Execution != "") == got.TraceID().IsEmpty() || want.Execution != "" && got.TraceID().String() != sink.TraceID(want.Execution) {
			t.Errorf("event %d is of the trace %s", i, got.TraceID())
		}
	}
}

// TestOTLPRejects goes on behind events that a collector took a batch without: it asks
// not to be sent them again. That it did is noted.
func TestOTLPRejects(t *testing.T) {
	t.Parallel()
	c := &collecting{t: t, answer: func(w http.ResponseWriter, sent int) bool {
		_, _ = fmt.Fprintf(w, `{"partialSuccess":{"rejectedLogRecords":"%d","errorMessage":"too old"}}`, sent) // 64-bit numbers are strings in JSON
		return true
	}}
	server := httptest.NewServer(c)
	defer server.Close()
	s := storetest.Open(t, filepath.Join(t.TempDir(), "trail.db"))
	storetest.NewBook(t, s, "default").Append(t, storetest.Actions(0, 3)...)
	r := runner(s, "a", nil, &clock{now: noon})
	r.Format = sink.OTLP
	r.Sender = &sink.HTTP{URL: server.URL + "/v1/logs", Token: "t", Client: server.Client(), Now: time.Now, Name: "otel"}
	var said error
	r.Failed = func(err error) { said = err }
	if n, err := r.Once(t.Context()); n != 3 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	var rejected *sink.RejectedError
	if !errors.As(said, &rejected) || rejected.Events != 3 || !strings.Contains(said.Error(), "too old") {
		t.Errorf("it said %v", said)
	}
	list, err := s.Sinks(t.Context(), "default")
	if err != nil || len(list) != 1 || list[0].Next != 3 || !strings.Contains(list[0].Reason, "rejected 3") {
		t.Errorf("%+v, %v", list, err)
	}
}

// Whatever metadata there may be, the collector reads it as what it is.
func TestOTLPValues(t *testing.T) {
	t.Parallel()
	r := row(t)
	r.Data = whodid.Data{"number": int64(1) << 60, "branch": "a\x00\u2028\"", "merged": true, "labels": []string{"x", "y"}, "share": 0.5}
	r.DataText = r.Data.Canonical()
	text, err := sink.Encode(sink.OTLP, r, sink.All)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := new(plog.JSONUnmarshaler).UnmarshalLogs([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + string(text) + `]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw()
	if got["whodid.data.number"] != int64(1)<<60 || got["whodid.data.branch"] != "a\x00\u2028\"" || got["whodid.data.merged"] != true || got["whodid.data.share"] != 0.5 {
		t.Errorf("%v", got)
	}
	if list, ok := got["whodid.data.labels"].([]any); !ok || len(list) != 2 || list[1] != "y" {
		t.Errorf("%v", got["whodid.data.labels"])
	}
}
