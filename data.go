package whodid

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Data is an event's metadata: a flat object whose values are strings, whole
// numbers, booleans or lists of strings. Nothing else has a place in it, so
// that every implementation writes the same bytes for the same data.
type Data map[string]any

// The bounds of metadata. What is larger is not metadata.
const (
	MaxDataFields = 64
	MaxDataString = 1024
	MaxDataBytes  = 16 << 10
	// maxInteger is the largest whole number that every JSON reader keeps exactly.
	maxInteger = 1<<53 - 1
)

// Canonical is the data as canonical JSON (RFC 8785), the form that is stored
// and proved. Empty data is "{}". Values must have passed [Data.Normalize].
func (d Data) Canonical() []byte {
	b := make([]byte, 0, 16+24*len(d))
	b = append(b, '{')
	var room [16]string // on the stack
	names := room[:0]
	for k := range d {
		names = append(names, k)
	}
	slices.Sort(names)
	for i, k := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendJSONString(b, k)
		b = append(b, ':')
		b = appendValue(b, d[k])
	}
	return append(b, '}')
}

// MarshalJSON writes the canonical form.
func (d Data) MarshalJSON() ([]byte, error) { return d.Canonical(), nil }

// UnmarshalJSON reads a flat object and refuses values that data can't hold.
func (d *Data) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return err
	}
	data := Data(m)
	if err := data.Normalize(); err != nil {
		return err
	}
	*d = data
	return nil
}

// Normalize brings every value to one of string, int64, bool or []string, and
// drops nil values. It refuses fractions, nested objects and numbers that JSON
// readers would round.
func (d Data) Normalize() error {
	for k, v := range d {
		switch v.(type) {
		case string, bool:
			continue // as it is
		}
		n, err := normalValue(v)
		if err != nil {
			return fmt.Errorf("data field %q: %w", k, err)
		}
		if n == nil {
			delete(d, k)
			continue
		}
		d[k] = n
	}
	return nil
}

func normalValue(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string, bool:
		return v, nil
	case int:
		return boundedInt(int64(v))
	case int64:
		return boundedInt(v)
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number", v)
		}
		return boundedInt(n)
	case []string:
		return v, nil
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("a list may only hold strings, not %T", item)
			}
			list[i] = s
		}
		return list, nil
	default:
		return nil, fmt.Errorf("a value of type %T has no place in metadata", v)
	}
}

func boundedInt(n int64) (any, error) {
	if n > maxInteger || n < -maxInteger {
		return nil, fmt.Errorf("%d is too large a number for JSON", n)
	}
	return n, nil
}

// String returns the string under k, or "".
func (d Data) String(k string) string {
	s, _ := d[k].(string)
	return s
}

// Int returns the whole number under k and whether there is one.
func (d Data) Int(k string) (int64, bool) {
	switch v := d[k].(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	default:
		return 0, false
	}
}

// Bool returns the boolean under k; absent is false.
func (d Data) Bool(k string) bool {
	b, _ := d[k].(bool)
	return b
}

// List returns the list of strings under k; absent is nil.
func (d Data) List(k string) []string {
	list, _ := d[k].([]string)
	return list
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return AppendJSONString(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case bool:
		return strconv.AppendBool(b, v)
	case []string:
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendJSONString(b, s)
		}
		return append(b, ']')
	default:
		return append(b, "null"...)
	}
}

// AppendJSONString appends s as a JSON string in canonical form: RFC 8785
// escapes the quote, the backslash and the control characters, and nothing
// else. Invalid UTF-8 becomes U+FFFD.
func AppendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[start:i]...)
				b = append(b, "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
