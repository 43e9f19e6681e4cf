package trailer

import "strings"

// dress is what stands before the words of a line.
type dress struct {
	form   Form
	quote  int // number of > marks
	indent int // bytes of white space
	body   int // where the words begin; at the line's end if there are none
}

// undress reads quotation marks, indentation, and one list mark.
func undress(line string) (d dress) {
	i, end := 0, len(trimRight(line))
	for i < end {
		switch c := line[i]; c {
		case ' ', '\t', '\r':
			d.indent++
			i++
			continue
		case '>':
			d.quote++
			d.indent = 0
			d.form |= Quoted
			i++
			if i < end && line[i] == ' ' {
				i++
			}
			continue
		}
		break
	}
	if d.indent > 0 {
		d.form |= Indented
	}
	if n := listMark(line[i:end]); n > 0 {
		d.form = d.form&^Indented | List
		i += n
		for i < end && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i+4 <= end && line[i] == '[' && line[i+2:i+4] == "] " { // of a task: [x]
			i += 4
		}
	}
	d.body = i
	if i == end {
		d.body = len(line)
	}
	return d
}

// listMark returns the length of "- ", "* ", "+ ", "1. " or "1) ", else 0.
func listMark(s string) int {
	if len(s) < 3 {
		return 0
	}
	n := 0
	for n < len(s) && n < 9 && s[n]-'0' < 10 {
		n++
	}
	switch {
	case n > 0 && n+1 < len(s) && (s[n] == '.' || s[n] == ')') && s[n+1] == ' ':
		return n + 2
	case n == 0 && strings.IndexByte("-*+", s[0]) >= 0 && s[1] == ' ':
		return 2
	}
	return 0
}

// match is one of the five, found at the start of a line.
type match struct {
	key   key
	form  Form // Bold or nothing
	value int  // where the value begins
	exact bool // written "Key: "
}

// matchKey reads one of the five keys and the colon after it, with emphasis
// around the key, or around key and colon.
func matchKey(s string) (m match, ok bool) {
	mark := emphasis(s)
	i := len(mark)
	m.key, ok = keyAt(s[i:])
	if !ok {
		return m, false
	}
	name := keyNames[m.key]
	m.exact = s[i:i+len(name)] == name
	i += len(name)
	if mark != "" {
		m.form, m.exact = Bold, false
	}
	closed := mark == ""
	if !closed && strings.HasPrefix(s[i:], mark) {
		i += len(mark)
		closed = true
	}
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
		m.exact = false
	}
	if i == len(s) || s[i] != ':' {
		return m, false
	}
	i++
	if !closed && strings.HasPrefix(s[i:], mark) {
		i += len(mark)
	}
	m.value = i
	if i >= len(s) || s[i] != ' ' {
		m.exact = false
	}
	return m, true
}

// keyAt returns the key that s begins with, in any case of letters.
func keyAt(s string) (key, bool) {
	if s == "" {
		return 0, false
	}
	var k key
	switch s[0] | 0x20 {
	case 'a':
		k = agentKey
	case 's':
		k = squadKey
	case 't':
		k = triggerKey
	case 'e':
		k = executionKey
	case 'm':
		k = modelKey
	default:
		return 0, false
	}
	return k, hasPrefixFold(s, keyNames[k])
}

// emphasis returns the run of *, _ or ` that s begins with, at most three.
func emphasis(s string) string {
	n := 0
	for n < len(s) && n < 3 && s[n] == s[0] && (s[0] == '*' || s[0] == '_' || s[0] == '`') {
		n++
	}
	return s[:n]
}

// maxDressed bounds the values that are undressed, in bytes: no sound one is
// longer, and what is inside of a longer one does not matter.
const maxDressed = 1024

// clean takes Markdown's dress off a value: back quotes, emphasis, the target
// of a link, a hard line break.
func clean(v string) string {
	v = strings.ReplaceAll(unfold(v), "\r ", " ") // a line break that was CRLF
	for len(v) <= maxDressed {
		bare := undressValue(v)
		if bare == v {
			break
		}
		v = bare
	}
	return v
}

func undressValue(v string) string {
	for _, br := range [...]string{"\\", "<br>", "<br/>", "<br />"} {
		v = trim(strings.TrimSuffix(v, br))
	}
	if mark := emphasis(v); mark != "" && len(v) > 2*len(mark) && strings.HasSuffix(v, mark) {
		return trim(v[len(mark) : len(v)-len(mark)])
	}
	if v != "" && v[0] == '[' && v[len(v)-1] == ')' {
		if text, _, ok := strings.Cut(v[1:], "]("); ok && trim(text) != "" {
			return trim(text)
		}
	}
	return v
}

func trimRight(s string) string {
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
