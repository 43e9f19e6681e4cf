package loose

import "bytes"

// Cursor goes through a JSON value once, from its beginning to its end, however
// deep what is asked for lies. [Value.Members] within Members looks at the inner
// value twice: once to find its end.
type Cursor struct {
	text Value
	at   int
}

// Read goes through v.
func Read(v Value) *Cursor { return &Cursor{text: v} }

// Is reports whether the value at hand starts like one of the kind, see [Value.Is].
func (c *Cursor) Is(kind byte) bool { return c.at < len(c.text) && c.text[c.at] == kind }

// Value takes the value at hand.
func (c *Cursor) Value() Value {
	start := c.at
	c.at, _ = scan(c.text, start)
	return c.text[start:c.at]
}

// Members calls yield for each member of the object at hand, with the member's
// value at hand, which yield may take, go into or leave. It stops when yield
// returns false, which leaves the rest unread. It reports whether the object was
// well formed as far as it was read. Anything that is not an object is left.
func (c *Cursor) Members(yield func(name []byte) bool) (whole bool) {
	if !c.Is('{') {
		return false
	}
	start, text := c.at, c.text
	i := skipSpace(text, start+1)
	if i < len(text) && text[i] == '}' {
		c.at = i + 1
		return true
	}
	for i < len(text) && text[i] == '"' {
		end, ok := scanString(text, i)
		if !ok {
			break
		}
		name := memberName(escaped(text[i+1:end-1]), longestName)
		i = skipSpace(text, end)
		if i == len(text) || text[i] != ':' {
			break
		}
		i = skipSpace(text, i+1)
		c.at = i
		if i == len(text) || isEnd(text[i]) {
			break
		}
		if !yield(name) {
			return true
		}
		if c.at == i {
			c.at, _ = scan(text, i)
		}
		if i = skipSpace(text, c.at); i == len(text) {
			break
		}
		if text[i] == '}' {
			c.at = i + 1
			return true
		}
		if text[i] != ',' {
			break
		}
		i = skipSpace(text, i+1)
	}
	c.at, _ = scan(text, start) // by its brackets alone
	return false
}

// isEnd tells whether there is no value where one should begin.
func isEnd(b byte) bool { return b == ',' || b == '}' || b == ']' || b == ':' }

// Elements calls yield for each element of the array at hand, in the manner of
// [Cursor.Members].
func (c *Cursor) Elements(yield func()) {
	if !c.Is('[') {
		return
	}
	start, text := c.at, c.text
	i := skipSpace(text, start+1)
	for i < len(text) && text[i] != ']' {
		c.at = i
		if isEnd(text[i]) {
			break
		}
		yield()
		if c.at == i {
			c.at, _ = scan(text, i)
		}
		if i = skipSpace(text, c.at); i == len(text) || text[i] != ',' {
			break
		}
		i = skipSpace(text, i+1)
	}
	if i < len(text) && text[i] == ']' {
		c.at = i + 1
		return
	}
	c.at, _ = scan(text, start)
}

// Closed reports whether a text that begins with an object ends like one.
func (v Value) Closed() bool { return v.Is('{') && bytes.HasSuffix(v, []byte("}")) }
