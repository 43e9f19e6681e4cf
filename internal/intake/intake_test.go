package intake_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/intake"
	"github.com/whodid/whodid/internal/spool"
	"github.com/whodid/whodid/internal/store"
)

var epoch = time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)

// memory is a trail that holds each key once. It fails as often as it is told,
// before or after it took the events.
type memory struct {
	keys              map[string]whodid.Event
	failBefore, after int
	cleaned           []map[string]int
}

var errAway = errors.New("the trail is away")

func (m *memory) RecordValid(_ context.Context, events []whodid.Event) ([]*store.Row, error) {
	if m.failBefore > 0 {
		m.failBefore--
		return nil, errAway
	}
	var added []*store.Row
	for _, e := range events {
		if _, known := m.keys[e.Key]; !known {
			m.keys[e.Key] = e
			added = append(added, &store.Row{Event: e})
		}
	}
	if m.after > 0 {
		m.after--
		return nil, errAway // as if killed before the spool forgets them
	}
	return added, nil
}

func (m *memory) RecordCleaned(ctx context.Context, events []whodid.Event, cleaned []map[string]int) ([]*store.Row, error) {
	m.cleaned = append(m.cleaned, cleaned...)
	return m.RecordValid(ctx, events)
}

func (m *memory) gaps() (reasons []string) {
	for _, e := range m.keys {
		if e.What == "record.gap" {
			reasons = append(reasons, e.Data.String("reason"))
		}
	}
	return reasons
}

// newIntake is an intake from a spool in a new folder, which is its home too.
func newIntake(t testing.TB) (*intake.Intake, *memory) {
	t.Helper()
	home := t.TempDir()
	m := &memory{keys: map[string]whodid.Event{}}
	return &intake.Intake{
		Spool: spool.In(filepath.Join(home, "spool")), Recorder: m, Home: home, Now: func() time.Time { return epoch },
		Told: func(context.Context, string) (map[string]bool, error) { return map[string]bool{}, nil },
	}, m
}

func put(t testing.TB, in *intake.Intake, r spool.Record) {
	t.Helper()
	if err := in.Spool.Put(r); err != nil {
		t.Fatal(err)
	}
}

func event(key string) whodid.Event { return whodid.Event{Key: key, What: "file.write"} }

func session(path string) spool.Record {
	return spool.Record{Transcripts: []spool.Transcript{{
		Client: "claude-code", Path: path, Execution: "exec-0000000000000001", Session: "s-1", Agent: "eng/solver", Subagents: true, At: epoch,
	}}}
}

// Killed between the trail and the spool, at whichever step, nothing is lost
// and nothing doubled.
func TestDrainIsRepeated(t *testing.T) {
	t.Parallel()
	for before := range 3 {
		for after := range 3 {
			in, m := newIntake(t)
			for i := range 5 {
				put(t, in, spool.Record{Events: []whodid.Event{event(fmt.Sprint("k", i))}})
			}
			f, err := os.OpenFile(filepath.Join(in.Spool.Dir(), "current.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.WriteString("\n01234567 {torn")
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			m.failBefore, m.after = before, after
			for range before + after {
				if _, err := in.Drain(t.Context()); !errors.Is(err, errAway) {
					t.Fatalf("drain: %v", err)
				}
			}
			if _, err := in.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(m.keys) != 6 || len(m.gaps()) != 1 {
				t.Errorf("failed %d and %d times: %d events, gaps %q; want 6 and one", before, after, len(m.keys), m.gaps())
			}
			if w, err := in.Spool.Waiting(); err != nil || w.Records > 0 {
				t.Errorf("waiting: %+v, %v", w, err)
			}
		}
	}
}

// A transcript that can't be read is a gap, in no time, whatever is there.
func TestTranscriptThatIsNone(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(path string) error{
		"nothing":          func(string) error { return nil },
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a link to itself": func(path string) error { return os.Symlink(path, path) },
		"a device":         func(path string) error { return os.Symlink("/dev/zero", path) },
		"a pipe":           pipe,
	} {
		in, m := newIntake(t)
		if err := make(filepath.Join(in.Home, "s.jsonl")); err != nil {
			if runtime.GOOS == "windows" {
				continue
			}
			t.Fatal(err)
		}
		put(t, in, session("~/s.jsonl"))
		done := goDrain(t, in)
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it waits for ever", name)
		}
		if gaps := m.gaps(); len(gaps) != 1 || !strings.Contains(gaps[0], "transcript") {
			t.Errorf("%s: gaps %q", name, gaps)
		}
	}
}

func goDrain(t testing.TB, in *intake.Intake) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	ctx := t.Context()
	go func() {
		_, err := in.Drain(ctx)
		done <- err
	}()
	return done
}

// What no hook told of, the transcript finds out.
func TestUntoldCallsAreAGap(t *testing.T) {
	t.Parallel()
	in, m := newIntake(t)
	line := `{"type":"assistant","timestamp":"2026-11-23T10:30:00Z","sessionId":"s-1","requestId":"req_1","message":{"id":"msg_1","model":"claude-opus-4-1",` +
		`"usage":{"input_tokens":5,"output_tokens":7},"content":[{"type":"tool_use","id":"toolu_told"},{"type":"tool_use","id":"toolu_untold"}]}}` + "\n"
	if err := os.WriteFile(filepath.Join(in.Home, "s.jsonl"), []byte(line+"{broken\n"+line), 0o600); err != nil {
		t.Fatal(err)
	}
	in.Told = func(context.Context, string) (map[string]bool, error) {
		return map[string]bool{"toolu_told": true}, nil
	}
	var taken intake.Taken
	for range 2 {
		put(t, in, session("~/s.jsonl"))
		var err error
		if taken, err = in.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if taken.Events != 0 || taken.Transcripts != 1 {
		t.Errorf("told again: %+v, want no new event", taken)
	}
	calls := 0
	for _, e := range m.keys {
		if e.What == "model.call" {
			calls++
		}
	}
	reasons := strings.Join(m.gaps(), "; ")
	if calls != 1 || !strings.Contains(reasons, "no hook told of") || !strings.Contains(reasons, "could not be read") {
		t.Errorf("%d calls, gaps %q", calls, reasons)
	}
}

// TestRedactedIsHandedOn: what was taken out of an event stays with it, whatever
// stands before it in the spool.
func TestRedactedIsHandedOn(t *testing.T) {
	t.Parallel()
	in, m := newIntake(t)
	event := func(key string) whodid.Event { return whodid.Event{Key: key, What: "file.write", Source: "hook:test"} }
	for _, r := range []spool.Record{
		{Events: []whodid.Event{event("a"), event("b")}},
		{Events: []whodid.Event{event("c"), event("d")}, Redacted: []map[string]int{nil, {"email": 2}}},
		{Events: []whodid.Event{event("e")}, Redacted: []map[string]int{{"home": 1}, {"token": 9}}}, // one too many
		{Events: []whodid.Event{event("f")}},
	} {
		if err := in.Spool.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []map[string]int{nil, nil, nil, {"email": 2}, {"home": 1}}
	if !reflect.DeepEqual(m.cleaned, want) {
		t.Errorf("got %v, want %v", m.cleaned, want)
	}
}
