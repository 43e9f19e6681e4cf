package redact

import "strings"

const (
	longestName  = 128     // bytes; a longer name is no name
	longestValue = 4 << 10 // bytes; a longer value goes without a look at it
)

// An assignment is a name, an operator and a value in a text of any kind: shell, JSON, YAML, headers, flags, queries, XML.
type assignment struct {
	name             string
	nameAt           int
	flag             bool // the name starts with a hyphen
	query            bool // the name stands in the query or fragment of a URL
	quoted           bool // the value stands in quotes
	tight            bool // there's no space round the operator, as in shells
	op               byte // '=', ':', '>' of an XML element, ' ' between a flag and its argument
	valueAt, valueTo int
}

// name looks at the name round f.view[at:end], which is a keyword, and adds its value if that's a secret.
func (f *finder) name(at, end int) {
	if at < f.nameEnd {
		return
	}
	s := f.view
	if word := s[at:end]; !isWord(before(s, at)) && (hasPrefixFold(word, "bearer") || hasPrefixFold(word, "basic ")) {
		f.scheme(at)
		return
	}
	for low := max(0, at-longestName); at > low && isNamePart(s[at-1]); {
		at--
	}
	for high := min(len(s), end+longestName); end < high && isNamePart(s[end]); {
		end++
	}
	f.nameEnd = end
	a := assignment{nameAt: at}
	trimmed := strings.TrimLeft(s[at:end], "-")
	a.flag = len(trimmed) < end-at
	a.name = strings.TrimRight(trimmed, ".-")
	a.query = strings.IndexByte("?&#;", before(s, at)) >= 0 && at > 0
	kind := classify(a.name)
	if kind == nameOther || kind == nameWeak && !a.query {
		return
	}
	if !f.operator(&a, end) {
		return
	}
	switch kind {
	case nameAuthorization, nameCookie:
		f.header(&a, kind)
		return
	}
	f.value(&a)
	if a.valueTo-a.valueAt <= longestValue && !f.secretValue(&a, kind) {
		return
	}
	f.nameEnd = max(f.nameEnd, a.valueTo) // names in the value go with it
	switch {
	case a.query && a.op == '=':
		f.add(a.valueAt, a.valueTo, ruleQuery)
	case kind == namePassword:
		f.add(a.valueAt, a.valueTo, rulePassword)
	default:
		f.add(a.valueAt, a.valueTo, ruleSecret)
	}
}

func isNamePart(c byte) bool { return isToken(c) || c == '.' }

// before returns the byte before s[at], or a space at the start.
func before(s string, at int) byte {
	if at == 0 {
		return ' '
	}
	return s[at-1]
}

// operator reads what stands between name and value, from i on. It reports whether there's an assignment.
func (f *finder) operator(a *assignment, i int) bool {
	const widestGap = 24 // spaces, more only align a table
	s := f.view
	nameEnd := i
	gap := func() { i += run(s[i:min(len(s), i+widestGap)], isBlank) }
	gap()
	quotedName := i < len(s) && isQuote(s[i])
	if quotedName {
		i++
		gap()
	}
	if i < len(s) && s[i] == ']' {
		i++
		gap()
	}
	if i == len(s) {
		return false
	}
	opAt := i
	switch c := s[i]; {
	case strings.IndexByte("?+|.!", c) >= 0 && i+1 < len(s) && s[i+1] == '=':
		a.op, i = '=', i+2
	case c == '=':
		a.op, i = '=', i+1+run(s[i+1:min(len(s), i+3)], func(c byte) bool { return c == '=' || c == '>' || c == '~' })
	case c == ':':
		if i+1 < len(s) && s[i+1] == ':' && (i+2 == len(s) || s[i+2] != '=') {
			return false // a namespace
		}
		a.op, i = ':', i+1+run(s[i+1:min(len(s), i+3)], func(c byte) bool { return c == ':' || c == '=' })
	case c == '>' && before(s, a.nameAt) == '<':
		a.op, i = '>', i+1
	case c == ',' && a.flag && quotedName:
		a.op, i = ' ', i+1
	case a.flag && i > nameEnd && !quotedName:
		a.op = ' '
	case i > nameEnd && f.keywordBefore(a.nameAt):
		a.op = ' '
	default:
		return false
	}
	opEnd := i
	gap()
	a.tight = opAt == nameEnd && opEnd == i && a.op == '='
	a.valueAt = i
	return i < len(s)
}

