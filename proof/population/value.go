package population

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/whodid/whodid"
)

// Type is the type of a column.
type Type string

// The types of columns.
const (
	Text Type = "text"
	Int  Type = "integer"
	Time Type = "timestamp" // UTC, microseconds
	JSON Type = "json"
)

// Column is one column of a table.
type Column struct {
	Name    string `json:"name"`
	Type    Type   `json:"type"`
	Meaning string `json:"meaning"`
}

// state is what is known of a value.
type state uint8

const (
	unknown state = iota // or there is none: null
	known
	erased
)

// Value is one cell: unknown, erased, or a text, a number, a time or JSON, as
// its column says.
type Value struct {
	state state
	text  string // of Text and JSON
	n     int64  // of Int; of Time microseconds since 1970
}

// Null is the value of what is unknown or does not exist.
func Null() Value { return Value{} }

// Erased is the value of what was there and was erased.
func Erased() Value { return Value{state: erased} }

// Words is a text; an empty one is null.
func Words(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{state: known, text: s}
}

// Object is JSON in a text; an empty one is null.
func Object(s string) Value { return Words(s) }

// Number is a whole number, and [Micros] a time.
func Number(n int64) Value { return Value{state: known, n: n} }

// Micros is the time of that many microseconds since 1970.
func Micros(us int64) Value { return Value{state: known, n: us} }

// Optional is a whole number, or null.
func Optional(n *int64) Value {
	if n == nil {
		return Value{}
	}
	return Number(*n)
}

// Known tells whether the value is neither null nor erased.
func (v *Value) Known() bool { return v.state == known }

// Text is the text of a value of type Text or JSON; empty if it is not known.
func (v *Value) Text() string { return v.text }

// Int is the number of a value, or its microseconds since 1970.
func (v *Value) Int() int64 { return v.n }

// AppendJSON writes a row as one line of JSON, its members in the order of the
// columns. What is unknown, does not exist or was erased is null.
func AppendJSON(b []byte, columns []Column, row []Value) []byte {
	for i := range columns {
		c, v := &columns[i], &row[i]
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		b = append(append(append(b, sep, '"'), c.Name...), '"', ':')
		switch {
		case v.state != known:
			b = append(b, "null"...)
		case c.Type == Text:
			b = whodid.AppendJSONString(b, v.text)
		case c.Type == JSON:
			b = append(b, v.text...)
		case c.Type == Time:
			b = append(append(append(b, '"'), whodid.FormatTime(whodid.FromMicros(v.n))...), '"')
		default:
			b = strconv.AppendInt(b, v.n, 10)
		}
	}
	return append(b, '}', '\n')
}

// ErasedCell is what a cell of CSV says of an erased value. The column "erased"
// tells it from a text that happens to read so.
const ErasedCell = "[erased]"

// AppendHeader writes the names of the columns as the first line of CSV.
func AppendHeader(b []byte, columns []Column) []byte {
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, columns[i].Name...)
	}
	return append(b, '\n')
}

// AppendCSV writes a row as CSV (RFC 4180, lines end in a line feed). What is
// unknown is empty. A text that a spreadsheet could take for a formula, and one
// that begins with an apostrophe, has an apostrophe put before it: whoever reads
// a cell of text takes one apostrophe away from its beginning, if there is one,
// and has what was recorded.
func AppendCSV(b []byte, columns []Column, row []Value) []byte {
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		v := &row[i]
		switch {
		case v.state == erased:
			b = append(b, ErasedCell...)
		case v.state == unknown:
		case columns[i].Type == Text || columns[i].Type == JSON:
			b = appendCell(b, v.text)
		case columns[i].Type == Time:
			b = append(b, whodid.FormatTime(whodid.FromMicros(v.n))...)
		default:
			b = strconv.AppendInt(b, v.n, 10)
		}
	}
	return append(b, '\n')
}

// Unguard takes away what [AppendCSV] put before a text.
func Unguard(cell string) string { return strings.TrimPrefix(cell, "'") }

// dangerous tells whether a spreadsheet could take a cell for a formula, or
// would take the guard of one for its own.
func dangerous(s string) bool {
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n', '\'', '|', '%':
		return true
	}
	if s[0] < utf8.RuneSelf {
		return s[0] < ' ' || s[0] == ' ' && strings.TrimLeft(s, " ") != "" && dangerous(strings.TrimLeft(s, " "))
	}
	switch r, _ := utf8.DecodeRuneInString(s); r {
	case '＝', '＋', '－', '＠', '\u00a0', '\ufeff', '\u200b', '\u2028', '\u2029':
		return true
	}
	return false
}

// appendCell writes a text, in quotes unless it is plain in every dialect.
func appendCell(b []byte, s string) []byte {
	guard := dangerous(s)
	quote := guard
	for i := 0; i < len(s) && !quote; i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '/', c == ':', c == '@', c == '#', c == '+', c == '*':
		default:
			quote = true
		}
	}
	if !quote {
		return append(b, s...)
	}
	b = append(b, '"')
	if guard {
		b = append(b, '\'')
	}
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return append(append(b, s...), '"')
		}
		b = append(append(b, s[:i]...), '"', '"')
		s = s[i+1:]
	}
}
