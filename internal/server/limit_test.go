package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// running is a server on a real port.
type running struct {
	address string
	stop    context.CancelFunc
	ended   chan error
	log     *bytes.Buffer
}

func start(t *testing.T, o server.Options, routes ...server.Route) *running {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{address: l.Addr().String(), stop: stop, ended: make(chan error, 1), log: new(bytes.Buffer)}
	o.Tenants, o.Authenticator, o.Now = oneTenant{}, roleOfToken{}, time.Now
	o.Log = slog.New(slog.NewTextHandler(&locked{w: r.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := server.New(o, routes...)
	go func() { r.ended <- s.Serve(ctx, l) }()
	t.Cleanup(stop)
	return r
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// swallow is a door that reads its body.
func swallow(pattern string) server.Route {
	return server.Route{Pattern: pattern, Needs: auth.Record, MaxBody: 1 << 20, Handle: func(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
		b, err := server.ReadBody(r, 0)
		if err != nil {
			server.WriteError(w, err)
			return
		}
		fmt.Fprintf(w, "%d", len(b))
	}}
}

// reply is an answer that was read.
type reply struct {
	status int
	proto  int
	header http.Header
	text   string
}

// read reads an answer to its end.
func read(t *testing.T, answer *http.Response) reply {
	t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return reply{status: answer.StatusCode, proto: answer.ProtoMajor, header: answer.Header, text: string(text)}
}

func (r *running) post(t *testing.T, path string, body io.Reader, header ...string) reply {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer recorder")
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, answer)
}

// end stops the server and waits for it.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// A body that says that it has a gigabyte is refused before any of it is read,
// and one that does not say so after the bound.
func TestHugeBody(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{}, swallow("POST /take"))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /take HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer recorder\r\nContent-Length: %d\r\n\r\n", 1<<30)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("it is not refused at once: %v", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge || !answer.Close {
		t.Errorf("status %d, the connection is closed: %t", answer.StatusCode, answer.Close)
	}
	endless := &counter{}
	refused := s.post(t, "/take", endless)
	if refused.status != http.StatusRequestEntityTooLarge {
		t.Errorf("an endless body: status %d", refused.status)
	}
	if endless.n > 32<<20 {
		t.Errorf("%d bytes of an endless body were read", endless.n)
	}
	if ok := s.post(t, "/take", strings.NewReader("small")); ok.status != http.StatusOK {
		t.Errorf("afterwards: status %d", ok.status)
	}
}

// counter is a body without an end.
type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// What is in work keeps others out only as far as the bound, streams are
// counted apart, and health is always told.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	wait := func(w http.ResponseWriter, r *http.Request, _ *server.Tenant) {
		entered <- struct{}{}
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	}
	s := start(t, server.Options{Concurrent: 1, Streams: 1},
		server.Route{Pattern: "POST /wait", Needs: auth.Record, Handle: wait},
		server.Route{Pattern: "POST /stream", Needs: auth.Record, Stream: true, Handle: wait})
	var group sync.WaitGroup
	for _, path := range []string{"/wait", "/stream"} {
		group.Go(func() {
			if got := s.post(t, path, nil).status; got != http.StatusOK {
				t.Errorf("%s: status %d", path, got)
			}
		})
		<-entered
	}
	for _, path := range []string{"/wait", "/stream"} {
		answer := s.post(t, path, nil)
		if answer.status != http.StatusServiceUnavailable || answer.header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q", path, answer.status, answer.header.Get("Retry-After"))
		}
	}
	if answer, err := http.Get("http://" + s.address + "/healthz"); err != nil {
		t.Error(err)
	} else if got := read(t, answer).status; got != http.StatusOK {
		t.Errorf("health: status %d", got)
	}
	// Stopping ends the stream and waits for the request.
	s.stop()
	select {
	case err := <-s.ended:
		t.Errorf("the server did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(leave)
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	group.Wait()
}

func TestRate(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{Rate: 0.5, Burst: 3}, swallow("POST /take"))
	for range 3 {
		if got := s.post(t, "/take", nil).status; got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	answer := s.post(t, "/take", nil)
	if wait, err := strconv.Atoi(answer.header.Get("Retry-After")); answer.status != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 2 {
		t.Errorf("status %d, Retry-After %q", answer.status, answer.header.Get("Retry-After"))
	}
	// Another credential is not slowed down.
	if got := s.post(t, "/take", nil, "Authorization", "Bearer admin").status; got != http.StatusOK {
		t.Errorf("another credential: status %d", got)
	}
}

// Bodies that are held at once have a bound together, and what was held is
// given back.
func TestMemory(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{Memory: 1 << 20}, server.Route{Pattern: "POST /take", Needs: auth.Record, Handle: swallow("").Handle})
	bomb := gzipped(t, make([]byte, 8<<20))
	for range 3 {
		answer := s.post(t, "/take", bytes.NewReader(bomb), "Content-Encoding", "gzip")
		if answer.status != http.StatusServiceUnavailable || answer.header.Get("Retry-After") == "" {
			t.Errorf("a body larger than all memory: status %d", answer.status)
		}
		if got := s.post(t, "/take", strings.NewReader(strings.Repeat("x", 300<<10))).status; got != http.StatusOK {
			t.Errorf("a small body: status %d", got)
		}
	}
}

