package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// dynamic stands in a word for a part that only the shell could have known: a
// variable, a substitution, an arithmetic expression. No pattern of clean.go
// lets it pass, so a word that holds it is never told.
const dynamic = "\x00"

// maxWord is how much of an argument is read; commit messages and here-strings
// may be long and are of no interest.
const maxWord = 4 << 10

// wordText is what the shell would make of a word, with [dynamic] in place of
// what can't be known from the text.
func wordText(w *syntax.Word, limit int) string {
	if w == nil {
		return ""
	}
	if len(w.Parts) == 1 {
		if lit, ok := w.Parts[0].(*syntax.Lit); ok && len(lit.Value) <= limit && strings.IndexByte(lit.Value, '\\') < 0 {
			return lit.Value
		}
	}
	var b strings.Builder
	for _, p := range w.Parts {
		if b.Len() > limit {
			return b.String()[:limit] + dynamic
		}
		switch p := p.(type) {
		case *syntax.Lit:
			unescape(&b, p.Value, false)
		case *syntax.SglQuoted:
			if p.Dollar && strings.IndexByte(p.Value, '\\') >= 0 {
				b.WriteString(dynamic)
			} else {
				b.WriteString(p.Value)
			}
		case *syntax.DblQuoted:
			for _, q := range p.Parts {
				if lit, ok := q.(*syntax.Lit); ok {
					unescape(&b, lit.Value, true)
				} else {
					b.WriteString(dynamic)
				}
			}
		default:
			b.WriteString(dynamic)
		}
	}
	if b.Len() > limit {
		return b.String()[:limit] + dynamic
	}
	return b.String()
}

// unescape removes the backslashes that the parser keeps in literals. Within
// double quotes only a few characters can be escaped.
func unescape(b *strings.Builder, s string, quoted bool) {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return
		}
		b.WriteString(s[:i])
		switch c := s[i+1]; {
		case c == '\n': // a continued line
		case quoted && strings.IndexByte("$`\"\\", c) < 0:
			b.WriteString(s[i : i+2])
		default:
			b.WriteByte(c)
		}
		s = s[i+2:]
	}
}

// isStatic reports whether s holds no part that only the shell knew.
func isStatic(s string) bool { return !strings.Contains(s, dynamic) }
