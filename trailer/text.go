package trailer

import "strings"

// The classes of bytes below are git's own: they know ASCII only and no locale.

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isAlnum(c byte) bool {
	return c-'0' < 10 || c|0x20-'a' < 26
}

func isBlank(line string) bool {
	for i := range len(line) {
		if !isSpace(line[i]) {
			return false
		}
	}
	return true
}

func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// unfold joins the lines of a value: each line break and the white space after
// it become one space.
func unfold(value string) string {
	value = trim(value)
	if strings.IndexByte(value, '\n') < 0 {
		return value
	}
	var b strings.Builder
	b.Grow(len(value))
	for i := 0; i < len(value); {
		c := value[i]
		i++
		if c != '\n' {
			b.WriteByte(c)
			continue
		}
		for i < len(value) && isSpace(value[i]) {
			i++
		}
		b.WriteByte(' ')
	}
	return trim(b.String())
}

// nextLine returns where the line after the one at at begins.
func nextLine(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

func untilNUL(msg string) string {
	if before, _, ok := strings.Cut(msg, "\x00"); ok {
		return before
	}
	return msg
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// hasPrefixFold is strings.HasPrefix without regard to the case of ASCII letters.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		a, b := s[i], prefix[i]
		if a != b && (a|0x20 != b|0x20 || a|0x20-'a' >= 26) {
			return false
		}
	}
	return true
}
