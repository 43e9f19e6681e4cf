// Package trace tells an OpenTelemetry collector what the server does: spans, as
// OTLP over HTTP in JSON. It is a few dozen lines because the server makes a few
// kinds of span and sends them to one place; the OpenTelemetry SDK and its
// exporter would add 7.7 MB and the modules of gRPC for the same.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

// Tracer makes spans and sends them. A nil Tracer makes none. It is safe for
// concurrent use.
type Tracer struct {
	o     Options
	queue chan *Span
	done  chan struct{}
	lost  lost
}

// Span is a piece of work that has a beginning and an end. A nil Span, which is
// what is not traced, takes everything and tells nothing.
type Span struct {
	tracer     *Tracer
	trace      [16]byte
	id, parent [8]byte
	name       string
	kind       int
	start, end time.Time
	attributes []attribute
	failed     bool
}

// The kinds of a span in OTLP.
const (
	kindInternal = 1
	kindServer   = 2
)

type spanKey struct{}

// Serve begins the span of a request. If the caller sent a traceparent (W3C Trace
// Context), the span is a part of its trace, and traced if that one is.
func (t *Tracer) Serve(ctx context.Context, name, traceparent string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	s := &Span{tracer: t, name: name, kind: kindServer, start: t.o.Now()}
	sampled, ok := s.continues(traceparent)
	if !ok {
		_, _ = rand.Read(s.trace[:]) // never fails, see crypto/rand
		sampled = float64(binary.BigEndian.Uint64(s.trace[8:])) < t.o.Ratio*math.MaxUint64 || t.o.Ratio >= 1
	}
	if !sampled {
		return ctx, nil
	}
	_, _ = rand.Read(s.id[:])
	return context.WithValue(ctx, spanKey{}, s), s
}

// continues takes trace and parent from a traceparent such as
// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.
func (s *Span) continues(traceparent string) (sampled, ok bool) {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 ||
		len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 || strings.ToLower(traceparent) != traceparent {
		return false, false
	}
	flags, err := hex.DecodeString(parts[3])
	if err != nil {
		return false, false
	}
	var trace [16]byte
	var parent [8]byte
	if _, err := hex.Decode(trace[:], []byte(parts[1])); err != nil || trace == [16]byte{} {
		return false, false
	}
	if _, err := hex.Decode(parent[:], []byte(parts[2])); err != nil || parent == [8]byte{} {
		return false, false
	}
	s.trace, s.parent = trace, parent
	return flags[0]&1 == 1, true
}

// Begin begins a part of the work that the context's span stands for. Where
// nothing is traced, it begins nothing.
func Begin(ctx context.Context, name string) *Span {
	outer, _ := ctx.Value(spanKey{}).(*Span)
	if outer == nil {
		return nil
	}
	s := &Span{tracer: outer.tracer, trace: outer.trace, parent: outer.id, name: name, kind: kindInternal, start: outer.tracer.o.Now()}
	_, _ = rand.Read(s.id[:])
	return s
}

// Set says something about the span. Neither name nor value may be content or
// anything of a person.
func (s *Span) Set(name, value string) {
	if s != nil {
		s.attributes = append(s.attributes, attribute{Key: name, Value: anyValue{String: &value}})
	}
}

// SetInt is Set for a number.
func (s *Span) SetInt(name string, value int64) {
	if s != nil {
		text := strconv.FormatInt(value, 10) // OTLP has 64-bit numbers as text in JSON
		s.attributes = append(s.attributes, attribute{Key: name, Value: anyValue{Int: &text}})
	}
}

// End ends the span and hands it over to be sent. It never waits: what can't be
// sent is lost, and counted.
func (s *Span) End(failed bool) {
	if s == nil {
		return
	}
	s.end, s.failed = s.tracer.o.Now(), failed
	select {
	case s.tracer.queue <- s:
	default:
		s.tracer.lost.add(1)
	}
}
