package sink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/whodid/whodid"
)

// The numbers of severity that OpenTelemetry has for its log records.
const (
	otlpInfo = 9
	otlpWarn = 13
)

// TraceID is the id of an execution's trace in OpenTelemetry, in hexadecimal: the same
// whoever writes it.
func TraceID(execution string) string {
	sum := sha256.Sum256([]byte("whodid trace\n" + execution))
	return hex.EncodeToString(sum[:16])
}

// SpanID is the id of the span of an event, or of an execution as a whole.
func SpanID(id string) string {
	sum := sha256.Sum256([]byte("whodid span\n" + id))
	return hex.EncodeToString(sum[:8])
}

// otlp is the event as a log record of OTLP in JSON: an event of OpenTelemetry whose
// name is the verb. A fact is whole when it is told, and a span only when it ends, so
// that logs and not traces are what can be sent as it comes.
func (e *record) otlp() map[string]any {
	severity, level := otlpInfo, "INFO"
	switch e.Result {
	case whodid.ResultFailed, whodid.ResultRejected, whodid.ResultBlocked, whodid.ResultTimeout:
		severity, level = otlpWarn, "WARN"
	default:
	}
	name := "whodid." + e.What
	var a otlpAttributes
	a.text("event.name", name)
	for _, t := range [][2]string{
		{"whodid.event.id", e.EventID},
		{"whodid.actor", e.Actor},
		{"whodid.actor_auth", e.ActorAuth},
		{"whodid.result", string(e.Result)},
		{"whodid.execution.id", e.Execution},
		{"whodid.approval.id", e.Approval},
		{"whodid.source", e.Source},
		{"whodid.leaf", e.Leaf},
		{"whodid.on_behalf_of", e.OnBehalfOf},
		{"whodid.target", e.Target},
		{"whodid.why", e.Why},
		{"session.id", e.Session},
		{"gen_ai.agent.name", whodid.AgentOf(e.Actor)},
	} {
		a.text(t[0], t[1])
	}
	a.add("whodid.seq", int64(e.Seq))
	for _, field := range slices.Sorted(maps.Keys(e.Metadata)) {
		a.add("whodid.data."+field, e.Metadata[field])
	}
	out := map[string]any{
		"timeUnixNano": strconv.FormatInt(e.At.UnixNano(), 10), "observedTimeUnixNano": strconv.FormatInt(e.RecordedAt.UnixNano(), 10),
		"severityNumber": severity, "severityText": level, "eventName": name, "body": otlpValue(e.What), "attributes": a,
	}
	if e.Execution != "" {
		out["traceId"], out["spanId"] = TraceID(e.Execution), SpanID(e.EventID)
	}
	return out
}

// otlpAttributes are those of a record; what is not known is left out.
type otlpAttributes []map[string]any

func (a *otlpAttributes) text(key, value string) {
	if value != "" {
		a.add(key, value)
	}
}

func (a *otlpAttributes) add(key string, value any) {
	*a = append(*a, map[string]any{"key": key, "value": otlpValue(value)})
}

// otlpValue is a value of metadata as OTLP has it; what it has no kind for is text.
func otlpValue(v any) map[string]any {
	switch v := v.(type) {
	case string:
		return map[string]any{"stringValue": v}
	case bool:
		return map[string]any{"boolValue": v}
	case int64:
		return map[string]any{"intValue": strconv.FormatInt(v, 10)}
	case float64:
		return map[string]any{"doubleValue": v}
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = otlpValue(v[i])
		}
		return map[string]any{"arrayValue": map[string]any{"values": list}}
	default:
		return map[string]any{"stringValue": fmt.Sprint(v)}
	}
}

// otlpBody is the request that a collector takes at /v1/logs. It is written by hand
// around the records, which are text already.
func (b *Batch) otlpBody() []byte {
	org, _ := json.Marshal(b.Org) // a string can always be written
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"whodid"}},{"key":"whodid.org","value":{"stringValue":%s}}]},`, org)
	out.WriteString(`"scopeLogs":[{"scope":{"name":"whodid"},"logRecords":[`)
	out.Write(bytes.Join(b.Records, []byte{','}))
	out.WriteString(`]}]}]}`)
	return out.Bytes()
}

// otlpURL is where logs go: to the path that is named, or to that of the standard.
func otlpURL(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path != "" && u.Path != "/" {
		return address
	}
	u.Path = "/v1/logs"
	return u.String()
}

// RejectedError means that a place took a batch but for some of its events, and wants
// them not again.
type RejectedError struct {
	Events int64
	Reason string
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("the sink took a batch and rejected %d of its events: %s", e.Events, e.Reason)
}

// otlpAnswer reads what a collector says to a batch that it took.
func otlpAnswer(body io.Reader) error {
	const limit = 64 << 10
	text, err := io.ReadAll(io.LimitReader(body, limit))
	if err != nil {
		return fmt.Errorf("couldn't read the sink's answer: %w", cause(err))
	}
	var answer struct {
		Partial struct {
			Rejected json.Number `json:"rejectedLogRecords"`
			Message  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return nil // an empty answer, or one in another encoding, means that all is well
	}
	if n, err := answer.Partial.Rejected.Int64(); err == nil && n > 0 {
		return &RejectedError{Events: n, Reason: answer.Partial.Message}
	}
	return nil
}
