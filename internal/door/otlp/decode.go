package otlp

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/whodid/whodid/internal/ingest/otlp"
)

func decimal(n int) string { return strconv.Itoa(n) }

// logs decodes the body of /v1/logs.
func logs(body []byte, e encoding, s otlp.Surroundings) (otlp.Reading, error) {
	var records []otlp.Log
	var err error
	if e == encodingJSON {
		var data plog.Logs
		data, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(body)
		records = logsOf(data)
	} else {
		records, err = wireLogs(body)
	}
	if err != nil {
		return otlp.Reading{}, err
	}
	return otlp.Logs(records, s), nil
}

// logsOf are the records that pdata decoded.
func logsOf(data plog.Logs) []otlp.Log {
	if data == (plog.Logs{}) {
		return nil
	}
	records := make([]otlp.Log, 0, data.LogRecordCount())
	for _, rl := range data.ResourceLogs().All() {
		resource := attributes(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			for _, l := range sl.LogRecords().All() {
				records = append(records, otlp.Log{
					Resource: &resource, Attributes: attributes(l.Attributes()), Scope: sl.Scope().Name(), Event: l.EventName(),
					At: int64(l.Timestamp()), ObservedAt: int64(l.ObservedTimestamp()), Trace: l.TraceID(), Span: l.SpanID(),
				})
			}
		}
	}
	return records
}

// traces decodes the body of /v1/traces.
func traces(body []byte, e encoding, s otlp.Surroundings) (otlp.Reading, error) {
	var spans []otlp.Span
	var err error
	if e == encodingJSON {
		var data ptrace.Traces
		data, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(body)
		spans = spansOf(data)
	} else {
		spans, err = wireTraces(body)
	}
	if err != nil {
		return otlp.Reading{}, err
	}
	return otlp.Spans(spans, s), nil
}

// spansOf are the spans that pdata decoded.
func spansOf(data ptrace.Traces) []otlp.Span {
	if data == (ptrace.Traces{}) {
		return nil
	}
	spans := make([]otlp.Span, 0, data.SpanCount())
	for _, rs := range data.ResourceSpans().All() {
		resource := attributes(rs.Resource().Attributes())
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				spans = append(spans, otlp.Span{
					Resource: &resource, Attributes: attributes(s.Attributes()), Scope: ss.Scope().Name(), Name: s.Name(),
					Start: int64(s.StartTimestamp()), End: int64(s.EndTimestamp()),
					Trace: s.TraceID(), ID: s.SpanID(), Parent: s.ParentSpanID(),
					Failed: s.Status().Code() == ptrace.StatusCodeError, Server: s.Kind() == ptrace.SpanKindServer,
				})
			}
		}
	}
	return spans
}

// metrics decodes the body of /v1/metrics, and records nothing of it: whatever
// the metrics of agents count, their events tell one by one. They are taken, so
// that a client that sends all three signals to one address need not be told
// otherwise.
func metrics(body []byte, e encoding, _ otlp.Surroundings) (otlp.Reading, error) {
	var err error
	if e == encodingJSON {
		_, err = (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(body)
	} else {
		_, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
	}
	return otlp.Reading{}, err
}

// attributes keeps those attributes that are read.
func attributes(m pcommon.Map) otlp.Attributes {
	var a otlp.Attributes
	for name, v := range m.All() {
		if !otlp.Wanted(name) {
			continue
		}
		switch v.Type() {
		case pcommon.ValueTypeStr:
			a.Set(name, otlp.Text(v.Str()))
		case pcommon.ValueTypeInt:
			a.Set(name, otlp.Whole(v.Int()))
		case pcommon.ValueTypeDouble:
			a.Set(name, otlp.Number(v.Double()))
		case pcommon.ValueTypeBool:
			a.Set(name, otlp.Truth(v.Bool()))
		default: // what is read is never a list, an object or bytes
		}
	}
	return a
}
