package loose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ingest/loose"
)

// byValues and byCursor list the members of a value, and those of the values in
// it, in the two ways of reading.
func byValues(b *strings.Builder, v loose.Value, depth int) (whole bool) {
	if v.Is('[') {
		v.Elements(func(v loose.Value) bool {
			b.WriteString("- ")
			byValues(b, v, depth-1)
			return true
		})
		return false
	}
	if depth <= 0 || !v.Is('{') {
		fmt.Fprintf(b, "%s\n", v)
		return false
	}
	return v.Members(func(name []byte, v loose.Value) {
		fmt.Fprintf(b, "%q: ", name)
		byValues(b, v, depth-1)
	})
}

func byCursor(b *strings.Builder, c *loose.Cursor, depth int) (whole bool) {
	if c.Is('[') {
		c.Elements(func() {
			b.WriteString("- ")
			byCursor(b, c, depth-1)
		})
		return false
	}
	if depth <= 0 || !c.Is('{') {
		fmt.Fprintf(b, "%s\n", c.Value())
		return false
	}
	return c.Members(func(name []byte) bool {
		fmt.Fprintf(b, "%q: ", name)
		byCursor(b, c, depth-1)
		return true
	})
}

// However a text is broken, both ways of reading find the same in it.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{
		`{"a":{"b":["c",{"d":1}],"e":null},"f":"g\"h"}`, `{"a":{"b" 1},"c":2}`, `{"a":[1,{"b":`, `{"a":"b`, `{}`, `{"a":{}}`, `[[],[1]]`,
		`{"a":,"b":1}`, `{"a":[1,,2],"b":1}`, `{"a":[1 2],"b":1}`, `{"a":{"b":1]},"c":1}`, ` {"a" : 1 , "b" : [ 1 , 2 ] } `, `{"a":[}],"b":1}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v := loose.Document([]byte(text))
		if !v.Is('{') && !v.Is('[') {
			return // nothing to go into
		}
		var values, cursor strings.Builder
		want, got := byValues(&values, v, 3), byCursor(&cursor, loose.Read(v), 3)
		if want != got || values.String() != cursor.String() {
			t.Errorf("values: %t\n%s\ncursor: %t\n%s", want, values.String(), got, cursor.String())
		}
	})
}

// What is not asked for costs nothing of what follows.
func TestCursorLeaves(t *testing.T) {
	t.Parallel()
	c := loose.Read(loose.Value(`{"a":{"x":[1,"}"]},"b":"c","d":4}`))
	var names []string
	whole := c.Members(func(name []byte) bool {
		names = append(names, string(name))
		return string(name) != "b"
	})
	if got := strings.Join(names, " "); got != "a b" || !whole {
		t.Errorf("%s, %t", got, whole)
	}
}
