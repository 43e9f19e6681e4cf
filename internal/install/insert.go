package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// insert puts handlers into settings that hold none of ours. It only inserts.
func insert(text []byte, root *node, handlers []Handler) ([]byte, []Span, error) {
	f := formatOf(text, root)
	byEvent := map[string][]Handler{}
	var events []string
	for _, h := range handlers {
		if byEvent[h.Event] == nil {
			events = append(events, h.Event)
		}
		byEvent[h.Event] = append(byEvent[h.Event], h)
	}
	hooks := root.member("hooks")
	var edits []insertion
	var missing []string // events that have no list yet, as text
	for _, event := range events {
		if hooks != nil {
			if list := hooks.value.member(event); list != nil {
				edits = append(edits, f.append(text, list.value, 3, f.groups(byEvent[event], 3)))
				continue
			}
		}
		groups := f.container("[", f.groups(byEvent[event], 3), "]", 2)
		missing = append(missing, quoted(event)+f.colon()+groups)
	}
	switch {
	case hooks == nil:
		all := f.container("{", missing, "}", 1)
		edits = append(edits, f.append(text, root, 1, []string{`"hooks"` + f.colon() + all}))
	case len(missing) > 0:
		edits = append(edits, f.append(text, hooks.value, 2, missing))
	}
	out, spans := apply(text, edits)
	if !json.Valid(out) {
		return nil, nil, errors.New("it would not be valid JSON any more")
	}
	return out, spans, nil
}

// insertion is text that comes to stand at a place.
type insertion struct {
	at   int
	text string
}

func apply(text []byte, edits []insertion) ([]byte, []Span) {
	slices.SortStableFunc(edits, func(a, b insertion) int { return a.at - b.at })
	var out bytes.Buffer
	var spans []Span
	last := 0
	for _, e := range edits {
		out.Write(text[last:e.at])
		spans = append(spans, Span{Start: out.Len(), Len: len(e.text)})
		out.WriteString(e.text)
		last = e.at
	}
	out.Write(text[last:])
	return out.Bytes(), spans
}

// format is how a file is written: what a level is indented by, and how its
// lines end. A file of one line gets everything on that line.
type format struct {
	indent, newline string
	oneLine         bool
}

// formatOf tells the format of a file by its first member; an empty object is
// written with two spaces, as the client does.
func formatOf(text []byte, root *node) format {
	f := format{indent: "  ", newline: "\n"}
	if bytes.Contains(text, []byte("\r\n")) {
		f.newline = "\r\n"
	}
	if root.size() == 0 {
		return f
	}
	before := text[root.start+1 : root.members[0].start]
	i := bytes.LastIndexByte(before, '\n')
	if i < 0 {
		f.oneLine = true
		return f
	}
	if indent := string(before[i+1:]); indent != "" {
		f.indent = indent
	}
	return f
}

// line begins a line at a depth.
func (f *format) line(depth int) string {
	if f.oneLine {
		return ""
	}
	return f.newline + strings.Repeat(f.indent, depth)
}

func (f *format) comma() string {
	if f.oneLine {
		return ", "
	}
	return ","
}

func (f *format) colon() string { return ": " }

// container writes an object or a list whose parts stand one level below depth.
func (f *format) container(open string, parts []string, end string, depth int) string {
	if len(parts) == 0 {
		return open + end
	}
	var b strings.Builder
	b.WriteString(open)
	for i, part := range parts {
		if i > 0 {
			b.WriteString(f.comma())
		}
		b.WriteString(f.line(depth + 1))
		b.WriteString(part)
	}
	b.WriteString(f.line(depth))
	b.WriteString(end)
	return b.String()
}

// append puts parts behind the last one of an object or list of the text,
// whose parts stand at the depth.
func (f *format) append(text []byte, n *node, depth int, parts []string) insertion {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 || n.size() > 0 {
			b.WriteString(f.comma())
		}
		b.WriteString(f.line(depth))
		b.WriteString(part)
	}
	if n.size() > 0 {
		_, end := n.extent(n.size() - 1)
		return insertion{at: end, text: b.String()}
	}
	if !bytes.ContainsRune(text[n.start:n.end], '\n') {
		b.WriteString(f.line(depth - 1))
	}
	return insertion{at: n.start + 1, text: b.String()}
}

// groups writes the items of an event's list, which stand at the depth.
func (f *format) groups(handlers []Handler, depth int) []string {
	var out []string
	for i := range handlers {
		h := &handlers[i]
		if h.flat() {
			out = append(out, h.write(f, depth))
			continue
		}
		var group []string
		if h.Matcher != "" {
			group = append(group, `"matcher"`+f.colon()+quoted(h.Matcher))
		}
		list := f.container("[", []string{h.write(f, depth+2)}, "]", depth+1)
		out = append(out, f.container("{", append(group, `"hooks"`+f.colon()+list), "}", depth))
	}
	return out
}

// flat tells that the handler stands in its event's list, in no group.
func (h *Handler) flat() bool { return h.shape == copilot || h.shape == cursor }

// write writes the handler, which stands at the depth.
func (h *Handler) write(f *format, depth int) string {
	var parts []string
	add := func(name, value string) { parts = append(parts, quoted(name)+f.colon()+value) }
	switch {
	case h.URL != "":
		add("type", `"http"`)
		add("url", quoted(h.URL))
		var headers, variables []string
		for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
			value := h.Headers[name]
			headers = append(headers, quoted(name)+f.colon()+quoted(value))
			if _, rest, ok := strings.Cut(value, "${"); ok {
				variable, _, _ := strings.Cut(rest, "}")
				variables = append(variables, quoted(variable))
			}
		}
		add("headers", f.container("{", headers, "}", depth+1))
		add("allowedEnvVars", f.container("[", variables, "]", depth+1))
		if h.Block {
			add("onFailure", `"block"`)
		}
	case h.shape == cursor:
		add("command", quoted(h.Command))
	default:
		add("type", `"command"`)
		add("command", quoted(h.Command))
	}
	switch {
	case h.Timeout <= 0:
	case h.shape == grouped1000:
		add("timeout", strconv.Itoa(h.Timeout*1000))
	case h.shape == copilot:
		add("timeoutSec", strconv.Itoa(h.Timeout))
		add("timeout", strconv.Itoa(h.Timeout)) // VS Code reads the same file
	default:
		add("timeout", strconv.Itoa(h.Timeout))
	}
	return f.container("{", parts, "}", depth)
}

func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
