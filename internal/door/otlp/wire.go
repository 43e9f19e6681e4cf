package otlp

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/whodid/whodid/internal/ingest/otlp"
)

// Protobuf is read by hand: most of a body is attributes that nobody reads, and
// they are skipped here without a byte of them being copied. Building the tree
// that pdata has, which reads JSON and against which this is tested, takes twice
// the memory in three hundred times as many pieces.
//
// Numbers of fields: https://github.com/open-telemetry/opentelemetry-proto, v1.9.

var errWire = errors.New("the body is not protobuf of OTLP")

// The types that a field can have on the wire.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// field is one field of a message: a number, or the text of what it holds.
type field struct {
	number int
	wire   int
	value  uint64
	text   string
}

// fields are what of a message is still to be read. It is text, not bytes, so
// that what is kept of it is a part of the body and no copy.
type fields string

// next takes the first field. It returns false at the end, and where the
// message is malformed, which err then says.
func (m *fields) next(f *field, err *error) bool {
	if *err != nil || len(*m) == 0 {
		return false
	}
	tag, ok := m.varint()
	f.number, f.wire = int(tag>>3), int(tag&7)
	if !ok || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		*err = errWire
		return false
	}
	f.text, f.value = "", 0
	switch f.wire {
	case wireVarint:
		f.value, ok = m.varint()
	case wireFixed64:
		if ok = len(*m) >= 8; ok {
			f.value = binary.LittleEndian.Uint64([]byte((*m)[:8]))
			*m = (*m)[8:]
		}
	case wireBytes:
		var n uint64
		if n, ok = m.varint(); ok && n <= uint64(len(*m)) {
			f.text = string((*m)[:n])
			*m = (*m)[n:]
		} else {
			ok = false
		}
	case wireFixed32:
		if ok = len(*m) >= 4; ok {
			*m = (*m)[4:]
		}
	default:
		ok = false
	}
	if !ok {
		*err = errWire
	}
	return ok
}

func (m *fields) varint() (uint64, bool) {
	var v uint64
	for i := 0; i < len(*m) && i < 10; i++ {
		c := (*m)[i]
		if i == 9 && c > 1 {
			return 0, false
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			*m = (*m)[i+1:]
			return v, true
		}
	}
	return 0, false
}

// wireReader reads one body.
type wireReader struct {
	slab otlp.Slab
	err  error
}

// each calls yield with each message of the number in m.
func (w *wireReader) each(m string, number int, yield func(string)) {
	rest := fields(m)
	var f field
	for rest.next(&f, &w.err) {
		if f.number == number && f.wire == wireBytes {
			yield(f.text)
		}
	}
}

// wireLogs reads an ExportLogsServiceRequest.
func wireLogs(body []byte) ([]otlp.Log, error) {
	var w wireReader
	var records []otlp.Log
	w.each(string(body), 1, func(resourceLogs string) {
		resource := w.resource(resourceLogs)
		w.each(resourceLogs, 2, func(scopeLogs string) {
			scope := w.scope(scopeLogs)
			w.each(scopeLogs, 2, func(record string) {
				records = append(records, otlp.Log{Resource: resource, Scope: scope})
				w.log(record, &records[len(records)-1])
			})
		})
	})
	return records, w.err
}

// resource reads the attributes of a message's resource: in both signals it is
// the first field.
func (w *wireReader) resource(m string) *otlp.Attributes {
	a := w.slab.Attributes()
	w.each(m, 1, func(resource string) {
		w.each(resource, 1, func(keyValue string) { w.attribute(keyValue, &a) })
	})
	w.slab.Took(&a)
	return &a
}

// scope reads the name of the scope.
func (w *wireReader) scope(m string) (name string) {
	w.each(m, 1, func(scope string) {
		w.each(scope, 1, func(text string) { name = text })
	})
	return name
}

