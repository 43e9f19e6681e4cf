package population

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/whodid/whodid"
)

// ErrRow is wrapped by every error of [ParseRow].
var ErrRow = errors.New("not a row of the table")

// ParseRow reads a line of JSON into row, one value for each column. It accepts
// exactly what [AppendJSON] writes, byte for byte, so that nobody can read
// another row out of the same line. The line may lack its line feed.
func ParseRow(line []byte, columns []Column, row []Value) error {
	line = bytes.TrimSuffix(line, []byte("\n"))
	rest := line
	for i := range columns {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		name := columns[i].Name
		if len(rest) < len(name)+4 || rest[0] != sep || rest[1] != '"' || string(rest[2:2+len(name)]) != name || string(rest[2+len(name):4+len(name)]) != `":` {
			return fmt.Errorf("%w: %s is not where it must be", ErrRow, name)
		}
		rest = rest[4+len(name):]
		n := valueLength(rest)
		if n == 0 {
			return fmt.Errorf("%w: %s has no value", ErrRow, name)
		}
		v, err := parseValue(rest[:n], columns[i].Type)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrRow, name, err)
		}
		row[i], rest = v, rest[n:]
	}
	if string(rest) != "}" {
		return fmt.Errorf("%w: there is something behind its last column", ErrRow)
	}
	if again := AppendJSON(make([]byte, 0, len(line)+1), columns, row); !bytes.Equal(again[:len(again)-1], line) {
		return fmt.Errorf("%w: it is not written as rows are", ErrRow)
	}
	return nil
}

// valueLength is how long the JSON value is with which b begins; 0 if none does.
func valueLength(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case (c == '}' || c == ']') && depth > 0:
			if depth--; depth == 0 {
				return i + 1
			}
		case (c == ',' || c == '}') && depth == 0:
			return i
		}
	}
	return 0
}

func parseValue(b []byte, t Type) (Value, error) {
	if string(b) == "null" {
		return Value{}, nil
	}
	switch t {
	case Int:
		n, err := strconv.ParseInt(string(b), 10, 64)
		return Number(n), err
	case JSON:
		if !json.Valid(b) {
			return Value{}, errors.New("it is not JSON")
		}
		return Object(string(b)), nil
	case Text, Time:
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Value{}, err
	}
	if t == Text {
		return Words(s), nil
	}
	at, err := time.Parse(whodid.TimeFormat, s)
	return Micros(whodid.Micros(at)), err
}
