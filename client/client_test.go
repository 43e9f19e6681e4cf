package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/proof"
)

func connect(t testing.TB, url, token string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{Token: token, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestClient goes through every method against a real server.
func TestClient(t *testing.T) {
	t.Parallel()
	apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		c := connect(t, w.URL, "admin")
		run, err := c.StartExecution(ctx, client.NewExecution{Agent: "eng/solver", Trigger: "event:issues.labeled", Tags: map[string]string{"env": "live"}})
		if err != nil {
			t.Fatal(err)
		}
		in, out := int64(1200), int64(340)
		_, err1 := c.RenewExecution(ctx, run.ExecutionID, client.Renewal{LeaseSeconds: 60})
		_, err2 := c.TagExecution(ctx, run.ExecutionID, map[string]string{"ticket": "OPS-17"})
		_, err3 := c.RecordModelCall(ctx, client.NewModelCall{ExecutionID: run.ExecutionID, Provider: "anthropic", Request: "req_1", Usage: client.Usage{Model: "claude-sonnet-5", TokensIn: &in, TokensOut: &out}})
		var events []client.NewEvent
		for i := range 250 {
			events = append(events, client.NewEvent{
				Key: fmt.Sprintf("t/%d", i), Actor: "agent:eng/solver", What: "file.write", Target: fmt.Sprintf("src/%d.go", i), Result: whodid.ResultSuccess,
				Execution: run.ExecutionID, Session: "s1",
			})
		}
		recorded, err4 := c.RecordEvents(ctx, events...)
		_, err5 := c.FinishExecution(ctx, run.ExecutionID, client.Finish{Status: whodid.ResultSuccess})
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		if recorded.New != 250 {
			t.Errorf("%d events are new", recorded.New)
		}
		n := 0
		for a, err := range c.Actions(ctx, client.List{Filter: "type:file.* target:src/1*", Page: 7}) {
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(a.Target, "src/1") {
				t.Fatalf("action on %s", a.Target)
			}
			n++
		}
		if n != 111 {
			t.Errorf("%d actions, want 111", n)
		}
		var last uint64
		for e, err := range c.Events(ctx, client.List{Page: 100}, 3) {
			if err != nil {
				t.Fatal(err)
			}
			last = e.Seq
		}
		head, err := c.LogHead(ctx)
		if err != nil || last != head.Size-1 {
			t.Errorf("the last event is %d of %+v, %v", last, head, err)
		}
		for x, err := range c.Executions(ctx, client.List{Filter: "status:success tag:env=live"}) {
			if err != nil || x.ExecutionID != run.ExecutionID {
				t.Errorf("execution %+v, %v", x, err)
			}
		}
		show, err := c.Execution(ctx, run.ExecutionID)
		if err != nil || len(show.Actions) != 250 || show.Tags["ticket"] != "OPS-17" || *show.TokensIn != 1200 {
			t.Errorf("execution %+v, %v", show.Execution, err)
		}
		history, err := c.History(ctx, client.Period{Since: "1d"}, true)
		if err != nil || history.Total.Runs != 1 || len(history.Runs) != 1 {
			t.Errorf("history %+v, %v", history, err)
		}
		stats, err := c.Stats(ctx, client.Period{Agent: "eng/*"})
		if err != nil || stats.Total.Success != 1 {
			t.Errorf("stats %+v, %v", stats, err)
		}
		event, err := c.Event(ctx, recorded.Events[0].EventID)
		if err != nil || event.Target != "src/0.go" {
			t.Errorf("event %+v, %v", event, err)
		}
		bundle, err := c.Proof(ctx, event.EventID)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := proof.ParseKeys(w.Key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(bundle.Checkpoint); err != nil {
			t.Error(err)
		}
		v, err := c.Verify(ctx)
		if err != nil || len(v.Problems) != 0 || v.TreeSize != head.Size {
			t.Errorf("verification %+v, %v", v, err)
		}
		for s, err := range c.Sessions(ctx, client.Period{Since: "1d"}, "") {
			if err != nil || s.SessionID == "" {
				t.Errorf("%+v, %v", s, err)
			}
		}
		if catalogue, err := c.Catalogue(ctx); err != nil || len(catalogue.Kinds) < 50 {
			t.Errorf("%d kinds, %v", len(catalogue.Kinds), err)
		}
		if b, err := c.Schema(ctx, "exec-show"); err != nil || !strings.Contains(string(b), "$defs") {
			t.Errorf("schema: %v", err)
		}
		if b, err := c.OpenAPI(ctx); err != nil || !strings.Contains(string(b), `"3.1.0"`) {
			t.Errorf("openapi: %v", err)
		}
		checkTiles(t, c, w.Key)
		var said *client.Error
		if _, err := c.Event(ctx, "evt-none"); !errors.As(err, &said) || said.Status != http.StatusNotFound {
			t.Errorf("an unknown event: %v", err)
		}
		if _, err := c.Why(ctx, strings.Repeat("ab", 20)); !errors.As(err, &said) || said.Status != http.StatusNotFound {
			t.Errorf("an unknown commit: %v", err)
		}
	})
}

// checkTiles computes the root from the tiles that the server gives out.
func checkTiles(t *testing.T, c *client.Client, key string) {
	t.Helper()
	signed, err := c.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := proof.OpenCheckpoint(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := proof.Root(checkpoint.Size, func(level int, n uint64, width int) ([]proof.Hash, error) {
		path := fmt.Sprintf("%d/%03d", level, n)
		if width < proof.TileWidth {
			path += fmt.Sprintf(".p/%d", width)
		}
		b, err := c.Tile(t.Context(), path)
		hashes := make([]proof.Hash, len(b)/32)
		for i := range hashes {
			hashes[i] = proof.Hash(b[i*32:])
		}
		return hashes, err
	})
	if err != nil || root != checkpoint.Root {
		t.Errorf("the tiles have the root %s, %v; signed is %s", root, err, checkpoint.Root)
	}
	for _, path := range []string{"0/000.p/256", "0/0", "9/000", "0/x000/000", "0/999", "entries/999", "0/000.p/0", "-1/000"} {
		if _, err := c.Tile(t.Context(), path); err == nil {
			t.Errorf("there is a tile %s", path)
		}
	}
	if b, err := c.Tile(t.Context(), "entries/000.p/2"); err != nil || len(b) < 200 {
		t.Errorf("entries: %d bytes, %v", len(b), err)
	}
}

// TestTail follows a log while it grows, over a server that breaks off each
// stream after a while.
func TestTail(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "trail.db"))
	var streams atomic.Int64
	breaking := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		// Each lives longer than the one before, so that one gets through on any machine.
		ctx, cancel := context.WithTimeout(r.Context(), time.Duration(streams.Add(1))*20*time.Millisecond)
		defer cancel()
		w.Handler.ServeHTTP(out, r.WithContext(ctx))
	}))
	t.Cleanup(breaking.Close)
	c, recorder := connect(t, breaking.URL, "reader"), connect(t, w.URL, "recorder")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const total = 60
	go func() {
		for i := range total {
			_, err := recorder.RecordEvents(ctx, client.NewEvent{Key: fmt.Sprintf("t/%d", i), What: "report.send", Target: fmt.Sprint(i % 2), Result: whodid.ResultSuccess})
			if err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	next := 0
	for e, err := range c.Tail(ctx, "target:1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if int(e.Seq) != 2*next+1 {
			t.Fatalf("event %d came, want %d", e.Seq, 2*next+1)
		}
		if next++; next == total/2 {
			break
		}
	}
	if next != total/2 {
		t.Errorf("%d events came", next)
	}
	for _, err := range connect(t, w.URL, "nobody").Tail(ctx, "", -1) {
		var said *client.Error
		if !errors.As(err, &said) || said.Status != http.StatusUnauthorized {
			t.Errorf("nobody follows: %v", err)
		}
	}
}