func (w *wireReader) log(m string, l *otlp.Log) {
	l.Attributes = w.slab.Attributes()
	rest := fields(m)
	var f field
	for rest.next(&f, &w.err) {
		switch {
		case f.number == 1 && f.wire == wireFixed64:
			l.At = int64(f.value)
		case f.number == 11 && f.wire == wireFixed64:
			l.ObservedAt = int64(f.value)
		case f.number == 6 && f.wire == wireBytes:
			w.attribute(f.text, &l.Attributes)
		case f.number == 9 && f.wire == wireBytes:
			w.id(f.text, l.Trace[:])
		case f.number == 10 && f.wire == wireBytes:
			w.id(f.text, l.Span[:])
		case f.number == 12 && f.wire == wireBytes:
			l.Event = f.text
		}
	}
	w.slab.Took(&l.Attributes)
}

// wireTraces reads an ExportTraceServiceRequest.
func wireTraces(body []byte) ([]otlp.Span, error) {
	var w wireReader
	var spans []otlp.Span
	w.each(string(body), 1, func(resourceSpans string) {
		resource := w.resource(resourceSpans)
		w.each(resourceSpans, 2, func(scopeSpans string) {
			scope := w.scope(scopeSpans)
			w.each(scopeSpans, 2, func(span string) {
				spans = append(spans, otlp.Span{Resource: resource, Scope: scope})
				w.span(span, &spans[len(spans)-1])
			})
		})
	})
	return spans, w.err
}

func (w *wireReader) span(m string, s *otlp.Span) {
	const kindServer, statusError = 2, 2
	s.Attributes = w.slab.Attributes()
	rest := fields(m)
	var f field
	for rest.next(&f, &w.err) {
		switch {
		case f.number == 1 && f.wire == wireBytes:
			w.id(f.text, s.Trace[:])
		case f.number == 2 && f.wire == wireBytes:
			w.id(f.text, s.ID[:])
		case f.number == 4 && f.wire == wireBytes:
			w.id(f.text, s.Parent[:])
		case f.number == 5 && f.wire == wireBytes:
			s.Name = f.text
		case f.number == 6 && f.wire == wireVarint:
			s.Server = f.value == kindServer
		case f.number == 7 && f.wire == wireFixed64:
			s.Start = int64(f.value)
		case f.number == 8 && f.wire == wireFixed64:
			s.End = int64(f.value)
		case f.number == 9 && f.wire == wireBytes:
			w.attribute(f.text, &s.Attributes)
		case f.number == 15 && f.wire == wireBytes:
			status := fields(f.text)
			var f field
			for status.next(&f, &w.err) {
				if f.number == 3 && f.wire == wireVarint {
					s.Failed = f.value == statusError
				}
			}
		}
	}
	w.slab.Took(&s.Attributes)
}

// id copies the bytes of an id, which has just as many as there is room for, or
// none.
func (w *wireReader) id(text string, to []byte) {
	if len(text) != len(to) && text != "" {
		w.err = errWire
	}
	copy(to, text)
}

// attribute reads a KeyValue, if it is one that is read.
func (w *wireReader) attribute(m string, a *otlp.Attributes) {
	rest := fields(m)
	var f field
	var name, value string
	for rest.next(&f, &w.err) {
		switch {
		case f.number == 1 && f.wire == wireBytes:
			name = f.text
		case f.number == 2 && f.wire == wireBytes:
			value = f.text
		}
	}
	if !otlp.Wanted(name) {
		return
	}
	var v otlp.Value
	rest = fields(value)
	for rest.next(&f, &w.err) {
		switch {
		case f.number == 1 && f.wire == wireBytes:
			v = otlp.Text(f.text)
		case f.number == 2 && f.wire == wireVarint:
			v = otlp.Truth(f.value != 0)
		case f.number == 3 && f.wire == wireVarint:
			v = otlp.Whole(int64(f.value))
		case f.number == 4 && f.wire == wireFixed64:
			v = otlp.Number(math.Float64frombits(f.value))
		case f.number >= 5 && f.number <= 7:
			v = otlp.Value{} // lists, objects and bytes are never read
		}
	}
	a.Set(name, v)
}
