package redact

import (
	"strings"
	"unicode/utf8"
)

// sharedHomes are directories among the homes that belong to nobody in person.
const sharedHomes = " shared public default linuxbrew all "

// home adds the home directory whose keyword is at f.text[at], one of /home/, /users/, \users, -home-, -users-. It becomes ~.
// It reads the name in the text as given, because a view takes \tom of C:\Users\tom for a tab.
func (f *finder) home(at int, word string) {
	s := f.text
	nameAt := at + len(word)
	start, windows := at, false
	switch word[0] {
	case '-':
		f.homeInSlug(at, nameAt)
		return
	case '\\':
		for start > 0 && s[start-1] == '\\' {
			start-- // doubled in JSON
		}
		windows = true
		gap := run(s[nameAt:], func(c byte) bool { return c == '\\' })
		if gap == 0 {
			return
		}
		nameAt += gap
	case '/':
		nameAt += run(s[nameAt:], func(c byte) bool { return c == '/' })
	}
	if start >= 2 && s[start-1] == ':' && isLetter(s[start-2]) && !isAlnum(before(f.view, start-2)) {
		start -= 2 // C:\Users, C:/Users
		windows = true
	} else if windows {
		return
	} else {
		start = homeRoot(f.view, at)
	}
	if start < 0 {
		return
	}
	end := nameAt + homeName(s[nameAt:], windows)
	if end > nameAt && !has(sharedHomes, strings.ToLower(s[nameAt:end])) {
		f.spans = append(f.spans, span{start, end, ruleHome, "~"})
	}
}

// homeRoot returns where the path starts of which the directory of homes is at s[at], -1 if that is in the middle of another path,
// such as src/home/, or of a URL.
func homeRoot(s string, at int) int {
	for _, mount := range [...]string{"/System/Volumes/Data", "/export", "/var", "/usr", "/host", "/mnt/c", "/mnt/d", "/c", "/d"} {
		if strings.HasSuffix(s[:at], mount) {
			if start := at - len(mount); atPathStart(s, start) {
				return start
			}
		}
	}
	if atPathStart(s, at) {
		return at
	}
	return -1
}

func atPathStart(s string, at int) bool {
	c := before(s, at)
	if !isWord(c) && strings.IndexByte(".-~}]", c) < 0 && c < utf8.RuneSelf {
		return true
	}
	// The flags of compilers: -I/home/…
	from := at
	for from > 0 && at-from < 16 && isToken(s[from-1]) {
		from--
	}
	return from < at && s[from] == '-' && (from == 0 || isSpace(s[from-1]) || isQuote(s[from-1]))
}

// homeName returns the length of the user name at the start of s. A name with spaces counts on Windows only, and only when a backslash
// follows it.
func homeName(s string, windows bool) int {
	const longest = 256 // bytes
	s = s[:min(len(s), longest)]
	n := run(s, func(c byte) bool { return c > ' ' && strings.IndexByte("/\\:*?\"'`<>|,;()[]{}&$!#=", c) < 0 })
	if windows {
		m := run(s, func(c byte) bool { return c >= ' ' && strings.IndexByte("/\\:*?\"'`<>|,;()[]{}&$!#=", c) < 0 })
		if m < len(s) && s[m] == '\\' {
			n = m
		}
	}
	for n > 0 && (s[n-1] == '.' || s[n-1] == ' ') {
		n--
	}
	for n < len(s) && n > 0 && !utf8.RuneStart(s[n]) {
		n-- // the limit fell into a rune
	}
	return n
}

// homeInSlug adds a home directory in the name that an agent gives the directory of its transcripts: /projects/-home-ann-shop.
func (f *finder) homeInSlug(at, nameAt int) {
	s := f.text
	if c := before(s, at); isAlnum(c) || c == '-' || c == '.' || c == '_' || at == 0 || c != '/' && c != '\\' {
		return
	}
	end := nameAt + run(s[nameAt:], isWord)
	if end > nameAt && !has(sharedHomes, strings.ToLower(s[nameAt:end])) {
		f.spans = append(f.spans, span{at, end, ruleHome, "-~"})
	}
}

// homeSlug returns the path as agents write it into a directory name.
func homeSlug(path string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isAlnum(byte(r)) {
			return r
		}
		return '-'
	}, path)
}

// findHomeDir adds the home directory that the caller named.
func (r *Redactor) findHomeDir(f *finder) {
	if r.homeDir == "" {
		return
	}
	for _, form := range [...]struct{ path, with string }{{r.homeDir, "~"}, {r.homeSlug, "-~"}} {
		for at := 0; ; {
			i := strings.Index(f.text[at:], form.path)
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(form.path)
			if !isAlnum(before(f.text, start)) && (at == len(f.text) || !isWord(f.text[at]) && f.text[at] < utf8.RuneSelf) {
				f.spans = append(f.spans, span{start, at, ruleHome, form.with})
			}
		}
	}
}