// A panic ends its request, with nothing of what it said.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{}, server.Route{Pattern: "POST /panic", Handle: func(http.ResponseWriter, *http.Request, *server.Tenant) {
		panic("hunter2-fake")
	}}, swallow("POST /take"))
	answer := s.post(t, "/panic", nil)
	if answer.status != http.StatusInternalServerError || strings.Contains(answer.text, "hunter2") {
		t.Errorf("status %d: %s", answer.status, answer.text)
	}
	if got := s.post(t, "/take", nil).status; got != http.StatusOK {
		t.Errorf("afterwards: status %d", got)
	}
	s.end(t)
	if log := s.log.String(); !strings.Contains(log, "a door panicked") || strings.Contains(log, "hunter2") {
		t.Errorf("the log: %s", log)
	}
}

// The log tells of requests, and nothing of who or what.
func TestLog(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{}, swallow("POST /take/{id}"))
	s.post(t, "/take/hunter2-fake?q=hunter2-fake", strings.NewReader("hunter2-fake"), "User-Agent", "hunter2-fake")
	s.post(t, "/hunter2-fake", nil)
	s.end(t)
	log := s.log.String()
	for _, want := range []string{`route="POST /take/{id}" status=200`, "bytes_in=12 bytes_out=2", "org=acme", "route=none status=404"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
	if strings.Contains(log, "hunter2") {
		t.Errorf("the log tells what was asked: %s", log)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := server.NewMetrics("1.2.3")
	m.Appended(5, 4, time.Millisecond, nil)
	m.Gauge("whodid_test", "A test.", func() float64 { return 7 })
	s := server.New(server.Options{Tenants: oneTenant{}, Authenticator: roleOfToken{}, Now: time.Now, Metrics: m, MetricsToken: "hunter2-fake"}, swallow("POST /take/{id}"))
	ask := func(method, path, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	ask(http.MethodPost, "/take/1", "recorder")
	ask(http.MethodPost, "/take/2", "reader")
	ask(http.MethodPost, "/made/up", "recorder")
	ask("MADEUP", "/take/1", "recorder")
	if got := ask(http.MethodGet, "/metrics", "wrong").Code; got != http.StatusUnauthorized {
		t.Errorf("without the token: status %d", got)
	}
	text := ask(http.MethodGet, "/metrics", "hunter2-fake").Body.String()
	for _, want := range []string{
		`whodid_http_requests_total{route="POST /take/{id}",status="200"} 1`, `whodid_http_requests_total{route="POST /take/{id}",status="403"} 1`,
		`whodid_http_requests_total{route="none",status="404"} 1`, `whodid_http_requests_total{route="none",status="405"} 1`,
		"whodid_events_recorded_total 4", "whodid_append_events_sum 5", "whodid_test 7", `whodid_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	for _, no := range []string{"made/up", "MADEUP", "acme", "take/1"} {
		if strings.Contains(text, no) {
			t.Errorf("the metrics tell %s", no)
		}
	}
}
