package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// node is a JSON value with its place in the text.
type node struct {
	kind       byte // '{', '[', '"', or 0 for anything else
	start, end int  // its bytes
	str        string
	members    []member
	items      []*node
}

// member is a member of an object.
type member struct {
	name  string
	start int // of its name
	value *node
}

// member returns the member of an object by its name, or nil; of several with
// one name the last counts, as it does for the client.
func (n *node) member(name string) *member {
	if i := n.index(name); i >= 0 {
		return &n.members[i]
	}
	return nil
}

func (n *node) index(name string) int {
	for i, m := range slices.Backward(n.members) {
		if m.name == name {
			return i
		}
	}
	return -1
}

// count is how many members of an object have the name.
func (n *node) count(name string) int {
	c := 0
	for i := range n.members {
		if n.members[i].name == name {
			c++
		}
	}
	return c
}

// text returns a member that is a string, or "".
func (n *node) text(name string) string {
	if m := n.member(name); m != nil {
		return m.value.str
	}
	return ""
}

// size is how many members or items it has.
func (n *node) size() int { return max(len(n.members), len(n.items)) }

// extent returns the place of one member or item.
func (n *node) extent(i int) (start, end int) {
	if n.kind == '{' {
		return n.members[i].start, n.members[i].value.end
	}
	return n.items[i].start, n.items[i].end
}

// without takes one member or item out of the text, with the comma that it no
// longer needs.
func (n *node) without(text []byte, i int) []byte {
	start, end := n.extent(i)
	switch {
	case i > 0:
		_, start = n.extent(i - 1)
	case n.size() > 1:
		end, _ = n.extent(1)
	default:
		start, end = n.start+1, n.end-1
	}
	out := make([]byte, 0, len(text)-(end-start))
	return append(append(out, text[:start]...), text[end:]...)
}

// parseSettings reads settings: one JSON object, in which the hooks are where
// the client expects them.
func parseSettings(text []byte) (*node, error) {
	root, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	hooks := root.member("hooks")
	if hooks == nil {
		return root, nil
	}
	if hooks.value.kind != '{' {
		return nil, errors.New(`its "hooks" is not a JSON object`)
	}
	for _, event := range hooks.value.members {
		if event.value.kind != '[' && event.name != "enabled" { // a switch of older versions of Gemini CLI
			return nil, fmt.Errorf(`its "hooks.%s" is not a list`, event.name)
		}
	}
	return root, nil
}

// parseObject reads a text that is one JSON object.
func parseObject(text []byte) (*node, error) {
	if len(text) > MaxSettings {
		return nil, fmt.Errorf("it has %d bytes, more than settings ever need", len(text))
	}
	if !json.Valid(text) { // which also bounds the depth
		return nil, errors.New("it is not valid JSON" + position(text))
	}
	p := parser{text: text}
	root := p.value()
	if root.kind != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	return root, nil
}

// position says where text stops being JSON.
func position(text []byte) string {
	var v any
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &v); errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return fmt.Sprintf(" (line %d: %s)", line, syntax)
	}
	return ""
}

// parser reads text that is known to be valid JSON.
type parser struct {
	text []byte
	at   int
}

func (p *parser) space() {
	for p.at < len(p.text) && bytes.IndexByte([]byte(" \t\r\n"), p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) value() *node {
	p.space()
	n := &node{start: p.at, kind: p.text[p.at]}
	switch n.kind {
	case '{', '[':
		p.container(n)
	case '"':
		n.str = p.string()
	default:
		n.kind = 0
		for p.at < len(p.text) && bytes.IndexByte([]byte(" \t\r\n,]}"), p.text[p.at]) < 0 {
			p.at++
		}
	}
	n.end = p.at
	return n
}

func (p *parser) container(n *node) {
	last := byte(']')
	if n.kind == '{' {
		last = '}'
	}
	p.at++
	for p.space(); p.text[p.at] != last; p.space() {
		if p.text[p.at] == ',' {
			p.at++
			continue
		}
		if n.kind == '[' {
			n.items = append(n.items, p.value())
			continue
		}
		m := member{start: p.at}
		m.name = p.string()
		p.space()
		p.at++ // the colon
		m.value = p.value()
		n.members = append(n.members, m)
	}
	p.at++
}

func (p *parser) string() string {
	start := p.at
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
	var s string
	_ = json.Unmarshal(p.text[start:p.at], &s) // it is a valid string
	return s
}
