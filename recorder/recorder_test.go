package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/recorder"
)

// complaints gathers what a recorder could not do.
type complaints struct {
	mu   sync.Mutex
	errs []error
}

func (c *complaints) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

func (c *complaints) all() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.errs...)
}

func open(t *testing.T, url string, change func(*recorder.Options)) (*recorder.Recorder, *complaints) {
	t.Helper()
	c, err := client.New(url, client.Options{Token: "recorder", Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	var heard complaints
	o := recorder.Options{Client: c, Agent: "ops/backup", OnError: heard.add, Interval: 5 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	r, err := recorder.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r, &heard
}

// record records a run as a program would.
func record(r *recorder.Recorder, n int) *recorder.Execution {
	in, out := int64(900), int64(80)
	run := r.Start(recorder.Run{Trigger: "scheduled:nightly", Tags: map[string]string{"env": "live"}})
	for i := range n {
		run.Action(recorder.Action{Type: "file.write", Target: fmt.Sprintf("part-%d", i), Result: whodid.ResultSuccess})
	}
	for range 2 {
		run.Model(recorder.ModelCall{Model: "claude-sonnet-5", Provider: "anthropic", Request: "req_1", TokensIn: &in, TokensOut: &out})
	}
	run.Renew()
	run.FinishError(nil)
	return run
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	for _, spooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("spool=%t", spooled), func(t *testing.T) {
			t.Parallel()
			apitest.OnBothStores(t, func(t *testing.T, w *apitest.World) {
				r, heard := open(t, w.URL, func(o *recorder.Options) {
					if spooled {
						o.Spool = t.TempDir()
					}
				})
				run := record(r, 700)
				if err := errors.Join(r.Close(t.Context()), heard.all()); err != nil {
					t.Fatal(err)
				}
				r.Event(whodid.Event{Actor: "agent:ops/backup", What: "report.send", Result: whodid.ResultSuccess})
				if err := heard.all(); !errors.Is(err, recorder.ErrClosed) {
					t.Errorf("after the end: %v", err)
				}
				events := storetest.Check(t, w.Store, apitest.Org)
				if len(events) != 705 {
					t.Errorf("%d events, want 705", len(events))
				}
				x, err := w.Store.Execution(t.Context(), apitest.Org, run.ID())
				if err != nil || x.Status != whodid.StatusSuccess || x.Trigger != "scheduled" || x.TriggerDetail != "nightly" || x.Tags["env"] != "live" || x.Usage.Calls != 1 {
					t.Errorf("the run is %+v, %v", x, err)
				}
			})
		})
	}
}

// TestServerDown records while the server is away.
func TestServerDown(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "trail.db"))
	var up atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			panic(http.ErrAbortHandler)
		}
		w.Handler.ServeHTTP(out, r)
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	spooled := func(o *recorder.Options) { o.Spool = dir }
	r, _ := open(t, s.URL, spooled)
	record(r, 5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := r.Close(ctx); err == nil {
		t.Error("what could not be sent is not told of")
	}
	// The program ended; the next one sends what waits.
	up.Store(true)
	r, heard := open(t, s.URL, spooled)
	if err := errors.Join(r.Flush(t.Context()), r.Close(t.Context()), heard.all()); err != nil {
		t.Fatal(err)
	}
	if events := storetest.Check(t, w.Store, apitest.Org); len(events) != 10 {
		t.Errorf("%d events, want 10", len(events))
	}
}

// TestFull records more than there is room for.
func TestFull(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "trail.db"))
	r, heard := open(t, w.URL, func(o *recorder.Options) { o.Buffer, o.Interval = 3, time.Hour })
	record(r, 10)
	if err := heard.all(); !errors.Is(err, recorder.ErrFull) {
		t.Errorf("heard %v", err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := storetest.Check(t, w.Store, apitest.Org)
	if len(events) != 4 {
		t.Fatalf("%d events, want 4", len(events))
	}
	gap := events[3]
	if n, _ := gap.Data.Int("count"); gap.What != "record.gap" || n != 13 {
		t.Errorf("the last is %s of %d", gap.What, n)
	}
}

// TestRefused records what the server or the catalogue does not take.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, filepath.Join(t.TempDir(), "trail.db"))
	for _, spool := range []string{"", t.TempDir()} {
		r, heard := open(t, w.URL, func(o *recorder.Options) { o.Spool = spool })
		run := r.Start(recorder.Run{})
		run.Action(recorder.Action{Type: "model.call"})
		run.Action(recorder.Action{Type: "report.send", Data: whodid.Data{"a": 1.5}})
		r.Event(whodid.Event{Actor: "human:padmin", What: "report.send", Result: whodid.ResultSuccess})
		run.Action(recorder.Action{Type: "report.send", Target: "password=hunter2hunter2 ghp_0123456789abcdefghijABCDEFGHIJ012345"})
		run.Finish(whodid.ResultFailed, "disk full")
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(heard.all())
		for _, want := range []string{"not an action", "no place in metadata", "signed in"} {
			if !strings.Contains(said, want) {
				t.Errorf("nothing was said of %q: %s", want, said)
			}
		}
	}
	events := storetest.Check(t, w.Store, apitest.Org)
	if len(events) != 6 {
		t.Errorf("%d events, want 6", len(events))
	}
	for i := range events {
		if strings.Contains(events[i].Target, "ghp_") {
			t.Errorf("a secret is in the trail: %s", events[i].Target)
		}
	}
}