// keywordBefore tells whether the name at f.view[at] follows a word after which values stand without an operator: ENV of a Dockerfile,
// login of a .netrc file.
func (f *finder) keywordBefore(at int) bool {
	head := f.view[max(0, at-100):at]
	return strings.HasSuffix(head, "ENV ") || strings.Contains(head, "login ") && strings.Contains(head, "machine ")
}

// value finds where the value at a.valueAt ends.
func (f *finder) value(a *assignment) {
	s := f.view
	i := a.valueAt
	if q := s[i]; isQuote(q) {
		a.quoted = true
		depth := f.escapes(i)
		a.valueAt = i + 1
		for i++; i < len(s) && s[i] != '\n'; i++ {
			if s[i] == q && f.escapes(i) <= depth {
				break
			}
		}
		a.valueTo = i
	} else {
		stop := "\"'`<>"
		switch {
		case a.op == '>':
			stop = "<"
		case a.query:
			stop = "\"'`<>&#;)]}|"
		case a.op == ':' || a.op == '=' && !a.tight:
			stop = "\"'`<>,;)]}|&"
		case a.op == '=' || a.op == ' ':
			stop = "\"'`<>;)|&"
		}
		for i < len(s) && !isSpace(s[i]) && strings.IndexByte(stop, s[i]) < 0 {
			if s[i] == '\\' && i+1 < len(s) && s[i+1] != '\n' {
				i++
			}
			i++
		}
		a.valueTo = min(i, len(s))
	}
	// What view blanked before a closing quote is a backslash that belongs to the quote.
	for a.valueTo > a.valueAt && (s[a.valueTo-1] == ' ' || s[a.valueTo-1] == '\r') {
		a.valueTo--
	}
	if start, end := f.wholeMark(a.valueAt); end > 0 && end >= a.valueTo {
		a.valueAt, a.valueTo = start, end
	}
}

// wholeMark returns the mark that starts at f.view[at], so that a stop character in it, its bracket, doesn't cut it.
func (f *finder) wholeMark(at int) (start, end int) {
	if !strings.HasPrefix(f.view[at:], markOpen) {
		return 0, 0
	}
	if i := strings.IndexByte(f.view[at:min(len(f.view), at+80)], markClose[0]); i > 0 {
		return at, at + i + 1
	}
	return 0, 0
}

// escapes returns how many backslashes stand before the quote at i in the text as given.
func (f *finder) escapes(i int) int {
	n := 0
	for i-n > 0 && f.text[i-n-1] == '\\' {
		n++
	}
	return n
}

// secretValue tells whether the value is a secret rather than a variable, a type, a count, prose, or code that fetches one.
func (f *finder) secretValue(a *assignment, kind nameKind) bool {
	v := f.view[a.valueAt:a.valueTo]
	if v == "" || isPlaceholder(v) {
		return false
	}
	digits := run(v, isDigit) == len(v)
	simple := strings.IndexByte(a.name, '_') < 0 && strings.IndexByte(a.name, '-') < 0
	switch {
	case kind == nameWeak:
		return len(v) >= 6
	case a.op == ' ' && v[0] == '-':
		return false // the next flag
	case a.flag && (strings.HasPrefix(v, "id=") || strings.HasPrefix(v, "type=")):
		return false // docker build --secret id=…
	case kind == nameSecret && digits && len(v) < 6:
		return false // token=42 of a parser
	case digits && simple && len(v) < 4:
		return false // pass=12 fail=0
	case strings.HasSuffix(a.name, "PWD") && len(a.name) <= len("OLDPWD") && isPath(v):
		return false
	case kind == nameSecret && hasSuffixFold(a.name, "key") && isPath(v):
		return false
	case kind == namePassword && hasSuffixFold(a.name, "pass") && a.op == ':' && !a.quoted && !(a.name == "pass" && !isBlank(f.view[a.valueAt-1])):
		return false // PASS: TestX
	}
	if a.quoted || a.tight || a.op == ' ' || a.op == '>' {
		return true
	}
	if i := strings.IndexByte(v, '('); i > 0 && run(v, func(c byte) bool { return isNamePart(c) }) == i {
		return false // password = os.Getenv("X")
	}
	if rest := f.view[a.valueTo:]; kind == nameSecret && run(v, isLower) == len(v) && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "'t ")) {
		return false // invalid token: expected three parts; no token: couldn't read it
	}
	return true
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

