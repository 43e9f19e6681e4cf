// Package agenttest helps the tests of what reads clients' sessions.
package agenttest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// Reader reads a client's file of a session.
type Reader func(io.Reader, *agent.SessionFile) (agent.SessionReading, error)

// Written is when the files of tests were last written to.
var Written = time.Date(2026, 11, 23, 14, 20, 0, 0, time.UTC)

// Read reads a file of a session of its own; now is the reader's clock, and from
// up to where the file was read before. Every event must be one that the trail
// takes as it is.
func Read(t testing.TB, client string, read Reader, text []byte, from int64, now time.Time) ([]whodid.Event, agent.SessionReading) {
	t.Helper()
	var events []whodid.Event
	f := agent.SessionFile{
		Ref: agent.TranscriptRef{Client: client, Session: "s1", Execution: agent.Execution(client, "s1"), Path: "file", At: Written},
		Own: true, From: from, Now: now,
		Tell: func(e whodid.Event) error { events = append(events, e); return nil },
	}
	reading, err := read(bytes.NewReader(text), &f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		e := events[i]
		if dropped := e.Trim(false); len(dropped) > 0 {
			t.Errorf("%s has metadata that the catalogue does not list: %v", e.What, dropped)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", e.What, err)
		}
	}
	return events, reading
}

// Brief is each event in a line: what, target, result and the data that counts.
func Brief(events []whodid.Event) []string {
	var out []string
	for _, e := range events {
		words := []string{strings.TrimSpace(e.What + " " + e.Target + " " + string(e.Result))}
		for _, name := range []string{"exit_code", "lines_added", "lines_removed", "input_tokens", "output_tokens", "cache_read_tokens"} {
			if n, told := e.Data.Int(name); told {
				words = append(words, fmt.Sprintf("%s=%d", strings.TrimSuffix(name, "_tokens"), n))
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

// File reads a file of testdata.
func File(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Growing cuts a file again and again, reads what is there and then the rest:
// what both tell must be what the whole file tells.
func Growing(t *testing.T, client string, read Reader, text []byte, step int) {
	t.Helper()
	later := Written.AddDate(0, 0, 1)
	whole, _ := Read(t, client, read, text, 0, later)
	want := byKey(whole)
	for cut := 0; cut < len(text); cut += step {
		first, reading := Read(t, client, read, text[:cut], 0, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
		rest, _ := Read(t, client, read, text, reading.Next, later)
		if diff := cmp.Diff(want, byKey(append(first, rest...))); diff != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", cut, diff)
		}
	}
}

// byKey keeps the first event of each id, as a trail does, and no attempt whose
// result is there.
func byKey(events []whodid.Event) map[string]whodid.Event {
	out := map[string]whodid.Event{}
	for _, e := range events {
		e.Identify()
		if _, told := out[e.ID]; !told {
			if e.What == "model.call" {
				e.At = Written // that of the last writing that was there
			}
			out[e.ID] = e
		}
	}
	for id := range out {
		if settled, attempt := whodid.SettledID(id); attempt {
			if _, ok := out[settled]; ok {
				delete(out, id)
			}
		}
	}
	return out
}

// Fuzz reads anything as a session's file: it must not panic, nor tell what the
// trail would not take, nor go on outside of the file.
func Fuzz(f *testing.F, client string, read Reader, seeds ...string) {
	for _, name := range seeds {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, int64(0), true)
		f.Add(text, int64(len(text)/2), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, from int64, later bool) {
		now := Written
		if later {
			now = now.AddDate(0, 0, 1)
		}
		_, reading := Read(t, client, read, text, from, now)
		if reading.Next < 0 || reading.Next > int64(len(text)) {
			t.Errorf("goes on at %d of %d", reading.Next, len(text))
		}
	})
}
