package interchange

import (
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
)

// SemConv is the version of OpenTelemetry's semantic conventions whose names of
// generative AI are written.
const SemConv = "1.37.0"

// The messages of OTLP in JSON.
type (
	otlpRequest struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
		SchemaURL  string           `json:"schemaUrl"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpScope struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	otlpSpan struct {
		TraceID    string          `json:"traceId"`
		SpanID     string          `json:"spanId"`
		ParentID   string          `json:"parentSpanId,omitempty"`
		Name       string          `json:"name"`
		Kind       int             `json:"kind"`
		Start      string          `json:"startTimeUnixNano"`
		End        string          `json:"endTimeUnixNano"`
		Attributes []otlpAttribute `json:"attributes"`
		Status     otlpStatus      `json:"status"`
	}
	otlpStatus struct {
		Code int `json:"code"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
	}
)

// The kinds of spans, and the codes of their status: an end that is not known has no
// code.
const (
	kindInternal = 1
	kindClient   = 3
	statusOK     = 1
	statusError  = 2
)

// attributes are those of a span; what is not known is left out.
type attributes []otlpAttribute

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, otlpAttribute{key, otlpValue{String: &value}})
	}
}

func (a *attributes) number(key string, n int64) {
	text := strconv.FormatInt(n, 10)
	*a = append(*a, otlpAttribute{key, otlpValue{Int: &text}})
}

// OTLP writes the run as the spans of one trace, the request that a collector takes at
// /v1/traces, in JSON: the agent's own, and below it one for each call of a model and
// each action. The ids follow from those of the trail: sent again it is the same trace.
func OTLP(r *Run) ([]byte, error) {
	x := r.Execution
	name := agentName(x.Squad, x.Agent)
	var resource attributes
	resource.text("service.name", name)
	s := spans{run: r, trace: sink.TraceID(x.ExecutionID), root: sink.SpanID(x.ExecutionID), agent: name}
	for i := range r.Rows {
		if err := s.add(&r.Rows[i]); err != nil {
			return nil, err
		}
	}
	return marshal(otlpRequest{ResourceSpans: []otlpResourceSpans{{
		Resource: otlpResource{Attributes: resource}, SchemaURL: "https://opentelemetry.io/schemas/" + SemConv,
		ScopeSpans: []otlpScopeSpans{{Scope: otlpScope{Name: "whodid", Version: r.Version}, Spans: append([]otlpSpan{s.whole()}, s.list...)}},
	}}})
}

// agentName is the agent's full name.
func agentName(squad, agent string) string {
	if squad == "" || strings.HasPrefix(agent, squad+"/") {
		return agent
	}
	return squad + "/" + agent
}

// spans are those of one run.
type spans struct {
	run         *Run
	trace, root string
	agent       string
	list        []otlpSpan
	first, last time.Time
}

// whole is the span of the run itself. Of one that has not ended it ends with what is
// known of it.
func (s *spans) whole() otlpSpan {
	x := s.run.Execution
	start, end := s.first, s.last
	if x.StartedAt != nil {
		start = *x.StartedAt
	}
	if x.CompletedAt != nil {
		end = *x.CompletedAt
	}
	a := s.common("invoke_agent")
	a.text("whodid.execution.id", x.ExecutionID)
	a.text("whodid.execution.status", x.Status)
	a.text("whodid.execution.parent", x.Parent)
	a.text("whodid.trigger", x.Trigger)
	a.text("gen_ai.request.model", x.Model)
	if s.run.Fields == sink.All {
		a.text("whodid.why", x.Why)
	}
	return otlpSpan{
		TraceID: s.trace, SpanID: s.root, Name: "invoke_agent " + s.agent, Kind: kindInternal, Start: nanos(start), End: nanos(end), Attributes: a,
		Status: otlpStatus{Code: statusOf(x.Status)},
	}
}

func (s *spans) common(operation string) attributes {
	var a attributes
	a.text("gen_ai.operation.name", operation)
	a.text("gen_ai.agent.name", s.agent)
	a.text("gen_ai.conversation.id", s.run.Execution.SessionID)
	return a
}

// add adds the span of an event, if it is one that took time.
func (s *spans) add(r *store.Row) error {
	if s.first.IsZero() || r.At.Before(s.first) {
		s.first = r.At
	}
	if r.At.After(s.last) {
		s.last = r.At
	}
	kind, ok := whodid.KindOf(r.What)
	if !ok || r.What != "model.call" && !kind.Action {
		return nil
	}
	if err := r.ParseData(); err != nil {
		return err
	}
	span := otlpSpan{TraceID: s.trace, SpanID: sink.SpanID(r.ID), ParentID: s.root, Start: nanos(r.At), End: nanos(r.At), Status: otlpStatus{Code: statusOf(string(r.Result))}}
	if ms, ok := r.Data.Int("duration_ms"); ok && ms > 0 {
		span.Start = nanos(r.At.Add(-time.Duration(ms) * time.Millisecond))
	}
	if r.What == "model.call" {
		s.call(&span, r)
	} else {
		s.action(&span, r)
	}
	s.list = append(s.list, span)
	return nil
}

// call is the span of a model's answer. The conventions count what was read from and
// written to a cache as input; the trail counts it apart.
func (s *spans) call(span *otlpSpan, r *store.Row) {
	model := r.Data.String("model")
	span.Name, span.Kind = strings.TrimSpace("chat "+model), kindClient
	a := s.common("chat")
	a.text("gen_ai.provider.name", r.Data.String("provider"))
	a.text("gen_ai.response.model", model)
	a.text("whodid.event.id", r.ID)
	in, known := r.Data.Int("input_tokens")
	for _, cached := range [][2]string{
		{"cache_read_tokens", "gen_ai.usage.cache_read.input_tokens"}, {"cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"},
	} {
		if n, ok := r.Data.Int(cached[0]); ok {
			in += n
			a.number(cached[1], n)
		}
	}
	if known {
		a.number("gen_ai.usage.input_tokens", in)
	}
	if n, ok := r.Data.Int("output_tokens"); ok {
		a.number("gen_ai.usage.output_tokens", n)
	}
	if n, ok := r.Data.Int("cost_micros"); ok {
		a.number("whodid.cost.micros", n)
	}
	span.Attributes = a
}

// action is the span of what the agent did.
func (s *spans) action(span *otlpSpan, r *store.Row) {
	span.Name, span.Kind = "execute_tool "+r.What, kindInternal
	a := s.common("execute_tool")
	a.text("gen_ai.tool.name", r.What)
	a.text("gen_ai.tool.call.id", r.ID)
	a.text("whodid.event.id", r.ID)
	a.text("whodid.result", string(r.Result))
	a.text("whodid.approval.id", r.Approval)
	if s.run.Fields == sink.All {
		a.text("whodid.target", r.Target)
		a.text("whodid.why", r.Why)
	}
	if span.Status.Code == statusError {
		a.text("error.type", string(r.Result))
	}
	span.Attributes = a
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// statusOf is the status of a result, or of a run: only what is known to have gone
// well is well.
func statusOf(result string) int {
	switch result {
	case string(whodid.ResultSuccess), string(whodid.ResultApproved):
		return statusOK
	case string(whodid.ResultFailed), string(whodid.ResultRejected), string(whodid.ResultBlocked), string(whodid.ResultCancelled), string(whodid.ResultTimeout), string(whodid.StatusLost):
		return statusError
	default:
		return 0
	}
}
