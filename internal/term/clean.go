package term

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The zero-width joiner and non-joiner are letters' glue in several scripts and
// in emoji. They change the shape of their neighbours and nothing else.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// Clean makes text harmless to show on one line and in one cell. Control
// characters, line breaks, tabs, controls of the direction of text and
// characters that can't be seen become the escapes that Go writes for them,
// such as \x1b, \n and \u202e: a reader shall see that they were there. Bytes
// that are not UTF-8 become U+FFFD.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		if shown(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return utf8.ValidString(s[i:]) && strings.IndexFunc(s[i:], func(r rune) bool { return !shown(r) }) < 0
		}
	}
	return true
}

func shown(r rune) bool {
	return r >= ' ' && r <= '~' || unicode.IsGraphic(r) || r == zeroWidthJoiner || r == zeroWidthNonJoiner
}

// CleanLine makes one line of a program's output harmless to show. Sequences
// that only set colours are left out, for the program meant nothing but its
// looks; tabs stay; all else is as [Clean] has it.
func CleanLine(line []byte) string {
	line = bytes.TrimSuffix(line, []byte("\r"))
	var b strings.Builder
	for {
		text, rest, found := bytes.Cut(line, []byte("\x1b["))
		for i, part := range strings.Split(string(text), "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(Clean(part))
		}
		if !found {
			return b.String()
		}
		n := bytes.IndexFunc(rest, func(r rune) bool { return r != ';' && r != ':' && (r < '0' || r > '9') })
		if n >= 0 && rest[n] == 'm' {
			rest = rest[n+1:]
		} else {
			b.WriteString(`\x1b[`)
		}
		line = rest
	}
}
