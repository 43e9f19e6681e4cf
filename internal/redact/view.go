package redact

import "strings"

// view returns s with the same length and with what hides words from a reader of plain text turned into spaces: the escapes \n \r \t,
// the backslashes before quotes, \u00XX (which becomes its character), and terminal colours. So a rule that looks for a word
// boundary or a quote finds it in JSON within JSON too, and its offsets are those of s.
func view(s string) string {
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	b := []byte(s)
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i = viewEscape(b, i)
		case 0x1b:
			i = viewColour(b, i)
		}
	}
	return string(b)
}

// viewEscape blanks the escape that starts at b[i] and returns its last index.
func viewEscape(b []byte, i int) int {
	end := i
	for end < len(b) && b[end] == '\\' {
		end++
	}
	if end == len(b) {
		return end
	}
	last := end - 1
	switch b[end] {
	case 'n', 'r', 't':
		last = end
	case '"', '\'', '`':
		// the quote itself stays
	case 'u':
		if end+4 >= len(b) || b[end+1] != '0' || b[end+2] != '0' {
			return end
		}
		hi, ok1 := unhex(b[end+3])
		lo, ok2 := unhex(b[end+4])
		c := hi<<4 | lo
		if !ok1 || !ok2 || c < ' ' || c > '~' {
			return end
		}
		last = end + 3
		b[end+4] = c
	default:
		return end - 1
	}
	for ; i <= last; i++ {
		b[i] = ' '
	}
	return last
}

// viewColour blanks the terminal control sequence (ECMA-48 CSI) that starts at b[i] and returns its last index.
func viewColour(b []byte, i int) int {
	if i+1 >= len(b) || b[i+1] != '[' {
		return i
	}
	const longest = 32
	for j := i + 2; j < len(b) && j < i+longest; j++ {
		switch c := b[j]; {
		case c >= '@' && c <= '~':
			for k := i; k <= j; k++ {
				b[k] = ' '
			}
			return j
		case c < ' ' || c > '?':
			return i
		}
	}
	return i
}

func unhex(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func isLower(c byte) bool  { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return isLower(c | 0x20) }
func isAlnum(c byte) bool  { return isLetter(c) || isDigit(c) }
func isWord(c byte) bool   { return isAlnum(c) || c == '_' }
func isQuote(c byte) bool  { return c == '"' || c == '\'' || c == '`' }
func isBlank(c byte) bool  { return c == ' ' || c == '\t' }
func isSpace(c byte) bool  { return isBlank(c) || c == '\n' || c == '\r' }

// isToken tells whether c can stand in a token; base64 and paths have some more characters.
func isToken(c byte) bool { return isWord(c) || c == '-' }