// TestRetries counts how often a request is made.
func TestRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statuses []int
		header   string
		requests int32
		ok       bool
	}{
		"at once":       {[]int{200}, "", 1, true},
		"after a while": {[]int{503, 429, 502, 200}, "0", 4, true},
		"never":         {[]int{503, 503, 503, 503, 503, 200}, "", 5, false},
		"a mistake":     {[]int{422, 200}, "", 1, false},
		"forbidden":     {[]int{403, 200}, "", 1, false},
		"inside":        {[]int{500, 200}, "", 1, false},
	} {
		var n atomic.Int32
		keys := map[string]bool{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			keys[r.Header.Get("Idempotency-Key")] = true
			status := c.statuses[n.Add(1)-1]
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"events":[],"new":0}`))
		}))
		_, err := connect(t, s.URL, "x").RecordEvents(t.Context())
		s.Close()
		if (err == nil) != c.ok || n.Load() != c.requests || len(keys) != 1 || keys[""] {
			t.Errorf("%s: %d requests with %d keys, %v", name, n.Load(), len(keys), err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			time.AfterFunc(100*time.Millisecond, cancel)
		}
	}))
	t.Cleanup(s.Close)
	if _, err := connect(t, s.URL, "x").RecordEvents(ctx); err == nil || n.Load() != 1 {
		t.Errorf("%d requests, %v: the client did not wait as it was asked to", n.Load(), err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://whodid.example": true, "http://127.0.0.1:8484": true, "http://localhost:1": true, "http://[::1]:1": true,
		"http://whodid.example": false, "whodid.example": false, "": false, "ftp://x": false, "https://": false,
	} {
		if _, err := client.New(address, client.Options{Token: "secret"}); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := client.New("http://whodid.example", client.Options{Token: "secret", Insecure: true}); err != nil {
		t.Error(err)
	}
}
