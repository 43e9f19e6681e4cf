package otlp

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/whodid/whodid/internal/ingest/otlp"
)

// Whatever comes in, each event that is made of it is fit for the trail.
func FuzzJSON(f *testing.F) {
	for _, name := range []string{"claude-code-2.1.330-logs-2.json.gz", "codex-0.169.0-logs.json.gz", "claude-code-2.1.330-traces.json.gz"} {
		text, _, _ := body(f, name)
		f.Add(text)
	}
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","attributes":[{"key":"event.name","value":{"stringValue":"x"}}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fit(t, text, encodingJSON)
	})
}

func fit(t *testing.T, text []byte, e encoding) {
	t.Helper()
	for _, read := range []decoder{logs, traces, metrics} {
		reading, err := read(text, e, surroundingsOf(""))
		if err != nil {
			continue
		}
		for i := range reading.Events {
			e := &reading.Events[i]
			e.Trim(false)
			if err := e.Validate(); err != nil {
				t.Errorf("%s %q: %v", e.What, e.Key, err)
			}
		}
	}
}

// What our own reader of protobuf understands it understands as pdata does.
func FuzzProtobuf(f *testing.F) {
	// One record each: small seeds are changed faster.
	text, _, _ := body(f, "claude-code-2.1.197-004-v1_logs.pb.gz")
	data, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(text)
	if err != nil {
		f.Fatal(err)
	}
	for i := range data.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().Len() {
		one := plog.NewLogs()
		rl := one.ResourceLogs().AppendEmpty()
		data.ResourceLogs().At(0).Resource().CopyTo(rl.Resource())
		sl := rl.ScopeLogs().AppendEmpty()
		data.ResourceLogs().At(0).ScopeLogs().At(0).Scope().CopyTo(sl.Scope())
		data.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(i).CopyTo(sl.LogRecords().AppendEmpty())
		seed, err := (&plog.ProtoMarshaler{}).MarshalLogs(one)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fit(t, text, encodingProtobuf)
		s := surroundingsOf("")
		ours, err := wireLogs(text)
		if theirs, theirErr := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(text); err == nil && theirErr == nil {
			same(t, otlp.Logs(ours, s), otlp.Logs(logsOf(theirs), s))
		}
		spans, err := wireTraces(text)
		if theirs, theirErr := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(text); err == nil && theirErr == nil {
			same(t, otlp.Spans(spans, s), otlp.Spans(spansOf(theirs), s))
		}
	})
}

func same(t *testing.T, ours, theirs otlp.Reading) {
	t.Helper()
	if ours.Rejected != theirs.Rejected || len(ours.Events) != len(theirs.Events) {
		t.Fatalf("%d events and %d rejected, pdata has %d and %d", len(ours.Events), ours.Rejected, len(theirs.Events), theirs.Rejected)
	}
	for i := range ours.Events {
		if got, want := line(&ours.Events[i]), line(&theirs.Events[i]); got != want {
			t.Errorf("%s\npdata: %s", got, want)
		}
	}
}

// The captures are read as pdata reads them.
func TestProtobufAsPdata(t *testing.T) {
	t.Parallel()
	s := surroundingsOf("")
	for _, name := range []string{"claude-code-2.1.197-001-v1_logs.pb.gz", "claude-code-2.1.197-003-v1_logs.pb.gz", "claude-code-2.1.197-004-v1_logs.pb.gz"} {
		text, _, _ := body(t, name)
		data, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(text)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wireLogs(text)
		if err != nil || len(ours) != data.LogRecordCount() {
			t.Fatal(name, err, len(ours))
		}
		same(t, otlp.Logs(ours, s), otlp.Logs(logsOf(data), s))
	}
	text, _, _ := body(t, "claude-code-2.1.197-006-v1_traces.pb.gz")
	data, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(text)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := wireTraces(text)
	if err != nil || len(ours) != data.SpanCount() {
		t.Fatal(err, len(ours))
	}
	same(t, otlp.Spans(ours, s), otlp.Spans(spansOf(data), s))
}

// A body that breaks off anywhere is refused, not half read.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"claude-code-2.1.197-004-v1_logs.pb.gz", "claude-code-2.1.330-logs-2.json.gz"} {
		text, e, read := body(t, name)
		for i := 1; i < len(text); i += max(1, len(text)/300) {
			if _, err := read(text[:i], e, surroundingsOf("")); err == nil {
				t.Errorf("%s: %d of %d bytes were taken", name, i, len(text))
			}
		}
	}
}
