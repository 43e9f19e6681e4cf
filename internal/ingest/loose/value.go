// Package loose reads JSON that others wrote, as it comes: tens of megabytes of
// which a few hundred bytes are needed, values of another type than documented,
// text that breaks off in the middle.
package loose

import (
	"bytes"
	"strconv"
	"strings"
)

// Value is one JSON value, still in its encoded form: a part of the payload it
// stands in, never a copy.
//
// A decoder of our own, because of what a hook must take: payloads of tens of
// megabytes of which a few hundred bytes are needed, values of another type
// than documented, and payloads that break off in the middle, whose beginning
// still tells who did what. It skips what it isn't asked for at the speed of a
// search for the next quote, never recurses, and copies nothing but the text
// that is asked for.
type Value []byte

// Document returns the JSON value that b holds, without white space and byte
// order mark before it. Nothing else of it is looked at yet.
func Document(b []byte) Value {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return Value(b[skipSpace(b, 0):])
}

// Is reports whether the value starts like one of the kind: one of { [ " n.
func (v Value) Is(kind byte) bool { return len(v) > 0 && v[0] == kind }

// Members calls yield with each member of an object, the last perhaps cut off,
// and reports whether the object was well formed as far as it can be seen from
// its outside. Of a value that isn't an object it reads nothing.
func (v Value) Members(yield func(name []byte, member Value)) (whole bool) {
	return v.members(longestName, yield)
}

// Entries calls yield with each member of an object whose names are text of their
// own, such as paths: at most about limit bytes of each.
func (v Value) Entries(limit int, yield func(name string, member Value)) {
	v.members(limit, func(name []byte, member Value) { yield(strings.ToValidUTF8(string(name), "\uFFFD"), member) })
}

// longestName is how much of a member's name is read: any that is longer is none
// that is looked for.
const longestName = 64

func (v Value) members(longest int, yield func(name []byte, member Value)) (whole bool) {
	if !v.Is('{') {
		return false
	}
	i := skipSpace(v, 1)
	if i < len(v) && v[i] == '}' {
		return true
	}
	for {
		i = skipSpace(v, i)
		if i == len(v) || v[i] != '"' {
			return false
		}
		end, ok := scanString(v, i)
		if !ok {
			return false
		}
		name := memberName(escaped(v[i+1:end-1]), longest)
		i = skipSpace(v, end)
		if i == len(v) || v[i] != ':' {
			return false
		}
		i = skipSpace(v, i+1)
		end, ok = scan(v, i)
		if end > i {
			yield(name, v[i:end])
		}
		i = skipSpace(v, end)
		if !ok || end == i && end == len(v) || i == len(v) {
			return false
		}
		switch v[i] {
		case '}':
			return true
		case ',':
			i++
		default:
			return false
		}
	}
}

// memberName is the name of a member by the inside of its string. It is a part
// of the payload like the values: an object may have millions of members.
func memberName(e escaped, longest int) []byte {
	if bytes.IndexByte(e[:min(len(e), longest)], '\\') < 0 {
		return e[:min(len(e), longest)]
	}
	return []byte(e.unescape(longest))
}

// Whole reports whether the value is an object or an array that ends where the
// text does, as far as its brackets and strings tell.
func (v Value) Whole() bool {
	if !v.Is('{') && !v.Is('[') {
		return false
	}
	end, whole := scan(v, 0)
	return whole && skipSpace(v, end) == len(v)
}

// Elements calls yield with each element of an array until it returns false.
// Of a value that isn't an array it reads nothing.
func (v Value) Elements(yield func(element Value) bool) {
	if !v.Is('[') {
		return
	}
	for i := skipSpace(v, 1); i < len(v) && v[i] != ']'; i = skipSpace(v, i+1) {
		end, ok := scan(v, i)
		if end > i && !yield(v[i:end]) || !ok {
			return
		}
		i = skipSpace(v, end)
		if i == len(v) || v[i] != ',' {
			return
		}
	}
}

// Text returns a string's text, or a number's or boolean's as it is written:
// clients have been seen to mix them up. It is valid UTF-8 and has at most
// about limit bytes; anything else than these types is no text.
func (v Value) Text(limit int) string {
	switch {
	case len(v) == 0:
		return ""
	case v[0] == '"':
		// No character of a text takes more than twelve bytes to write.
		return v[:min(len(v), 12*limit+64)].inner().unescape(limit)
	case v[0] == '-' || v[0] >= '0' && v[0] <= '9' || string(v) == "true" || string(v) == "false":
		return strings.ToValidUTF8(string(v[:min(len(v), limit)]), "\uFFFD")
	default:
		return ""
	}
}

// Ends returns a string's text: all of it or, if it has more than about most
// bytes, its first and its last part of so many, with a line feed between them.
func (v Value) Ends(most, part int) string {
	if len(v) <= most || !v.Is('"') {
		return v.Text(most)
	}
	inner := v.inner()
	tail := inner[len(inner)-part:]
	// The tail may begin within an escape: go on behind the first line feed.
	if i := bytes.Index(tail, []byte(`\n`)); i >= 0 {
		tail = tail[i+2:]
	}
	return inner.unescape(part) + "\n" + tail.unescape(part)
}

// Compact calls yield with the parts of the value's encoding that are not white
// space between its own values, in order.
func (v Value) Compact(yield func(part []byte)) {
	for i := skipSpace(v, 0); i < len(v); i = skipSpace(v, i) {
		start := i
		for i < len(v) && !isSpace(v[i]) {
			if v[i] == '"' {
				i, _ = scanString(v, i)
			} else {
				i++
			}
		}
		yield(v[start:i])
	}
}

// inner is what stands between a string's quotes, the closing one possibly
// missing.
func (v Value) inner() escaped {
	end := len(v)
	if n, ok := scanString(v, 0); ok {
		end = n - 1
	}
	return escaped(v[1:end])
}

// Count returns a whole number that is not negative, or a string that holds
// one; fractions are cut off.
func (v Value) Count() (int64, bool) {
	const largest = 1<<53 - 1 // what every JSON reader keeps exactly
	s := strings.TrimSpace(v.Text(32))
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0 && f <= largest) {
			return 0, false
		}
		n = int64(f)
	}
	return n, n >= 0 && n <= largest
}

// Truth reports whether the value says yes.
func (v Value) Truth() bool {
	s := v.Text(8)
	return s == "true" || s == "1"
}

// Measure returns how many bytes and lines a string's text has, without
// building it.
func (v Value) Measure() (size, lines int64) {
	if !v.Is('"') {
		return 0, 0
	}
	return v.inner().measure()
}

// scan returns where the value at i ends, and whether its end is there. It
// looks at brackets and strings only, so that nesting costs nothing.
func scan(b []byte, i int) (end int, whole bool) {
	if i == len(b) {
		return i, false
	}
	switch b[i] {
	case '"':
		return scanString(b, i)
	case '{', '[':
	default:
		end = i
		for end < len(b) && !delimits(b[end]) {
			end++
		}
		return end, end > i
	}
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			if i, whole = scanString(b, i); !whole {
				return i, false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
		i++
	}
	return len(b), false
}

// scanString returns where the string at i ends.
func scanString(b []byte, i int) (end int, whole bool) {
	for at := i + 1; ; {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return len(b), false
		}
		quote := at + n
		escapes := 0
		for quote-1-escapes > i && b[quote-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return quote + 1, true
		}
		at = quote + 1
	}
}

func delimits(c byte) bool {
	return c == ',' || c == ':' || c == '}' || c == ']' || c == '"' || c == '{' || c == '[' || isSpace(c)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}
