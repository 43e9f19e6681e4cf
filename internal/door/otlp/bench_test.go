package otlp

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
)

// What our own reader of protobuf saves against pdata's.
func BenchmarkProtobuf(b *testing.B) {
	text, _, _ := body(b, "claude-code-2.1.197-003-v1_logs.pb.gz")
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := wireLogs(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pdata", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(text)
			if err != nil {
				b.Fatal(err)
			}
			logsOf(data)
		}
	})
}

// What it costs to turn a body into events, by record of telemetry and by
// event that comes of it.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{
		"claude-code-2.1.197-001-v1_logs.pb.gz", "claude-code-2.1.197-003-v1_logs.pb.gz", "claude-code-2.1.197-003-v1_logs.json.gz", "claude-code-2.1.197-006-v1_traces.pb.gz",
	} {
		text, e, read := body(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			events := 0
			for b.Loop() {
				reading, err := read(text, e, surroundingsOf(name))
				if err != nil {
					b.Fatal(err)
				}
				events += len(reading.Events)
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
