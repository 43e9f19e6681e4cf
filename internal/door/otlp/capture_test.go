package otlp

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/otlp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var received = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

// body is a body of testdata, decompressed, and what reads it.
func body(t testing.TB, name string) ([]byte, encoding, decoder) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	e, read := encodingJSON, decoder(logs)
	if strings.HasSuffix(name, ".pb.gz") {
		e = encodingProtobuf
	}
	switch {
	case strings.Contains(name, "traces"):
		read = traces
	case strings.Contains(name, "metrics"):
		read = metrics
	}
	return b, e, read
}

func surroundingsOf(string) otlp.Surroundings {
	return otlp.Surroundings{
		ReceivedAt: received, Lease: lease,
		Pseudonym: func(identity string) string { return fmt.Sprint("p", len(identity)) },
	}
}

// events are what a capture tells, each checked to be fit for the trail.
func events(t testing.TB, name string) []whodid.Event {
	t.Helper()
	b, e, read := body(t, name)
	reading, err := read(b, e, surroundingsOf(name))
	if err != nil || reading.Rejected > 0 {
		t.Fatalf("%s: %v, %d rejected: %s", name, err, reading.Rejected, reading.Reason)
	}
	for i := range reading.Events {
		e := &reading.Events[i]
		if dropped := e.Trim(false); len(dropped) > 0 {
			t.Errorf("%s: %s has fields that the catalogue does not know: %v", name, e.What, dropped)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %s: %v", name, e.Key, err)
		}
	}
	return reading.Events
}

// line is an event in one line of a golden file.
func line(e *whodid.Event) string {
	who := e.Actor
	if e.OnBehalfOf != "" {
		who += " for " + e.OnBehalfOf
	}
	return fmt.Sprintf("%s %s [%s] %s %s %s in %s %s", e.At.Format("15:04:05.000"), e.What, e.Key, e.Target, e.Result, who, e.Execution, e.Data.Canonical())
}

func TestCaptures(t *testing.T) {
	t.Parallel()
	captures, err := filepath.Glob("testdata/*.gz")
	if err != nil || len(captures) < 10 {
		t.Fatal(captures, err)
	}
	for _, path := range captures {
		name := filepath.Base(path)
		var got bytes.Buffer
		for _, e := range events(t, name) {
			fmt.Fprintln(&got, strings.ReplaceAll(line(&e), "  ", " "))
		}
		golden := strings.TrimSuffix(path, ".gz") + ".golden"
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What a client says by JSON it says by protobuf: the captures are two runs of
// one scenario, which differ in ids and times only.
func TestBothEncodings(t *testing.T) {
	t.Parallel()
	shape := func(ending string) (told []string) {
		for _, part := range []string{"001", "003", "004"} {
			for _, e := range events(t, "claude-code-2.1.197-"+part+"-v1_logs"+ending) {
				if e.What != "record.receive" { // the batches were cut elsewhere
					told = append(told, fmt.Sprintln(e.What, e.Target, e.Result, e.Actor, e.Data["tool"], e.Data["model"], e.Data["output_tokens"], e.Data["cost_micros"]))
				}
			}
		}
		return told
	}
	if diff := cmp.Diff(shape(".json.gz"), shape(".pb.gz")); diff != "" {
		t.Errorf("(-json +protobuf):\n%s", diff)
	}
}
