package trace_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/whodid/whodid/internal/trace"
)

// collector keeps what it is sent, as OpenTelemetry's own library reads it.
type collector struct {
	*httptest.Server
	mu     sync.Mutex
	spans  []ptrace.Span
	token  string
	status int
}

func newCollector(t *testing.T) *collector {
	c := &collector{status: http.StatusOK}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
		}
		got, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
		if err != nil {
			t.Errorf("OpenTelemetry can't read it: %v\n%s", err, body)
		}
		if name, ok := got.ResourceSpans().At(0).Resource().Attributes().Get("service.name"); !ok || name.Str() != "whodid" {
			t.Errorf("the service is %v", name)
		}
		spans := got.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		for i := range spans.Len() {
			c.spans = append(c.spans, spans.At(i))
		}
		c.token = r.Header.Get("Authorization")
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

func TestSpans(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	ctx, stop := context.WithCancel(t.Context())
	tracer, err := trace.New(ctx, trace.Options{Endpoint: c.URL + "/", Token: "tok-fake", Ratio: 1, Version: "1.2.3", Now: time.Now, Failed: func(err error) { t.Error(err) }, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	request, outer := tracer.Serve(t.Context(), "POST /v1/logs", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	inner := trace.Begin(request, "append")
	inner.SetInt("whodid.events", 3)
	inner.End(true)
	outer.Set("http.route", "POST /v1/logs")
	outer.End(false)
	stop()
	tracer.Wait()
	if len(c.spans) != 2 || c.token != "Bearer tok-fake" {
		t.Fatalf("%d spans, token %q", len(c.spans), c.token)
	}
	in, out := c.spans[0], c.spans[1]
	if out.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" || out.ParentSpanID().String() != "00f067aa0ba902b7" || out.Kind() != ptrace.SpanKindServer || out.Status().Code() != ptrace.StatusCodeUnset {
		t.Errorf("the request: %s %s %s", out.TraceID(), out.ParentSpanID(), out.Kind())
	}
	if in.TraceID() != out.TraceID() || in.ParentSpanID() != out.SpanID() || in.Name() != "append" || in.Status().Code() != ptrace.StatusCodeError {
		t.Errorf("the append: %s %s", in.TraceID(), in.ParentSpanID())
	}
	if n, ok := in.Attributes().Get("whodid.events"); !ok || n.Int() != 3 {
		t.Errorf("the number is %v", n)
	}
	if in.EndTimestamp() < in.StartTimestamp() || time.Since(in.StartTimestamp().AsTime()) > time.Minute {
		t.Errorf("from %s to %s", in.StartTimestamp(), in.EndTimestamp())
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	for _, test := range []struct {
		ratio       float64
		traceparent string
		traced      bool
	}{
		{1, "", true},
		{0, "", false},
		{0, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
		{1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false},
		{1, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-later", false},
		// What can't be read is as if it were not there.
		{1, "00-00000000000000000000000000000000-00f067aa0ba902b7-00", true},
		{1, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-00", true},
		{1, "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true},
		{1, "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-00", true},
		{1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", true},
		{1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-x", true},
		{1, strings.Repeat("-", 300), true},
	} {
		tracer, err := trace.New(t.Context(), trace.Options{Endpoint: c.URL, Ratio: test.ratio, Now: time.Now, Failed: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		if _, span := tracer.Serve(t.Context(), "x", test.traceparent); (span != nil) != test.traced {
			t.Errorf("ratio %v, %q: traced %t", test.ratio, test.traceparent, span != nil)
		}
	}
	half, err := trace.New(t.Context(), trace.Options{Endpoint: c.URL, Ratio: 0.5, Now: time.Now, Failed: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	traced := 0
	for range 1000 {
		if _, span := half.Serve(t.Context(), "x", ""); span != nil {
			traced++
		}
	}
	if traced < 400 || traced > 600 {
		t.Errorf("of 1000 requests %d are traced, not half", traced)
	}
}

// Nothing waits for a collector that is not there, and what is lost is counted.
func TestNoCollector(t *testing.T) {
	t.Parallel()
	var none *trace.Tracer
	ctx, span := none.Serve(t.Context(), "x", "")
	trace.Begin(ctx, "y").End(false)
	span.Set("a", "b")
	span.End(true)
	none.Wait()

	c := newCollector(t)
	c.status = http.StatusServiceUnavailable
	failures := make(chan error, 10)
	running, stop := context.WithCancel(t.Context())
	tracer, err := trace.New(running, trace.Options{Endpoint: c.URL, Ratio: 1, Now: time.Now, Failed: func(err error) { failures <- err }, Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	_, span = tracer.Serve(t.Context(), "x", "")
	span.End(false)
	stop()
	tracer.Wait()
	if err := <-failures; err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the failure: %v", err)
	}
	if tracer.Lost() != 1 {
		t.Errorf("%d spans are lost", tracer.Lost())
	}
	for _, endpoint := range []string{"", "127.0.0.1:4318", "ftp://x", "http://", "http://[", "::"} {
		if _, err := trace.New(t.Context(), trace.Options{Endpoint: endpoint}); err == nil {
			t.Errorf("%q is an endpoint", endpoint)
		}
	}
}