func isPath(v string) bool {
	return v[0] == '/' || v[0] == '~' || strings.HasPrefix(v, "./") || strings.HasPrefix(v, "../") || len(v) > 2 && v[1] == ':' && v[2] == '\\'
}

// isPlaceholder tells whether v says that a secret goes there, and isn't one: $TOKEN, ${{ secrets.X }}, <token>, %PASSWORD%, ****, null.
func isPlaceholder(v string) bool {
	switch v[0] {
	case '$':
		return len(v) == 1 || isVariable(v[1:]) || v[1] == '(' || strings.HasPrefix(v, "${")
	case '<':
		return true
	case '%':
		return len(v) > 2 && (strings.IndexByte(v[1:], '%') == len(v)-2 || len(v) == 2)
	case '{':
		return strings.HasPrefix(v, "{{") || v == "{" || len(v) > 1 && run(v[1:], isWord)+2 == len(v)
	case '[', '(':
		return len(v) == 1
	}
	if strings.Trim(v, "*.xX-") == "" {
		return true
	}
	const literals = " true false null nil none undefined string str int bool boolean bytes any number text varchar required optional yes no "
	return len(v) <= 10 && has(literals, strings.ToLower(strings.TrimRight(v, "?")))
}

func isVariable(v string) bool { return run(v, isWord) == len(v) && !isDigit(v[0]) || len(v) == 1 }

// schemes are the words before the credentials in an Authorization header (RFC 9110, section 11), which may stay.
const schemes = " bearer basic token digest negotiate apikey key bot "

// header adds the value of an Authorization or Cookie header: all up to the end of the line or of the quotes it stands in.
func (f *finder) header(a *assignment, kind nameKind) {
	s := f.view
	start := a.valueAt
	q := before(s, a.nameAt)
	depth := 0
	if isQuote(s[start]) {
		q = s[start]
		depth = f.escapes(start)
		start++
	} else if isQuote(q) {
		depth = f.escapes(a.nameAt - 1)
	}
	end := start
	for ; end < len(s) && s[end] != '\n'; end++ {
		if isQuote(q) && s[end] == q && f.escapes(end) <= depth {
			break
		}
		if a.query && (s[end] == '&' || isSpace(s[end])) {
			break
		}
		if s[end] == '<' || !isQuote(q) && isQuote(s[end]) {
			break
		}
	}
	end = start + len(strings.TrimRight(s[start:end], " \r"))
	if kind == nameAuthorization {
		start += schemeLength(s[start:end])
	}
	if start < end && !isPlaceholder(s[start:end]) {
		rule := ruleAuthorization
		if kind == nameCookie {
			rule = ruleCookie
		}
		f.nameEnd = end
		f.add(start, end, rule)
	}
}

// schemeLength returns the length of the scheme and the spaces behind it at the start of s.
func schemeLength(s string) int {
	n := run(s, isToken)
	if n == 0 || n == len(s) || !isBlank(s[n]) || !has(schemes, strings.ToLower(s[:n])) {
		return 0
	}
	return n + run(s[n:], isBlank)
}

// scheme adds credentials that follow the word Bearer or Basic outside a header that could be recognised.
func (f *finder) scheme(at int) {
	s := f.view
	start := at + run(s[at:], isLetter)
	gap := run(s[start:], isBlank)
	if gap == 0 {
		return
	}
	start += gap
	end := start + run(s[start:], func(c byte) bool { return isToken(c) || strings.IndexByte("._~+/=", c) >= 0 })
	v := s[start:end]
	if len(v) >= 8 && strings.IndexFunc(v, func(c rune) bool { return c >= '0' && c <= '9' }) >= 0 || len(v) >= 24 || len(v) >= 12 && strings.HasSuffix(v, "=") {
		f.add(start, end, ruleAuthorization)
	}
}
