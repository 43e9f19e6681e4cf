package trace

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Options are what a tracer needs.
type Options struct {
	// Endpoint is the collector's address for OTLP over HTTP, without /v1/traces.
	Endpoint string
	// Token is sent as a bearer token, if there is one.
	Token string
	// Ratio is the part of the requests that is traced, 0 to 1.
	Ratio float64
	// Version is that of the program.
	Version string
	Now     func() time.Time
	// Failed is told when spans could not be sent.
	Failed func(error)
	// Every is how often spans are sent; 0 is every five seconds.
	Every time.Duration
}

// waiting is how many spans may wait to be sent, and batch how many are sent
// together.
const (
	waiting = 4096
	batch   = 512
)

// sendTime is how long the collector may take.
const sendTime = 10 * time.Second

// New makes a tracer that sends until the context ends, and then what still
// waits.
func New(ctx context.Context, o Options) (*Tracer, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("couldn't trace to %q: it is no address such as http://127.0.0.1:4318", o.Endpoint)
	}
	o.Endpoint = strings.TrimSuffix(u.String(), "/") + "/v1/traces"
	if o.Every == 0 {
		o.Every = 5 * time.Second
	}
	t := &Tracer{o: o, queue: make(chan *Span, waiting), done: make(chan struct{})}
	go t.run(ctx)
	return t, nil
}

// Wait returns when the context of New has ended and everything is sent.
func (t *Tracer) Wait() {
	if t != nil {
		<-t.done
	}
}

// Lost is how many spans could not be sent.
func (t *Tracer) Lost() int64 { return t.lost.n.Load() }

type lost struct{ n atomic.Int64 }

func (l *lost) add(n int) { l.n.Add(int64(n)) }

func (t *Tracer) run(ctx context.Context) {
	defer close(t.done)
	tick := time.NewTicker(t.o.Every)
	defer tick.Stop()
	var spans []*Span
	send := func() {
		// The last ones are sent although the context has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
		defer cancel()
		if err := t.send(ctx, spans); err != nil {
			t.lost.add(len(spans))
			t.o.Failed(err)
		}
		spans = spans[:0]
	}
	for {
		select {
		case s := <-t.queue:
			if spans = append(spans, s); len(spans) >= batch {
				send()
			}
		case <-tick.C:
			send()
		case <-ctx.Done():
			for {
				select {
				case s := <-t.queue:
					spans = append(spans, s)
				default:
					send()
					return
				}
			}
		}
	}
}

func (t *Tracer) send(ctx context.Context, spans []*Span) error {
	if len(spans) == 0 {
		return nil
	}
	body, err := json.Marshal(t.request(spans))
	if err != nil {
		return fmt.Errorf("couldn't encode spans: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.o.Endpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("couldn't send spans: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if t.o.Token != "" {
		r.Header.Set("Authorization", "Bearer "+t.o.Token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("couldn't send spans: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("couldn't send spans: the collector answered %s", answer.Status)
	}
	return nil
}

// The messages of OTLP in JSON.
type (
	exportRequest struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []attribute `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope      `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	otlpSpan struct {
		TraceID    string      `json:"traceId"`
		SpanID     string      `json:"spanId"`
		ParentID   string      `json:"parentSpanId,omitempty"`
		Name       string      `json:"name"`
		Kind       int         `json:"kind"`
		Start      string      `json:"startTimeUnixNano"`
		End        string      `json:"endTimeUnixNano"`
		Attributes []attribute `json:"attributes,omitempty"`
		Status     status      `json:"status"`
	}
	status struct {
		Code int `json:"code,omitempty"`
	}
	attribute struct {
		Key   string   `json:"key"`
		Value anyValue `json:"value"`
	}
	anyValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
	}
)

// statusError is OTLP's status of a span that failed.
const statusError = 2

func (t *Tracer) request(spans []*Span) exportRequest {
	list := make([]otlpSpan, len(spans))
	for i, s := range spans {
		list[i] = otlpSpan{
			TraceID: hex.EncodeToString(s.trace[:]), SpanID: hex.EncodeToString(s.id[:]), Name: s.name, Kind: s.kind,
			Start: strconv.FormatInt(s.start.UnixNano(), 10), End: strconv.FormatInt(s.end.UnixNano(), 10), Attributes: s.attributes,
		}
		if s.parent != [8]byte{} {
			list[i].ParentID = hex.EncodeToString(s.parent[:])
		}
		if s.failed {
			list[i].Status.Code = statusError
		}
	}
	name := "whodid"
	return exportRequest{ResourceSpans: []resourceSpans{{
		Resource: resource{Attributes: []attribute{
			{Key: "service.name", Value: anyValue{String: &name}}, {Key: "service.version", Value: anyValue{String: &t.o.Version}},
		}},
		ScopeSpans: []scopeSpans{{Scope: scope{Name: name, Version: t.o.Version}, Spans: list}},
	}}}
}
