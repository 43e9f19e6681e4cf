package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const leastIdentity = 3 // characters

// An identity is a name or login, in lower case where there is one.
type identity []rune

// names are identities, and a table of the bytes with which they can start in any case.
type names struct {
	all   []identity
	start *[256]bool // nil when there's none
}

func newNames(words []string) names {
	var all []identity
	var start [256]bool
	for _, word := range words {
		id := identity(strings.Join(strings.Fields(word), " "))
		if len(id) < leastIdentity {
			continue
		}
		all = append(all, id)
		for r := id[0]; ; {
			var buf [utf8.UTFMax]byte
			utf8.EncodeRune(buf[:], r)
			start[buf[0]] = true
			if r = unicode.SimpleFold(r); r == id[0] {
				break
			}
		}
	}
	if all == nil {
		return names{}
	}
	return names{all, &start}
}

// find adds those that stand in the text as whole words.
func (n names) find(f *finder, rule string) {
	if n.start == nil {
		return
	}
	s := f.text
	for i := 0; i < len(s); i++ {
		if !n.start[s[i]] {
			continue
		}
		if last, _ := utf8.DecodeLastRuneInString(s[:i]); isWordRune(last) && !afterEscape(s, i) {
			continue
		}
		for _, id := range n.all {
			if n := id.match(s[i:]); n > 0 {
				f.add(i, i+n, rule)
			}
		}
	}
}

// afterEscape tells whether the letter before s[at] belongs to an escape such as \n.
func afterEscape(s string, at int) bool {
	return at >= 2 && s[at-2] == '\\' && strings.IndexByte("nrt", s[at-1]) >= 0
}

// match returns the length of the identity at the start of s, 0 if it isn't there as a whole word.
func (id identity) match(s string) int {
	n := 0
	for _, want := range id {
		got, size := utf8.DecodeRuneInString(s[n:])
		if size == 0 || !sameLetter(got, want) {
			return 0
		}
		n += size
	}
	if next, _ := utf8.DecodeRuneInString(s[n:]); n < len(s) && isWordRune(next) {
		return 0
	}
	return n
}

func sameLetter(got, want rune) bool {
	if got == want {
		return true
	}
	if want == ' ' {
		return got < utf8.RuneSelf && strings.IndexByte("._-+", byte(got)) >= 0 || got == '\u00a0'
	}
	for r := unicode.SimpleFold(want); r != want; r = unicode.SimpleFold(r) {
		if r == got {
			return true
		}
	}
	return false
}

// isWordRune tells whether the rune would make an identity before or behind it a part of a longer word. An underscore doesn't:
// ann_backup names Ann.
func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
